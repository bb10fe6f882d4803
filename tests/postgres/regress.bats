# What each function answers, as PostgreSQL's own pg_regress compares it; and the same functions on bytes at random.
# SL_FUZZ_ROUNDS (2000): more of them, by hand.
load pg_common.bash

@test "pg_regress: every function, what it answers and what it refuses" {
    pg_regress=$(pg_config --pkglibdir)/pgxs/src/test/regress/pg_regress
    [ -x "$pg_regress" ] || skip "pg_regress is not here: apt-get install postgresql-server-dev-all"
    "$pg_regress" --use-existing --dbname=shard0 --user=postgres --inputdir="$SOURCE/tests/postgres/regress" \
        --outputdir="$BATS_TEST_TMPDIR" --bindir="$(pg_config --bindir)" secondlook ||
        { cat "$BATS_TEST_TMPDIR/regression.diffs" && false; }
}

@test "fuzzed: every C function on bytes that were changed, searches of rows that were; the server lives on" {
    seed=${SL_FUZZ_SEED:-.$RANDOM}
    echo "# seed $seed" >&3
    said=$(psql -X -q -t -A -F ' ' -v ON_ERROR_STOP=1 -v rounds="${SL_FUZZ_ROUNDS:-2000}" -v seed="$seed" -d shard1 \
        -f "$SOURCE/tests/postgres/fuzz.sql" | tail -1)
    echo "# $said: answered, refused" >&3
    set -- $said
    [ $(($1 + $2)) = "${SL_FUZZ_ROUNDS:-2000}" ] && [ "$1" -gt 200 ] && [ "$2" -gt 200 ]
    fails grep -q 'terminated by signal' <("$PG_CTL" log)
    [ "$(sql shard1 "SELECT count(*) FROM secondlook.verify('fuzz')")" = 0 ]
}
