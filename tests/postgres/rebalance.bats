# Shards are added to a gallery: its answers stay a folder's, however often it is cut short.
load pg_common.bash

TWO="postgres:///shard0?gallery=two,postgres:///shard1"
FOUR="$TWO,postgres:///shard2,postgres:///shard3"

setup() {
    FOLDER=$BATS_TEST_TMPDIR/folder
    for place in "$TWO" "$FOLDER"; do "$BUILD/pg_client" add "$place" 600 100 > /dev/null; done
}

teardown() {
    for shard in 0 1 2 3; do sql shard$shard "DROP SCHEMA IF EXISTS gallery_two CASCADE"; done
}

# as_folder PLACE: a few questions are answered as the folder answers them.
as_folder() {
    for face in 0 77 400 599 700 9999; do
        [ "$("$BUILD/pg_client" ask "$1" $face)" = "$("$BUILD/pg_client" ask "$FOLDER" $face)" ]
    done
}

people() { sql "$1" "SELECT count(*) FROM gallery_two.person"; }

@test "from two shards to four: people move to the new ones alone" {
    before=$(people shard0)
    sl gallery rebalance "$FOUR"
    expect 0
    as_folder "$FOUR"
    sl gallery verify "$FOUR"
    expect 0
    for shard in 0 1 2 3; do [ "$(people shard$shard)" -gt 30 ]; done
    [ "$(people shard0)" -lt "$before" ]
    [ $(($(people shard0) + $(people shard1) + $(people shard2) + $(people shard3))) = 200 ]
    sl gallery info "$TWO" # who still names two is told
    expect 1
    contains "$err" "is shard 1 of 4 of gallery two, and was named as shard 1 of 2"
    sl gallery rebalance "$FOUR" # there is nothing to do
    expect 0
    for place in "$FOUR" "$FOLDER"; do "$BUILD/pg_client" add "$place" 700 50 > /dev/null; done
    as_folder "$FOUR"
}

@test "cut short: others search and write, and the next call goes on" {
    sql shard3 "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no room''; END'"
    sl gallery rebalance "$TWO,postgres:///shard2" # first one shard, which is then cut short at the second
    expect 0
    three="$TWO,postgres:///shard2"
    sql shard3 "SELECT secondlook.create_gallery('two', 'made-up', (SELECT '\\x05' || decode(repeat('00', 31), 'hex')), 64, 2, 2,
                8, 0, NULL, 3, 4, $(sql shard0 "SELECT id FROM gallery_two.gallery"))" > /dev/null
    sql shard3 "CREATE TRIGGER t BEFORE INSERT ON gallery_two.face EXECUTE FUNCTION full_disk()"
    sl gallery rebalance "$FOUR"
    expect 1
    contains "$err" "shard 4 of 4 (/shard3): no room"
    as_folder "$three"
    sql shard3 "ALTER TABLE gallery_two.face DISABLE TRIGGER t"
    "$BUILD/pg_client" hold "$three" < <(sleep 4) > "$BATS_TEST_TMPDIR/held" 3>&- &
    until [ -s "$BATS_TEST_TMPDIR/held" ]; do sleep .1; done
    sl gallery rebalance "$FOUR"
    expect 1
    contains "$err" "another process writes to this gallery"
    wait
    [ "$(sql shard3 "SELECT count(*) FROM gallery_two.face")" -gt 50 ]
    as_folder "$three"
    gone=$(sql shard3 "SELECT image FROM gallery_two.face LIMIT 1")
    for place in "$three" "$FOLDER"; do
        sl gallery remove "$place" --image "$gone"
        expect 0
        "$BUILD/pg_client" add "$place" 800 50 600 > /dev/null
    done
    sl gallery rebalance "$FOUR"
    expect 0
    as_folder "$FOUR"
    sl gallery verify "$FOUR"
    expect 0
    [ "$(sql shard3 "SELECT count(*) FROM gallery_two.face WHERE image = '$gone'")" = 0 ]
}

@test "shards in another order, fewer of them, and other kinds of galleries are refused before anything is made" {
    sl gallery rebalance "postgres:///shard0?gallery=two,postgres:///shard2,postgres:///shard1"
    expect 1
    contains "$err" "/shard2: no gallery two there, which has 2 shards: name these first, in their order"
    [ "$(sql shard2 "SELECT to_regnamespace('gallery_two') IS NULL")" = t ]
    sl gallery rebalance "postgres:///shard1?gallery=two,postgres:///shard0,postgres:///shard2"
    expect 1
    contains "$err" "is shard 2 of 2"
    sl gallery rebalance "postgres:///shard0?gallery=two"
    expect 1
    contains "$err" "is shard 1 of 2"
    sl gallery rebalance "$FOLDER"
    expect 1
    contains "$err" "only galleries in PostgreSQL have shards"
}
