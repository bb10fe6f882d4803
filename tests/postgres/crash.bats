# The server is killed while faces are enrolled: what was acknowledged is there, and nothing is there twice.
# SL_CRASH_ROUNDS (4): a hundred for the campaign, by hand.
load pg_common.bash

# Kills the server, or one of the processes that it answers with, which makes it end all others and recover.
kill_somebody() {
    if [ $(($1 % 2)) = 1 ]; then
        "$PG_CTL" kill
        until "$PG_CTL" start 3>&- > /dev/null 2>&1; do sleep .2; done
    else
        victim=$(pgrep -P "$(head -1 "$PGDATA/postmaster.pid")" -f "postgres: postgres shard$(($1 / 2 % 2)) " | head -1)
        [ -z "$victim" ] || kill -9 "$victim"
        until sql shard0 "SELECT 1" > /dev/null 2>&1 && sql shard1 "SELECT 1" > /dev/null 2>&1; do sleep .1; done
    fi
}

# The image ids that are there, in both shards.
there() {
    for shard in shard0 shard1; do
        [ "$(sql $shard "SELECT to_regclass('gallery_crash.face') IS NULL")" = t ] ||
            sql $shard "SELECT image FROM gallery_crash.face"
    done | sort
}

@test "kill -9 of the postmaster, or of a backend, while enrolling" {
    cd "$BATS_TEST_TMPDIR"
    place="postgres:///shard0?gallery=crash,postgres:///shard1"
    safe=-1
    for round in $(seq "${SL_CRASH_ROUNDS:-4}"); do
        "$BUILD/pg_client" add "$place" 1000000 8 $((safe + 1)) > said 2> why 3>&- &
        sleep "$((RANDOM % 2)).$((RANDOM % 9 + 1))"
        kill_somebody "$round"
        kill $! 2> /dev/null || true # nobody that it had asked was killed
        wait $! || true
        last=$(tail -1 said)
        [ "${last:--1}" -le "$safe" ] || safe=$last
        there > now
        [ "$(uniq -d now)" = "" ]
        for n in $(seq 0 "$safe"); do echo "photo/$n.jpg"; done | sort | comm -23 - now > lost
        [ ! -s lost ]
    done
    [ "$safe" -gt 0 ]
    echo "# ${SL_CRASH_ROUNDS:-4} kills, $((safe + 1)) faces acknowledged, $(wc -l < now) there" >&3
    "$BUILD/pg_client" add "$place" $((safe + 1001)) 100 $((safe + 1)) > /dev/null
    sl gallery verify "$place"
    expect 0
    sl gallery info "$place" --json
    json "d.faces >= $((safe + 1001))"
}
