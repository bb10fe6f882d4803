# A streaming replica answers searches, and what is added and taken out on the first server it follows.
load pg_common.bash

setup() {
    REPLICA=$(dirname "$PGDATA")/replica
    bin=$(pg_config --bindir)
    $PG_AS "$bin/pg_basebackup" -h "$PGHOST" -U postgres -D "$REPLICA" -R -c fast
    $PG_AS "$bin/pg_ctl" -D "$REPLICA" -o "-p 5433" -l "$(dirname "$PGDATA")/replica.log" -w -s start 3>&-
}

teardown() { $PG_AS "$(pg_config --bindir)/pg_ctl" -D "$REPLICA" -m immediate -s stop; }

# followed: the replica has all that the first server has.
followed() {
    local at
    at=$(sql shard0 "SELECT pg_current_wal_flush_lsn()")
    until [ "$(PGPORT=5433 sql shard0 "SELECT pg_last_wal_replay_lsn() >= '$at'")" = t ]; do sleep .1; done
}

@test "searches on a replica: what is packed, what is added, what is gone" {
    there="postgres:///shard0?gallery=copied"
    "$BUILD/pg_client" add "$there" 400 400 > /dev/null
    sql shard0 "SELECT secondlook.pack('copied')" > /dev/null
    sql shard0 VACUUM
    for step in packed added gone; do
        [ $step != added ] || "$BUILD/pg_client" add "$there" 500 100 > /dev/null
        [ $step != gone ] || sql shard0 "SELECT secondlook.remove_named('copied', 'photo/77.jpg', NULL)" > /dev/null
        followed
        for face in 77 450; do
            [ "$(PGPORT=5433 "$BUILD/pg_client" ask "$there" $face)" = "$("$BUILD/pg_client" ask "$there" $face)" ]
        done
    done
    [ "$(PGPORT=5433 sql shard0 "SELECT count(*) FROM secondlook.verify('copied')")" = 0 ]
    PGPORT=5433 refused shard0 "SELECT secondlook.remove_named('copied', 'photo/78.jpg', NULL)" "read-only transaction"
}
