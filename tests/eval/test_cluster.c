/* Clusters of faces that were made up: who is one person is known, and what is found must be that. */
#include "support.h"

#include "gallery/gallery.h"
#include "secondlook_eval.h"

enum { DIM = 32, PATCHES = 4, CHANNELS = 32 };

static sl_error err;

static sl_gallery *create(void)
{
    const sl_template_shape shape = {
        .fingerprint = {7}, .dim = DIM, .rows = 2, .cols = 2, .channels = CHANNELS, .format = SL_PATCHES_F32};
    sl_gallery *g;
    assert_ok(sl_gallery_open_shape(":memory:", SL_GALLERY_CREATE, &shape, "made-up", &g, &err));
    return g;
}

static void add(sl_gallery *g, const float *e, const float *patches)
{
    char image[32];
    sl_template *t;
    assert_ok(sl_template_make(sl_gallery_shape(g), e, patches, &t, &err));
    snprintf(image, sizeof image, "%zu", sl_gallery_size(g));
    assert_ok(sl_gallery_add(g, &(sl_entry){.image = image, .label = "somebody"}, t, NULL, &err));
    sl_template_free(t);
}

/* A photo of a person: alike to `noise` around what the person looks like. */
static void add_photo(sl_gallery *g, uint64_t person, uint64_t photo, float noise)
{
    float e[DIM], p[PATCHES * CHANNELS], own[PATCHES * CHANNELS];
    fill_random(e, DIM, person * 100 + 1, -1, 1);
    fill_random(own, DIM, person * 100 + 10 + photo, -noise, noise);
    for (int i = 0; i < DIM; i++)
        e[i] += own[i];
    fill_random(p, PATCHES * CHANNELS, person * 100 + 2, -1, 1);
    fill_random(own, PATCHES * CHANNELS, person * 100 + 50 + photo, -noise, noise);
    for (int i = 0; i < PATCHES * CHANNELS; i++)
        p[i] += own[i];
    add(g, e, p);
}

static sl_clusters cluster(const sl_gallery *g, sl_rerank rerank, float threshold, int threads)
{
    const sl_rule rule = sl_rule_given(threshold, rerank == SL_RERANK_NONE);
    sl_cluster_options o = {.match = sl_match_defaults_of(rerank), .rule = &rule};
    sl_clusters c;
    o.match.threads = threads;
    assert_ok(sl_gallery_cluster(g, &o, &c, &err));
    assert_int_equal(c.faces, sl_gallery_size(g));
    return c;
}

/* Person p has 2 + p photos, mixed up; the last three people have one. */
enum { PEOPLE = 12, LONERS = 3 };

static void people_are_found(void **state)
{
    (void)state;
    sl_gallery *g = create();
    int person[256], n = 0;
    for (int photo = 0; photo < PEOPLE + 2; photo++)
        for (int p = 0; p < PEOPLE; p++)
            if (photo < 2 + p) {
                person[n++] = p;
                add_photo(g, (uint64_t)p, (uint64_t)photo, .4f);
            }
    for (int p = 0; p < LONERS; p++, n++)
        add_photo(g, 50 + (uint64_t)p, 0, .4f);
    static const sl_rerank looks[] = {SL_RERANK_NONE, SL_RERANK_EMD};
    for (int l = 0; l < 2; l++) {
        sl_clusters one = cluster(g, looks[l], .6f, 1), many = cluster(g, looks[l], .6f, 3);
        assert_int_equal(one.clusters, PEOPLE);
        assert_memory_equal(one.cluster, many.cluster, one.faces * sizeof *one.cluster);
        for (int i = 0; i < n; i++) /* the largest first: person 11 is cluster 0 */
            assert_int_equal(one.cluster[i], i < n - LONERS ? (uint32_t)(PEOPLE - 1 - person[i]) : UINT32_MAX);
        sl_clusters_free(&one);
        sl_clusters_free(&many);
    }
    sl_gallery_close(g);
}

/* Two people, and one face in the middle between them that is like either: it does not join them. */
static void one_face_is_no_bridge(void **state)
{
    (void)state;
    enum { EACH = 6 };
    sl_gallery *g = create();
    float left[DIM] = {1}, right[DIM] = {.3f, .95393920f}, middle[DIM], patches[PATCHES * CHANNELS] = {0};
    patches[0] = 1;
    for (int i = 0; i < DIM; i++)
        middle[i] = left[i] + right[i];
    for (int i = 0; i < EACH; i++) {
        left[2 + i] = .2f;
        right[10 + i] = .2f;
        add(g, left, patches);
        add(g, right, patches);
        left[2 + i] = right[10 + i] = 0;
    }
    add(g, middle, patches);
    sl_clusters c = cluster(g, SL_RERANK_NONE, .7f, 1); /* middle is .8 like both, which are .3 like each other */
    assert_int_equal(c.clusters, 2);
    for (int i = 0; i < 2 * EACH; i++)
        assert_int_equal(c.cluster[i], c.cluster[i % 2]);
    assert_true(c.cluster[0] != c.cluster[1]);
    assert_true(c.cluster[2 * EACH] <= 1);
    sl_clusters_free(&c);
    sl_gallery_close(g);
}

static void what_cannot_be_asked(void **state)
{
    (void)state;
    sl_gallery *g = create();
    sl_clusters c = cluster(g, SL_RERANK_NONE, .5f, 1);
    assert_int_equal(c.clusters, 0);
    sl_clusters_free(&c);
    const sl_rule unknown = sl_rule_given(NAN, 0), rule = sl_rule_given(.5f, 0);
    sl_cluster_options o = {.match = sl_match_defaults_of(SL_RERANK_NONE), .rule = &unknown};
    assert_int_equal(sl_gallery_cluster(g, &o, &c, &err), SL_ERR_ARGUMENT);
    o.rule = NULL;
    assert_int_equal(sl_gallery_cluster(g, &o, &c, &err), SL_ERR_ARGUMENT);
    o.rule = &rule;
    o.neighbours = -1;
    assert_int_equal(sl_gallery_cluster(g, &o, &c, &err), SL_ERR_ARGUMENT);
    sl_gallery_close(g);
}

static int stop(void *context, size_t done, size_t total)
{
    (void)context, (void)done, (void)total;
    return 1;
}

static void it_can_be_stopped(void **state)
{
    (void)state;
    sl_gallery *g = create();
    add_photo(g, 1, 0, .1f);
    add_photo(g, 1, 1, .1f);
    const sl_rule rule = sl_rule_given(.5f, 0);
    const sl_cluster_options o = {.match = sl_match_defaults_of(SL_RERANK_NONE), .rule = &rule, .progress = stop};
    sl_clusters c;
    assert_int_equal(sl_gallery_cluster(g, &o, &c, &err), SL_ERR_INTERRUPTED);
    sl_gallery_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(people_are_found), cmocka_unit_test(one_face_is_no_bridge),
                                       cmocka_unit_test(what_cannot_be_asked), cmocka_unit_test(it_can_be_stopped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
