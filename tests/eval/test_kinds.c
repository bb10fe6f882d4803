/* What a gallery answers does not depend on its kind: the same faces in a folder and in memory, searched and evaluated.
 * Another kind takes the place of memory where SL_OTHER_KIND says (support.h). */
#include <stdatomic.h>
#include <unistd.h>

#include "support.h"

#include "gallery/kind.h"
#include "secondlook_eval.h"

enum { PEOPLE = 40, PHOTOS = 3, DIM = 16, PATCHES = 6, CHANNELS = 8, QUERIES = 20, TOP = 6 };

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

/* ---- faces: a person's photos are much like him ---- */

static void blend(float *x, int count, uint64_t person, uint64_t photo)
{
    float own[PATCHES * CHANNELS];
    fill_random(x, (size_t)count, person * 1000 + 1, -1, 1);
    fill_random(own, (size_t)count, person * 1000 + 500 + photo, -1, 1);
    for (int i = 0; i < count; i++)
        x[i] += own[i] / 4;
}

static void add_photo(sl_gallery *g, int person, int photo, const char *instead_of)
{
    float e[DIM], p[PATCHES * CHANNELS];
    char image[32], label[16];
    sl_template *t;
    blend(e, DIM, (uint64_t)person, (uint64_t)photo);
    blend(p, PATCHES * CHANNELS, (uint64_t)person + 1000, (uint64_t)photo);
    assert_ok(sl_template_make(sl_gallery_shape(g), e, p, &t, &err));
    t->has_landmarks = 1;
    for (int i = 0; i < 68; i++)
        t->landmarks[i] = (sl_point){(float)(i + person) / 128, (float)(i + photo) / 128};
    snprintf(label, sizeof label, "p%d", person);
    snprintf(image, sizeof image, "%s/%d.jpg", label, photo);
    const sl_entry entry = {.image = image, .label = label};
    if (instead_of)
        assert_ok(sl_gallery_replace(g, instead_of, &entry, t, NULL, &err));
    else
        assert_ok(sl_gallery_add(g, &entry, t, NULL, &err));
    sl_template_free(t);
}

static sl_gallery *create(const char *place, sl_patch_format format)
{
    const sl_template_shape shape = {
        .fingerprint = {9}, .dim = DIM, .rows = 2, .cols = 3, .channels = CHANNELS, .format = format};
    sl_gallery *g;
    assert_ok(sl_gallery_open_shape(place, SL_GALLERY_CREATE, &shape, "made-up", &g, &err));
    return g;
}

/* With faces that were replaced and removed. */
static sl_gallery *make_faces(const char *place, sl_patch_format format)
{
    sl_gallery *g = create(place, format);
    size_t removed;
    for (int n = 0; n < PEOPLE * PHOTOS; n++)
        add_photo(g, n / PHOTOS, n % PHOTOS, NULL);
    add_photo(g, 3, 9, "p3/1.jpg");
    assert_ok(sl_gallery_remove(g, NULL, "p7", &removed, &err));
    assert_int_equal(removed, PHOTOS);
    assert_ok(sl_gallery_commit(g, &err));
    return g;
}

/* Some of people who are there, some of strangers. */
static sl_gallery *make_queries(const char *place, sl_patch_format format)
{
    sl_gallery *g = create(place, format);
    for (int n = 0; n < QUERIES; n++)
        add_photo(g, n * 5 / 2, 20, NULL);
    assert_ok(sl_gallery_commit(g, &err));
    return g;
}

/* ---- identification ---- */

static void expect_same_candidates(const sl_candidate *a, const sl_candidate *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_true(a[i].rank == b[i].rank && a[i].entry == b[i].entry);
        assert_string_equal(a[i].label, b[i].label);
        assert_string_equal(a[i].image, b[i].image);
        assert_memory_equal(&a[i].score, &b[i].score, sizeof a[i].score);
        assert_memory_equal(&a[i].stage1, &b[i].stage1, sizeof a[i].stage1);
        assert_memory_equal(&a[i].stage2, &b[i].stage2, sizeof a[i].stage2);
    }
}

static void expect_same_answers(const sl_answer *a, const sl_answer *b, size_t count)
{
    for (size_t q = 0; q < count; q++) {
        assert_true(a[q].decision == b[q].decision && a[q].pairs == b[q].pairs);
        assert_int_equal(a[q].count, TOP);
        assert_int_equal(b[q].count, TOP);
        expect_same_candidates(a[q].candidates, b[q].candidates, TOP);
        expect_same_candidates(a[q].stage1_candidates, b[q].stage1_candidates, TOP);
    }
}

/* Twice, so that the second time an index is there; out [2 * QUERIES]. */
static void identify(const sl_gallery *g, const sl_gallery *queries, sl_rerank rerank, sl_answer *out)
{
    const sl_rule rule = sl_rule_given(.5f, 0);
    sl_identify_options o = {.match = sl_match_defaults_of(rerank), .top = TOP, .rule = &rule};
    sl_template *asked[QUERIES];
    o.match.threads = 2;
    o.match.k = 30;
    for (size_t q = 0; q < QUERIES; q++)
        assert_ok(sl_gallery_template(queries, q, &asked[q], &err));
    assert_ok(sl_identify(NULL, g, asked[0], &o, &out[0], &err));
    assert_ok(sl_identify_all(NULL, g, (const sl_template *const *)asked + 1, QUERIES - 1, &o, out + 1, &err));
    assert_ok(sl_identify_all(NULL, g, (const sl_template *const *)asked, QUERIES, &o, out + QUERIES, &err));
    for (size_t q = 0; q < QUERIES; q++)
        sl_template_free(asked[q]);
}

static void free_answers(sl_answer *answers)
{
    for (size_t i = 0; i < 2 * QUERIES; i++)
        sl_answer_free(&answers[i]);
}

static void searches_answer_alike(void **state)
{
    (void)state;
    static const sl_rerank looks[] = {SL_RERANK_NONE, SL_RERANK_EMD, SL_RERANK_MAXSIM};
    static const sl_patch_format formats[] = {SL_PATCHES_INT8, SL_PATCHES_F32};
    for (int f = 0; f < 2; f++) {
        char folder[32], other[256];
        snprintf(folder, sizeof folder, "folder-%d", f);
        sl_gallery *a = make_faces(folder, formats[f]), *b = make_faces(fresh_place(other), formats[f]);
        sl_gallery *queries = make_queries(fresh_place(other), formats[f]);
        for (int l = 0; l < 3; l++) {
            sl_answer of_a[2 * QUERIES], of_b[2 * QUERIES];
            identify(a, queries, looks[l], of_a);
            identify(b, queries, looks[l], of_b);
            expect_same_answers(of_a, of_b, 2 * QUERIES);
            assert_string_equal(of_a[0].candidates[0].label, "p0"); /* and the answers are right */
            free_answers(of_a);
            free_answers(of_b);
        }
        sl_gallery_close(a);
        sl_gallery_close(b);
        sl_gallery_close(queries);
    }
}

/* ---- a kind that answers stage 1 itself ---- */

static atomic_size_t batches, asked_in_all;

static sl_status own_top(const sl_gallery *g, const sl_vectors *queries, int k, int threads, uint32_t *index,
                         float *cosine, sl_error *why)
{
    sl_vectors all = {.count = g->faces, .dim = g->shape->dim};
    atomic_fetch_add(&batches, 1);
    atomic_fetch_add(&asked_in_all, queries->count);
    SL_TRY(sl_memory_kind.embeddings((sl_gallery *)g, &all.data, why));
    return sl_cosine_top(&all, queries, k, threads, index, cosine, why);
}

static sl_status no_embeddings(sl_gallery *g, const float **out, sl_error *why)
{
    (void)out;
    return sl_fail(why, SL_ERR_INTERNAL, "%s: all embeddings are asked for", g->place);
}

static void a_kind_may_answer_stage_1_itself(void **state)
{
    (void)state;
    sl_gallery_kind answering = sl_memory_kind;
    answering.top = own_top;
    answering.embeddings = no_embeddings;
    sl_gallery *a = make_faces(":memory:", SL_PATCHES_F32), *b = make_faces(":memory:", SL_PATCHES_F32);
    sl_gallery *queries = make_queries(":memory:", SL_PATCHES_F32);
    sl_answer of_a[2 * QUERIES], of_b[2 * QUERIES];
    b->kind = &answering;
    identify(a, queries, SL_RERANK_EMD, of_a);
    identify(b, queries, SL_RERANK_EMD, of_b);
    expect_same_answers(of_a, of_b, 2 * QUERIES);
    assert_true(asked_in_all >= 2 * QUERIES && batches < asked_in_all / 2); /* in batches, for two threads */
    free_answers(of_a);
    free_answers(of_b);
    sl_gallery_close(a);
    sl_gallery_close(b);
    sl_gallery_close(queries);
}

/* ---- evaluations ---- */

static char *read_text(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);
    assert_true(f && text);
    *size = fread(text, 1, 1 << 20, f);
    fclose(f);
    assert_true(*size > 0);
    return text;
}

static void expect_same_files(const char *a, const char *b)
{
    size_t size_a, size_b;
    char *text_a = read_text(a, &size_a), *text_b = read_text(b, &size_b);
    assert_int_equal(size_a, size_b);
    assert_memory_equal(text_a, text_b, size_a);
    free(text_a);
    free(text_b);
}

/* Every query's ranks, rates and first photos are in the CSV. */
static void evaluate(const sl_gallery *g, const sl_gallery *queries, const char *csv, sl_evaluation out[2])
{
    sl_eval_config c[2] = {{.match = sl_match_defaults_of(SL_RERANK_EMD), .name = "emd"},
                           {.match = sl_match_defaults_of(SL_RERANK_MAXSIM), .name = "maxsim, lmk"}};
    const sl_eval_options o = {.seed = 3, .threads = 2, .exclude_same_photo = 1, .csv = csv};
    c[0].match.k = 20;
    c[1].match.weighting = SL_WEIGHT_LMK;
    assert_ok(sl_eval_identify(g, queries, c, 2, &o, out, &err));
    assert_true(out[0].queries > 0 && out[0].unmatched > 0);
    for (int i = 0; i < 2; i++)
        out[i].seconds_stage1 = out[i].seconds_stage2 = 0;
}

static void write_pairs(const char *path)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int n = 0; n < 40; n++)
        fprintf(f, "p%d/0.jpg p%d/2.jpg %d\n", n % 20, n % 2 ? n % 20 : 39 - n / 2, n % 2);
    fclose(f);
}

static void verify(const sl_gallery *g, const char *csv)
{
    const sl_verify_options o = {.match = sl_match_defaults_of(SL_RERANK_EMD), .csv = csv};
    sl_verification v;
    assert_ok(sl_eval_verify(g, "pairs.txt", &o, &v, &err));
    assert_int_equal(v.pairs, 40);
    assert_true(v.missing > 0 && v.missing < 20); /* those of person 7, who was removed */
    sl_verification_free(&v);
}

static void expect_same_rates(const sl_openset_rates *a, const sl_openset_rates *b)
{
    const size_t size = a->points * sizeof(double);
    assert_memory_equal(a->at, b->at, sizeof a->at);
    assert_true(a->points == b->points && a->points > 2);
    assert_memory_equal(a->thresholds, b->thresholds, size);
    assert_memory_equal(a->fpir, b->fpir, size);
    assert_memory_equal(a->fnir, b->fnir, size);
}

static void evaluations_answer_alike(void **state)
{
    (void)state;
    char other[256];
    sl_gallery *a = make_faces("folder", SL_PATCHES_INT8), *b = make_faces(fresh_place(other), SL_PATCHES_INT8);
    sl_gallery *asked_a = make_queries("queries", SL_PATCHES_INT8),
               *asked_b = make_queries(fresh_place(other), SL_PATCHES_INT8);
    sl_evaluation of_a[2], of_b[2];
    evaluate(a, asked_a, "a.csv", of_a);
    evaluate(b, asked_b, "b.csv", of_b);
    assert_memory_equal(of_a, of_b, sizeof of_a);
    expect_same_files("a.csv", "b.csv");

    write_pairs("pairs.txt");
    verify(a, "a-pairs.csv");
    verify(b, "b-pairs.csv");
    expect_same_files("a-pairs.csv", "b-pairs.csv");

    sl_openset open_a, open_b;
    const sl_openset_options o = {.match = sl_match_defaults_of(SL_RERANK_EMD)};
    assert_ok(sl_eval_openset(a, asked_a, &o, &open_a, &err));
    assert_ok(sl_eval_openset(b, asked_b, &o, &open_b, &err));
    assert_true(open_a.mated == open_b.mated && open_a.nonmated == open_b.nonmated && open_a.strangers > 0);
    expect_same_rates(&open_a.stage1, &open_b.stage1);
    expect_same_rates(&open_a.score, &open_b.score);
    sl_openset_free(&open_a);
    sl_openset_free(&open_b);
    sl_gallery *const all[] = {a, b, asked_a, asked_b};
    for (int i = 0; i < 4; i++)
        sl_gallery_close(all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(searches_answer_alike, setup, teardown),
        cmocka_unit_test_setup_teardown(a_kind_may_answer_stage_1_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(evaluations_answer_alike, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
