/* Retrieval metrics by hand, and a whole evaluation against a slow one. */
#include "support.h"

#include "eval/retrieval.h"
#include "gallery/gallery.h"

static sl_error err;

static void metrics_by_hand(void **state)
{
    (void)state;
    const uint8_t hits[] = {1, 0, 1, 0, 0, 1};
    sl_retrieval r = sl_retrieval_of(hits, 6, 3);
    assert_true(r.p1 == 1 && fabs(r.rp - 2. / 3) < 1e-12 && fabs(r.mapr - (1 + 2. / 3) / 3) < 1e-12);
    r = sl_retrieval_of(hits + 1, 5, 2); /* 0 1 | 0 0 1 */
    assert_true(r.p1 == 0 && r.rp == .5 && r.mapr == .25);
    r = sl_retrieval_of(hits, 2, 5); /* fewer ranks than R: the rest are no hits */
    assert_true(r.rp == .2 && r.mapr == .2);
    uint8_t scratch[6];
    r = sl_retrieval_best(hits, 6, 4, 3, scratch); /* 1 1 0 0 | 0 1 */
    assert_true(r.p1 == 1 && fabs(r.rp - 2. / 3) < 1e-12 && fabs(r.mapr - 2. / 3) < 1e-12);
    r = sl_retrieval_best(hits, 6, 100, 3, scratch);
    assert_true(r.rp == 1 && r.mapr == 1);
}

static void bootstrap_covers_the_mean(void **state)
{
    (void)state;
    float values[400];
    sl_interval i, again;
    for (int k = 0; k < 400; k++)
        values[k] = k % 4 == 0;
    assert_ok(sl_bootstrap(values, 400, 7, &i, &err));
    assert_true(fabs(i.mean - 25) < 1e-9);
    /* binomial: sd of the mean 2.165 points */
    assert_true(fabs(i.low - (25 - 1.96 * 2.165)) < .8 && fabs(i.high - (25 + 1.96 * 2.165)) < .8);
    assert_ok(sl_bootstrap(values, 400, 7, &again, &err));
    assert_true(i.low == again.low && i.high == again.high);
    assert_ok(sl_bootstrap(values, 0, 7, &i, &err));
    assert_true(i.mean == 0 && i.low == 0);
}

/* ---- a small evaluation ---- */

enum { DIM = 8, PATCHES = 4, CHANNELS = 6 };
static const sl_template_shape shape = {.fingerprint = {5}, .dim = DIM, .rows = 2, .cols = 2, .channels = CHANNELS,
                                        .precision = SL_PRECISION_F32};

static sl_gallery *make(const char *dir, const char *name, const char *const (*faces)[2], int count, uint64_t seed)
{
    char path[600];
    sl_gallery *g;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_ok(sl_gallery_open_shape(path, SL_GALLERY_CREATE, &shape, "made-up", &g, &err));
    for (int i = 0; i < count; i++) {
        float e[DIM], p[PATCHES * CHANNELS];
        fill_random(e, DIM, seed + (uint64_t)i, -1, 1);
        fill_random(p, PATCHES * CHANNELS, seed + 100 + (uint64_t)i, -1, 1);
        sl_template *t;
        assert_ok(sl_template_make(&shape, e, p, &t, &err));
        sl_entry entry = {.image = faces[i][0], .label = faces[i][1]};
        assert_ok(sl_gallery_add(g, &entry, t, NULL, &err));
        sl_template_free(t);
    }
    assert_ok(sl_gallery_commit(g, &err));
    return g;
}

static float cosine(const sl_gallery *a, size_t i, const sl_gallery *b, size_t k)
{
    const float *x, *y;
    assert_ok(sl_gallery_embeddings(a, &x, &err));
    assert_ok(sl_gallery_embeddings(b, &y, &err));
    return (float)cosine_of(x + i * DIM, y + k * DIM, DIM);
}

static void protocols_count_who_they_say(void **state)
{
    (void)state;
    static const char *const faces[][2] = {{"a/1.jpg", "a"}, {"a/2.jpg", "a"}, {"b/1.jpg", "b"}, {"c/1.jpg", "c"},
                                           {"c/2.jpg", "c"}, {"c/3.jpg", "c"}};
    static const char *const asked[][2] = {{"a/1.png", "a"}, {"b/1.png", "b"}, {"z/1.png", "z"}, {"c/9.png", "c"}};
    char *dir = make_temp_dir();
    sl_gallery *g = make(dir, "g", faces, 6, 1), *q = make(dir, "q", asked, 4, 50);
    sl_eval_options o = {.match = sl_match_defaults(), .seed = 1};
    sl_evaluation e;
    o.match.rerank = SL_RERANK_NONE;
    assert_ok(sl_eval_identify(g, q, &o, &e, &err)); /* include: a, b, c count; z has nobody */
    assert_true(e.queries == 3 && e.unmatched == 1 && e.gallery == 6);
    double p1 = 0;
    for (size_t i = 0; i < 4; i++) {
        size_t best = 0;
        for (size_t k = 1; k < 6; k++)
            if (cosine(q, i, g, k) > cosine(q, i, g, best))
                best = k;
        p1 += i != 2 && strcmp(faces[best][1], asked[i][1]) == 0;
    }
    assert_true(fabs(e.stage1.p1 - 100 * p1 / 3) < 1e-9);
    o.exclude_same_photo = 1; /* b's only photo is the query's own: unmatched */
    assert_ok(sl_eval_identify(g, q, &o, &e, &err));
    assert_true(e.queries == 2 && e.unmatched == 2);
    assert_ok(sl_eval_identify(g, g, &o, &e, &err)); /* in itself: a, a, c, c, c */
    assert_true(e.queries == 5 && e.unmatched == 1);
    o.reference_metrics = 1; /* R counts the query, so b is a query that can not be found */
    sl_evaluation reference;
    assert_ok(sl_eval_identify(g, g, &o, &reference, &err));
    assert_true(reference.queries == 6 && reference.unmatched == 0);
    assert_true(reference.max.rp < e.max.rp);
    sl_gallery_close(q);
    sl_gallery_close(g);
    remove_tree(dir);
    free(dir);
}

static void second_stage_and_csv(void **state)
{
    (void)state;
    static const char *const faces[][2] = {{"a/1.jpg", "a"}, {"a/2.jpg", "a \"x\""}, {"b/1.jpg", "b"}, {"b/2.jpg", "b"}};
    char *dir = make_temp_dir(), csv[600], text[4096];
    sl_gallery *g = make(dir, "g", faces, 4, 1);
    snprintf(csv, sizeof csv, "%s/out.csv", dir);
    sl_eval_options o = {.match = sl_match_defaults(), .seed = 1, .csv = csv};
    sl_evaluation e;
    o.match.precision = SL_PRECISION_F32;
    o.match.k = 100; /* more than there are */
    assert_ok(sl_eval_identify(g, g, &o, &e, &err));
    assert_true(e.queries == 2 && e.unmatched == 2); /* the two labelled b */
    size_t right = 0; /* the slow way, through sl_compare */
    for (size_t i = 2; i < 4; i++) {
        float best = -9;
        size_t first = 0;
        for (size_t k = 0; k < 4; k++) {
            sl_template *a, *b;
            sl_score s;
            assert_ok(sl_gallery_template(g, i, &a, &err));
            assert_ok(sl_gallery_template(g, k, &b, &err));
            assert_ok(sl_compare(a, b, &o.match, &s, &err));
            if (k != i && s.score > best) {
                best = s.score;
                first = k;
            }
            sl_template_free(a);
            sl_template_free(b);
        }
        right += strcmp(faces[first][1], "b") == 0;
    }
    assert_true(fabs(e.stage2.p1 - 50. * (double)right) < 1e-9);
    FILE *f = fopen(csv, "r");
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    assert_int_equal(strncmp(text, "image,label,", 12), 0);
    assert_non_null(strstr(text, "\"b/2.jpg\",\"b\",1,"));
    sl_eval_options bad = o;
    bad.match.alpha = NAN;
    assert_int_equal(sl_eval_identify(g, g, &bad, &e, &err), SL_ERR_ARGUMENT);
    sl_gallery_close(g);
    remove_tree(dir);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_by_hand), cmocka_unit_test(bootstrap_covers_the_mean),
        cmocka_unit_test(protocols_count_who_they_say), cmocka_unit_test(second_stage_and_csv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
