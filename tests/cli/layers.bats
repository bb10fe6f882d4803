# The repository's own rules.
load common

@test "every folder uses only those above it" {
    "$SOURCE/tools/check-layers"
}

@test "check-layers sees a folder that looks down" {
    cp -r "$SOURCE/src" "$SOURCE/cli" "$SOURCE/tools" "$BATS_TEST_TMPDIR/"
    echo '#include "match/match.h"' >> "$BATS_TEST_TMPDIR/src/image/draw.c"
    fails "$BATS_TEST_TMPDIR/tools/check-layers" > "$BATS_TEST_TMPDIR/said"
    contains "$(cat "$BATS_TEST_TMPDIR/said")" "image may not use match/match.h"
    cp "$SOURCE/src/image/draw.c" "$BATS_TEST_TMPDIR/src/image/"
    echo '#include "base/mem.h"' >> "$BATS_TEST_TMPDIR/cli/main.c"
    fails "$BATS_TEST_TMPDIR/tools/check-layers" > "$BATS_TEST_TMPDIR/said"
    contains "$(cat "$BATS_TEST_TMPDIR/said")" "cli/main.c"
    cp "$SOURCE/cli/main.c" "$BATS_TEST_TMPDIR/cli/"
    touch "$BATS_TEST_TMPDIR/cli/eval/draw.c"
    fails "$BATS_TEST_TMPDIR/tools/check-layers" > "$BATS_TEST_TMPDIR/said"
    contains "$(cat "$BATS_TEST_TMPDIR/said")" "named: draw.c"
}

@test "no two files use each other" {
    "$SOURCE/tools/check-circles" "$BUILD"
}

# object NAME DEFINED [USED]: the object file of a NAME.c that defines one function and uses another.
object() {
    local to="$BATS_TEST_TMPDIR/build/CMakeFiles/sl_made.dir/src/made/$1.c.o"
    mkdir -p "$(dirname "$to")"
    echo "${3:+void $3(void);} void $2(void) { ${3:+$3();} }" | cc -c -x c -o "$to" -
}

@test "check-circles sees files that use each other, and lines that mend nothing" {
    local check="$SOURCE/tools/check-circles" build="$BATS_TEST_TMPDIR/build" list="$BATS_TEST_TMPDIR/list"
    : > "$list"
    object a sl_a sl_b
    object b sl_b sl_c
    object c sl_c sl_a
    fails "$check" "$build" "$list" > "$BATS_TEST_TMPDIR/said"
    contains "$(cat "$BATS_TEST_TMPDIR/said")" "src/made/c.c uses src/made/a.c: sl_a"
    echo "src/made/c.c src/made/a.c  for now" > "$list"
    "$check" "$build" "$list"
    object c sl_c
    object d sl_d sl_a
    "$check" "$build" /dev/null
    echo "src/made/d.c src/made/a.c  for now" > "$list"
    fails "$check" "$build" "$list" > "$BATS_TEST_TMPDIR/said"
    contains "$(cat "$BATS_TEST_TMPDIR/said")" "src/made/d.c src/made/a.c: is in no circle"
}

@test "no folder of shared/, no weights and no photos are in the repository" {
    cd "$SOURCE"
    git rev-parse --git-dir > /dev/null 2>&1 || skip "not a git checkout"
    large=$(git ls-files -z | xargs -0 -r du -k 2> /dev/null | awk '$1 > 1024 {print $2}')
    [ -z "$large" ] || { echo "over 1 MB: $large"; return 1; }
}
