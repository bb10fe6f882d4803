/* Insertion and deletion over pairs: curves beside those worked out here from maps with cells replaced, what each
 * look explains itself by, and that threads change nothing. */
#include "../explain/small_look.h"

#include "gallery/gallery.h"
#include "secondlook_eval.h"

enum { PEOPLE = 10, PHOTOS = 3, NUMBERS = SMALL_CELLS * SMALL_WIDTH };

static sl_error err;
static sl_look *look;
static sl_gallery *gallery;

/* Photo p of person i: near the person's map. */
static void patches_of(int i, int p, float *out)
{
    float own[NUMBERS];
    fill_random(out, NUMBERS, (uint64_t)(1000 + i), -1, 1);
    fill_random(own, NUMBERS, (uint64_t)(5000 + 10 * i + p), -.4f, .4f);
    for (int k = 0; k < NUMBERS; k++)
        out[k] += own[k];
}

static sl_gallery *make_gallery(int people, int photos)
{
    const sl_template_shape shape = {.dim = SMALL_WIDTH,
                                     .rows = SMALL_ROWS,
                                     .cols = SMALL_COLS,
                                     .channels = SMALL_WIDTH,
                                     .format = SL_PATCHES_F32};
    sl_gallery *g;
    assert_ok(sl_gallery_open_shape(":memory:", SL_GALLERY_CREATE, &shape, "made-up", &g, &err));
    for (int i = 0; i < people; i++)
        for (int p = 0; p < photos; p++) {
            char label[32], image[64];
            float patches[NUMBERS];
            snprintf(label, sizeof label, "p%d", i);
            snprintf(image, sizeof image, "p%d/%d.jpg", i, p);
            patches_of(i, p, patches);
            sl_template *t = small_template(patches);
            const sl_entry entry = {.label = label, .image = image};
            assert_ok(sl_gallery_add(g, &entry, t, NULL, &err));
            sl_template_free(t);
        }
    assert_ok(sl_gallery_commit(g, &err));
    return g;
}

static int setup(void **state)
{
    (void)state;
    const sl_arch arch = small_arch_of("h2l", 1, 26, false, SL_VIT_PUBLISHED);
    look = small_look(&arch);
    gallery = make_gallery(PEOPLE, PHOTOS);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sl_gallery_close(gallery);
    sl_look_close(look);
    return 0;
}

static const sl_told_rates *kind_of(const sl_explained *e, sl_told kind)
{
    for (int k = 0; k < e->count; k++)
        if (e->of[k].kind == kind)
            return &e->of[k];
    fail_msg("%s is missing", sl_told_name(kind));
    return NULL;
}

/* ---- one pair, by hand ---- */

static float score_hidden(const float *query, const float *other, const bool *hidden)
{
    float mean[SMALL_WIDTH], map[NUMBERS];
    sl_score score;
    const sl_match_options o = small_options(look);
    for (int c = 0; c < SMALL_WIDTH; c++) {
        double sum = 0;
        for (int i = 0; i < SMALL_CELLS; i++)
            sum += query[i * SMALL_WIDTH + c];
        mean[c] = (float)(sum / SMALL_CELLS);
    }
    for (int i = 0; i < SMALL_CELLS; i++)
        memcpy(map + i * SMALL_WIDTH, hidden[i] ? mean : query + i * SMALL_WIDTH, sizeof mean);
    sl_template *a = small_template(map), *b = small_template(other);
    assert_ok(sl_compare(a, b, &o, &score, &err));
    sl_template_free(a);
    sl_template_free(b);
    return score.stage2;
}

static void check_curves(const sl_told_rates *r, const float *importance, const float *query, const float *other)
{
    bool hidden[SMALL_CELLS] = {0}, left[SMALL_CELLS];
    double deletion = 0, insertion = 0;
    for (int n = 0; n <= SMALL_CELLS; n++) {
        for (int i = 0; i < SMALL_CELLS; i++)
            left[i] = !hidden[i];
        assert_true(fabs(r->hidden[n] - (double)score_hidden(query, other, hidden)) < 1e-5);
        assert_true(fabs(r->shown[n] - (double)score_hidden(query, other, left)) < 1e-5);
        const double part = n == 0 || n == SMALL_CELLS ? .5 : 1;
        deletion += part * r->hidden[n] / SMALL_CELLS;
        insertion += part * r->shown[n] / SMALL_CELLS;
        int best = -1;
        for (int i = 0; i < SMALL_CELLS; i++)
            if (!hidden[i] && (best < 0 || importance[i] > importance[best]))
                best = i;
        if (best >= 0)
            hidden[best] = true;
    }
    assert_true(fabs(r->deletion.mean - deletion) < 1e-5 && fabs(r->insertion.mean - insertion) < 1e-5);
}

static void curves_of_a_pair_by_hand(void **state)
{
    (void)state;
    static const sl_told kinds[] = {SL_TOLD_CC, SL_TOLD_ATTENTION, SL_TOLD_RELEVANCE};
    float photos[2][NUMBERS];
    sl_gallery *g = make_gallery(1, 2);
    sl_explained e;
    const sl_explain_options how = {.match = small_options(look), .pairs = 1, .seed = 3};
    assert_ok(sl_eval_explain(g, g, &how, &e, &err));
    assert_true(e.pairs == 1 && e.cells == SMALL_CELLS && e.count == 4);
    for (int p = 0; p < 2; p++)
        patches_of(0, p, photos[p]);
    const bool no[SMALL_CELLS] = {0};
    /* which of the two asks is drawn by the seed */
    const int asks = fabs(e.of[0].hidden[0] - (double)score_hidden(photos[0], photos[1], no)) > 1e-5;
    sl_template *query = small_template(photos[asks]), *other = small_template(photos[!asks]);
    for (int k = 0; k < 3; k++) {
        sl_heat heat;
        assert_ok(sl_heat_of_pair(query, other, &how.match, (sl_heat_kind)kinds[k], SL_ALL_HEADS, &heat, &err));
        check_curves(kind_of(&e, kinds[k]), heat.query, photos[asks], photos[!asks]);
        sl_heat_free(&heat);
    }
    const sl_told_rates *chance = kind_of(&e, SL_TOLD_RANDOM);
    for (int n = 0; n <= SMALL_CELLS; n++) /* what is hidden in one order is shown in its reverse */
        assert_true(fabs(chance->hidden[n] - chance->shown[SMALL_CELLS - n]) < 1e-6);
    sl_explained_free(&e);
    sl_template_free(query);
    sl_template_free(other);
    sl_gallery_close(g);
}

/* ---- over pairs ---- */

static void gains_are_differences_to_chance(void **state)
{
    (void)state;
    sl_explained e;
    sl_match_options emd = sl_match_defaults_of(SL_RERANK_EMD);
    const sl_explain_options how = {.match = emd, .pairs = 20};
    assert_ok(sl_eval_explain(gallery, gallery, &how, &e, &err));
    assert_true(e.pairs == 20 && e.count == 4 && e.of[3].kind == SL_TOLD_RANDOM);
    kind_of(&e, SL_TOLD_FLOW);
    kind_of(&e, SL_TOLD_WEIGHTS);
    for (int k = 0; k < e.count; k++) {
        const sl_told_rates *r = &e.of[k];
        assert_true(fabs(r->deletion_gain.mean - (e.of[3].deletion.mean - r->deletion.mean)) < 1e-6);
        assert_true(fabs(r->insertion_gain.mean - (r->insertion.mean - e.of[3].insertion.mean)) < 1e-6);
        assert_true(r->deletion.low <= r->deletion.mean && r->deletion.mean <= r->deletion.high);
    }
    /* shares are what the score is the sum of: they beat chance */
    assert_true(kind_of(&e, SL_TOLD_SHARES)->deletion_gain.low > 0);
    sl_explained_free(&e);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    sl_explained one, three;
    sl_explain_options how = {.match = small_options(look), .pairs = 8, .random_orders = 2};
    assert_ok(sl_eval_explain(gallery, gallery, &how, &one, &err));
    how.match.threads = 3;
    assert_ok(sl_eval_explain(gallery, gallery, &how, &three, &err));
    for (int k = 0; k < one.count; k++) {
        assert_memory_equal(&one.of[k].deletion, &three.of[k].deletion, sizeof one.of[k].deletion);
        assert_memory_equal(one.of[k].hidden, three.of[k].hidden, (SMALL_CELLS + 1) * sizeof(double));
        assert_memory_equal(one.of[k].shown, three.of[k].shown, (SMALL_CELLS + 1) * sizeof(double));
    }
    sl_explained_free(&one);
    sl_explained_free(&three);
}

static int stop(void *context, size_t done, size_t total)
{
    (void)context, (void)done, (void)total;
    return 1;
}

static void what_cannot_be_measured_is_refused(void **state)
{
    (void)state;
    sl_explained e;
    sl_explain_options how = {.match = sl_match_defaults_of(SL_RERANK_NONE)};
    assert_int_equal(sl_eval_explain(gallery, gallery, &how, &e, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "by cell"));
    sl_gallery *alone = make_gallery(3, 1);
    how.match = small_options(look);
    assert_int_equal(sl_eval_explain(alone, alone, &how, &e, &err), SL_ERR_ARGUMENT);
    how.progress = stop;
    assert_int_equal(sl_eval_explain(gallery, gallery, &how, &e, &err), SL_ERR_INTERRUPTED);
    assert_true(e.count == 0);
    sl_gallery_close(alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curves_of_a_pair_by_hand),
        cmocka_unit_test(gains_are_differences_to_chance),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(what_cannot_be_measured_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
