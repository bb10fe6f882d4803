# The extension by SQL: what it answers, what it refuses, and what it leaves behind.
load pg_common.bash

setup_file() {
    export ONE="postgres:///shard0?gallery=one"
    faces "$BATS_FILE_TMPDIR/faces" 300 64 1
    gallery "$ONE" "$BATS_FILE_TMPDIR/faces" 64
    gallery "$BATS_FILE_TMPDIR/folder" "$BATS_FILE_TMPDIR/faces" 64
}

@test "create_gallery, add, pack, top, remove, repack: the same answers all the way" {
    [ "$(sql shard0 "SELECT faces, people, model FROM secondlook.info('one')")" = "300 100 arrays" ]
    first=$(sql shard0 "SELECT t.* FROM secondlook.top('one', (SELECT substr(bytes, 1, 256) FROM gallery_one.template
                        WHERE face = 7), 4) t")
    [ "$(echo "$first" | cut -d' ' -f2 | head -1)" = 7 ]
    sql shard0 "SELECT secondlook.repack('one', true)" > /dev/null
    again=$(sql shard0 "SELECT t.* FROM secondlook.top('one', (SELECT substr(bytes, 1, 256) FROM gallery_one.template
                        WHERE face = 7), 4) t")
    [ "$first" = "$again" ]
    # shared by three connections, the best of the parts are the best
    parts=$(for part in 0 1 2; do
        sql shard0 "SELECT t.* FROM secondlook.top('one', (SELECT substr(bytes, 1, 256) FROM gallery_one.template
                    WHERE face = 7), 4, $part, 3) t"
    done | sort -k3,3gr -k2,2n | head -4)
    [ "$first" = "$parts" ]
    [ "$(sql shard0 "SELECT * FROM secondlook.verify('one')")" = "" ]
}

@test "identify: every look that needs no network, with the person in first place" {
    for look in none emd maxsim same-cell auto; do
        [ "$(sql shard0 "SELECT label FROM secondlook.identify('one', (SELECT bytes FROM gallery_one.template
                         WHERE face = 10), 20, '$look') LIMIT 1")" = "Person 3" ]
    done
    refused shard0 "SELECT * FROM secondlook.identify('one', (SELECT bytes FROM gallery_one.template LIMIT 1), 9, 'oae')" \
        "statistics per cell"
    refused shard0 "SELECT * FROM secondlook.identify('one', (SELECT bytes FROM gallery_one.template LIMIT 1), 9, 'h2l')" \
        "a network"
}

@test "hostile callers: NULL, short, long and foreign bytes, impossible numbers" {
    q="(SELECT substr(bytes, 1, 256) FROM gallery_one.template WHERE face = 7)"
    {
        for bad in "''" "'\\x00'" "decode(repeat('ff', 256), 'hex')" "decode(repeat('00', 255), 'hex')" \
            "decode(repeat('7f', 256), 'hex')" "decode(repeat('00', 2097152), 'hex')"; do
            echo "SELECT count(*) FROM secondlook.top('one', $bad, 5) HAVING min(cosine) < -1 OR 1 / count(*) = 0;"
            echo "SELECT * FROM secondlook.identify('one', $bad);"
            echo "SELECT secondlook.add('one', '{x}', '{y}', ARRAY[$bad]::bytea[]);"
            echo "SELECT * FROM secondlook.block_of(63, '{1}', ARRAY[$bad]::bytea[]);"
        done
        for numbers in "0, 0, 1" "-1, 0, 1" "2000000000, 0, 1" "5, 1, 1" "5, -1, 1" "5, 0, 0" "5, 0, 2000000000"; do
            echo "SELECT * FROM secondlook.top('one', $q, $numbers);"
        done
        for dim in 0 -1 4097 2147483647; do
            echo "SELECT secondlook.block_rows($dim);"
            echo "SELECT secondlook.block_of($dim, '{1}', '{x}');"
        done
        for name in nobody "one; DROP TABLE x" ../one "" pg_catalog; do
            echo "SELECT * FROM secondlook.top('$name', $q, 5);"
        done
        echo "SELECT secondlook.create_gallery('ONE', 'm', sha256('x'), 4, 1, 1, 1);"
        echo "SELECT secondlook.create_gallery('big', 'm', sha256('x'), 5000, 1, 1, 1);"
        echo "SELECT secondlook.add('one', NULL, NULL, NULL);"
        echo "SELECT secondlook.add('one', '{a,b}', '{a}', '{x}');"
        echo "SELECT secondlook.block_of(1, '{1,NULL}', '{aaaa,bbbb}');"
        echo "SELECT secondlook.look(NULL, NULL, NULL, NULL, NULL, NULL, NULL);"
        echo "SELECT secondlook.scrub('pg_class_oid_index');"
    } > "$BATS_TEST_TMPDIR/bad.sql"
    all_refused shard0 "$BATS_TEST_TMPDIR/bad.sql"
    # what is strict answers NULL with nothing, and what takes any bytes takes any
    [ "$(sql shard0 "SELECT count(*) FROM secondlook.top(NULL, NULL, NULL)")" = 0 ]
    sql shard0 "SELECT secondlook.crc(b), secondlook.block_ids(b), secondlook.template_fault('one', b)
                FROM (VALUES (NULL), (''::bytea), ('\\x00'), (decode(repeat('ff', 999), 'hex'))) AS t (b)" > /dev/null
    [ "$(sql shard0 "SELECT count(*) FROM gallery_one.face")" = 300 ]
}

@test "tables that are not what they were: searches say so, and the server lives on" {
    sql shard1 "SELECT secondlook.create_gallery('odd', 'm', sha256('x'), 4, 1, 1, 1)" > /dev/null
    sql shard1 "ALTER TABLE gallery_odd.block ALTER codes TYPE text USING 'x'"
    refused shard1 "SELECT * FROM secondlook.top('odd', decode(repeat('00', 16), 'hex'), 1)" \
        "not as create_gallery made it"
    sql shard1 "DROP TABLE gallery_odd.block; CREATE TABLE gallery_odd.block (n int, norm real, ids bytea, codes bytea);
                INSERT INTO gallery_odd.block VALUES (16, 1, '\\x00', '\\x00'), (-1, 'NaN', '', '')"
    refused shard1 "SELECT * FROM secondlook.top('odd', decode(repeat('00', 16), 'hex'), 1)" "is damaged"
    sql shard1 "UPDATE gallery_odd.gallery SET format_version = 9"
    refused shard1 "SELECT * FROM secondlook.top('odd', decode(repeat('00', 16), 'hex'), 1)" "is of format 9"
    sql shard1 "DELETE FROM gallery_odd.gallery"
    refused shard1 "SELECT * FROM secondlook.top('odd', decode(repeat('00', 16), 'hex'), 1)" "must have one"
}

@test "wrong bytes in a row: named, left out, and the others are answered" {
    gallery "postgres:///shard1?gallery=w" "$BATS_FILE_TMPDIR/faces" 64
    sql shard1 "UPDATE gallery_w.template SET bytes = set_byte(bytes, 300, get_byte(bytes, 300) # 1) WHERE face = 7"
    query=$(sql shard0 "SELECT encode(substr(bytes, 1, 256), 'hex') FROM gallery_one.template WHERE face = 7")
    all=$(sql shard1 "SELECT t.face FROM secondlook.top('w', decode('$query', 'hex'), 3) t" 2>&1)
    contains "$all" "the template of face 7 in gallery \"w\" is damaged, and was left out"
    [ "$(echo "$all" | grep -cE '^[0-9]+$')" = 3 ]
    contains "$(sql shard1 "SELECT * FROM secondlook.verify('w')")" "7 p2/6.jpg the checksum of its template does not hold"
    sl gallery verify "postgres:///shard1?gallery=w"
    expect 1
    contains "$err" "face 7 (p2/6.jpg): the checksum of its template does not hold"
}

@test "roles: a reader reads, an enroller adds, an admin removes" {
    sql shard0 "CREATE ROLE r; CREATE ROLE e; CREATE ROLE a; CREATE ROLE nobody"
    sql shard0 "SELECT secondlook.grant_gallery('one', 'r', 'reader'), secondlook.grant_gallery('one', 'e', 'enroller'),
                secondlook.grant_gallery('one', 'a', 'admin')" > /dev/null
    top="SELECT count(*) FROM secondlook.top('one', (SELECT substr(bytes, 1, 256) FROM gallery_one.template WHERE face = 7), 4)"
    add="SELECT secondlook.add('one', '{Eve}', '{eve.jpg}', ARRAY[(SELECT bytes FROM gallery_one.template WHERE face = 7)])"
    remove="SELECT secondlook.remove_named('one', 'eve.jpg', NULL)"
    for who in r e a; do [ "$(sql shard0 "SET ROLE $who; $top")" = 4 ]; done
    refused shard0 "SET ROLE nobody; $top" "permission denied"
    refused shard0 "SET ROLE nobody; SELECT * FROM secondlook.top('one', decode(repeat('00', 256), 'hex'), 4)" \
        "permission denied"
    refused shard0 "SET ROLE r; $add" "permission denied"
    sql shard0 "SET ROLE e; $add" > /dev/null
    refused shard0 "SET ROLE e; $remove" "permission denied"
    sql shard0 "SET ROLE a; $remove" > /dev/null
    refused shard0 "SET ROLE a; SELECT secondlook.scrub('gallery_one.face')" "must be owner"
    [ "$(sql shard0 "SELECT faces FROM secondlook.info('one')")" = 300 ]
}

@test "erase: after remove, VACUUM and erase no file holds the bytes" {
    sql shard3 "SELECT secondlook.create_gallery('gone', 'm', sha256('x'), 16, 1, 1, 1)" > /dev/null
    size=$(sql shard3 "SELECT secondlook.template_size('gone')")
    sql shard3 "SELECT secondlook.add('gone', '{Secret Person}', '{hidden/photo.jpg}',
                ARRAY[decode(repeat('00', 60) || '0000803f' || repeat('00', $size - 64), 'hex')],
                crops => ARRAY[convert_to(repeat('CropOfSecret', 1000), 'UTF8')])" > /dev/null
    for i in 1 2 3; do # others around it
        sql shard3 "SELECT secondlook.add('gone', '{P$i}', '{$i.jpg}',
                    ARRAY[decode(repeat('00', 60) || '0000803f' || repeat('00', $size - 64), 'hex')])" > /dev/null
    done
    held() { $PG_AS grep -rlaE "$1" "$PGDATA/base" | wc -l; }
    sql shard3 CHECKPOINT
    [ "$(held 'Secret Person')" -gt 0 ] && [ "$(held 'hidden/photo.jpg')" -gt 0 ] && [ "$(held CropOfSecret)" -gt 0 ]
    sql shard3 "SELECT secondlook.remove_named('gone', NULL, 'Secret Person')" > /dev/null
    sl gallery compact "postgres:///shard3?gallery=gone"
    expect 0
    sql shard3 CHECKPOINT
    [ "$(held 'Secret Person')" = 0 ]
    [ "$(held 'hidden/photo.jpg')" = 0 ]
    [ "$(held CropOfSecret)" = 0 ]
    [ "$(sql shard3 "SELECT faces FROM secondlook.info('gone')")" = 3 ]
}

@test "compact: after several batches, each of which tells the gallery's row how many faces there are" {
    place="postgres:///shard3?gallery=batches"
    "$BUILD/pg_client" add "$place" 300 100 > /dev/null
    sl gallery remove "$place" --label person-8
    expect 0
    sl gallery compact "$place"
    expect 0
}

@test "a statement timeout and a cancel end a search soon; the session goes on, and no lock is left" {
    q="(SELECT string_agg(substr(bytes, 1, 256), '') FROM gallery_one.template)"
    long="SELECT count(*) FROM secondlook.top('one', $q || $q || $q || $q || $q || $q || $q || $q || $q || $q, 300)"
    held="SELECT count(*) FROM pg_locks WHERE relation IN (SELECT c.oid FROM pg_class c
          WHERE relnamespace = 'gallery_one'::regnamespace) AND pid = pg_backend_pid()"
    start=$(date +%s%N)
    [ "$(sql shard0 "$long")" = 900000 ] # 3,000 queries
    whole=$(($(date +%s%N) - start))
    # Terse: an error caught inside one of the search's own statements would tell that statement as well.
    said=$(psql -X -q -t -A -v VERBOSITY=terse -d shard0 -c "SET statement_timeout = '20ms'" -c "$long" \
        -c "SET statement_timeout = 0" \
        -c "$held" -c "SELECT count(*) FROM secondlook.top('one', $q, 3)" 2>&1)
    [ "$said" = "$(printf 'ERROR:  canceling statement due to statement timeout\n0\n900')" ]
    for wait in .02 .1 .2; do # at several places of the way
        psql -X -q -t -A -v VERBOSITY=terse -d shard0 -c "SET application_name = 'long'" -c "$long" -c "$held" \
            -c "SELECT count(*) FROM secondlook.top('one', $q, 3)" > "$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
        until pid=$(sql shard0 "SELECT pid FROM pg_stat_activity WHERE application_name = 'long' AND state = 'active'") &&
            [ -n "$pid" ]; do :; done
        sleep $wait
        start=$(date +%s%N)
        sql shard0 "SELECT pg_cancel_backend($pid)" > /dev/null
        wait
        took=$(($(date +%s%N) - start))
        echo "a whole search: $((whole / 1000000)) ms; from the cancel on: $((took / 1000000)) ms"
        [ "$(cat "$BATS_TEST_TMPDIR/said")" = "$(printf 'ERROR:  canceling statement due to user request\n0\n900')" ]
    done
    sql shard0 "SET lock_timeout = '5s'; BEGIN; LOCK TABLE gallery_one.block, gallery_one.tail, gallery_one.template; COMMIT"
}

@test "dump and restore: a gallery is whole in another database" {
    pg_dump -n gallery_one shard0 > "$BATS_TEST_TMPDIR/dump.sql"
    psql -X -q -v ON_ERROR_STOP=1 -d shard3 -f "$BATS_TEST_TMPDIR/dump.sql" > /dev/null
    query=$(sql shard0 "SELECT encode(substr(bytes, 1, 256), 'hex') FROM gallery_one.template WHERE face = 50")
    ask="SELECT t.* FROM secondlook.top('one', decode('$query', 'hex'), 20) t"
    [ "$(sql shard0 "$ask")" = "$(sql shard3 "$ask")" ]
    [ "$(sql shard3 "SELECT * FROM secondlook.verify('one')")" = "" ]
}

@test "an older extension's galleries are searched by the newer one, and it is updated in place" {
    sql shard3 "DROP EXTENSION secondlook CASCADE; CREATE EXTENSION secondlook VERSION '0.1'"
    gallery "postgres:///shard3?gallery=old" "$BATS_FILE_TMPDIR/faces" 64
    ask="SELECT t.* FROM secondlook.top('old', (SELECT substr(bytes, 1, 256) FROM gallery_old.template WHERE face = 9), 9) t"
    before=$(sql shard3 "$ask")
    fails sql shard3 "SELECT secondlook.set_cells('old', NULL)"
    sql shard3 "ALTER EXTENSION secondlook UPDATE"
    version="SELECT extversion FROM pg_extension WHERE extname = 'secondlook'"
    [ "$(sql shard3 "$version")" = "$(sql shard0 "$version")" ]
    [ "$(sql shard3 "$ask")" = "$before" ]
    sql shard3 "SELECT secondlook.set_cells('old', NULL)"
    [ "$(sql shard3 "SELECT * FROM secondlook.verify('old')")" = "" ]
    # what is updated is what is made anew
    listed="SELECT pg_describe_object(classid, objid, 0) FROM pg_depend WHERE deptype = 'e' AND refobjid =
            (SELECT oid FROM pg_extension WHERE extname = 'secondlook') ORDER BY 1"
    [ "$(sql shard3 "$listed")" = "$(sql shard0 "$listed")" ]
}
