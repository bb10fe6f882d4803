/* What a report carries: every figure can be made again from its data, the page prints what the data say, and both
 * digests are those of the bytes. Decided by oae, on the made-up model. */
#include "../match/linear_model.h"

#include <jansson.h>
#include <math.h>

#include "base/file.h"
#include "base/sha256.h"
#include "gallery/gallery.h"
#include "match/oae/oae.h"

enum { FACES = 1000, CASES = 3 };

static sl_oae oae;
static sl_gallery *gallery;
static char *dir, page_path[600];
static sl_template *queries[CASES];
static sl_answer answers[CASES];
static sl_case cases[CASES];
static const char *const sha = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static int open_world(void **state)
{
    (void)state;
    char path[600];
    dir = make_temp_dir();
    snprintf(path, sizeof path, "%s/faces", dir);
    snprintf(page_path, sizeof page_path, "%s/report.html", dir);
    gallery = make_gallery(path, FACES);
    oae = (sl_oae){.head = make_head(), .shape = shape};
    assert_ok(sl_oae_stats_make(sl_gallery_faces(gallery), &oae.head, 2, NULL, NULL, &oae.stats, &err));
    const sl_rule rule = {.bins = 3,
                          .hidden_to = {.1f, .4f, 1},
                          .threshold = {.31f, .42f, .53f},
                          .source = {SL_RULE_CALIBRATION, SL_RULE_BUILT_IN, SL_RULE_BUILT_IN},
                          .extrapolated = {0, 0, 1},
                          .promise = SL_RATE_FPIR,
                          .rate = .01,
                          .faces = FACES};
    sl_identify_options how = {.match = sl_match_defaults_of(SL_RERANK_OAE), .top = 5, .rule = &rule};
    how.match.oae = &oae;
    for (int i = 0; i < CASES; i++) {
        queries[i] = make_face(i == 1 ? 5000 : (uint64_t)(i + 1)); /* the second is a stranger */
        assert_ok(sl_identify(NULL, gallery, queries[i], &how, &answers[i], &err));
        cases[i] = (sl_case){.query_name = i ? "b/<&>\"same name.jpg" : "a/same name.jpg",
                             .photo_sha256 = i == 2 ? NULL : sha,
                             .query = queries[i],
                             .gallery = gallery,
                             .answer = &answers[i]};
    }
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        sl_answer_free(&answers[i]);
        sl_template_free(queries[i]);
    }
    sl_gallery_close(gallery);
    sl_head_free(&oae.head);
    sl_oae_stats_free(&oae.stats);
    remove_tree(dir);
    free(dir);
    return 0;
}

/* The page, its line of data (with the new line), and what it says of itself. */
typedef struct {
    char *html, *line, digest[65];
    size_t above; /* bytes before the data's tag */
    json_t *data;
} report;

static const char tag[] = "<script type=\"application/json\" id=\"data\">\n";

static report read_report(void)
{
    report r;
    uint8_t *bytes;
    size_t size;
    json_error_t at;
    const sl_provenance from = {.time = "2026-11-28T17:39:29Z",
                                .command = "secondlook identify --gallery <staff> 'a b.jpg'"};
    assert_ok(sl_write_report(page_path, "Three faces", &from, cases, CASES, r.digest, &err));
    assert_ok(sl_read_file(page_path, 1u << 30, &bytes, &size, &err));
    r.html = (char *)bytes;
    const char *start = strstr(r.html, tag);
    assert_non_null(start);
    r.above = (size_t)(start - r.html);
    start += strlen(tag);
    const char *end = strchr(start, '\n') + 1;
    assert_true(strncmp(end, "</script>\n", 10) == 0);
    r.line = strndup(start, (size_t)(end - start));
    assert_true(strcspn(r.line, "<>&") == strlen(r.line));
    r.data = json_loads(r.line, JSON_REJECT_DUPLICATES, &at);
    assert_non_null(r.data);
    return r;
}

static void free_report(report *r)
{
    json_decref(r->data);
    free(r->html);
    free(r->line);
}

static double number(const json_t *o, const char *name)
{
    const json_t *value = json_object_get(o, name);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static double item(const json_t *list, size_t i)
{
    return json_number_value(json_array_get(list, i));
}

static double sum(const json_t *list)
{
    double total = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        total += item(list, i);
    return total;
}

static double product(const json_t *a, const json_t *b)
{
    double total = 0;
    assert_true(json_array_size(a) == json_array_size(b) && json_array_size(a) == DIM);
    for (size_t i = 0; i < DIM; i++)
        total += item(a, i) * item(b, i);
    return total;
}

static void assert_near(double a, double b, double within)
{
    if (!(fabs(a - b) <= within))
        fail_msg("%.9g is not %.9g", a, b);
}

/* The page holds this number with four digits. */
static void assert_printed(const report *r, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.4f", value);
    if (!strstr(r->html, text))
        fail_msg("%s is not on the page", text);
}

static void both_digests_are_those_of_the_bytes(void **state)
{
    (void)state;
    report r = read_report();
    char hex[65];
    sl_sha256_hex(r.line, strlen(r.line), hex);
    assert_string_equal(hex, r.digest);
    assert_non_null(strstr(r.html + r.above, hex)); /* at the foot */
    sl_sha256_hex(r.html, r.above, hex);
    assert_string_equal(json_string_value(json_object_get(r.data, "page_sha256")), hex);
    report again = read_report(); /* the same answers give the same report */
    assert_string_equal(again.digest, r.digest);
    free_report(&again);
    free_report(&r);
}

static void score_is_made_again(const report *r, const json_t *one)
{
    const json_t *why = json_object_get(one, "why"), *best = json_array_get(json_object_get(one, "candidates"), 0);
    const json_t *stage1 = json_object_get(why, "stage1"), *stage2 = json_object_get(why, "stage2");
    const double alpha = number(json_object_get(one, "look"), "alpha");
    assert_near(product(json_object_get(why, "embedding_query"), json_object_get(why, "embedding_candidate")),
                number(best, "stage1"), 1e-6);
    assert_near(product(json_object_get(why, "again_query"), json_object_get(why, "again_candidate")),
                number(best, "stage2"), 1e-5);
    assert_near(alpha * number(best, "stage2") + (1 - alpha) * number(best, "stage1"), number(best, "score"),
                1e-6);
    assert_near(sum(stage1) + number(why, "rest1"), number(best, "stage1"), 1e-5);
    assert_near(sum(stage2) + number(why, "rest2"), number(best, "stage2"), 1e-5);
    assert_near(sum(json_object_get(why, "shares")) + number(why, "rest"), number(best, "score"), 1e-5);
    assert_near(number(why, "rest2"), 0, 1e-5);
    assert_int_equal(json_array_size(stage1), CELLS);
    for (size_t p = 0; p < CELLS; p++)
        assert_near(item(json_object_get(why, "shares"), p),
                    alpha * item(stage2, p) + (1 - alpha) * item(stage1, p), 1e-6);
    assert_near(sum(json_object_get(why, "weights_query")) / CELLS, 1, 1e-4);
    assert_printed(r, number(best, "score"));
    assert_printed(r, number(best, "stage1"));
    assert_printed(r, number(best, "stage2"));
    assert_printed(r, sum(json_object_get(why, "shares")));
    assert_printed(r, fabs(number(why, "rest")));
}

static void decision_is_made_again(const report *r, const json_t *one)
{
    const json_t *rule = json_object_get(one, "rule"), *bins = json_object_get(rule, "bins");
    size_t bin = 0;
    while (bin + 1 < json_array_size(bins) &&
           number(one, "hidden") >= number(json_array_get(bins, bin), "hidden_to"))
        bin++;
    assert_int_equal(number(one, "bin"), bin);
    assert_near(number(one, "threshold"), number(json_array_get(bins, bin), "threshold"), 1e-9);
    const json_t *best = json_array_get(json_object_get(one, "candidates"), 0);
    assert_string_equal(json_string_value(json_object_get(rule, "on")), "score");
    assert_near(number(one, "judged"), number(best, "score"), 1e-9);
    const char *decision = number(one, "judged") >= number(one, "threshold") ? "match" : "unknown";
    assert_string_equal(json_string_value(json_object_get(one, "decision")), decision);
    assert_printed(r, number(one, "threshold"));
}

static double area(const json_t *curve)
{
    double total = 0;
    const size_t n = json_array_size(curve) - 1;
    for (size_t i = 0; i < n; i++)
        total += (item(curve, i) + item(curve, i + 1)) / 2 / (double)n;
    return total;
}

static void areas_are_made_again(const report *r, const json_t *one)
{
    const json_t *h = json_object_get(one, "hiding"),
                 *best = json_array_get(json_object_get(one, "candidates"), 0);
    assert_int_equal(json_array_size(json_object_get(h, "hidden")), CELLS + 1);
    assert_near(area(json_object_get(h, "hidden")), number(h, "hidden_area"), 1e-6);
    assert_near(area(json_object_get(h, "shown")), number(h, "shown_area"), 1e-6);
    assert_near(area(json_object_get(h, "random_hidden")), number(h, "random_area"), 1e-6);
    assert_int_equal(json_array_size(json_object_get(h, "random_areas")), SL_RANDOM_ORDERS);
    assert_near(sum(json_object_get(h, "random_areas")) / SL_RANDOM_ORDERS, number(h, "random_area"), 1e-6);
    assert_near(item(json_object_get(h, "hidden"), 0), number(best, "score"), 1e-5);
    assert_near(item(json_object_get(h, "shown"), CELLS), number(best, "score"), 1e-5);
    assert_printed(r, number(h, "hidden_area"));
    assert_printed(r, number(h, "shown_area"));
    assert_printed(r, number(h, "random_area"));
}

static void every_figure_is_made_again_from_the_data(void **state)
{
    (void)state;
    report r = read_report();
    const json_t *list = json_object_get(r.data, "cases");
    assert_int_equal(json_array_size(list), CASES);
    for (size_t i = 0; i < CASES; i++) {
        const json_t *one = json_array_get(list, i);
        assert_string_equal(json_string_value(json_object_get(json_object_get(one, "look"), "rerank")), "oae");
        assert_null(json_object_get(json_object_get(one, "look"), "weighting")); /* which oae does not read */
        score_is_made_again(&r, one);
        decision_is_made_again(&r, one);
        areas_are_made_again(&r, one);
    }
    free_report(&r);
}

static void provenance_is_told(void **state)
{
    (void)state;
    report r = read_report();
    char fingerprint[65];
    const json_t *one = json_array_get(json_object_get(r.data, "cases"), 0), *g = json_object_get(one, "gallery");
    sl_hex32(shape.fingerprint, fingerprint);
    assert_string_equal(json_string_value(json_object_get(r.data, "made")), "2026-11-28T17:39:29Z");
    assert_non_null(strstr(json_string_value(json_object_get(r.data, "command")), "--gallery <staff> 'a b.jpg'"));
    assert_string_equal(json_string_value(json_object_get(json_object_get(r.data, "program"), "version")),
                        sl_version());
    assert_string_equal(json_string_value(json_object_get(g, "fingerprint")), fingerprint);
    assert_non_null(strstr(json_string_value(json_object_get(g, "folder")), dir));
    assert_true(number(g, "faces") == FACES && strlen(json_string_value(json_object_get(g, "id"))) == 16);
    assert_string_equal(json_string_value(json_object_get(one, "photo_sha256")), sha);
    assert_true(
        json_is_null(json_object_get(json_array_get(json_object_get(r.data, "cases"), 2), "photo_sha256")));
    assert_non_null(strstr(r.html, "--gallery &lt;staff&gt; &#39;a b.jpg&#39;"));
    assert_non_null(strstr(r.html, fingerprint));
    assert_non_null(strstr(r.html, sha));
    /* two photos of one base name are told apart by their paths */
    assert_non_null(strstr(r.html, "<bdi>a/<wbr>same name.jpg</bdi>"));
    assert_non_null(strstr(r.html, "<bdi>b/<wbr>&lt;&amp;&gt;&quot;same name.jpg</bdi>"));
    free_report(&r);
}

/* The page speaks of the look that decided, and of no other. */
static void the_look_that_decided_is_told(void **state)
{
    (void)state;
    report r = read_report();
    assert_non_null(strstr(r.html, "The second look decides: the score of "));
    assert_non_null(strstr(r.html, "both faces described again without what the query hides (oae)"));
    assert_null(strstr(r.html, "Flow"));
    assert_null(strstr(r.html, "Patch weights"));
    assert_non_null(
        strstr(r.html, "of 100 people who are not in this gallery of 1000 faces and hide as much of their face, "
                       "1 would be taken for somebody in it."));
    assert_non_null(strstr(r.html, "<td>0 to 10 %</td>"));
    assert_non_null(strstr(r.html, "<td>40 % or more</td>"));
    assert_non_null(strstr(r.html, "measured on this gallery (its calibration)"));
    assert_non_null(strstr(r.html, "carried on beyond what was measured"));
    assert_non_null(strstr(r.html, " % of the face is hidden: it is judged among faces of which "));
    free_report(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_digests_are_those_of_the_bytes),
        cmocka_unit_test(every_figure_is_made_again_from_the_data),
        cmocka_unit_test(provenance_is_told),
        cmocka_unit_test(the_look_that_decided_is_told),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
