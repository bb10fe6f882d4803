/* Threads that read one handle together, while a writer and a compaction go on beside them. Meant to be run
 * with -fsanitize=thread too. */
#define _GNU_SOURCE
#include "faces.h"
#include "base/threads.h"
#include "gallery/gallery.h"

#include <pthread.h>

enum { FACES = 150, THREADS = 6 };

typedef struct {
    const sl_gallery *gallery;
    int number;
    const char *wrong;
} reader;

static void *read_all(void *context)
{
    reader *r = context;
    sl_error err;
    for (int k = 0; k < FACES && !r->wrong; k++) {
        size_t i = (size_t)(k * 7 + r->number * 31) % FACES, found;
        const float *embeddings;
        sl_patch_source p;
        const sl_point *landmarks;
        if (sl_gallery_embeddings(r->gallery, &embeddings, &err) ||
            sl_gallery_patches(r->gallery, i, &p, &err) ||
            sl_gallery_landmarks(r->gallery, i, &landmarks, &err) ||
            sl_gallery_find(r->gallery, sl_gallery_image(r->gallery, i), &found, &err) || found != i)
            r->wrong = "read failed";
        else
            r->wrong = face_differs(r->gallery, i, (int)i, &err);
    }
    return NULL;
}

static void read_in_parallel(const sl_gallery *g)
{
    pthread_t threads[THREADS];
    reader readers[THREADS];
    for (int t = 0; t < THREADS; t++) {
        readers[t] = (reader){.gallery = g, .number = t};
        assert_int_equal(pthread_create(&threads[t], NULL, read_all, &readers[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
        if (readers[t].wrong)
            fail_msg("thread %d: %s", t, readers[t].wrong);
    }
}

static void threads_share_a_handle(void **state)
{
    (void)state;
    sl_error err;
    char *dir = make_temp_dir();
    make_gallery(dir, FACES, 50);
    sl_gallery *g = open_gallery(dir, SL_GALLERY_READ);
    read_in_parallel(g);
    read_in_parallel(g);
    sl_gallery_close(g);

    g = open_gallery(dir, SL_GALLERY_WRITE); /* a writer's handle too, with a removed row and a pending one */
    add_face(g, FACES);
    char image[64], label[64];
    face_entry(FACES, image, label);
    assert_ok(sl_gallery_remove(g, image, NULL, NULL, &err));
    add_face(g, FACES + 1);
    read_in_parallel(g);
    sl_gallery_close(g);
    remove_tree(dir);
    free(dir);
}

typedef struct {
    const char *dir;
    int stop;
    int opened;
    const char *wrong;
} opener;

/* Opens again and again: at every moment a whole gallery is there, with faces 0 .. FACES-1 in front. */
static void *open_again(void *context)
{
    opener *o = context;
    sl_error err;
    while (!__atomic_load_n(&o->stop, __ATOMIC_ACQUIRE) && !o->wrong) {
        sl_gallery *g;
        if (sl_gallery_open_shape(o->dir, SL_GALLERY_READ, NULL, NULL, &g, &err)) {
            o->wrong = strdup(err.text);
            break;
        }
        o->opened++;
        if (sl_gallery_size(g) < FACES)
            o->wrong = "faces are missing";
        else
            o->wrong = face_differs(g, (size_t)o->opened % FACES, o->opened % FACES, &err);
        sl_gallery_close(g);
    }
    return NULL;
}

static void readers_beside_a_writer(void **state)
{
    (void)state;
    sl_error err;
    char *dir = make_temp_dir();
    make_gallery(dir, FACES, FACES);
    opener o = {.dir = dir};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, open_again, &o), 0);
    for (int round = 0; round < 40; round++) {
        sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE);
        for (int n = FACES; n < FACES + 8; n++) {
            add_face(g, n);
            assert_ok(sl_gallery_commit(g, &err));
        }
        for (int n = FACES; n < FACES + 8; n++) {
            char image[64], label[64];
            face_entry(n, image, label);
            assert_ok(sl_gallery_remove(g, image, NULL, NULL, &err));
        }
        add_face(g, FACES + 9); /* never committed: the next writer cuts it off */
        sl_gallery_close(g);
        if (round % 4 == 3)
            assert_ok(sl_gallery_compact(dir, NULL, NULL, &err));
    }
    __atomic_store_n(&o.stop, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    if (o.wrong)
        fail_msg("after %d openings: %s", o.opened, o.wrong);
    assert_true(o.opened > 0);
    remove_tree(dir);
    free(dir);
}

/* One search; its answer is that of a plain scan. */
static void search(void *gallery, size_t item, int worker)
{
    enum { K = 7 };
    const sl_gallery *g = gallery;
    float query[5], found[K], wanted[K];
    uint32_t index[K], right[K];
    sl_error err;
    sl_vectors all = {.count = sl_gallery_size(g), .dim = 5};
    const sl_vectors asked = {query, 1, 5};
    (void)worker;
    fill_random(query, 5, item, -1, 1);
    assert_ok(sl_gallery_expect(g, 1, 1, &err));
    assert_ok(sl_gallery_top(g, &asked, K, 2, index, found, &err));
    if (item % 16) /* the others check rows meanwhile */
        return;
    assert_ok(sl_gallery_embeddings(g, &all.data, &err));
    assert_ok(sl_cosine_top(&all, &asked, K, 1, right, wanted, &err));
    assert_memory_equal(index, right, sizeof index);
    assert_memory_equal(found, wanted, sizeof found);
}

/* What the first searches of a gallery with codes find out and keep, they find out together. */
static void threads_search_first(void **state)
{
    (void)state;
    char *dir = make_temp_dir();
    make_gallery(dir, 500, 250);
    for (int round = 0; round < 3; round++) {
        sl_gallery *g = open_gallery(dir, SL_GALLERY_READ);
        sl_parallel_for(THREADS, 160, search, g);
        sl_gallery_close(g);
    }
    remove_tree(dir);
    free(dir);
}

int main(void)
{
    prefer_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_share_a_handle),
        cmocka_unit_test(readers_beside_a_writer),
        cmocka_unit_test(threads_search_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
