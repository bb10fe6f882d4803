/* Pairs by number, their published form, and the published scrambling over replicas. */
#include "../gallery/faces.h"

#include "eval/pairs.h"
#include "train/data/sampler.h"

enum { FACES = 31, PEOPLE = 11 }; /* the last person has one photo */

static sl_error err;
static sl_gallery *gallery;
static sl_source *source;

static int setup(void **state)
{
    (void)state;
    sl_template_shape shape = small_shape(SL_PATCHES_INT8);
    assert_ok(sl_gallery_open_shape(":memory:", SL_GALLERY_CREATE, &shape, MODEL_NAME, &gallery, &err));
    for (int n = 0; n < FACES; n++)
        add_face(gallery, n);
    assert_ok(sl_source_of_gallery(gallery, &(sl_source_filter){0}, &source, &err));
    assert_int_equal(sl_source_people(source), PEOPLE);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sl_source_close(source);
    sl_gallery_close(gallery);
    return 0;
}

static sl_pairs_walk *open_walk(sl_pairs_options options)
{
    sl_pairs_walk *w;
    assert_ok(sl_pairs_walk_open(source, &options, &w, &err));
    return w;
}

/* Half and half; each of the ten people with three photos has all six ordered pairs, once each, before one comes again;
 * and of two people everybody is first once a round, by each picture in turn. */
static void test_everybody_is_met(void **state)
{
    (void)state;
    sl_pairs_walk *w = open_walk((sl_pairs_options){.seed = 5});
    int of_one[FACES][FACES] = {{0}}, first[FACES] = {0}, second[PEOPLE] = {0};
    for (uint64_t t = 0; t < 2 * 10 * 6 * 2; t++) {
        sl_training_pair p = sl_pairs_walk_at(w, t), again = sl_pairs_walk_at(w, t);
        assert_true(p.first == again.first && p.second == again.second && p.same == again.same);
        int a = sl_source_person(source, p.first), b = sl_source_person(source, p.second);
        assert_true(p.same == (t % 2 == 0) && p.same == (a == b) && p.first != p.second);
        if (p.same)
            of_one[p.first][p.second]++;
        else if (t < 2 * 3 * PEOPLE)
            first[p.first]++, second[b]++;
    }
    for (int i = 0; i < FACES; i++)
        for (int j = 0; j < FACES; j++)
            assert_int_equal(of_one[i][j], i != j && i / 3 == j / 3 ? 2 : 0);
    int others = 0;
    for (int i = 0; i < FACES; i++)
        assert_int_equal(first[i], i == FACES - 1 ? 3 : 1);
    for (int p = 0; p < PEOPLE; p++)
        others += second[p] > 0;
    assert_true(others >= 8); /* of 33 draws among eleven, some twenty sigma */
    sl_pairs_walk_close(w);
}

static void test_seeds_differ(void **state)
{
    (void)state;
    sl_pairs_walk *a = open_walk((sl_pairs_options){.seed = 1}), *b = open_walk((sl_pairs_options){.seed = 2});
    int equal = 0;
    for (uint64_t t = 0; t < 200; t++)
        equal += sl_pairs_walk_at(a, t).first == sl_pairs_walk_at(b, t).first;
    assert_true(equal < 40);
    sl_pairs_walk_close(a);
    sl_pairs_walk_close(b);
}

/* torch.cat((img1, img2)).chunk(G), each chunk's halves zipped, done with arrays. */
static void test_scrambling(void **state)
{
    (void)state;
    enum { BATCH = 24 };
    static const size_t replicas[] = {1, 2, 3, 8};
    sl_pairs_walk *plain = open_walk((sl_pairs_options){.seed = 9});
    for (size_t k = 0; k < 4; k++) {
        const size_t g = replicas[k], half = BATCH / g;
        sl_pairs_walk *w = open_walk((sl_pairs_options){.seed = 9, .batch = BATCH, .replicas = g});
        int same = 0;
        for (uint64_t batch = 0; batch < 3; batch++) {
            size_t joined[2 * BATCH], n = 0;
            for (uint64_t i = 0; i < BATCH; i++) {
                sl_training_pair p = sl_pairs_walk_at(plain, batch * BATCH + i);
                joined[i] = p.first, joined[BATCH + i] = p.second;
            }
            for (size_t chunk = 0; chunk < g; chunk++)
                for (size_t i = 0; i < half; i++) {
                    sl_training_pair p = sl_pairs_walk_at(w, batch * BATCH + n++);
                    assert_int_equal(p.first, joined[chunk * 2 * half + i]);
                    assert_int_equal(p.second, joined[chunk * 2 * half + half + i]);
                    same += p.same;
                }
        }
        assert_true(g == 1 ? same == 36 : same < 20);
        sl_pairs_walk_close(w);
    }
    sl_pairs_walk_close(plain);
}

/* What is written is what the reader of evaluation reads: names with blanks, and ids that fit. */
static void test_written(void **state)
{
    (void)state;
    prefer_memory();
    char *dir = make_temp_dir(), path[512], *text;
    snprintf(path, sizeof path, "%s/pairs", dir);
    sl_pairs_walk *w = open_walk((sl_pairs_options){.seed = 4});
    assert_ok(sl_pairs_walk_write(w, 100, path, &err));
    FILE *f = fopen(path, "rb");
    text = calloc(1, 1 << 16);
    size_t size = fread(text, 1, (1 << 16) - 1, f);
    fclose(f);
    sl_pair_list list;
    assert_ok(sl_pairs_parse(text, size, path, &list, &err));
    assert_int_equal(list.count, 100);
    for (uint64_t t = 0; t < 100; t++) {
        sl_training_pair p = sl_pairs_walk_at(w, t);
        assert_string_equal(list.pairs[t].first, sl_source_image(source, p.first));
        assert_string_equal(list.pairs[t].second, sl_source_image(source, p.second));
        assert_int_equal(list.pairs[t].same, p.same);
    }
    sl_pairs_free(&list);
    assert_int_equal(sl_pairs_walk_write(w, 1, "/nowhere/at/all", &err), SL_ERR_IO);
    sl_pairs_walk_close(w);
    free(text);
    remove_tree(dir);
    free(dir);
}

static void expect_refused(int faces, int step, sl_pairs_options options, const char *says)
{
    sl_gallery *g;
    sl_source *s;
    sl_pairs_walk *w;
    sl_template_shape shape = small_shape(SL_PATCHES_INT8);
    assert_ok(sl_gallery_open_shape(":memory:", SL_GALLERY_CREATE, &shape, MODEL_NAME, &g, &err));
    for (int n = 0; n < faces; n++)
        add_face(g, n * step);
    assert_ok(sl_source_of_gallery(g, &(sl_source_filter){0}, &s, &err));
    assert_int_equal(sl_pairs_walk_open(s, &options, &w, &err), SL_ERR_ARGUMENT);
    assert_null(w);
    if (!strstr(err.text, says))
        fail_msg("'%s' does not say '%s'", err.text, says);
    sl_source_close(s);
    sl_gallery_close(g);
}

static void test_refused(void **state)
{
    (void)state;
    expect_refused(3, 1, (sl_pairs_options){0}, "one person only (person-0)");
    expect_refused(4, 3, (sl_pairs_options){0}, "each of the 4 people has one photo only");
    expect_refused(6, 1, (sl_pairs_options){.batch = 10, .replicas = 4}, "multiple");
    expect_refused(6, 1, (sl_pairs_options){.batch = 10}, "multiple");
    expect_refused(6, 1, (sl_pairs_options){.replicas = 4}, "multiple");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everybody_is_met), cmocka_unit_test(test_seeds_differ), cmocka_unit_test(test_scrambling),
        cmocka_unit_test(test_written),          cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
