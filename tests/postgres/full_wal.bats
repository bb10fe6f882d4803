# A WAL disk without room, which ends a server: what was acknowledged is there once it starts again with room.
load pg_common.bash

# A second server, whose WAL lies on a small disk. Its other processes leave the WAL alone, so that who is told is the
# process that we asked.
setup() {
    [ -z "${SANITIZED:-}" ] || skip "its own server is not started with the sanitizers"
    [ "$(id -u)" = 0 ] || skip "only root can mount a small disk"
    scratch=$(dirname "$PGDATA") SMALL=$(dirname "$PGDATA")/small_wal
    mkdir -p "$SMALL"
    mount -t tmpfs -o size=24m tmpfs "$SMALL" || skip "no disk can be mounted here"
    chown postgres "$SMALL"
    $PG_AS "$(pg_config --bindir)/initdb" -D "$scratch/second" -X "$SMALL/wal" --wal-segsize=1 -U postgres -A trust \
        -E UTF8 --locale=C.UTF-8 --no-sync > /dev/null
    grep -E '^(listen|unix|extension)' "$PGDATA/postgresql.conf" > "$scratch/settings"
    cat >> "$scratch/settings" << END
port = 5433
fsync = off
autovacuum = off
min_wal_size = 2MB
max_wal_size = 1GB
checkpoint_timeout = 1h
wal_writer_delay = 10s
bgwriter_lru_maxpages = 0
END
    cat "$scratch/settings" >> "$scratch/second/postgresql.conf"
    second start
    sql "port=5433 dbname=postgres" "CREATE DATABASE small"
    sql "port=5433 dbname=small" "CREATE EXTENSION secondlook"
}

teardown() {
    second stop -m immediate 2> /dev/null
    ! mountpoint -q "$SMALL" || umount "$SMALL"
}

second() { $PG_AS "$(pg_config --bindir)/pg_ctl" -D "$scratch/second" -l "$scratch/second.log" -w -s "$@" 3>&-; }

@test "a full WAL disk while enrolling: told, nothing acknowledged is lost, and it goes on when there is room" {
    place="postgres:///shard0?gallery=wal,postgres:///small?port=5433"
    "$BUILD/pg_client" add "$place" 100 50 > /dev/null
    fill "$SMALL" 3072
    status=0
    "$BUILD/pg_client" add "$place" 40000 200 100 > "$BATS_TEST_TMPDIR/said" 2> "$BATS_TEST_TMPDIR/why" || status=$?
    cat "$BATS_TEST_TMPDIR/why"
    [ $status = 1 ]
    grep -q 'shard 2 of 2 (/small): .*No space left on device; free some space there, start' "$BATS_TEST_TMPDIR/why"
    safe=$(tail -1 "$BATS_TEST_TMPDIR/said")
    echo "# face $safe was the last to be acknowledged" >&3
    [ "$safe" -gt 100 ] && [ "$safe" -lt 39999 ]
    until [ ! -e "$scratch/second/postmaster.pid" ]; do sleep .1; done # it wants room to recover, and gives up
    ! second start 2> /dev/null
    "$BUILD/pg_client" ask "${place%%,*}&partial=yes,${place#*,}" 50 > "$BATS_TEST_TMPDIR/part"
    grep -q ' [1-9][0-9]*$' "$BATS_TEST_TMPDIR/part" # so many faces were not searched
    rm "$SMALL/ballast"
    second start
    kept wal "$safe" shard0 "port=5433 dbname=small"
    "$BUILD/pg_client" ask "$place" 50 | grep -q '^person-16 photo/50.jpg'
    "$BUILD/pg_client" add "$place" $((safe + 2001)) 500 > /dev/null
    sl gallery verify "$place"
    expect 0
    sl gallery info "$place" --json
    json "d.faces >= $((safe + 2001))"
}
