/* Face number n, made from n alone: whatever a gallery gives back can be checked against it. */
#ifndef SL_TESTS_GALLERY_FACES_H
#define SL_TESTS_GALLERY_FACES_H

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdbool.h>

#include "support.h"

#include "gallery/gallery.h"
#include "image/image.h"

#define MODEL_NAME "test-model"

/* Thousands of fsyncs: in memory where that is possible, unless TMPDIR says where. */
static inline void prefer_memory(void)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
}

static inline sl_template_shape small_shape(sl_patch_format format)
{
    static float centre[2 * 3 * 5];
    for (int i = 0; i < 30; i++)
        centre[i] = (float)i / 8 - 2;
    return (sl_template_shape){
        .fingerprint = {1, 2, 3}, .dim = 5, .rows = 2, .cols = 3, .channels = 3, .format = format,
        .centre = format == SL_PATCHES_COMPACT ? centre : NULL};
}

/* Raw outputs of face n: embedding [D], patches [R, C]. */
static inline void face_numbers(const sl_template_shape *s, int n, float *embedding, float *patches)
{
    fill_random(embedding, (size_t)s->dim, (uint64_t)n * 2 + 1, -1, 1);
    fill_random(patches, (size_t)(s->rows * s->cols * s->channels), (uint64_t)n * 2 + 2, -3, 3);
}

static inline sl_template *face_template(const sl_template_shape *s, int n)
{
    float embedding[64], patches[1024];
    sl_error err;
    sl_template *t;
    face_numbers(s, n, embedding, patches);
    sl_template_shape made = *s;
    if (s->format > SL_PATCHES_F32)
        made.format = SL_PATCHES_INT8;
    assert_ok(sl_template_make(&made, embedding, patches, &t, &err));
    if (s->format > SL_PATCHES_F32) {
        sl_template *map = t;
        float y[1024];
        assert_ok(sl_template_alloc(s, &t, &err));
        memcpy(t->embedding, map->embedding, (size_t)s->dim * sizeof(float));
        sl_template_free(map);
        fill_random(y, sl_contribution_count(s), (uint64_t)n * 2 + 2, -3, 3);
        if (t->codes)
            sl_contributions_quantise(y, s->centre, s->rows * s->cols, s->dim, t->codes, t->patch_scales);
    }
    t->has_landmarks = n % 2;
    for (int k = 0; k < 68; k++)
        t->landmarks[k] = (sl_point){(float)k / 68, (float)(n % 7) / 7};
    return t;
}

static inline bool face_has_crop(int n)
{
    return n % 3 == 0;
}

static inline sl_image face_crop(int n)
{
    sl_image image;
    sl_error err;
    assert_ok(sl_image_new(8, 8, 3, &image, &err));
    memset(image.pixels, n * 37 % 256, 8 * 8 * 3);
    return image;
}

/* Of every second face the photo's hash is known; false: of none, as in older galleries. */
static bool faces_hashed = true;

static inline const uint8_t *face_photo(int n)
{
    static _Thread_local uint8_t ramp[256 + 32]; /* the same bytes in every call: entries live on */
    for (int i = 0; i < 256 + 32; i++)
        ramp[i] = (uint8_t)i;
    return n % 2 || !faces_hashed ? NULL : ramp + n * 31 % 256;
}

static inline sl_entry face_entry(int n, char image[64], char label[64])
{
    snprintf(image, 64, "person-%d/photo %d \xc3\xa9.jpg", n / 3, n);
    snprintf(label, 64, "person-%d", n / 3);
    return (sl_entry){.label = label,
                      .image = image,
                      .box = {(float)n, 1, (float)n + 50, 61},
                      .quality = {.5f, .25f, 1, (float)(n % 5) / 5, .75f},
                      .photo_sha256 = face_photo(n)};
}

static inline sl_status try_add_face(sl_gallery *g, int n, sl_error *err)
{
    char image[64], label[64];
    sl_entry entry = face_entry(n, image, label);
    sl_template *t = face_template(sl_gallery_shape(g), n);
    sl_image crop = face_crop(n);
    sl_status status = sl_gallery_add(g, &entry, t, face_has_crop(n) ? &crop : NULL, err);
    sl_image_free(&crop);
    sl_template_free(t);
    return status;
}

static inline void add_face(sl_gallery *g, int n)
{
    sl_error err;
    assert_ok(try_add_face(g, n, &err));
}

/* NULL when face i of the gallery is face n in every part, else what differs. */
static inline const char *face_differs(const sl_gallery *g, size_t i, int n, sl_error *err)
{
    char image[64], label[64];
    sl_entry want = face_entry(n, image, label), have;
    if (sl_gallery_entry(g, i, &have, err))
        return err->text;
    if (strcmp(have.image, image) != 0 || strcmp(have.label, label) != 0)
        return "names";
    if (memcmp(&have.box, &want.box, sizeof have.box) != 0 ||
        memcmp(&have.quality, &want.quality, sizeof have.quality) != 0)
        return "box or quality";
    if (have.has_landmarks != n % 2 || have.has_crop != face_has_crop(n))
        return "flags";
    if (!have.photo_sha256 != !want.photo_sha256 ||
        (want.photo_sha256 && memcmp(have.photo_sha256, want.photo_sha256, 32) != 0))
        return "photo's hash";
    sl_template *got;
    if (sl_gallery_template(g, i, &got, err))
        return err->text;
    const sl_template_shape *s = sl_gallery_shape(g);
    sl_template *made = face_template(s, n);
    size_t values = (size_t)(s->rows * s->cols * s->channels);
    const char *differs = NULL;
    if (memcmp(got->embedding, made->embedding, (size_t)s->dim * sizeof(float)) != 0)
        differs = "embedding";
    else if ((made->patches_f32 && memcmp(got->patches_f32, made->patches_f32, values * 4) != 0) ||
             (made->patches_i8 && memcmp(got->patches_i8, made->patches_i8, values) != 0) ||
             (made->codes && memcmp(got->codes, made->codes, (size_t)(s->rows * s->cols) * sl_code_bytes(s->dim)) != 0))
        differs = "patches";
    else if (made->centre && memcmp(got->centre, made->centre, sl_contribution_count(s) * sizeof(float)) != 0)
        differs = "centre";
    else if (made->patch_scales &&
             memcmp(got->patch_scales, made->patch_scales, (size_t)(s->rows * s->cols) * 4) != 0)
        differs = "scales";
    else if (got->has_landmarks != n % 2 ||
             (n % 2 && memcmp(got->landmarks, made->landmarks, sizeof made->landmarks) != 0))
        differs = "landmarks";
    sl_template_free(got);
    sl_template_free(made);
    if (differs || !have.has_crop)
        return differs;
    sl_image crop;
    if (sl_gallery_crop(g, i, &crop, err))
        return err->text;
    if (crop.width != 8 || crop.height != 8 || abs(crop.pixels[0] - n * 37 % 256) > 2)
        differs = "crop";
    sl_image_free(&crop);
    return differs;
}

static inline void expect_face(const sl_gallery *g, size_t i, int n)
{
    sl_error err;
    const char *differs = face_differs(g, i, n, &err);
    if (differs)
        fail_msg("gallery's face %zu is not face %d: %s", i, n, differs);
}

/* Of the galleries that are made here. */
static sl_patch_format faces_format = SL_PATCHES_INT8;

static inline sl_gallery *open_gallery(const char *dir, sl_gallery_mode mode)
{
    sl_error err;
    sl_gallery *g;
    sl_template_shape s = small_shape(faces_format);
    bool create = mode == SL_GALLERY_CREATE;
    assert_ok(sl_gallery_open_shape(dir, mode, create ? &s : NULL, create ? MODEL_NAME : NULL, &g, &err));
    return g;
}

/* A gallery of faces 0 .. count-1, one commit after every `per_commit`. */
static inline void make_gallery(const char *dir, int count, int per_commit)
{
    sl_error err;
    sl_gallery *g = open_gallery(dir, SL_GALLERY_CREATE);
    for (int n = 0; n < count; n++) {
        add_face(g, n);
        if ((n + 1) % per_commit == 0)
            assert_ok(sl_gallery_commit(g, &err));
    }
    assert_ok(sl_gallery_commit(g, &err));
    sl_gallery_close(g);
}

static inline uint8_t *read_whole(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    uint8_t *data = malloc(*size + 1);
    assert_int_equal(fread(data, 1, *size, f), *size);
    fclose(f);
    return data;
}

static inline void write_whole(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    if (size)
        assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static inline void copy_dir(const char *from, const char *to)
{
    mkdir(to, 0777);
    DIR *d = opendir(from);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        char a[600], b[600];
        if (e->d_name[0] == '.')
            continue;
        snprintf(a, sizeof a, "%s/%s", from, e->d_name);
        snprintf(b, sizeof b, "%s/%s", to, e->d_name);
        size_t size;
        uint8_t *data = read_whole(a, &size);
        write_whole(b, data, size);
        free(data);
    }
    closedir(d);
}

#define assert_fails(call, wanted, words)                                                                         \
    do {                                                                                                          \
        err.text[0] = 0;                                                                                          \
        sl_status assert_fails_status_ = (call);                                                                  \
        if (assert_fails_status_ != (wanted) || !strstr(err.text, words))                                         \
            fail_msg("%s: %s: \"%s\"", #call, sl_status_name(assert_fails_status_), err.text);                    \
    } while (0)

#endif
