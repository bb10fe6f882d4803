#define _GNU_SOURCE
#include "faces.h"
#include "gallery/gallery.h"

#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

static char *dir;

static int setup(void **state)
{
    (void)state;
    dir = make_temp_dir();
    return 0;
}

static bool mounted;

static int teardown(void **state)
{
    (void)state;
    if (mounted) /* disk_full */
        umount2(dir, MNT_DETACH);
    mounted = false;
    remove_tree(dir);
    free(dir);
    return 0;
}

static void round_trip(sl_patch_format format)
{
    sl_error err;
    sl_gallery *g;
    sl_template_shape s = small_shape(format);
    assert_ok(sl_gallery_open_shape(dir, SL_GALLERY_CREATE, &s, MODEL_NAME, &g, &err));
    for (int n = 0; n < 200; n++) {
        add_face(g, n);
        if (n == 100)
            assert_ok(sl_gallery_commit(g, &err));
    }
    for (int n = 0; n < 200; n++) /* what is not committed yet is seen through its own handle */
        expect_face(g, (size_t)n, n);
    assert_ok(sl_gallery_commit(g, &err));
    sl_gallery_close(g);

    g = open_gallery(dir, SL_GALLERY_READ);
    assert_int_equal(sl_gallery_size(g), 200);
    const float *embeddings;
    assert_ok(sl_gallery_embeddings(g, &embeddings, &err));
    assert_int_equal(sl_gallery_label_bound(g), 67);
    for (int n = 0; n < 200; n++) {
        expect_face(g, (size_t)n, n);
        sl_template *t = face_template(&s, n);
        assert_memory_equal(embeddings + n * 5, t->embedding, 5 * sizeof(float));
        assert_true(n == 0 || (sl_gallery_label_id(g, (size_t)n) == sl_gallery_label_id(g, (size_t)n - 1)) ==
                                  (n / 3 == (n - 1) / 3));
        sl_patch_source p;
        if (format == SL_PATCHES_NONE)
            assert_fails(sl_gallery_patches(g, (size_t)n, &p, &err), SL_ERR_UNSUPPORTED, "--patches");
        else
            assert_ok(sl_gallery_patches(g, (size_t)n, &p, &err));
        assert_true((p.patches_i8 != NULL) == (format == SL_PATCHES_INT8) && (uintptr_t)p.patches_i8 % 64 == 0);
        assert_true((p.patches_f32 != NULL) == (format == SL_PATCHES_F32) && (uintptr_t)p.patches_f32 % 64 == 0);
        assert_true((p.codes != NULL) == (format == SL_PATCHES_COMPACT) && (uintptr_t)p.codes % 64 == 0);
        assert_true((p.patch_scales != NULL) == (p.patches_i8 || p.codes) && (p.centre != NULL) == (p.codes != NULL));
        if (p.patches_i8)
            assert_memory_equal(p.patches_i8, t->patches_i8, 18);
        if (p.patches_f32)
            assert_memory_equal(p.patches_f32, t->patches_f32, 72);
        if (p.codes)
            assert_memory_equal(p.codes, t->codes, 18);
        if (p.centre)
            assert_memory_equal(p.centre, s.centre, 120);
        if (p.patch_scales)
            assert_memory_equal(p.patch_scales, t->patch_scales, 24);
        const sl_point *landmarks;
        assert_ok(sl_gallery_landmarks(g, (size_t)n, &landmarks, &err));
        assert_int_equal(landmarks != NULL, n % 2);
        size_t i;
        assert_ok(sl_gallery_find(g, sl_gallery_image(g, (size_t)n), &i, &err));
        assert_int_equal(i, n);
        sl_template_free(t);
    }
    sl_gallery_info info;
    sl_gallery_get_info(g, &info);
    assert_string_equal(info.model, MODEL_NAME);
    assert_string_equal(info.fingerprint, "0102030000000000000000000000000000000000000000000000000000000000");
    assert_int_equal(info.faces, 200);
    assert_int_equal(info.removed, 0);
    assert_int_equal(info.labels, 67);
    assert_int_equal(info.patches, format);
    assert_true(info.dim == 5 && info.patch_rows == 2 && info.patch_cols == 3 && info.patch_channels == 3);
    assert_true(info.bytes > 200 * (20 + (format == SL_PATCHES_NONE ? 576 : 640)));
    sl_entry e;
    sl_template *t;
    sl_image crop;
    assert_fails(sl_gallery_entry(g, 200, &e, &err), SL_ERR_ARGUMENT, "no face 200");
    assert_fails(sl_gallery_template(g, 200, &t, &err), SL_ERR_ARGUMENT, "no face 200");
    assert_fails(sl_gallery_crop(g, 1, &crop, &err), SL_ERR_NOT_FOUND, "no crop");
    assert_fails(try_add_face(g, 300, &err), SL_ERR_ARGUMENT, "opened for reading");
    sl_gallery_close(g);
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
}

/* Format 2 was bf16, in which patches are compared and never stored. */
static void bf16_is_not_stored(void **state)
{
    (void)state;
    sl_error err;
    sl_gallery *g;
    sl_template *t;
    sl_template_shape s = small_shape((sl_patch_format)2);
    assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_CREATE, &s, MODEL_NAME, &g, &err), SL_ERR_ARGUMENT,
                 "patch format 2: must be int8 (0)");
    assert_null(g);
    assert_fails(sl_template_alloc(&s, &t, &err), SL_ERR_ARGUMENT, "patch format 2");
    sl_status status = sl_gallery_open_shape(dir, SL_GALLERY_READ, NULL, NULL, &g, &err);
    assert_int_equal(status, SL_ERR_NOT_FOUND); /* none was made */
}

static void round_trip_int8(void **state)
{
    (void)state;
    round_trip(SL_PATCHES_INT8);
}

static void round_trip_f32(void **state)
{
    (void)state;
    round_trip(SL_PATCHES_F32);
}

static void round_trip_compact(void **state)
{
    (void)state;
    round_trip(SL_PATCHES_COMPACT);
}

static void round_trip_none(void **state)
{
    (void)state;
    round_trip(SL_PATCHES_NONE);
}

/* Contributions of a template's map: 30 of its numbers, in another order. */
static sl_status pack_numbers(void *context, const sl_template *t, float *out, sl_error *err)
{
    float raw[18];
    ++*(int *)context;
    SL_TRY(sl_template_patches(t, raw, err));
    for (int i = 0; i < 30; i++)
        out[i] = raw[i * 7 % 18];
    return SL_OK;
}

static void count_down(void *context)
{
    *(int *)context -= 100;
}

/* Maps go through the encoder into compact patches, which keep within half a level; without one they are refused, and
 * so are patches around another centre. */
static void compact_of_maps(void **state)
{
    (void)state;
    char image[64], label[64];
    sl_error err;
    sl_gallery *g;
    int packed = 0;
    sl_template_shape s = small_shape(SL_PATCHES_COMPACT), map = small_shape(SL_PATCHES_F32);
    sl_template_shape centreless = s;
    centreless.centre = NULL;
    assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_CREATE, &centreless, MODEL_NAME, &g, &err), SL_ERR_ARGUMENT,
                 "stored around");
    assert_ok(sl_gallery_open_shape(dir, SL_GALLERY_CREATE, &s, MODEL_NAME, &g, &err));
    sl_template *t = face_template(&map, 3), *back;
    sl_entry e = face_entry(3, image, label);
    assert_fails(sl_gallery_add(g, &e, t, NULL, &err), SL_ERR_UNSUPPORTED, "engine");
    assert_ok(sl_gallery_set_encoder(g, &(sl_contribution_encoder){pack_numbers, count_down, &packed}, &err));
    assert_ok(sl_gallery_add(g, &e, t, NULL, &err));
    assert_int_equal(packed, 1);
    assert_ok(sl_gallery_template(g, 0, &back, &err));
    float y[30];
    pack_numbers(&packed, t, y, &err);
    for (int r = 0; r < 6; r++)
        for (int d = 0; d < 5; d++) {
            uint8_t byte = back->codes[r * 3 + d % 3];
            int level = 2 * (d < 3 ? byte & 15 : byte >> 4) - 15;
            float difference = y[r * 5 + d] - s.centre[r * 5 + d];
            assert_true(fabsf(difference - back->patch_scales[r] * (float)level) <= back->patch_scales[r] * 1.0001f ||
                        abs(level) == 15);
        }
    back->centre[7] += 1;
    e = face_entry(4, image, label);
    assert_fails(sl_gallery_add(g, &e, back, NULL, &err), SL_ERR_UNSUPPORTED, "another centre");
    sl_template_free(back);
    sl_template_shape alone = small_shape(SL_PATCHES_NONE);
    back = face_template(&alone, 4);
    assert_fails(sl_gallery_add(g, &e, back, NULL, &err), SL_ERR_UNSUPPORTED, "no patch map");
    sl_template_free(back);
    sl_template_free(t);
    sl_gallery_close(g);
    assert_int_equal(packed, 2 - 100);
}

/* A template in the other format is converted on its way in. */
static void formats_mix(void **state)
{
    (void)state;
    for (int format = 0; format < 2; format++) {
        char sub[600], image[64], label[64];
        snprintf(sub, sizeof sub, "%s/%d", dir, format);
        sl_error err;
        sl_gallery *g;
        sl_template_shape s = small_shape((sl_patch_format)format), other = small_shape((sl_patch_format)!format);
        assert_ok(sl_gallery_open_shape(sub, SL_GALLERY_CREATE, &s, MODEL_NAME, &g, &err));
        sl_template *t = face_template(&other, 3), *back;
        sl_entry e = face_entry(3, image, label);
        assert_ok(sl_gallery_add(g, &e, t, NULL, &err));
        assert_ok(sl_gallery_template(g, 0, &back, &err));
        float a[18], b[18];
        assert_ok(sl_template_patches(t, a, &err));
        assert_ok(sl_template_patches(back, b, &err));
        assert_close(a, b, 18, format == SL_PATCHES_INT8 ? 3.0 / 254 + 1e-6 : 0);
        sl_template_free(t);
        sl_template_free(back);
        sl_gallery_close(g);
    }
}

static void empty_gallery(void **state)
{
    (void)state;
    sl_error err;
    char sub[600];
    snprintf(sub, sizeof sub, "%s/new/deeper", dir);
    make_gallery(sub, 0, 1);
    assert_ok(sl_gallery_verify(sub, NULL, NULL, &err));
    sl_gallery *g = open_gallery(sub, SL_GALLERY_READ);
    assert_int_equal(sl_gallery_size(g), 0);
    const float *embeddings = (const float *)1;
    assert_ok(sl_gallery_embeddings(g, &embeddings, &err));
    assert_null(embeddings);
    sl_entry e;
    assert_int_equal(sl_gallery_entry(g, 0, &e, &err), SL_ERR_ARGUMENT);
    sl_gallery_close(g);
    assert_ok(sl_gallery_compact(sub, NULL, NULL, &err));
    g = open_gallery(sub, SL_GALLERY_WRITE);
    size_t removed = 7;
    assert_ok(sl_gallery_remove(g, "nobody", NULL, &removed, &err));
    assert_int_equal(removed, 0);
    add_face(g, 1);
    sl_gallery_close(g); /* not committed: gone */
    g = open_gallery(sub, SL_GALLERY_READ);
    assert_int_equal(sl_gallery_size(g), 0);
    sl_gallery_close(g);
}

static int makings, alive;

/* What is made says how many faces there were. */
static sl_status count_faces(const sl_gallery *g, const float *embeddings, int threads, void **out, sl_error *err)
{
    (void)threads, (void)err;
    size_t *made = malloc(sizeof *made);
    assert_non_null(embeddings);
    *made = sl_gallery_size(g);
    *out = made;
    makings++, alive++;
    return SL_OK;
}

static sl_status no_room(const sl_gallery *g, const float *embeddings, int threads, void **out, sl_error *err)
{
    (void)g, (void)embeddings, (void)threads, (void)out;
    return sl_fail(err, SL_ERR_MEMORY, "no memory");
}

static void destroy_count(void *made)
{
    free(made);
    alive--;
}

static void made_of_the_embeddings(void **state)
{
    (void)state;
    static const sl_derived_index index_kind = {SL_DERIVED_BANK, 2, count_faces, destroy_count, NULL},
                                  late = {SL_DERIVED_SKETCHES, 5, count_faces, destroy_count, NULL},
                                  poor = {SL_DERIVED_BANK, 2, no_room, destroy_count, NULL};
    sl_error err;
    void *made;
    make_gallery(dir, 3, 1);
    sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE);
    assert_ok(sl_gallery_derived(g, &index_kind, 1, 1, &made, &err));
    assert_null(made); /* one question is not worth it */
    for (int i = 0; i < 3; i++) {
        assert_ok(sl_gallery_derived(g, &index_kind, 1, 1, &made, &err));
        assert_int_equal(*(size_t *)made, 3);
    }
    assert_int_equal(makings, 1);
    for (int i = 1; i <= 5; i++) { /* each kind has its own count */
        assert_ok(sl_gallery_derived(g, &late, 1, 1, &made, &err));
        assert_true(i < 5 ? !made : *(size_t *)made == 3);
    }
    assert_int_equal(alive, 2);
    add_face(g, 7);
    assert_ok(sl_gallery_derived(g, &index_kind, 1, 1, &made, &err));
    assert_null(made);
    assert_int_equal(alive, 0);
    add_face(g, 8);
    assert_ok(sl_gallery_derived(g, &index_kind, 100, 1, &made, &err)); /* many questions are */
    assert_int_equal(*(size_t *)made, 5);
    sl_gallery_close(g);
    assert_int_equal(alive, 0);
    g = open_gallery(dir, SL_GALLERY_READ);
    for (int i = 0; i < 4; i++) {
        assert_ok(sl_gallery_derived(g, &poor, 1, 1, &made, &err));
        assert_null(made);
    }
    sl_gallery_close(g);
}

static void not_a_gallery(void **state)
{
    (void)state;
    sl_error err;
    sl_gallery *g = (sl_gallery *)1;
    char path[600];
    sl_template_shape s = small_shape(SL_PATCHES_INT8);
    assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_READ, NULL, NULL, &g, &err), SL_ERR_NOT_FOUND,
                 "no gallery");
    assert_null(g);
    assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_WRITE, NULL, NULL, &g, &err), SL_ERR_NOT_FOUND,
                 "no gallery");
    assert_fails(sl_gallery_open_shape("/nonexistent/x", SL_GALLERY_READ, NULL, NULL, &g, &err), SL_ERR_NOT_FOUND,
                 "/nonexistent/x");
    assert_fails(sl_gallery_open_shape("", SL_GALLERY_READ, NULL, NULL, &g, &err), SL_ERR_ARGUMENT, "no folder");
    assert_fails(sl_gallery_open_shape(dir, (sl_gallery_mode)9, NULL, NULL, &g, &err), SL_ERR_ARGUMENT, "9");
    assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_CREATE, NULL, NULL, &g, &err), SL_ERR_ARGUMENT, "model");
    assert_fails(sl_gallery_verify(dir, NULL, NULL, &err), SL_ERR_NOT_FOUND, "no gallery");
    assert_fails(sl_gallery_compact(dir, NULL, NULL, &err), SL_ERR_NOT_FOUND, "no gallery");
    snprintf(path, sizeof path, "%s/lock", dir);
    assert_int_not_equal(access(path, F_OK), 0); /* looking left nothing behind */
    snprintf(path, sizeof path, "%s/holiday.jpg", dir);
    write_whole(path, "x", 1);
    assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_CREATE, &s, MODEL_NAME, &g, &err), SL_ERR_ARGUMENT,
                 "other files");
    assert_fails(sl_gallery_open_shape(path, SL_GALLERY_CREATE, &s, MODEL_NAME, &g, &err), SL_ERR_IO,
                 "holiday.jpg");
    assert_fails(sl_gallery_open_shape(path, SL_GALLERY_READ, NULL, NULL, &g, &err), SL_ERR_IO, "holiday.jpg");
    s.dim = 0;
    unlink(path);
    assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_CREATE, &s, MODEL_NAME, &g, &err), SL_ERR_ARGUMENT,
                 "dimension");
}

static void other_model(void **state)
{
    (void)state;
    sl_error err;
    sl_gallery *g;
    make_gallery(dir, 3, 1);
    sl_template_shape s = small_shape(SL_PATCHES_F32);
    assert_ok(
        sl_gallery_open_shape(dir, SL_GALLERY_CREATE, &s, "renamed", &g, &err)); /* the format does not count */
    assert_int_equal(sl_gallery_shape(g)->format, SL_PATCHES_INT8);
    sl_gallery_close(g);
    sl_template_shape foreign = s;
    foreign.fingerprint[31] = 9;
    assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_READ, &foreign, "other", &g, &err), SL_ERR_MISMATCH,
                 "other");
    assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_CREATE, &foreign, "other", &g, &err), SL_ERR_MISMATCH,
                 MODEL_NAME);
    assert_null(g);
    sl_template_shape larger = s;
    larger.dim++;
    assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_READ, &larger, "x", &g, &err), SL_ERR_MISMATCH,
                 "templates of");

    g = open_gallery(dir, SL_GALLERY_WRITE); /* the refused openings gave their lock back */
    char image[64], label[64];
    sl_entry e = face_entry(50, image, label);
    sl_template *t = face_template(&foreign, 50);
    assert_fails(sl_gallery_add(g, &e, t, NULL, &err), SL_ERR_MISMATCH, "not of the gallery's model");
    sl_template_free(t);
    sl_gallery_close(g);

    char path[600];
    size_t size;
    snprintf(path, sizeof path, "%s/gallery.meta", dir);
    uint8_t *meta = read_whole(path, &size);
    meta[8] = 5;
    write_whole(path, meta, size);
    assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_READ, NULL, NULL, &g, &err), SL_ERR_UNSUPPORTED,
                 "version 5");
    write_whole(path, "JUNKJUNKJUNKJUNK", 16);
    assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_READ, NULL, NULL, &g, &err), SL_ERR_FORMAT, "gallery.meta");
    unlink(path);
    assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_READ, NULL, NULL, &g, &err), SL_ERR_CORRUPT, "missing");
    assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_CREATE, &s, MODEL_NAME, &g, &err), SL_ERR_CORRUPT,
                 "missing");
    free(meta);
}

static void bad_entries(void **state)
{
    (void)state;
    sl_error err;
    sl_gallery *g = open_gallery(dir, SL_GALLERY_CREATE);
    static char longest[4098], image[64], label[64];
    memset(longest, 'x', 4097);
    const char *bad[] = {NULL,           "",
                         "a\nb",         "a\x7f",
                         "\xff",         "\xc3",
                         "\xc0\x80",     "\xed\xa0\x80",
                         "\xc2\x85",     "\xf4\x90\x80\x80",
                         "\xe0\x80\x80", "\xf0\x80\x80\x80",
                         "ok\xe2\x82",   longest};
    sl_template *t = face_template(sl_gallery_shape(g), 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sl_entry e = face_entry(1, image, label);
        e.image = bad[i];
        assert_fails(sl_gallery_add(g, &e, t, NULL, &err), SL_ERR_ARGUMENT, "image id");
        e = face_entry(1, image, label);
        e.label = bad[i];
        assert_fails(sl_gallery_add(g, &e, t, NULL, &err), SL_ERR_ARGUMENT, "label");
    }
    longest[4096] = 0;
    sl_entry e = face_entry(1, image, label);
    e.image = e.label = longest;
    assert_ok(sl_gallery_add(g, &e, t, NULL, &err));
    e.image = "\xf0\x9f\x99\x82 \xe2\x82\xac \xc3\xa9 <&\"'>";
    assert_ok(sl_gallery_add(g, &e, t, NULL, &err));
    e = face_entry(2, image, label);
    e.box.x1 = INFINITY;
    assert_fails(sl_gallery_add(g, &e, t, NULL, &err), SL_ERR_NUMERIC, "not finite");
    e = face_entry(2, image, label);
    e.quality.pose = NAN;
    assert_fails(sl_gallery_add(g, &e, t, NULL, &err), SL_ERR_NUMERIC, "not finite");
    e = face_entry(2, image, label);
    t->patches_i8[4] = -128;
    assert_fails(sl_gallery_add(g, &e, t, NULL, &err), SL_ERR_NUMERIC, "finite");
    t->patches_i8[4] = 0;
    t->landmarks[3].x = NAN;
    assert_fails(sl_gallery_add(g, &e, t, NULL, &err), SL_ERR_NUMERIC, "finite");
    t->landmarks[3].x = 0;
    t->embedding[0] += 1;
    assert_fails(sl_gallery_add(g, &e, t, NULL, &err), SL_ERR_NUMERIC, "unit length");
    assert_fails(sl_gallery_add(g, NULL, t, NULL, &err), SL_ERR_ARGUMENT, "entry");
    assert_fails(sl_gallery_add(g, &e, NULL, NULL, &err), SL_ERR_ARGUMENT, "template");
    sl_template_free(t);
    sl_image broken = {.width = 4, .height = 4, .channels = 2, .pixels = (uint8_t[32]){0}};
    t = face_template(sl_gallery_shape(g), 2);
    assert_int_not_equal(sl_gallery_add(g, &e, t, &broken, &err), SL_OK);
    sl_template_free(t);
    assert_int_equal(sl_gallery_size(g), 2);
    assert_ok(sl_gallery_commit(g, &err));
    sl_gallery_close(g);
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
    g = open_gallery(dir, SL_GALLERY_READ);
    assert_string_equal(sl_gallery_image(g, 0), longest);
    assert_string_equal(sl_gallery_image(g, 1), "\xf0\x9f\x99\x82 \xe2\x82\xac \xc3\xa9 <&\"'>");
    sl_gallery_close(g);
}

static void duplicates_and_removal(void **state)
{
    (void)state;
    sl_error err;
    size_t removed;
    char image[64], label[64];
    make_gallery(dir, 30, 7);
    sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE);
    assert_fails(try_add_face(g, 11, &err), SL_ERR_EXISTS, "person-3");
    add_face(g, 30); /* pending; a removal commits it too */
    assert_fails(try_add_face(g, 30, &err), SL_ERR_EXISTS, "enrolled already");
    face_entry(11, image, label);
    assert_ok(sl_gallery_remove(g, image, NULL, &removed, &err));
    assert_int_equal(removed, 1);
    assert_ok(sl_gallery_remove(g, image, NULL, &removed, &err));
    assert_int_equal(removed, 0);
    assert_ok(sl_gallery_remove(g, NULL, "person-5", &removed, &err));
    assert_int_equal(removed, 3);
    face_entry(0, image, label);
    assert_ok(sl_gallery_remove(g, image, "person-1", &removed, &err)); /* that image is of person-0 */
    assert_int_equal(removed, 0);
    assert_ok(sl_gallery_remove(g, image, "person-0", &removed, &err));
    assert_int_equal(removed, 1);
    assert_fails(sl_gallery_remove(g, NULL, NULL, &removed, &err), SL_ERR_ARGUMENT, "image id or a label");

    static const int left[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 12, 13, 14,
                               18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30};
    size_t count = sizeof left / sizeof *left;
    for (int pass = 0; pass < 3; pass++) { /* this handle, another, and after compaction */
        assert_int_equal(sl_gallery_size(g), count);
        const float *embeddings;
        assert_ok(sl_gallery_embeddings(g, &embeddings, &err));
        for (size_t i = 0; i < count; i++) {
            expect_face(g, i, left[i]);
            sl_template *t = face_template(sl_gallery_shape(g), left[i]);
            assert_memory_equal(embeddings + i * 5, t->embedding, 5 * sizeof(float));
            sl_template_free(t);
            size_t found;
            assert_ok(sl_gallery_find(g, sl_gallery_image(g, i), &found, &err));
            assert_int_equal(found, i);
        }
        sl_gallery_info info;
        sl_gallery_get_info(g, &info);
        assert_int_equal(info.labels, 10);
        assert_int_equal(info.removed, pass < 2 ? 5 : 0);
        size_t i;
        assert_fails(sl_gallery_find(g, image, &i, &err), SL_ERR_NOT_FOUND, "no image");
        sl_gallery_close(g);
        if (pass == 1)
            assert_ok(sl_gallery_compact(dir, NULL, NULL, &err));
        g = open_gallery(dir, SL_GALLERY_WRITE);
    }
    add_face(g, 0); /* may come back */
    assert_ok(sl_gallery_commit(g, &err));
    expect_face(g, count, 0);
    add_face(g, 16);
    assert_int_equal(sl_gallery_size(g), count + 2);
    assert_int_equal(sl_gallery_label_id(g, count), sl_gallery_label_id(g, 0)); /* person-0 */
    sl_gallery_close(g);
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
}

/* Searches every file of the folder. */
static bool folder_holds(const char *bytes, size_t size)
{
    bool found = false;
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d));) {
        char path[600];
        size_t length;
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        uint8_t *data = read_whole(path, &length);
        found = found || memmem(data, length, bytes, size);
        free(data);
    }
    closedir(d);
    return found;
}

static int files_in_dir(void)
{
    int count = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d));)
        count += e->d_name[0] != '.';
    closedir(d);
    return count;
}

static int stop_at(void *context, size_t done, size_t total)
{
    (void)total;
    return done >= *(size_t *)context;
}

static void compaction_erases(void **state)
{
    (void)state;
    sl_error err;
    size_t removed;
    make_gallery(dir, 20, 20);
    sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE), *reader = open_gallery(dir, SL_GALLERY_READ);
    sl_template *t = face_template(sl_gallery_shape(g), 9);
    float embedding[5];
    int8_t patches[18];
    memcpy(embedding, t->embedding, sizeof embedding);
    memcpy(patches, t->patches_i8, sizeof patches);
    sl_template_free(t);
    assert_ok(sl_gallery_remove(g, NULL, "person-3", &removed, &err));
    assert_fails(sl_gallery_compact(dir, NULL, NULL, &err), SL_ERR_LOCKED, "being written");
    sl_gallery_close(g);
    assert_true(folder_holds("person-3", 8) && folder_holds((char *)embedding, 20) &&
                folder_holds((char *)patches, 18));

    size_t last = 0;
    assert_fails(sl_gallery_compact(dir, stop_at, &last, &err), SL_ERR_INTERRUPTED, "interrupted");
    assert_int_equal(files_in_dir(), 8); /* meta, lock, six of the generation */
    assert_true(folder_holds("person-3", 8));
    last = 1000;
    assert_ok(sl_gallery_compact(dir, stop_at, &last, &err));
    assert_int_equal(files_in_dir(), 8);
    assert_false(folder_holds("person-3", 8));
    assert_false(folder_holds((char *)embedding, 20));
    assert_false(folder_holds((char *)patches, 18));
    assert_ok(sl_gallery_verify(dir, stop_at, &last, &err));
    last = 0;
    assert_fails(sl_gallery_verify(dir, stop_at, &last, &err), SL_ERR_INTERRUPTED, "interrupted");

    for (int n = 0; n < 20; n++) /* who had it open before goes on */
        expect_face(reader, (size_t)n, n);
    sl_gallery_close(reader);
    g = open_gallery(dir, SL_GALLERY_READ);
    for (int i = 0; i < 17; i++)
        expect_face(g, (size_t)i, i < 9 ? i : i + 3);
    sl_gallery_close(g);

    g = open_gallery(dir, SL_GALLERY_WRITE); /* all gone */
    for (int i = 0; i < 7; i++) {
        char label[64];
        snprintf(label, sizeof label, "person-%d", i);
        assert_ok(sl_gallery_remove(g, NULL, label, &removed, &err));
    }
    assert_int_equal(sl_gallery_size(g), 0);
    sl_gallery_close(g);
    assert_ok(sl_gallery_compact(dir, NULL, NULL, &err));
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
    assert_false(folder_holds("person", 6));
    g = open_gallery(dir, SL_GALLERY_WRITE);
    add_face(g, 4);
    assert_ok(sl_gallery_commit(g, &err));
    sl_gallery_close(g);
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
}

static void one_writer_many_readers(void **state)
{
    (void)state;
    sl_error err;
    sl_gallery *g = open_gallery(dir, SL_GALLERY_CREATE), *second;
    sl_template_shape s = small_shape(SL_PATCHES_INT8);
    assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_WRITE, NULL, NULL, &second, &err), SL_ERR_LOCKED,
                 "being written by another process");
    pid_t child = fork();
    if (child == 0) /* from another process too */
        _exit(sl_gallery_open_shape(dir, SL_GALLERY_CREATE, &s, MODEL_NAME, &second, NULL) == SL_ERR_LOCKED ? 0
                                                                                                            : 1);
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    sl_gallery *readers[10];
    for (int n = 0; n < 50; n++) {
        if (n % 5 == 0)
            readers[n / 5] = open_gallery(dir, SL_GALLERY_READ);
        add_face(g, n);
        if (n % 5 == 3) {
            assert_ok(sl_gallery_commit(g, &err));
            assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
        }
    }
    for (int r = 0; r < 10; r++) { /* each sees what was committed when it was opened: 0, 4, 9, 14, .. */
        size_t seen = r ? (size_t)(r * 5 - 1) : 0;
        assert_int_equal(sl_gallery_size(readers[r]), seen);
        for (size_t i = 0; i < seen; i++)
            expect_face(readers[r], i, (int)i);
        sl_gallery_close(readers[r]);
    }
    sl_gallery_close(g);
    g = open_gallery(dir, SL_GALLERY_WRITE);
    assert_int_equal(sl_gallery_size(g), 49);
    sl_gallery_close(g);
}

static uint64_t bytes_in(const char *where)
{
    uint64_t sum = 0;
    DIR *d = opendir(where);
    for (struct dirent *e; (e = readdir(d));) {
        struct stat st;
        if (fstatat(dirfd(d), e->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
            sum += (uint64_t)st.st_size;
    }
    closedir(d);
    return sum;
}

/* Adds until the disk is full; what fits can be committed, and then writing goes on. */
static void fill_and_free(const char *where, void (*give_room)(void))
{
    sl_error err;
    sl_gallery *g;
    sl_template_shape s = small_shape(SL_PATCHES_INT8);
    assert_ok(sl_gallery_open_shape(where, SL_GALLERY_CREATE, &s, MODEL_NAME, &g, &err));
    int added = 0;
    sl_status status = SL_OK;
    while (status == SL_OK && added < 100000) {
        status = try_add_face(g, added, &err);
        added += status == SL_OK;
    }
    assert_int_equal(status, SL_ERR_IO);
    assert_non_null(strstr(err.text, "cannot write"));
    assert_true(added > 50);
    assert_int_equal(sl_gallery_size(g), added);
    assert_ok(sl_gallery_commit(g, &err)); /* the failed face gave its room back */
    sl_gallery *reader = open_gallery(where, SL_GALLERY_READ);
    assert_int_equal(sl_gallery_size(reader), added);
    for (int n = 0; n < added; n++)
        expect_face(reader, (size_t)n, n);
    sl_gallery_close(reader);
    give_room();
    for (int n = added; n < added + 10; n++)
        add_face(g, n);
    assert_ok(sl_gallery_commit(g, &err));
    sl_gallery_close(g);
    assert_ok(sl_gallery_verify(where, NULL, NULL, &err));
    g = open_gallery(where, SL_GALLERY_WRITE);
    assert_int_equal(sl_gallery_size(g), added + 10);
    for (int n = 0; n < added + 10; n++)
        expect_face(g, (size_t)n, n);
    sl_gallery_close(g);
}

static void lift_limit(void)
{
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    getrlimit(RLIMIT_FSIZE, &all);
    all.rlim_cur = all.rlim_max;
    setrlimit(RLIMIT_FSIZE, &all);
}

static void file_size_limit(void **state)
{
    (void)state;
    sl_error err;
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 100001;
    setrlimit(RLIMIT_FSIZE, &limit);
    fill_and_free(dir, lift_limit);

    /* compaction without room leaves the gallery as it was */
    sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE);
    size_t removed, size;
    assert_ok(sl_gallery_remove(g, NULL, "person-0", &removed, &err));
    size = sl_gallery_size(g);
    sl_gallery_close(g);
    limit.rlim_cur = 50000;
    setrlimit(RLIMIT_FSIZE, &limit);
    assert_fails(sl_gallery_compact(dir, NULL, NULL, &err), SL_ERR_IO, "cannot write");
    lift_limit();
    assert_int_equal(files_in_dir(), 8);
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
    assert_ok(sl_gallery_compact(dir, NULL, NULL, &err));
    g = open_gallery(dir, SL_GALLERY_READ);
    assert_int_equal(sl_gallery_size(g), size);
    sl_gallery_close(g);
}

/* No room even for the commit: what was added since the last one is cut, its room comes back, and the handle is as it
 * was then, removed faces and all; the same faces go in when there is room. */
static void commit_without_room(void **state)
{
    (void)state;
    sl_error err;
    static char long_name[4001];
    char label[64];
    size_t removed;
    make_gallery(dir, 20, 20);
    sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE);
    assert_ok(sl_gallery_remove(g, NULL, "person-2", &removed, &err));
    const uint64_t safe = bytes_in(dir);
    memset(long_name, 'x', 4000); /* so that the log is the longest file */
    sl_template *t = face_template(sl_gallery_shape(g), 20);
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    signal(SIGXFSZ, SIG_IGN);
    for (int again = 0; again < 3; again++) {
        struct stat st;
        for (int n = 0; n < 9; n++) {
            sl_entry entry = face_entry(n, long_name, label);
            memset(long_name, 'x', 3999);
            long_name[0] = (char)('a' + n);
            entry.image = long_name;
            assert_ok(sl_gallery_add(g, &entry, t, NULL, &err));
        }
        const float *embeddings;
        assert_ok(sl_gallery_embeddings(g, &embeddings, &err));
        assert_true(bytes_in(dir) > safe + 9 * 4000);
        char path[600];
        snprintf(path, sizeof path, "%s/log.1", dir);
        stat(path, &st);
        limit.rlim_cur = (rlim_t)st.st_size + (again == 2 ? 36 : 20u * (rlim_t)again);
        setrlimit(RLIMIT_FSIZE, &limit);
        if (again == 2)
            break;
        assert_fails(sl_gallery_commit(g, &err), SL_ERR_IO, "17 faces are safe, the 9 added since");
        assert_int_equal(bytes_in(dir), safe);
        assert_int_equal(sl_gallery_size(g), 17);
        for (int i = 0; i < 17; i++)
            expect_face(g, (size_t)i, i < 6 ? i : i + 3);
        assert_ok(sl_gallery_commit(g, &err)); /* nothing is left to do */
    }
    assert_ok(sl_gallery_commit(g, &err));
    lift_limit();
    sl_template_free(t);
    assert_int_equal(sl_gallery_size(g), 26);
    add_face(g, 7); /* was removed: its id is free */
    assert_fails(try_add_face(g, 7, &err), SL_ERR_EXISTS, "photo 7");
    assert_fails(try_add_face(g, 9, &err), SL_ERR_EXISTS, "photo 9");
    assert_ok(sl_gallery_commit(g, &err));
    sl_gallery_close(g);
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
    g = open_gallery(dir, SL_GALLERY_READ);
    assert_int_equal(sl_gallery_size(g), 27);
    expect_face(g, 26, 7);
    sl_gallery_close(g);
}

/* A failed removal removes nothing, in this handle and for all others. */
static void removal_without_room(void **state)
{
    (void)state;
    sl_error err;
    make_gallery(dir, 20, 20);
    sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE);
    char path[600];
    struct stat st;
    snprintf(path, sizeof path, "%s/log.1", dir);
    stat(path, &st);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    size_t removed = 9;
    for (int room = 0; room < 16 * 3 + 36; room += 5) { /* three removals and a commit */
        limit.rlim_cur = (rlim_t)st.st_size + (rlim_t)room;
        setrlimit(RLIMIT_FSIZE, &limit);
        assert_fails(sl_gallery_remove(g, NULL, "person-2", &removed, &err), SL_ERR_IO, "cannot write");
        assert_int_equal(removed, 0);
        assert_int_equal(sl_gallery_size(g), 20);
    }
    lift_limit();
    assert_ok(sl_gallery_remove(g, NULL, "person-2", &removed, &err));
    assert_int_equal(removed, 3);
    add_face(g, 20);
    assert_ok(sl_gallery_commit(g, &err));
    sl_gallery_close(g);
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
    g = open_gallery(dir, SL_GALLERY_READ);
    assert_int_equal(sl_gallery_size(g), 18);
    expect_face(g, 17, 20);
    sl_gallery_close(g);
}

static char ballast[600];

static void delete_ballast(void)
{
    unlink(ballast);
}

static void disk_full(void **state)
{
    (void)state;
    if (mount("tmpfs", dir, "tmpfs", 0, "size=400k") != 0) {
        print_message("skipped: a full disk needs the right to mount a tmpfs (%s)\n", strerror(errno));
        skip();
    }
    mounted = true;
    static const char zeros[150000];
    char where[600];
    snprintf(ballast, sizeof ballast, "%s/ballast", dir);
    snprintf(where, sizeof where, "%s/gallery", dir);
    write_whole(ballast, zeros, sizeof zeros);
    fill_and_free(where, delete_ballast);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(round_trip_int8, setup, teardown),
        cmocka_unit_test_setup_teardown(round_trip_f32, setup, teardown),
        cmocka_unit_test_setup_teardown(bf16_is_not_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(round_trip_compact, setup, teardown),
        cmocka_unit_test_setup_teardown(round_trip_none, setup, teardown),
        cmocka_unit_test_setup_teardown(compact_of_maps, setup, teardown),
        cmocka_unit_test_setup_teardown(formats_mix, setup, teardown),
        cmocka_unit_test_setup_teardown(empty_gallery, setup, teardown),
        cmocka_unit_test_setup_teardown(made_of_the_embeddings, setup, teardown),
        cmocka_unit_test_setup_teardown(not_a_gallery, setup, teardown),
        cmocka_unit_test_setup_teardown(other_model, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_entries, setup, teardown),
        cmocka_unit_test_setup_teardown(duplicates_and_removal, setup, teardown),
        cmocka_unit_test_setup_teardown(compaction_erases, setup, teardown),
        cmocka_unit_test_setup_teardown(one_writer_many_readers, setup, teardown),
        cmocka_unit_test_setup_teardown(file_size_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(commit_without_room, setup, teardown),
        cmocka_unit_test_setup_teardown(removal_without_room, setup, teardown),
        cmocka_unit_test_setup_teardown(disk_full, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
