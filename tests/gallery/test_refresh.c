/* A reading handle that follows what is written: after each refresh it is what a handle that was opened just then is,
 * byte for byte and answer for answer. */
#include <fcntl.h>
#include <math.h>
#include <unistd.h>

#include "support.h"

#include "gallery/gallery.h"
#include "secondlook_serve.h"

enum { DIM = 24, PATCHES = 4, CHANNELS = 8, K = 7, MOST = 400 };

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

static sl_gallery *open_writer(const char *place)
{
    const sl_template_shape shape = {
        .fingerprint = {5}, .dim = DIM, .rows = 2, .cols = 2, .channels = CHANNELS, .format = SL_PATCHES_F32};
    sl_gallery *g;
    assert_ok(sl_gallery_open_shape(place, SL_GALLERY_CREATE, &shape, "made-up", &g, &err));
    return g;
}

static sl_gallery *open_reader(const char *place)
{
    sl_gallery *g;
    assert_ok(sl_gallery_open_shape(place, SL_GALLERY_READ, NULL, NULL, &g, &err));
    return g;
}

static void add_faces(sl_gallery *g, int from, int count)
{
    for (int n = from; n < from + count; n++) {
        float e[DIM], p[PATCHES * CHANNELS];
        char image[32], label[32];
        sl_template *t;
        fill_random(e, DIM, (uint64_t)n + 1, -1, 1);
        fill_random(p, PATCHES * CHANNELS, (uint64_t)n + 5000, -1, 1);
        snprintf(image, sizeof image, "photo %d", n);
        snprintf(label, sizeof label, "person %d", n / 3);
        assert_ok(sl_template_make(sl_gallery_shape(g), e, p, &t, &err));
        assert_ok(sl_gallery_add(g, &(sl_entry){.image = image, .label = label}, t, NULL, &err));
        sl_template_free(t);
    }
}

static void check_faces(const sl_gallery *followed, const sl_gallery *opened)
{
    const float *a, *b;
    const size_t faces = sl_gallery_size(opened);
    sl_gallery_info x, y;
    sl_gallery_get_info(followed, &x);
    sl_gallery_get_info(opened, &y);
    assert_memory_equal(&x, &y, sizeof x);
    for (size_t i = 0; i < faces; i++) {
        sl_entry p, q;
        sl_patch_source m, n;
        size_t at;
        assert_ok(sl_gallery_entry(followed, i, &p, &err));
        assert_ok(sl_gallery_entry(opened, i, &q, &err));
        assert_string_equal(p.image, q.image);
        assert_string_equal(p.label, q.label);
        assert_ok(sl_gallery_find(followed, q.image, &at, &err));
        assert_int_equal(at, i);
        assert_ok(sl_gallery_patches(followed, i, &m, &err));
        assert_ok(sl_gallery_patches(opened, i, &n, &err));
        assert_memory_equal(m.patches_f32, n.patches_f32, PATCHES * CHANNELS * sizeof(float));
    }
    assert_ok(sl_gallery_embeddings(followed, &a, &err));
    assert_ok(sl_gallery_embeddings(opened, &b, &err));
    if (faces)
        assert_memory_equal(a, b, faces * DIM * sizeof *a);
}

/* What is found is what a scan of the faces alone finds, whatever else lies between them. */
static void check_search(const sl_gallery *g, const sl_vectors *query, int k)
{
    float found[MOST], wanted[MOST];
    uint32_t x[MOST], y[MOST];
    sl_vectors all = {.count = sl_gallery_size(g), .dim = DIM};
    assert_ok(sl_gallery_embeddings(g, &all.data, &err));
    assert_ok(sl_cosine_top(&all, query, k, 1, y, wanted, &err));
    assert_ok(sl_gallery_expect(g, 1, 1, &err));
    assert_ok(sl_gallery_top(g, query, k, 1, x, found, &err));
    assert_memory_equal(x, y, (size_t)k * sizeof *x);
    assert_memory_equal(found, wanted, (size_t)k * sizeof *found);
}

/* Often enough that the followed one has its codes, which grow. */
static void check_answers(const sl_gallery *followed, const sl_gallery *opened)
{
    const int k = sl_gallery_size(opened) < K ? (int)sl_gallery_size(opened) : K;
    for (int i = 0; i < 3 && k; i++) {
        float q[DIM], a[K], b[K];
        uint32_t x[K], y[K];
        const sl_vectors query = {q, 1, DIM};
        fill_random(q, DIM, 900 + (uint64_t)i, -1, 1);
        check_search(opened, &query, k);
        assert_ok(sl_gallery_expect(followed, 1, 1, &err));
        assert_ok(sl_gallery_top(followed, &query, k, 1, x, a, &err));
        assert_ok(sl_gallery_top(opened, &query, k, 1, y, b, &err));
        assert_memory_equal(x, y, (size_t)k * sizeof *x);
        assert_memory_equal(a, b, (size_t)k * sizeof *a);
    }
}

static void check_follows(sl_gallery *followed, const char *place)
{
    assert_ok(sl_gallery_refresh(followed, &err));
    sl_gallery *opened = open_reader(place);
    check_faces(followed, opened);
    check_answers(followed, opened);
    sl_gallery_close(opened);
}

/* ---- tests ---- */

static void it_shows_what_was_committed_since(void **state)
{
    (void)state;
    size_t removed;
    sl_gallery *w = open_writer("g"), *r = open_reader("g");
    check_follows(r, "g"); /* nothing */
    static const int steps[] = {1, 15, 1, 16, 3, 40, 200, 1};
    int n = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; n += steps[i++]) {
        add_faces(w, n, steps[i]);
        if (i == 2)
            assert_int_equal(sl_gallery_size(r), 16); /* it is not committed */
        assert_ok(sl_gallery_commit(w, &err));
        check_follows(r, "g");
    }
    check_follows(r, "g"); /* nothing since */
    assert_ok(sl_gallery_remove(w, NULL, "person 4", &removed, &err));
    assert_int_equal(removed, 3);
    check_follows(r, "g");
    for (int i = 0; i < 5; i++, n += 30) { /* behind a removal, embeddings are gathered */
        add_faces(w, n, 30);
        assert_ok(sl_gallery_commit(w, &err));
        check_follows(r, "g");
    }
    assert_ok(sl_gallery_remove(w, "photo 0", NULL, &removed, &err));
    assert_ok(sl_gallery_rename(w, "person 1", "person 2", &removed, &err));
    check_follows(r, "g");
    sl_gallery_close(r);
    sl_gallery_close(w);
}

/* The nearest are removed, again and again, until one is left: a handle that has codes keeps them, and looks
 * further. */
static void removed_faces_are_never_found(void **state)
{
    (void)state;
    size_t removed;
    float q[2 * DIM];
    sl_gallery *w = open_writer("n");
    fill_random(q, 2 * DIM, 77, -1, 1);
    add_faces(w, 0, 330);
    assert_ok(sl_gallery_commit(w, &err));
    while (sl_gallery_size(w) > 1) {
        const sl_vectors query = {q, 2, DIM}, first = {q, 1, DIM};
        const size_t faces = sl_gallery_size(w);
        uint32_t nearest[2 * MOST];
        float cosine[2 * MOST];
        sl_entry entry;
        char image[32];
        check_search(w, &first, faces < K ? 1 : K);
        check_search(w, &first, (int)faces);
        assert_ok(sl_gallery_top(w, &query, (int)faces, 2, nearest, cosine, &err));
        for (size_t i = 0; i < 1 + faces / 4 && i < faces - 1; i++) {
            assert_ok(sl_gallery_top(w, &first, 1, 1, nearest, cosine, &err));
            assert_ok(sl_gallery_entry(w, nearest[0], &entry, &err));
            snprintf(image, sizeof image, "%s", entry.image);
            assert_ok(sl_gallery_remove(w, image, NULL, &removed, &err));
            assert_int_equal(removed, 1);
        }
    }
    sl_gallery *r = open_reader("n");
    check_search(r, &(sl_vectors){q, 1, DIM}, 1);
    sl_gallery_close(r);
    uint32_t more[4]; /* than there are */
    float cosine[4];
    assert_ok(sl_gallery_top(w, &(sl_vectors){q, 1, DIM}, 4, 1, more, cosine, &err));
    assert_true(more[0] == 0 && more[1] == UINT32_MAX && more[3] == UINT32_MAX && cosine[3] == -INFINITY);
    sl_gallery_close(w);
}

/* A removed face whose row is damaged, which is why it was removed, stands in nobody's way. */
static void a_damaged_row_that_is_removed(void **state)
{
    (void)state;
    size_t removed;
    float q[DIM], bad = NAN;
    sl_gallery *w = open_writer("d");
    fill_random(q, DIM, 78, -1, 1);
    const sl_vectors query = {q, 1, DIM};
    add_faces(w, 0, 40);
    assert_ok(sl_gallery_commit(w, &err));
    const int fd = open("d/embeddings.1", O_RDWR);
    assert_true(pwrite(fd, &bad, sizeof bad, 5 * DIM * 4) == sizeof bad);
    close(fd);
    uint32_t index[40];
    float cosine[40];
    sl_gallery *r = open_reader("d");
    assert_int_equal(sl_gallery_top(r, &query, 40, 1, index, cosine, &err), SL_ERR_CORRUPT);
    sl_gallery_close(r);
    assert_ok(sl_gallery_remove(w, "photo 5", NULL, &removed, &err));
    for (int i = 0; i < 3; i++)
        check_search(w, &query, K);
    sl_gallery_close(w);
    r = open_reader("d");
    for (int i = 0; i < 3; i++)
        check_search(r, &query, K);
    sl_gallery_close(r);
}

static void a_compaction_ends_it(void **state)
{
    (void)state;
    size_t removed;
    sl_gallery *w = open_writer("c");
    add_faces(w, 0, 9);
    assert_ok(sl_gallery_commit(w, &err));
    sl_gallery *r = open_reader("c");
    assert_ok(sl_gallery_remove(w, NULL, "person 1", &removed, &err));
    sl_gallery_close(w);
    assert_ok(sl_gallery_compact("c", NULL, NULL, &err));
    assert_int_equal(sl_gallery_refresh(r, &err), SL_ERR_MISMATCH);
    sl_gallery_close(r);
}

static void what_cannot_follow_says_so(void **state)
{
    (void)state;
    sl_gallery *w = open_writer("w"), *m = open_writer(":memory:");
    assert_int_equal(sl_gallery_refresh(w, &err), SL_ERR_UNSUPPORTED);
    assert_int_equal(sl_gallery_refresh(m, &err), SL_ERR_UNSUPPORTED);
    assert_int_equal(sl_gallery_refresh(NULL, &err), SL_ERR_ARGUMENT);
    sl_gallery_close(m);
    sl_gallery_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_shows_what_was_committed_since),
                                       cmocka_unit_test(removed_faces_are_never_found),
                                       cmocka_unit_test(a_damaged_row_that_is_removed),
                                       cmocka_unit_test(a_compaction_ends_it),
                                       cmocka_unit_test(what_cannot_follow_says_so)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
