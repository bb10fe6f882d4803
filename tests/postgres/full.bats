# A disk without room, as root alone can make one: what was acknowledged is there, and with room again it goes on.
load pg_common.bash

setup() {
    [ "$(id -u)" = 0 ] || skip "only root can mount a small disk"
    SMALL=$(dirname "$PGDATA")/small
    mkdir -p "$SMALL"
    mount -t tmpfs -o size=40m tmpfs "$SMALL" || skip "no disk can be mounted here"
    mkdir "$SMALL/space"
    chown postgres "$SMALL" "$SMALL/space"
}

teardown() {
    sql postgres "DROP DATABASE IF EXISTS small" && sql postgres "DROP TABLESPACE IF EXISTS small"
    ! mountpoint -q "$SMALL" || umount "$SMALL"
}

@test "a full disk while enrolling: told, nothing acknowledged is lost, and it goes on when there is room" {
    sql postgres "CREATE TABLESPACE small LOCATION '$SMALL/space'"
    sql postgres "CREATE DATABASE small TABLESPACE small"
    sql small "CREATE EXTENSION secondlook"
    place="postgres:///shard0?gallery=full,postgres:///small"
    "$BUILD/pg_client" add "$place" 100 50 > /dev/null
    fill "$SMALL" 1024
    status=0
    "$BUILD/pg_client" add "$place" 20000 200 100 > "$BATS_TEST_TMPDIR/said" 2> "$BATS_TEST_TMPDIR/why" || status=$?
    cat "$BATS_TEST_TMPDIR/why"
    [ $status = 1 ]
    grep -q 'shard 2 of 2 (/small): .*No space left on device; free some space there' "$BATS_TEST_TMPDIR/why"
    safe=$(tail -1 "$BATS_TEST_TMPDIR/said")
    echo "# face $safe was the last to be acknowledged" >&3
    [ "$safe" -gt 100 ] && [ "$safe" -lt 19999 ]
    kept full "$safe" shard0 small
    "$BUILD/pg_client" ask "$place" 50 | grep -q '^person-16 photo/50.jpg' # searches go on
    rm "$SMALL/ballast"
    "$BUILD/pg_client" add "$place" $((safe + 2001)) 500 > /dev/null
    sl gallery verify "$place"
    expect 0
    sl gallery info "$place" --json
    json "d.faces >= $((safe + 2001))"
}
