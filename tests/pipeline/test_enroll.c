/* Enrolment of real photos: the same bytes whatever the threads, bad photos amid good ones, interruptions. Meant to be
 * run with -fsanitize=thread too. Skipped without ../shared and the fetched models. */
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfw.h"

#include "base/file.h"
#include "gallery/gallery.h"
#include "image/image.h"

enum { GOOD = 18, BAD = 4, PHOTOS = GOOD + BAD };

static sl_error err;
static char *folder;
static sl_engine *engine;
static sl_photo photos[PHOTOS];

static void path_in(const char *name, char out[600])
{
    snprintf(out, 600, "%s/%s", folder, name);
}

static void list_photo(int i, const char *name, const char *label)
{
    char path[600];
    path_in(name, path);
    photos[i] = (sl_photo){.path = strdup(path), .image = strdup(name), .label = strdup(label)};
}

static void write_text(const char *name)
{
    char path[600];
    path_in(name, path);
    assert_ok(sl_write_file(path, "no picture", 10, &err));
}

static void write_black(const char *name)
{
    char path[600];
    sl_image black;
    path_in(name, path);
    assert_ok(sl_image_new(400, 300, 3, &black, &err));
    memset(black.pixels, 0, 400 * 300 * 3);
    assert_ok(sl_image_write(path, &black, &err));
    sl_image_free(&black);
}

/* Good photos with four others among them: not there, no picture, no face, a label that cannot be stored. */
static int make_photos(void **state)
{
    (void)state;
    char *detector = model_path("retinaface-mnet25.onnx"), *model = model_path("mobilefacenet-192.tflite");
    FILE *f = lfw_open();
    if (!detector || !model || !f)
        SKIP_PROGRAM("../shared/data/lfw-deepfunneled.tar or the fetched models are not here");
    free(detector);
    free(model);
    folder = make_temp_dir();
    int bad = 0;
    for (int i = 0; i < PHOTOS; i++) {
        char name[40], path[600], label[20];
        snprintf(name, sizeof name, "%d.jpg", i);
        snprintf(label, sizeof label, i == 15 ? "a\nb" : "person %d", i);
        list_photo(i, name, label);
        if (i % 5 != 0 || bad == BAD) {
            sl_image photo;
            assert_true(lfw_next(f, &photo));
            path_in(name, path);
            assert_ok(sl_image_write(path, &photo, &err));
            sl_image_free(&photo);
        } else if (bad++ == 1) {
            write_text(name);
        } else if (i == 10) {
            write_black(name);
        } else if (i == 15) {
            char from[600];
            path_in("14.jpg", from);
            path_in(name, path);
            assert_int_equal(link(from, path), 0);
        }
    }
    fclose(f);
    const sl_engine_options options = {.landmarks = "none"};
    assert_ok(sl_engine_open(&options, &engine, &err));
    return 0;
}

static int remove_photos(void **state)
{
    (void)state;
    sl_engine_close(engine);
    for (int i = 0; i < PHOTOS; i++) {
        free(photos[i].path);
        free(photos[i].image);
        free(photos[i].label);
    }
    remove_tree(folder);
    free(folder);
    return 0;
}

/* ---- galleries ---- */

static sl_gallery *open_gallery(const char *name, sl_gallery_mode mode)
{
    char path[600];
    sl_gallery *g;
    path_in(name, path);
    assert_ok(
        sl_gallery_open(path, mode, &(sl_gallery_options){.engine = engine, .patches = SL_PATCHES_INT8}, &g, &err));
    return g;
}

/* Calls back from the run; all must come on the thread that called it. */
typedef struct {
    pthread_t caller;
    size_t stop_at, told; /* photos done */
    int refused[PHOTOS], refusals;
    sl_enroll_note several;
} listener;

static int on_progress(void *context, size_t done, size_t total)
{
    listener *l = context;
    assert_true(pthread_equal(l->caller, pthread_self()));
    assert_true(done >= l->told && done <= total && total == PHOTOS);
    l->told = done;
    return l->stop_at && done >= l->stop_at;
}

static void on_told(void *context, const sl_enroll_note *note)
{
    listener *l = context;
    assert_true(pthread_equal(l->caller, pthread_self()));
    assert_true(note->why.text[0]);
    if (note->event == SL_ENROLL_SEVERAL_FACES) {
        l->several = *note;
        return;
    }
    assert_int_equal(note->event, SL_ENROLL_REFUSED);
    assert_true(note->why.status != SL_OK);
    l->refused[l->refusals++] = (int)(note->photo - photos);
}

static sl_status enroll(const char *gallery, int threads, int all_faces, size_t stop_at, listener *l,
                        sl_enroll_report *report)
{
    sl_gallery *g = open_gallery(gallery, SL_GALLERY_CREATE);
    sl_enroll_options o = sl_enroll_defaults();
    *l = (listener){.caller = pthread_self(), .stop_at = stop_at};
    o.threads = threads;
    o.all_faces = all_faces;
    o.keep_crops = 1;
    o.progress = on_progress;
    o.told = on_told;
    o.context = l;
    sl_status status = sl_enroll(engine, g, photos, PHOTOS, &o, report, &err);
    sl_gallery_close(g);
    return status;
}

static void copy_gallery(const char *from, const char *to)
{
    char source[600], target[600], file[1200];
    struct dirent **names;
    path_in(from, source);
    path_in(to, target);
    assert_int_equal(mkdir(target, 0777), 0);
    int n = scandir(source, &names, NULL, alphasort);
    assert_true(n > 2);
    for (int i = 0; i < n; free(names[i++])) {
        uint8_t *data;
        size_t size;
        if (names[i]->d_name[0] == '.')
            continue;
        snprintf(file, sizeof file, "%s/%s", source, names[i]->d_name);
        assert_ok(sl_read_file(file, 1 << 28, &data, &size, &err));
        snprintf(file, sizeof file, "%s/%s", target, names[i]->d_name);
        assert_ok(sl_write_file(file, data, size, &err));
        free(data);
    }
    free(names);
}

static void expect_same_bytes(const char *a, const char *b)
{
    char dir_a[600], dir_b[600], file[1200];
    struct dirent **names;
    path_in(a, dir_a);
    path_in(b, dir_b);
    int n = scandir(dir_a, &names, NULL, alphasort), compared = 0;
    for (int i = 0; i < n; free(names[i++])) {
        uint8_t *x, *y;
        size_t size_x, size_y;
        if (names[i]->d_name[0] == '.')
            continue;
        snprintf(file, sizeof file, "%s/%s", dir_a, names[i]->d_name);
        assert_ok(sl_read_file(file, 1 << 28, &x, &size_x, &err));
        snprintf(file, sizeof file, "%s/%s", dir_b, names[i]->d_name);
        assert_ok(sl_read_file(file, 1 << 28, &y, &size_y, &err));
        if (size_x != size_y || memcmp(x, y, size_x) != 0)
            fail_msg("%s differs between %s and %s", names[i]->d_name, a, b);
        compared++;
        free(x);
        free(y);
    }
    free(names);
    assert_true(compared >= 4);
}

static void threads_write_the_same_bytes(void **state)
{
    (void)state;
    listener l;
    sl_enroll_report r;
    sl_gallery_close(open_gallery("empty", SL_GALLERY_CREATE)); /* its random number is that of all copies */
    copy_gallery("empty", "one");
    copy_gallery("empty", "two");
    copy_gallery("empty", "five");
    const char *const names[] = {"one", "two", "five"};
    static const int threads[] = {1, 2, 5}, bad[BAD] = {0, 5, 10, 15};
    for (int i = 0; i < 3; i++) {
        assert_ok(enroll(names[i], threads[i], 0, 0, &l, &r));
        assert_int_equal(r.photos, PHOTOS);
        assert_int_equal(r.enrolled, GOOD);
        assert_int_equal(r.no_face, 1);
        assert_int_equal(r.unreadable, 2);
        assert_int_equal(r.unstorable, 1);
        assert_int_equal(r.committed, GOOD);
        assert_int_equal(l.refusals, BAD);
        assert_memory_equal(l.refused, bad, sizeof bad);
        assert_int_equal(l.told, PHOTOS);
        assert_true(r.cpu.decode > 0 && r.cpu.detect > 0 && r.cpu.embed > 0 && r.cpu.add > 0);
    }
    expect_same_bytes("one", "two");
    expect_same_bytes("one", "five");
}

static void all_faces_too(void **state)
{
    (void)state;
    listener l;
    sl_enroll_report one, three;
    copy_gallery("empty", "all-1");
    copy_gallery("empty", "all-3");
    assert_ok(enroll("all-1", 1, 1, 0, &l, &one));
    assert_ok(enroll("all-3", 3, 1, 0, &l, &three));
    assert_true(one.enrolled >= GOOD && one.enrolled == three.enrolled);
    expect_same_bytes("all-1", "all-3");
}

/* What was told as enrolled is there; a second run goes on, and ends with the same faces in the same order. */
static void interruption_keeps_what_was_told(void **state)
{
    (void)state;
    listener l;
    sl_enroll_report r;
    size_t kept;
    assert_int_equal(enroll("stopped", 3, 0, 7, &l, &r), SL_ERR_INTERRUPTED);
    sl_gallery *g = open_gallery("stopped", SL_GALLERY_READ);
    kept = sl_gallery_size(g);
    sl_gallery_close(g);
    assert_true(kept == r.enrolled && kept == r.committed && kept >= 5 && kept < GOOD);
    assert_ok(enroll("stopped", 2, 0, 0, &l, &r));
    assert_int_equal(r.existing, kept);
    assert_int_equal(r.enrolled, GOOD - kept);

    sl_gallery *whole = open_gallery("one", SL_GALLERY_READ);
    g = open_gallery("stopped", SL_GALLERY_READ);
    const float *x, *y;
    assert_ok(sl_gallery_embeddings(whole, &x, &err));
    assert_ok(sl_gallery_embeddings(g, &y, &err));
    for (size_t i = 0; i < GOOD; i++)
        assert_string_equal(sl_gallery_image(whole, i), sl_gallery_image(g, i));
    assert_memory_equal(x, y, GOOD * 192 * sizeof(float));
    sl_gallery_close(g);
    sl_gallery_close(whole);
}

/* Two people side by side, and one with another far behind. */
static void write_pair(const char *name, int far)
{
    char path[600];
    sl_image pair, one, other;
    path_in("1.jpg", path);
    assert_ok(sl_image_read(path, &one, &err));
    path_in("2.jpg", path);
    assert_ok(sl_image_read(path, &other, &err));
    if (far) {
        sl_image small;
        assert_ok(sl_image_shrink(&other, other.width / 2, other.height / 2, &small, &err));
        sl_image_free(&other);
        other = small;
    }
    assert_ok(sl_image_new(one.width + other.width, one.height, 3, &pair, &err));
    memset(pair.pixels, 0, (size_t)pair.width * (size_t)pair.height * 3);
    for (int y = 0; y < one.height; y++) {
        memcpy(pair.pixels + 3 * y * pair.width, one.pixels + 3 * y * one.width, (size_t)one.width * 3);
        if (y < other.height)
            memcpy(pair.pixels + 3 * (y * pair.width + one.width), other.pixels + 3 * y * other.width,
                   (size_t)other.width * 3);
    }
    path_in(name, path);
    assert_ok(sl_image_write(path, &pair, &err));
    sl_image_free(&pair);
    sl_image_free(&one);
    sl_image_free(&other);
}

static sl_enroll_report enroll_one(const char *gallery, const char *name, int one_face, listener *l)
{
    char path[600];
    path_in(name, path);
    const sl_photo photo = {.path = path, .image = (char *)name, .label = "somebody"};
    sl_enroll_options o = sl_enroll_defaults();
    sl_enroll_report r;
    *l = (listener){.caller = pthread_self()};
    o.one_face = one_face;
    o.told = on_told;
    o.context = l;
    sl_gallery *g = open_gallery(gallery, SL_GALLERY_CREATE);
    assert_ok(sl_enroll(engine, g, &photo, 1, &o, &r, &err));
    sl_gallery_close(g);
    return r;
}

static void the_face_of_a_group_is_told(void **state)
{
    (void)state;
    listener l;
    write_pair("two.png", 0);
    write_pair("behind.png", 1);
    sl_enroll_report r = enroll_one("groups", "two.png", 0, &l);
    assert_true(r.enrolled == 1 && r.several_faces == 1 && l.several.faces == 2);
    assert_non_null(strstr(l.several.why.text, "two.png: shows 2 faces"));
    sl_gallery *g = open_gallery("groups", SL_GALLERY_READ);
    sl_entry entry;
    assert_ok(sl_gallery_entry(g, 0, &entry, &err));
    assert_memory_equal(&entry.box, &l.several.box, sizeof entry.box);
    sl_gallery_close(g);
    r = enroll_one("groups", "behind.png", 0, &l);
    assert_true(r.enrolled == 1 && r.several_faces == 0 && l.several.faces == 0);

    r = enroll_one("ones", "behind.png", 1, &l);
    assert_true(r.enrolled == 1 && r.crowded == 0);
    r = enroll_one("ones", "two.png", 1, &l);
    assert_true(r.enrolled == 0 && r.crowded == 1 && l.refusals == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_write_the_same_bytes), cmocka_unit_test(all_faces_too),
                                       cmocka_unit_test(the_face_of_a_group_is_told),
                                       cmocka_unit_test(interruption_keeps_what_was_told)};
    return cmocka_run_group_tests(tests, make_photos, remove_photos);
}
