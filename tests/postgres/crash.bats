# The server is killed while faces are enrolled: what was acknowledged is there, and nothing is there twice.
# SL_CRASH_ROUNDS (3): a hundred for the campaign, by hand.
load pg_common.bash

@test "kill -9 of the postmaster while enrolling" {
    place="postgres:///shard0?gallery=crash,postgres:///shard1"
    safe=-1
    for round in $(seq "${SL_CRASH_ROUNDS:-3}"); do
        "$BUILD/pg_client" add "$place" $((round * 300)) 8 > "$BATS_TEST_TMPDIR/said" 2> "$BATS_TEST_TMPDIR/why" 3>&- &
        sleep "0.$((RANDOM % 6 + 1))"
        "$PG_CTL" kill
        wait $! || true
        until "$PG_CTL" start 3>&- > /dev/null 2>&1; do sleep .2; done
        last=$(tail -1 "$BATS_TEST_TMPDIR/said")
        [ "${last:--1}" -le "$safe" ] || safe=$last
        for shard in shard0 shard1; do
            sql $shard "SELECT 1 WHERE to_regclass('gallery_crash.face') IS NULL" | grep -q 1 ||
                sql $shard "SELECT image FROM gallery_crash.face"
        done | sort > "$BATS_TEST_TMPDIR/there"
        [ "$(uniq -d "$BATS_TEST_TMPDIR/there")" = "" ]
        for n in $(seq 0 "$safe"); do echo "photo/$n.jpg"; done | sort | comm -23 - "$BATS_TEST_TMPDIR/there" > "$BATS_TEST_TMPDIR/lost"
        [ ! -s "$BATS_TEST_TMPDIR/lost" ]
    done
    "$BUILD/pg_client" add "$place" 1000 100 > /dev/null
    sl gallery verify "$place"
    expect 0
    [ "$(sql shard0 "SELECT count(*) FROM gallery_crash.face")" -gt 300 ]
    sl gallery info "$place" --json
    json 'd.faces == 1000 || d.faces > 1000'
}
