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
}

@test "no folder of shared/, no weights and no photos are in the repository" {
    cd "$SOURCE"
    git rev-parse --git-dir > /dev/null 2>&1 || skip "not a git checkout"
    large=$(git ls-files -z | xargs -0 -r du -k 2> /dev/null | awk '$1 > 1024 {print $2}')
    [ -z "$large" ] || { echo "over 1 MB: $large"; return 1; }
}
