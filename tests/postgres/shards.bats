# A gallery in several databases: the same answers as one in a folder, and what is said of shards that are not as they
# should be.
load pg_common.bash

setup_file() {
    export TWO="postgres:///shard0?gallery=two,postgres:///shard1"
    "$BUILD/pg_client" add "$TWO" 600 100 > "$BATS_FILE_TMPDIR/added"
    "$BUILD/pg_client" add "$BATS_FILE_TMPDIR/folder" 600 100 > /dev/null
}

client() {
    status=0
    "$BUILD/pg_client" "$@" > "$BATS_TEST_TMPDIR/stdout" 2> "$BATS_TEST_TMPDIR/stderr" || status=$?
    out=$(cat "$BATS_TEST_TMPDIR/stdout")
    err=$(cat "$BATS_TEST_TMPDIR/stderr")
}

# What the best candidate's line of the client says was not searched.
unsearched() { echo "$out" | head -1 | cut -d' ' -f4; }

# The gallery's place with more parameters.
two_with() { echo "postgres:///shard0?gallery=two&$1,postgres:///shard1"; }

@test "two shards answer as a folder does, and each has its people" {
    for face in 0 100 599 10000; do
        client ask "$TWO" $face
        expect 0
        two=$out
        client ask "$BATS_FILE_TMPDIR/folder" $face
        [ "$two" = "$out" ]
    done
    a=$(sql shard0 "SELECT count(*) FROM gallery_two.person") b=$(sql shard1 "SELECT count(*) FROM gallery_two.person")
    [ $((a + b)) = 200 ] && [ "$a" -gt 60 ] && [ "$b" -gt 60 ]
    sl gallery verify "$TWO"
    expect 0
    sl gallery info "$TWO" --json
    json 'd.faces == 600' 'd.people == 200'
}

@test "shards in another order, one left out, one of another gallery, a name that is none" {
    client ask "postgres:///shard1?gallery=two,postgres:///shard0" 1
    expect 1
    contains "$err" "is shard 2 of 2 of gallery two, and was named as shard 1 of 2: name all shards, in their order"
    client ask "postgres:///shard0?gallery=two" 1
    contains "$err" "is shard 1 of 2"
    client add "postgres:///shard2?gallery=two,postgres:///shard3" 3 3
    client ask "postgres:///shard0?gallery=two,postgres:///shard3" 1
    contains "$err" "is another one than that of the shards before it"
    client ask "postgres:///shard0?gallery=nobody" 1
    contains "$err" "no gallery there"
    client ask "postgres:///shard0?gallery=NO" 1
    contains "$err" "1 to 48 of a-z"
    client ask "postgres:///shard0" 1
    contains "$err" "the URL names no gallery"
    client ask "postgres:///postgres?gallery=two" 1
    contains "$err" "has no extension secondlook: CREATE EXTENSION secondlook"
    client ask "postgres://postgres:secret@/nowhere?gallery=two" 1
    contains "$err" 'database "nowhere" does not exist'
    fails contains "$err" secret
}

@test "one writer at a time; readers go on" {
    mkfifo "$BATS_TEST_TMPDIR/end"
    "$BUILD/pg_client" hold "$TWO" < "$BATS_TEST_TMPDIR/end" > "$BATS_TEST_TMPDIR/held" 3>&- &
    exec 4> "$BATS_TEST_TMPDIR/end"
    until [ -s "$BATS_TEST_TMPDIR/held" ]; do sleep .1; done
    client add "$TWO" 3 3
    expect 1
    contains "$err" "another process writes to this gallery"
    client ask "$TWO" 1
    expect 0
    exec 4>&-
    wait
    client add "$TWO" 3 3
    expect 0
}

@test "a shard that is down: named; with partial=yes the others answer, and it is told what was not searched" {
    sql postgres "ALTER DATABASE shard1 ALLOW_CONNECTIONS false"
    client ask "$TWO" 100
    expect 1
    contains "$err" 'shard 2 of 2 (/shard1): '
    contains "$err" 'not currently accepting connections'
    unsearched=$(sql shard0 "SELECT faces_told[2] FROM gallery_two.gallery")
    [ "$unsearched" -gt 150 ]
    client ask "$TWO?partial=yes" 100
    expect 1 # the last URL's parameters are not the gallery's
    client ask "$(two_with 'partial=yes')" 100
    expect 0
    contains "$out" " $unsearched"
    client add "$(two_with 'partial=yes')" 700 10
    expect 1 # whoever writes needs all of them
    sql postgres "ALTER DATABASE shard1 ALLOW_CONNECTIONS true"
    client ask "$(two_with 'partial=yes')" 100
    [ "$(unsearched)" = 0 ]
}

@test "a shard that is slow: what is overdue is given up" {
    psql -X -q -d shard1 -c "BEGIN; LOCK TABLE gallery_two.block; SELECT pg_sleep(60)" > /dev/null 3>&- &
    until sql shard1 "SELECT 'locked' FROM pg_locks WHERE relation = 'gallery_two.block'::regclass AND granted
                      AND mode = 'AccessExclusiveLock'" | grep -q locked; do sleep .1; done
    client ask "$(two_with 'deadline=2000')" 100
    expect 1
    contains "$err" "shard 2 of 2 (/shard1): it did not answer in time"
    client ask "$(two_with 'deadline=2000&partial=yes')" 100
    expect 0
    [ "$(unsearched)" = "$(sql shard0 "SELECT faces_told[2] FROM gallery_two.gallery")" ]
    kill $!
}

@test "a gallery of another model, and one of a format to come, are refused by name" {
    sql shard1 "UPDATE gallery_two.gallery SET format_version = 9"
    client ask "$TWO" 100
    sql shard1 "UPDATE gallery_two.gallery SET format_version = 1"
    expect 1
    contains "$err" "/shard1: gallery two is of a format that this version does not know"
    need_models
    sl identify --aligned --landmarks none --gallery "$TWO" "$SOURCE/docs/answer.png"
    expect 1
    contains "$err" "made-up"
}

@test "copy: from a folder into shards and back, continued where it was cut short" {
    need_models
    cd "$BATS_TEST_TMPDIR"
    command -v node > /dev/null || skip "node is not here"
    [ -e "$MODELS/demo-photos/sample6.jpg" ] || skip "the demo's photos are not here: tools/demo-photos"
    BATS_FILE_TMPDIR=$BATS_TEST_TMPDIR make_people
    there="postgres:///shard0?gallery=copied,postgres:///shard1"
    sl gallery copy --patches compact gallery "$there"
    expect 0
    sl gallery copy --patches compact gallery "$there" # nothing is copied twice
    expect 0
    sl gallery copy --patches compact "$there" back
    expect 0
    [ "$("$BIN" gallery list gallery)" = "$("$BIN" gallery list "$there")" ]
    [ "$("$BIN" gallery list gallery)" = "$("$BIN" gallery list back)" ]
    for place in gallery "$there"; do
        "$BIN" identify --landmarks none --aligned --gallery "$place" --rerank auto --json people/*/*.png |
            sed 's/"gallery":"[^"]*",*//; s/"seconds":[^,}]*//g' > "answers-$(echo "$place" | head -c 4)"
    done
    cmp answers-gall answers-post
}
