/* The journal: what was added is there, a torn end is cut off, damage in the middle is named; and metadata, which lies
 * in one. */
#include <fcntl.h>
#include <unistd.h>

#include "support.h"

#include "store/journal.h"
#include "store/metadata.h"

static sl_error err;
static char *dir;

static int setup(void **state)
{
    (void)state;
    dir = make_temp_dir();
    return chdir(dir);
}

static int teardown(void **state)
{
    (void)state;
    remove_tree(dir);
    free(dir);
    return chdir("/");
}

/* ---- lines ---- */

static void sum_up(void *context, const json_t *line)
{
    json_int_t *sum = context;
    *sum = 10 * *sum + json_integer_value(json_object_get(line, "n"));
}

/* The file's numbers as the digits of one; -1 where it cannot be opened. */
static json_int_t digits(void)
{
    json_int_t sum = 0;
    sv_journal *j;
    if (sv_journal_open("log", sum_up, &sum, &j, &err) != SL_OK)
        return -1;
    sv_journal_close(j);
    return sum;
}

static void write_numbers(int from, int to)
{
    json_int_t sum = 0;
    sv_journal *j;
    assert_ok(sv_journal_open("log", sum_up, &sum, &j, &err));
    for (int i = from; i <= to; i++)
        assert_ok(sv_journal_add(j, json_pack("{s:i}", "n", i), &err));
    sv_journal_close(j);
}

static off_t size_of_log(void)
{
    const int fd = open("log", O_RDONLY);
    const off_t size = lseek(fd, 0, SEEK_END);
    close(fd);
    return size;
}

static void lines_stay(void **state)
{
    (void)state;
    assert_int_equal(digits(), 0);
    write_numbers(1, 3);
    write_numbers(4, 5);
    assert_int_equal(digits(), 12345);
}

/* Cut at every byte of the last line: the lines before it are there, and it can be continued. */
static void a_torn_line_is_cut_off(void **state)
{
    (void)state;
    remove("log");
    write_numbers(1, 2);
    const off_t two = size_of_log();
    for (off_t cut = 1; cut < two / 2; cut++) {
        remove("log");
        write_numbers(1, 3);
        assert_int_equal(truncate("log", size_of_log() - cut), 0);
        assert_int_equal(digits(), 12);
        assert_int_equal(size_of_log(), two);
        write_numbers(4, 4);
        assert_int_equal(digits(), 124);
    }
}

static void damage_is_named(void **state)
{
    (void)state;
    remove("log");
    write_numbers(1, 3);
    const int fd = open("log", O_RDWR);
    assert_int_equal(pwrite(fd, "9", 1, size_of_log() / 3 + 22), 1);
    close(fd);
    assert_int_equal(digits(), -1);
    assert_int_equal(err.status, SL_ERR_CORRUPT);
    assert_non_null(strstr(err.text, "line 2"));
}

static void it_is_written_anew(void **state)
{
    (void)state;
    json_int_t sum = 0;
    sv_journal *j;
    remove("log");
    write_numbers(1, 5);
    assert_ok(sv_journal_open("log", sum_up, &sum, &j, &err));
    assert_ok(sv_journal_rewrite(j, json_pack("[{s:i},{s:i}]", "n", 7, "n", 8), &err));
    assert_ok(sv_journal_add(j, json_pack("{s:i}", "n", 9), &err));
    sv_journal_close(j);
    assert_int_equal(digits(), 789);
}

/* ---- metadata ---- */

static void check_is(sv_metadata *m, sv_metadata_kind kind, const char *name, int room)
{
    json_t *object = sv_metadata_get(m, kind, name);
    assert_int_equal(json_integer_value(json_object_get(object, "room")), room);
    json_decref(object);
}

static void set(sv_metadata *m, sv_metadata_kind kind, const char *name, int room)
{
    assert_ok(sv_metadata_set(m, kind, name, json_pack("{s:i}", "room", room), &err));
}

static bool is_ann(void *context, sv_metadata_kind kind, const char *name)
{
    (void)context, (void)kind;
    return strncmp(name, "ann", 3) == 0;
}

static void metadata_is_kept_and_forgotten(void **state)
{
    (void)state;
    sv_metadata *m;
    assert_ok(sv_metadata_open("meta", &m, &err));
    set(m, SV_OF_FACE, "ann/1", 1);
    set(m, SV_OF_FACE, "bob/1", 2);
    set(m, SV_OF_PERSON, "bob", 3);
    set(m, SV_OF_PERSON, "cid", 4);
    assert_int_equal(sv_metadata_set(m, SV_OF_PERSON, "x", json_array(), &err), SL_ERR_ARGUMENT);
    char *much = calloc(1, SV_METADATA_MAX + 1);
    memset(much, 'x', SV_METADATA_MAX);
    assert_int_equal(sv_metadata_set(m, SV_OF_PERSON, "x", json_pack("{s:s}", "much", much), &err), SL_ERR_ARGUMENT);
    free(much);
    assert_ok(sv_metadata_rename(m, "bob", "ann", &err)); /* who has none: gets his */
    assert_ok(sv_metadata_rename(m, "cid", "ann", &err)); /* who has some: keeps it */
    sv_metadata_close(m);

    assert_ok(sv_metadata_open("meta", &m, &err));
    check_is(m, SV_OF_FACE, "bob/1", 2);
    check_is(m, SV_OF_PERSON, "ann", 3);
    check_is(m, SV_OF_PERSON, "bob", 0);
    check_is(m, SV_OF_PERSON, "cid", 0);
    assert_ok(sv_metadata_sweep(m, is_ann, NULL, &err));
    check_is(m, SV_OF_FACE, "bob/1", 0);
    assert_ok(sv_metadata_compact(m, &err));
    sv_metadata_close(m);

    char text[4096] = "";
    FILE *f = fopen("meta", "r");
    assert_true(fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    assert_null(strstr(text, "bob")); /* its bytes are gone */
    assert_ok(sv_metadata_open("meta", &m, &err));
    check_is(m, SV_OF_FACE, "ann/1", 1);
    check_is(m, SV_OF_PERSON, "ann", 3);
    sv_metadata_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines_stay), cmocka_unit_test(a_torn_line_is_cut_off),
                                       cmocka_unit_test(damage_is_named), cmocka_unit_test(it_is_written_anew),
                                       cmocka_unit_test(metadata_is_kept_and_forgotten)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
