# What two sessions do at the same time, step by step: PostgreSQL's own isolationtester, as its specs say.
load pg_common.bash

@test "two sessions at once: writers, packing beside removal and search" {
    tester=$(pg_config --pkglibdir)/pgxs/src/test/isolation/isolationtester
    [ -x "$tester" ] || skip "isolationtester is not here: apt-get install postgresql-server-dev-all"
    for spec in writers pack; do
        "$tester" "dbname=shard0" < "$SOURCE/tests/postgres/isolation/$spec.spec" > "$BATS_TEST_TMPDIR/$spec.out"
        diff "$SOURCE/tests/postgres/isolation/$spec.out" "$BATS_TEST_TMPDIR/$spec.out"
    done
}
