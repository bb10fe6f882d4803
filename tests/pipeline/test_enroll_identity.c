/* Which photo is which: enrolment by id, person and content, and what is kept when the disk is full. Pictures are
 * made-up crops. Skipped without the fetched models. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gallery/gallery.h"
#include "support.h"

#include "base/file.h"
#include "base/sha256.h"
#include "gallery/folder/store.h"
#include "image/image.h"
#include "pipeline/engine.h"

enum { MOST = 300 };

static sl_error err;
static sl_engine *engine;
static char *folder;

static int open_engine(void **state)
{
    (void)state;
    char *detector = model_path("retinaface-mnet25.onnx"), *model = model_path("mobilefacenet-192.tflite");
    if (!detector || !model)
        SKIP_PROGRAM("the fetched models are not here");
    free(detector);
    free(model);
    const sl_engine_options options = {.landmarks = "none"};
    assert_ok(sl_engine_open(&options, &engine, &err));
    return 0;
}

static int close_engine(void **state)
{
    (void)state;
    sl_engine_close(engine);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    folder = make_temp_dir();
    return chdir(folder);
}

static int teardown(void **state)
{
    (void)state;
    remove_tree(folder);
    free(folder);
    return chdir("/");
}

/* The picture of this number, the same bytes every time. */
static void write_picture(const char *name, int number)
{
    sl_image image;
    float values[28 * 28 * 3];
    assert_ok(sl_image_new(28, 28, 3, &image, &err));
    fill_random(values, 28 * 28 * 3, (uint64_t)number, 0, 255);
    for (int i = 0; i < 28 * 28 * 3; i++)
        image.pixels[i] = (uint8_t)values[i];
    assert_ok(sl_image_write(name, &image, &err));
    sl_image_free(&image);
}

/* ---- runs ---- */

typedef struct {
    int told[6];         /* by event */
    sl_enroll_note last; /* strings copied */
    char image[64], label[64];
    const sl_enroll_report *report;
    size_t kept_on_the_way;
} listener;

static void on_told(void *context, const sl_enroll_note *note)
{
    listener *l = context;
    l->told[note->event]++;
    l->last = *note;
    snprintf(l->image, sizeof l->image, "%s", note->other_image ? note->other_image : "");
    snprintf(l->label, sizeof l->label, "%s", note->other_label ? note->other_label : "");
    assert_true(note->why.text[0]);
}

static int on_progress(void *context, size_t done, size_t total)
{
    listener *l = context;
    if (done < total && l->report->committed)
        l->kept_on_the_way = l->report->committed;
    return 0;
}

static listener heard;
static sl_enroll_report report;

static sl_status run(const sl_photo *photos, size_t count, int replace)
{
    sl_gallery *g;
    sl_enroll_options o = sl_enroll_defaults();
    heard = (listener){.report = &report};
    o.aligned = 1;
    o.replace = replace;
    o.told = on_told;
    o.progress = on_progress;
    o.context = &heard;
    assert_ok(sl_gallery_open("g", SL_GALLERY_CREATE,
                              &(sl_gallery_options){.engine = engine, .patches = SL_PATCHES_INT8}, &g, &err));
    sl_status status = sl_enroll(engine, g, photos, count, &o, &report, &err);
    sl_gallery_close(g);
    if (status == SL_OK) {
        const sl_enroll_report *r = &report;
        assert_int_equal(r->photos, r->enrolled + r->existing + r->duplicates + r->conflicts + r->no_face +
                                        r->low_quality + r->crowded + r->unreadable + r->unstorable);
        assert_int_equal(r->committed, r->enrolled);
    }
    return status;
}

/* One photo: the file, its id and its person. */
static sl_photo photo_of(const char *file, const char *image, const char *label)
{
    return (sl_photo){.path = (char *)file, .image = (char *)image, .label = (char *)label};
}

static void enroll_one(const char *file, const char *image, const char *label, int replace)
{
    const sl_photo photo = photo_of(file, image, label);
    assert_ok(run(&photo, 1, replace));
}

static sl_gallery *reader(void)
{
    sl_gallery *g;
    assert_ok(sl_gallery_open_shape("g", SL_GALLERY_READ, NULL, NULL, &g, &err));
    return g;
}

/* The gallery has `faces`, and that of `image` is `label`'s, made of `file` as it is now. */
static void expect(size_t faces, const char *image, const char *label, const char *file)
{
    sl_gallery *g = reader();
    size_t i, size;
    sl_entry entry;
    uint8_t *data;
    char have[65], want[65];
    assert_int_equal(sl_gallery_size(g), faces);
    assert_ok(sl_gallery_find(g, image, &i, &err));
    assert_ok(sl_gallery_entry(g, i, &entry, &err));
    assert_string_equal(entry.label, label);
    assert_ok(sl_read_file(file, 1 << 20, &data, &size, &err));
    sl_sha256_hex(data, size, want);
    sl_hex32(entry.photo_sha256, have);
    assert_string_equal(have, want);
    free(data);
    sl_gallery_close(g);
}

/* ---- one id ---- */

static void the_same_again_is_not_decoded(void **state)
{
    (void)state;
    write_picture("a.png", 1);
    enroll_one("a.png", "a", "Ann", 0);
    assert_int_equal(report.enrolled, 1);
    for (int replace = 0; replace < 2; replace++) {
        enroll_one("a.png", "a", "Ann", replace);
        assert_true(report.existing == 1 && report.by_id_alone == 0 && report.enrolled == 0);
        assert_true(report.cpu.embed < report.cpu.decode + .05); /* no network ran */
    }
    expect(1, "a", "Ann", "a.png");

    /* A file that no decoder takes, enrolled by hand with its hash: known without a look. */
    assert_ok(sl_write_file("junk", "no picture", 10, &err));
    sl_gallery *g;
    sl_template *t;
    uint8_t hash[32];
    sl_sha256 s;
    sl_sha256_init(&s);
    sl_sha256_update(&s, "no picture", 10);
    sl_sha256_final(&s, hash);
    assert_ok(sl_gallery_open("g", SL_GALLERY_WRITE,
                              &(sl_gallery_options){.engine = engine, .patches = SL_PATCHES_INT8}, &g, &err));
    assert_ok(sl_gallery_template(g, 0, &t, &err));
    const sl_entry entry = {.image = "junk", .label = "Jim", .photo_sha256 = hash};
    assert_ok(sl_gallery_add(g, &entry, t, NULL, &err));
    assert_ok(sl_gallery_commit(g, &err));
    sl_template_free(t);
    sl_gallery_close(g);
    enroll_one("junk", "junk", "Jim", 0);
    assert_true(report.existing == 1 && report.unreadable == 0);
}

static void another_picture_is_a_conflict(void **state)
{
    (void)state;
    write_picture("old.png", 1);
    write_picture("new.png", 2);
    enroll_one("old.png", "a", "Ann", 0);
    enroll_one("new.png", "a", "Ann", 0);
    assert_true(report.conflicts == 1 && report.enrolled == 0 && heard.told[SL_ENROLL_CONFLICT] == 1);
    assert_int_equal(heard.last.why.status, SL_ERR_EXISTS);
    assert_non_null(strstr(heard.last.why.text, "--replace"));
    assert_string_equal(heard.label, "Ann");
    expect(1, "a", "Ann", "old.png");
    enroll_one("new.png", "a", "Ann", 1);
    assert_true(report.replaced == 1 && report.enrolled == 1 && report.conflicts == 0);
    expect(1, "a", "Ann", "new.png");
    enroll_one("new.png", "a", "Ann", 1);
    assert_true(report.existing == 1 && report.replaced == 0);

    assert_ok(sl_write_file("broken", "x", 1, &err)); /* what cannot be read replaces nothing */
    enroll_one("broken", "a", "Ann", 1);
    assert_int_equal(report.unreadable, 1);
    expect(1, "a", "Ann", "new.png");
}

static void another_person_is_a_conflict(void **state)
{
    (void)state;
    write_picture("a.png", 1);
    enroll_one("a.png", "a", "Ann", 0);
    enroll_one("a.png", "a", "Bob", 0);
    assert_true(report.conflicts == 1);
    assert_non_null(strstr(heard.last.why.text, "as Ann, not as Bob"));
    expect(1, "a", "Ann", "a.png");
    enroll_one("a.png", "a", "Bob", 1);
    assert_true(report.replaced == 1 && report.same_photo == 0);
    expect(1, "a", "Bob", "a.png");
}

static void one_id_twice_in_a_run(void **state)
{
    (void)state;
    write_picture("1.png", 1);
    write_picture("2.png", 2);
    const sl_photo both[2] = {photo_of("1.png", "a", "Ann"), photo_of("2.png", "a", "Ann")};
    for (int replace = 0; replace < 2; replace++)
        for (int again = 0; again < 2; again++) {
            assert_ok(run(both, 2, replace));
            assert_true(report.conflicts == 1 && report.replaced == 0);
            assert_int_equal(report.enrolled, !replace && !again);
            expect(1, "a", "Ann", "1.png");
        }
    assert_non_null(strstr(heard.last.why.text, "two photos of this run"));
}

/* ---- one picture ---- */

static void one_picture_twice(void **state)
{
    (void)state;
    write_picture("a.png", 1);
    const sl_photo photos[3] = {photo_of("a.png", "a", "Ann"), photo_of("a.png", "b", "Ann"),
                                photo_of("a.png", "c", "Cem")};
    assert_ok(run(photos, 3, 0));
    assert_true(report.enrolled == 2 && report.duplicates == 1 && report.same_photo == 1);
    assert_true(heard.told[SL_ENROLL_DUPLICATE] == 1 && heard.told[SL_ENROLL_SAME_PHOTO] == 1);
    assert_string_equal(heard.image, "a");
    assert_string_equal(heard.label, "Ann");
    const char *const named[] = {"Ann", "Cem", "a of", "c of"};
    for (int i = 0; i < 4; i++)
        assert_non_null(strstr(heard.last.why.text, named[i]));
    expect(2, "c", "Cem", "a.png");
    assert_ok(run(photos, 3, 0)); /* against the gallery */
    assert_true(report.existing == 2 && report.duplicates == 1 && report.enrolled == 0);
    enroll_one("a.png", "d", "Dan", 0);
    assert_true(report.enrolled == 1 && report.same_photo == 1);
}

/* ---- galleries without hashes ---- */

static void without_hashes_the_id_counts(void **state)
{
    (void)state;
    sl_folder *g;
    sl_meta meta = {.uid = 5, .generation = 1, .version = 1, .shape = engine->shape};
    snprintf(meta.model, sizeof meta.model, "%s", sl_engine_model(engine)->name);
    assert_ok(sl_make_dirs("g", &err));
    assert_ok(sl_store_create("g", &meta, &g, &err));
    assert_ok(sl_store_publish(g, &err));
    sl_gallery_close(&g->base);
    write_picture("1.png", 1);
    write_picture("2.png", 2);
    enroll_one("1.png", "a", "Ann", 0);
    assert_int_equal(report.enrolled, 1);
    enroll_one("2.png", "a", "Ann", 0);
    assert_true(report.existing == 1 && report.by_id_alone == 1 && report.conflicts == 0);
    enroll_one("2.png", "a", "Bob", 0); /* another person is seen all the same */
    assert_int_equal(report.conflicts, 1);
    assert_ok(sl_gallery_compact("g", NULL, NULL, &err));
    enroll_one("2.png", "a", "Ann", 0);
    assert_int_equal(report.by_id_alone, 1);
    enroll_one("2.png", "a", "Ann", 1);
    assert_int_equal(report.replaced, 1);
    expect(1, "a", "Ann", "2.png");
    enroll_one("1.png", "a", "Ann", 0);
    assert_int_equal(report.conflicts, 1);
}

/* ---- what is safe ---- */

static sl_photo many[MOST];

static void write_many(int count)
{
    for (int i = 0; i < count; i++) {
        char name[20];
        snprintf(name, sizeof name, "%d.png", i);
        write_picture(name, i);
        many[i] = (sl_photo){.path = strdup(name), .image = strdup(name), .label = strdup("somebody")};
    }
}

static void free_many(int count)
{
    for (int i = 0; i < count; i++) {
        free(many[i].path);
        free(many[i].image);
        free(many[i].label);
    }
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void a_full_disk_keeps_what_fits(void **state)
{
    (void)state;
    char safe[64];
    write_many(40);
    signal(SIGXFSZ, SIG_IGN);
    limit_files(20 * 25920 + 64 + 1000); /* twenty rows of int8 patches and a bit */
    assert_int_equal(run(many, 40, 0), SL_ERR_IO);
    limit_files(RLIM_INFINITY);
    assert_int_equal(report.committed, 20);
    snprintf(safe, sizeof safe, "20 faces are enrolled and safe");
    assert_non_null(strstr(err.text, safe));
    assert_non_null(strstr(err.text, "File too large"));
    sl_gallery *g = reader();
    assert_int_equal(sl_gallery_size(g), 20);
    sl_gallery_close(g);
    assert_ok(run(many, 40, 0));
    assert_true(report.existing == 20 && report.enrolled == 20);
    free_many(40);
}

static void what_is_kept_is_told_on_the_way(void **state)
{
    (void)state;
    write_many(MOST);
    assert_ok(run(many, MOST, 0));
    assert_int_equal(heard.kept_on_the_way, 256);
    assert_int_equal(report.committed, MOST);
    free_many(MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_again_is_not_decoded, setup, teardown),
        cmocka_unit_test_setup_teardown(another_picture_is_a_conflict, setup, teardown),
        cmocka_unit_test_setup_teardown(another_person_is_a_conflict, setup, teardown),
        cmocka_unit_test_setup_teardown(one_id_twice_in_a_run, setup, teardown),
        cmocka_unit_test_setup_teardown(one_picture_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(without_hashes_the_id_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_keeps_what_fits, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_kept_is_told_on_the_way, setup, teardown),
    };
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
