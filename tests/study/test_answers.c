/* Answers and keys that anybody may have written: each is taken as it should be, or refused with its reason, and then
 * changes nothing. */
#include "study/study.h"
#include "study_answers.h"

static const double all_right[2] = {1, 1};

/* The first of `from` in the text becomes `to`. */
static char *with(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    sl_text t = {0};
    assert_non_null(at);
    sl_text_add_bytes(&t, text, (size_t)(at - text));
    sl_text_add(&t, "%s", to);
    sl_text_add(&t, "%s", at + strlen(from));
    return t.data;
}

static void refuse(sl_study *study, char *text, sl_status status, const char *says)
{
    sl_error err;
    sl_study_sheet sheet;
    sl_study_result r;
    assert_int_equal(sl_study_check(study, text, strlen(text), &sheet, &err), status);
    assert_int_equal(sl_study_take(study, text, strlen(text), &sheet, &err), status);
    if (!strstr(err.text, says))
        fail_msg("'%s' does not say '%s'", err.text, says);
    assert_ok(sl_study_score(study, 1, &r, &err));
    assert_int_equal(r.participants, 1);
    free(text);
}

static void test_hostile(void **state)
{
    (void)state;
    sl_error err;
    sl_study_sheet sheet;
    sl_rng rng = sl_rng_seed(1);
    sl_study *study = open_key(2);
    char *first = answers_text(2, 0, all_right, 0, &rng), *good = answers_text(2, 1, all_right, 0, &rng);
    assert_ok(sl_study_take(study, first, strlen(first), &sheet, &err));
    const struct {
        const char *from, *to;
        sl_status status;
        const char *says;
    } cases[] = {
        {"\"version\":1", "\"version\":2", SL_ERR_FORMAT, "version"},
        {"-answers\"", "-key\"", SL_ERR_FORMAT, "format"},
        {"{", "[", SL_ERR_FORMAT, "line 1"},
        {"00112233445566778899", "ff112233445566778899", SL_ERR_MISMATCH, "another study"},
        {STUDY_ID, "x", SL_ERR_FORMAT, "study"},
        {"\"p1\"", "\"../p1\"", SL_ERR_FORMAT, "other characters"},
        {"\"p1\"", "\"\"", SL_ERR_FORMAT, "participant"},
        {"\"p1\"", "[]", SL_ERR_FORMAT, "participant"},
        {"\"p1\"", "\"p0\"", SL_ERR_EXISTS, "answered otherwise"},
        {"\"rotation\":1", "\"rotation\":2", SL_ERR_FORMAT, "rotation"},
        {"\"rotation\":1", "\"rotation\":0", SL_ERR_FORMAT, "does not belong"},
        {"\"rotation\":1", "\"rotation\":0.5", SL_ERR_FORMAT, "rotation"},
        {"\"ms\":1000", "\"ms\":-1", SL_ERR_FORMAT, "answer 1: \"ms\""},
        {"\"ms\":1000", "\"ms\":1e300", SL_ERR_FORMAT, "\"ms\""},
        {"\"ms\":1000", "\"ms\":86400001", SL_ERR_FORMAT, "\"ms\""},
        {"\"ms\":1000", "\"x\":1", SL_ERR_FORMAT, "\"ms\""},
        {"\"same\":true", "\"same\":1", SL_ERR_FORMAT, "true nor false"},
        {"abc00007", "abc00001", SL_ERR_FORMAT, "answer 2: the study has no pair"},
        {"abc00007", "abc00000", SL_ERR_FORMAT, "answered twice"},
        {"\"arm\":\"none\"", "\"arm\":\"cc\"", SL_ERR_FORMAT, "does not belong"},
        {"\"arm\":\"none\"", "\"arm\":null", SL_ERR_FORMAT, "arm"},
        {"\"answers\":[", "\"answers\":[7,", SL_ERR_FORMAT, "answers"},
        {"\"answers\":[", "\"answers\":{},\"x\":[", SL_ERR_FORMAT, "answers"},
        {"\"participant\"", "\"participant\":\"p2\",\"participant\"", SL_ERR_FORMAT, "duplicate"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuse(study, with(good, cases[i].from, cases[i].to), cases[i].status, cases[i].says);
    refuse(study, strdup(""), SL_ERR_FORMAT, "line");
    char *large = calloc(1, (1 << 20) + 2);
    memset(large, ' ', (1 << 20) + 1);
    refuse(study, large, SL_ERR_LIMIT, "1 MiB");
    assert_ok(sl_study_take(study, good, strlen(good), &sheet, &err));
    free(first);
    free(good);
    sl_study_close(study);
}

/* The same answers once more, however they are written, are no second participant. */
static void test_repeated(void **state)
{
    (void)state;
    sl_error err;
    sl_study_sheet sheet;
    sl_study_result r;
    sl_rng rng = sl_rng_seed(1);
    sl_study *study = open_key(2);
    char *text = answers_text(2, 0, all_right, 0, &rng);
    assert_ok(sl_study_take(study, text, strlen(text), &sheet, &err));
    assert_false(sheet.repeated);
    char *again = with(text, "\"answers\"", "\"ended\": \"later\",\n \"answers\"");
    assert_ok(sl_study_check(study, again, strlen(again), &sheet, &err));
    assert_true(sheet.repeated);
    assert_ok(sl_study_take(study, again, strlen(again), &sheet, &err));
    assert_true(sheet.repeated);
    assert_ok(sl_study_score(study, 1, &r, &err));
    assert_int_equal(r.participants, 1);
    free(text);
    free(again);
    sl_study_close(study);
}

/* Times that nobody can have had are counted and left out of the median; the answers count. */
static void test_times(void **state)
{
    (void)state;
    sl_error err;
    sl_study_sheet sheet;
    sl_study_result r;
    sl_rng rng = sl_rng_seed(1);
    sl_study *study = open_key(2);
    char *text = answers_text(2, 0, all_right, 0, &rng);
    char *hasty = with(text, "\"ms\":1000", "\"ms\":0"), *both = with(hasty, "\"ms\":1000", "\"ms\":86400000");
    assert_ok(sl_study_take(study, both, strlen(both), &sheet, &err));
    assert_int_equal(sheet.hasty, 1);
    assert_int_equal(sheet.slow, 1);
    assert_ok(sl_study_score(study, 1, &r, &err));
    assert_int_equal(r.hasty, 1);
    assert_int_equal(r.slow, 1);
    assert_float_equal(r.arms[0].seconds, 1, 0);
    assert_float_equal(r.arms[0].mean, 100, 1e-6);
    free(text);
    free(hasty);
    free(both);
    sl_study_close(study);
}

static void test_keys(void **state)
{
    (void)state;
    sl_error err;
    sl_study *study;
    char *good = key_text(2);
    const struct {
        const char *from, *to, *says;
    } cases[] = {
        {"[\"none\",\"cc\"]", "[\"none\",\"none\"]", "twice"},
        {"[\"none\",\"cc\"]", "[\"none\"]", "sets"},
        {"[\"none\",\"cc\"]", "[]", "arms"},
        {"[\"none\",\"cc\"]", "[\"none\",7]", "no arm"},
        {"\"same\":false", "\"same\":true", "set 2 has 8 pairs of one person, the first has 9"},
        {"abc00007", "abc00000", "twice"},
        {"abc00007", "ABC00007", "hex"},
        {"\"same\":true", "\"same\":null", "set 1, pair 1"},
        {STUDY_ID, "x", "study"},
        {"\"examples\":[],\"pairs\":[", "\"examples\":[],\"pairs\":[1],\"x\":[", "pairs"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = with(good, cases[i].from, cases[i].to);
        assert_int_equal(sl_study_of_key(text, strlen(text), &study, &err), SL_ERR_FORMAT);
        if (!strstr(err.text, cases[i].says))
            fail_msg("'%s' does not say '%s'", err.text, cases[i].says);
        assert_null(study);
        free(text);
    }
    free(good);
    assert_int_not_equal(sl_study_open("/nowhere", &study, &err), SL_OK);
    assert_non_null(strstr(err.text, "/nowhere/key.json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_hostile), cmocka_unit_test(test_repeated),
                                       cmocka_unit_test(test_times), cmocka_unit_test(test_keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
