/* Verification metrics and pair lists against hand-made cases and a second, slow implementation. */
#include "support.h"

#include "base/rate_curve.h"
#include "eval/metrics.h"
#include "base/file.h"
#include "eval/pairs.h"
#include "secondlook_eval.h"

static sl_error err;

static void separable_pairs_are_all_right(void **state)
{
    (void)state;
    sl_scored_pair pairs[40];
    for (int i = 0; i < 40; i++)
        pairs[i] = (sl_scored_pair){.score = i % 2 ? .8f : .2f, .same = i % 2, .fold = i / 4};
    sl_verify_rates v;
    assert_ok(sl_verify_rates_of(pairs, 40, 10, &v, &err));
    assert_true(v.accuracy == 100 && v.std == 0 && fabs(v.threshold - .5) < 1e-6 && v.eer == 0);
    assert_true(v.tar_at_far[0] == 100);                           /* two of twenty may match */
    assert_true(isnan(v.tar_at_far[1]) && isnan(v.tar_at_far[3])); /* not one of twenty may: not measurable */
    assert_true(v.far[v.points - 1] == 1 && v.tar[v.points - 1] == 1 && v.far[0] == 0 && v.tar[0] == 0);
    sl_verify_rates_free(&v);
}

static void one_fold_wrong_by_hand(void **state)
{
    (void)state;
    /* nine folds separable at .5, fold 0 the wrong way round: 0 % there, 100 % elsewhere */
    sl_scored_pair pairs[20];
    for (int i = 0; i < 20; i++)
        pairs[i] = (sl_scored_pair){.score = (i % 2) ^ (i < 2) ? .8f : .2f, .same = i % 2, .fold = i / 2};
    sl_verify_rates v;
    assert_ok(sl_verify_rates_of(pairs, 20, 10, &v, &err));
    assert_true(fabs(v.accuracy - 90) < 1e-9 && fabs(v.std - 30) < 1e-9);
    /* one of ten impostors scores .8 with nine of ten genuine: far .1, frr .1 */
    assert_true(fabs(v.eer - 10) < 1e-9);
    assert_true(fabs(v.tar_at_far[0] - 90) < 1e-9 && isnan(v.tar_at_far[1]));
    sl_verify_rates_free(&v);
}

/* The best accuracy over all thresholds of the other folds, by trying each. */
static double slow_accuracy(const sl_scored_pair *p, size_t n, int folds)
{
    double sum = 0;
    for (int f = 0; f < folds; f++) {
        double best = -1, hits = 0, all = 0;
        float t = 0;
        for (size_t c = 0; c <= n; c++) {
            float candidate = c < n ? p[c].score : 1e9f;
            if (c < n && p[c].fold == f)
                continue;
            double right = 0;
            for (size_t i = 0; i < n; i++)
                if (p[i].fold != f)
                    right += (p[i].score >= candidate) == (p[i].same != 0);
            if (right > best || (right == best && candidate < t)) {
                best = right;
                t = candidate;
            }
        }
        /* the fast one puts the threshold halfway to the next score below among the other folds */
        float below = -1e9f;
        for (size_t i = 0; i < n; i++)
            if (p[i].fold != f && p[i].score < t && p[i].score > below)
                below = p[i].score;
        double middle = below > -1e8f ? ((double)below + (double)t) / 2 : (double)t;
        for (size_t i = 0; i < n; i++)
            if (p[i].fold == f) {
                hits += ((double)p[i].score >= middle) == (p[i].same != 0);
                all++;
            }
        sum += 100 * hits / all;
    }
    return sum / folds;
}

static void random_pairs_match_a_slow_search(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        float numbers[200];
        sl_scored_pair pairs[100];
        fill_random(numbers, 200, seed, 0, 1);
        for (int i = 0; i < 100; i++) { /* quantised, so that ties occur */
            int same = numbers[100 + i] > .5f;
            pairs[i] = (sl_scored_pair){
                .score = floorf(20 * (numbers[i] + .4f * (float)same)) / 20, .same = same, .fold = i / 10};
        }
        sl_verify_rates v;
        assert_ok(sl_verify_rates_of(pairs, 100, 10, &v, &err));
        assert_true(fabs(v.accuracy - slow_accuracy(pairs, 100, 10)) < 1e-9);
        sl_verify_rates_free(&v);
    }
}

static void useless_input_is_refused(void **state)
{
    (void)state;
    sl_scored_pair pairs[2] = {{.5f, 1, 0}, {.5f, 1, 1}};
    sl_verify_rates v;
    assert_int_equal(sl_verify_rates_of(pairs, 2, 2, &v, &err), SL_ERR_ARGUMENT);
    pairs[0].same = 0;
    pairs[1].score = NAN;
    assert_int_equal(sl_verify_rates_of(pairs, 2, 2, &v, &err), SL_ERR_NUMERIC);
}

static void thresholds_hold_their_rate(void **state)
{
    (void)state;
    float scores[1000];
    for (int i = 0; i < 1000; i++)
        scores[i] = (float)(1000 - i);
    assert_true(sl_threshold_at(scores, 1000, .01) == 991); /* ten of a thousand reach 991 */
    assert_true(isnan(sl_threshold_at(scores, 1000, .001)));
    assert_true(sl_threshold_at(scores, 1000, 1) == 1);
    for (int i = 5; i < 20; i++)
        scores[i] = 995; /* a tie across the border: none of it may pass */
    assert_true(sl_threshold_at(scores, 1000, .01) == 996);
}

static sl_status parse(const char *text, sl_pair_list *list)
{
    return sl_pairs_parse(text, strlen(text), "pairs.txt", list, &err);
}

static void the_three_forms(void **state)
{
    (void)state;
    sl_pair_list list;
    assert_ok(
        parse("5\t1\nAnn\t1\t2\nAnn\t1\tBob\t12\nA 1 2\nA 1 B 1\nA 1 2\nA 1 B 1\nA 1 2\nA 1 B 1\nA 1 2\r\nA 1 B 1",
              &list));
    assert_int_equal(list.count, 10);
    assert_int_equal(list.folds, 5);
    assert_string_equal(list.pairs[0].second, "Ann/Ann_0002.jpg");
    assert_string_equal(list.pairs[1].second, "Bob/Bob_0012.jpg");
    assert_true(list.pairs[0].same && !list.pairs[1].same && list.pairs[9].fold == 4 && list.pairs[1].fold == 0);
    sl_pairs_free(&list);
    assert_ok(parse("a b 1\nc d 0\na b 1\nc d 0\na b 1\nc d 0\na b 1\nc d 0\na b 1 7 7\n\nc d 0 7 8\n", &list));
    assert_int_equal(list.count, 10);
    assert_int_equal(list.folds, 10);
    assert_int_equal(list.pairs[9].fold, 9);
    sl_pairs_free(&list);
}

static void names_with_spaces(void **state)
{
    (void)state;
    sl_pair_list list;
    char text[1024] = "";
    for (int i = 0; i < 4; i++) /* CRLF, tabs with and without spaces beside them, quotes with quotes inside */
        strcat(text, "An Na/1 a.jpg\tB/2.jpg \t 0\r\n\"An Na/1 a.jpg\" \"B \"\"x\"\".jpg\" 0\n  a   b 1 \n");
    assert_ok(parse(text, &list));
    assert_int_equal(list.count, 12);
    assert_string_equal(list.pairs[0].first, "An Na/1 a.jpg");
    assert_string_equal(list.pairs[0].second, "B/2.jpg");
    assert_string_equal(list.pairs[1].second, "B \"x\".jpg");
    assert_string_equal(list.pairs[2].first, "a");
    assert_int_equal(list.pairs[11].line, 12);
    sl_pairs_free(&list);
}

/* CALFW and CPLFW: a photo and a number, two lines a pair. Their kinds come one behind the other; folds have both. */
static void two_lines_a_pair(void **state)
{
    (void)state;
    char text[4096];
    size_t n = 0;
    sl_pair_list list;
    for (int i = 0; i < 20; i++) /* of one person, with the fold; then of two */
        n += (size_t)snprintf(text + n, sizeof text - n, "A_%d_1.jpg %d\nA_%d_2.jpg %d\n", i, i / 2 + 1, i, i / 2 + 1);
    for (int i = 0; i < 10; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "A_%d_1.jpg 0\nB_%d_1.jpg 0\n", i, i);
    assert_ok(parse(text, &list));
    assert_int_equal(list.count, 30);
    assert_string_equal(list.pairs[3].first, "A_3_1.jpg");
    assert_string_equal(list.pairs[3].second, "A_3_2.jpg");
    assert_true(list.pairs[19].same && !list.pairs[20].same);
    for (int i = 0; i < 20; i++)
        assert_int_equal(list.pairs[i].fold, i / 2);
    for (int i = 0; i < 10; i++)
        assert_int_equal(list.pairs[20 + i].fold, i);
    sl_pairs_free(&list);
    strcpy(text + n, "A_1_1.jpg 0\n");
    assert_int_equal(parse(text, &list), SL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "half a pair: A_1_1.jpg"));
    strcpy(text + n, "A_1_1.jpg 0\nB.jpg 1\n");
    assert_int_equal(parse(text, &list), SL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "line 62"));
}

/* Fields between commas, with spaces in names; a comma in a name that is between blanks. */
static void commas(void **state)
{
    (void)state;
    char text[2048];
    size_t n = 0;
    sl_pair_list list;
    for (int i = 0; i < 10; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, i % 2 ? "a %d.jpg, b %d.jpg,%d\n" : "a,%d.jpg b%d.jpg %d\n",
                              i, i, i / 5);
    assert_ok(parse(text, &list));
    assert_string_equal(list.pairs[0].first, "a,0.jpg");
    assert_string_equal(list.pairs[1].first, "a 1.jpg");
    assert_string_equal(list.pairs[1].second, "b 1.jpg");
    assert_true(list.pairs[9].same && !list.pairs[1].same);
    sl_pairs_free(&list);
}

/* AgeDB-30 and others, as lists go around: the label first. */
static void the_label_first(void **state)
{
    (void)state;
    sl_pair_list list;
    assert_ok(parse("1 s/0.jpg s/1.jpg\n0 s/2.jpg s/3.jpg\n0 a b\n1 a c\n0 a d\n1 a e\n0 a f\n1 a g\n0 a h\n1 0 i\n",
                    &list));
    assert_true(list.count == 10 && list.pairs[0].same && !list.pairs[1].same);
    assert_string_equal(list.pairs[0].first, "s/0.jpg");
    assert_string_equal(list.pairs[9].first, "0");
    sl_pairs_free(&list);
    assert_int_equal(parse("1 a b\na c 1\n", &list), SL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "line 2: expected \"0|1 image image\""));
    assert_int_equal(parse("1 b 1\n1 c 0\n", &list), SL_ERR_FORMAT); /* a photo called 1: the label is the last */
    assert_non_null(strstr(err.text, "ten folds"));
}

/* ---- CFP ---- */

static void write_lines(const char *dir, const char *name, const char *text)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_ok(sl_write_file(path, text, strlen(text), &err));
}

static char *make_cfp(void)
{
    char *dir = make_temp_dir(), path[600];
    for (int fold = 1; fold <= 2; fold++)
        for (int profile = 0; profile < 2; profile++) {
            char name[100];
            snprintf(path, sizeof path, "%s/Protocol/Split/%s/%02d", dir, profile ? "FP" : "FF", fold);
            assert_ok(sl_make_dirs(path, &err));
            snprintf(name, sizeof name, "Protocol/Split/%s/%02d/same.txt", profile ? "FP" : "FF", fold);
            write_lines(dir, name, fold == 1 ? "1,2\r\n" : "3,4\n\n");
            snprintf(name, sizeof name, "Protocol/Split/%s/%02d/diff.txt", profile ? "FP" : "FF", fold);
            write_lines(dir, name, fold == 1 ? "1,3\n1,4\n" : "2,3");
        }
    write_lines(dir, "Protocol/Pair_list_F.txt",
                "1 ../Data/Images/001/frontal/01.jpg\n2 ../Data/Images/001/frontal/02.jpg\n"
                "3 ../Data/Images/002/frontal/01.jpg\n4 ../Data/Images/002/frontal/02.jpg\n");
    write_lines(dir, "Protocol/Pair_list_P.txt",
                "4 ../Data/Images/002/profile/02.jpg\r\n2\t../Data/Images/001/profile/02.jpg\r\n"
                "3 ../Data/Images/002/profile/01.jpg\r\n");
    return dir;
}

static void cfp_as_it_ships(void **state)
{
    (void)state;
    char *dir = make_cfp(), path[600];
    sl_pair_list list;
    for (int profile = 0; profile < 2; profile++) {
        snprintf(path, sizeof path, "%s/Protocol/Split/%s/", dir, profile ? "FP" : "FF");
        assert_ok(sl_pairs_of_cfp(path, &list, &err));
        assert_true(list.folds == 2 && list.count == 5);
        assert_string_equal(list.pairs[0].first, "001/frontal/01.jpg");
        assert_string_equal(list.pairs[0].second, profile ? "001/profile/02.jpg" : "001/frontal/02.jpg");
        assert_true(list.pairs[0].same && list.pairs[0].fold == 0);
        assert_string_equal(list.pairs[2].second, profile ? "002/profile/02.jpg" : "002/frontal/02.jpg");
        assert_true(!list.pairs[2].same && list.pairs[2].fold == 0 && list.pairs[2].line == 2);
        assert_true(list.pairs[3].same && list.pairs[3].fold == 1);
        assert_true(!list.pairs[4].same && list.pairs[4].fold == 1);
        sl_pairs_free(&list);
    }
    snprintf(path, sizeof path, "%s/Protocol", dir);
    assert_int_equal(sl_pairs_of_cfp(path, &list, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "Protocol/Split/FF"));
    remove_tree(dir);
    free(dir);
}

static void a_bad_cfp_names_the_line(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *says;
    } cases[] = {
        {"Pair_list_P.txt", "1 a\nx b\n", "Pair_list_P.txt, line 2: expected a number"},
        {"Pair_list_P.txt", "0 a\n", "line 1: expected a number"},
        {"Pair_list_P.txt", "1000001 a\n", "line 1: expected a number"},
        {"Pair_list_P.txt", "1\n", "line 1: expected a number"},
        {"Pair_list_P.txt", "1 a\n1 b\n", "line 2: number 1 stands here twice"},
        {"Pair_list_P.txt", "", "lists no images"},
        {"Split/FP/01/same.txt", "1;2\n", "same.txt, line 1: expected two numbers"},
        {"Split/FP/01/same.txt", "1,2,3\n", "line 1: expected two numbers"},
        {"Split/FP/02/diff.txt", "1,3\n1,9\n", "diff.txt, line 2: no image has the number 9"},
        {"Split/FP/02/diff.txt", "1,2\n", "contradicts line 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *dir = make_cfp(), path[600];
        sl_pair_list list;
        snprintf(path, sizeof path, "%s/Protocol", dir);
        write_lines(path, cases[i].name, cases[i].text);
        snprintf(path, sizeof path, "%s/Protocol/Split/FP", dir);
        assert_int_equal(sl_pairs_of_cfp(path, &list, &err), SL_ERR_FORMAT);
        if (!strstr(err.text, cases[i].says))
            fail_msg("'%s' is not in '%s'", cases[i].says, err.text);
        assert_int_equal(list.count, 0);
        remove_tree(dir);
        free(dir);
    }
}

static void bad_pair_lists_name_the_line(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"10 300\nAnn 1 x\n", "line 2"},
        {"a b 1\na b 2\n", "line 2"},
        {"a b c d e f\n", "line 1"},
        {"10 300\nAnn 1 2\n", "announces 6000"},
        {"", "ten"},
        {"a b 1\n", "ten"},
        {"a b 1\n\n\"a b 1\n", "line 3: a quote"},
        {"\"a\"b c 1\n", "line 1: a quote"},
        {"a b 1 x y\n", "line 1: \"same\""},
        {"a b 0 x x\n", "line 1: \"same\""},
        {"one two a b 1\n", "line 1"},
        {"a b 1\nc d 0\nc e 0\nc f 0\nc g 0\nc h 0\nc i 0\nc j 0\nb a 0\nx y 1\n", "line 9: contradicts line 1"},
        {"a b 1\nc d 0\nc e 0\nc f 0\nc c 0\nc h 0\nc i 0\nc j 0\nb x 0\nx y 1\n", "line 5: c cannot be another"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl_pair_list list;
        assert_int_equal(parse(cases[i][0], &list), SL_ERR_FORMAT);
        assert_non_null(strstr(err.text, cases[i][1]));
        assert_int_equal(list.count, 0);
    }
}

static void official_list_of_lfw(void **state)
{
    (void)state;
    char *path = shared_path("data/lfw-pairs.txt");
    if (!path) {
        print_message("skipped: ../shared/data/lfw-pairs.txt is not here\n");
        skip();
    }
    FILE *f = fopen(path, "rb");
    static char text[1 << 20];
    size_t size = fread(text, 1, sizeof text, f);
    fclose(f);
    free(path);
    sl_pair_list list;
    assert_ok(sl_pairs_parse(text, size, "lfw", &list, &err));
    assert_int_equal(list.count, 6000);
    size_t same[10] = {0};
    for (size_t i = 0; i < list.count; i++)
        same[list.pairs[i].fold] += (size_t)list.pairs[i].same;
    for (int f2 = 0; f2 < 10; f2++)
        assert_int_equal(same[f2], 300);
    sl_pairs_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(separable_pairs_are_all_right),
        cmocka_unit_test(one_fold_wrong_by_hand),
        cmocka_unit_test(random_pairs_match_a_slow_search),
        cmocka_unit_test(useless_input_is_refused),
        cmocka_unit_test(thresholds_hold_their_rate),
        cmocka_unit_test(the_three_forms),
        cmocka_unit_test(names_with_spaces),
        cmocka_unit_test(two_lines_a_pair),
        cmocka_unit_test(commas),
        cmocka_unit_test(bad_pair_lists_name_the_line),
        cmocka_unit_test(the_label_first),
        cmocka_unit_test(cfp_as_it_ships),
        cmocka_unit_test(a_bad_cfp_names_the_line),
        cmocka_unit_test(official_list_of_lfw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
