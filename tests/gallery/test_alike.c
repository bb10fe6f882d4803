/* The same calls on a gallery in a folder and on one of another kind leave the same faces behind: in memory, or where
 * SL_OTHER_KIND says (support.h). */
#include "own_folder.h"
#include "template/patch_row.h"

enum { STEPS = 400, FAR_STEPS = 120 /* where each is a journey */, NAMES = 60 };

static sl_error err;

/* ---- side by side ---- */

static void expect_same_patches(const sl_gallery *a, const sl_gallery *b, size_t i)
{
    const sl_template_shape *s = sl_gallery_shape(a);
    const size_t bytes = sl_patch_row_layout(s).patches_bytes;
    sl_patch_source x, y;
    if (s->format == SL_PATCHES_NONE)
        return;
    assert_ok(sl_gallery_patches(a, i, &x, &err));
    assert_ok(sl_gallery_patches(b, i, &y, &err));
    const void *held[] = {y.patches_i8, y.patches_f32, y.codes}, *wanted[] = {x.patches_i8, x.patches_f32, x.codes};
    for (int k = 0; k < 3; k++) {
        assert_true(!held[k] == !wanted[k] && (uintptr_t)held[k] % 64 == 0);
        if (held[k])
            assert_memory_equal(held[k], wanted[k], bytes);
    }
}

/* Also the numbers of their labels, which may differ, but not in what they are equal for. */
static void expect_same_entry(const sl_gallery *a, const sl_gallery *b, size_t i)
{
    sl_entry x, y;
    size_t found;
    assert_ok(sl_gallery_entry(a, i, &x, &err));
    assert_ok(sl_gallery_entry(b, i, &y, &err));
    assert_string_equal(x.image, y.image);
    assert_string_equal(x.label, y.label);
    assert_true(x.has_crop == y.has_crop && x.has_landmarks == y.has_landmarks && !x.photo_sha256 == !y.photo_sha256);
    assert_ok(sl_gallery_find(b, y.image, &found, &err));
    assert_int_equal(found, i);
    assert_true(sl_gallery_label_id(b, i) < sl_gallery_label_bound(b));
    for (size_t k = 0; k < i; k++)
        assert_true((sl_gallery_label_id(a, k) == sl_gallery_label_id(a, i)) ==
                    (sl_gallery_label_id(b, k) == sl_gallery_label_id(b, i)));
}

static void expect_same(const sl_gallery *a, const sl_gallery *b)
{
    sl_gallery_info x, y;
    const float *of_a, *of_b;
    sl_gallery_get_info(a, &x);
    sl_gallery_get_info(b, &y);
    assert_true(x.faces == y.faces && x.labels == y.labels && y.removed == 0);
    assert_ok(sl_gallery_embeddings(a, &of_a, &err));
    assert_ok(sl_gallery_embeddings(b, &of_b, &err));
    assert_true((of_b != NULL) == (y.faces > 0));
    if (of_b)
        assert_memory_equal(of_a, of_b, y.faces * (size_t)y.dim * sizeof(float));
    for (size_t i = 0; i < y.faces; i++) {
        expect_same_entry(a, b, i);
        expect_same_patches(a, b, i);
    }
}

static sl_status replace_face(sl_gallery *g, const char *photo, int n, sl_error *why)
{
    char image[64], label[64];
    sl_entry entry = face_entry(n, image, label);
    sl_template *t = face_template(sl_gallery_shape(g), n);
    sl_status status = sl_gallery_replace(g, photo, &entry, t, NULL, why);
    sl_template_free(t);
    return status;
}

/* Step `kind` about face n; what is told of it as a number, with the status. */
static size_t step(sl_gallery *g, int kind, int n, sl_status *status)
{
    char image[64], label[64], other_image[64], other_label[64];
    size_t told = 0;
    face_entry(n, image, label);
    face_entry((n * 7 + 1) % NAMES, other_image, other_label);
    switch (kind) {
    case 0: *status = sl_gallery_remove(g, image, NULL, &told, NULL); break;
    case 1: *status = sl_gallery_remove(g, NULL, label, &told, NULL); break;
    case 2: *status = sl_gallery_remove(g, image, other_label, &told, NULL); break;
    case 3: *status = replace_face(g, other_image, n, NULL); break;
    case 4: *status = sl_gallery_find_photo(g, face_photo(n & ~1), n % 3 ? NULL : label, &told, NULL); break;
    case 5: *status = sl_gallery_find_face_of(g, image, &told, NULL); break;
    default: *status = try_add_face(g, n, NULL); break;
    }
    return told;
}

static void the_same_steps_leave_the_same_faces(void **state)
{
    (void)state;
    static const sl_patch_format formats[] = {SL_PATCHES_INT8, SL_PATCHES_F32, SL_PATCHES_COMPACT, SL_PATCHES_NONE};
    const int steps = getenv("SL_OTHER_KIND") ? FAR_STEPS : STEPS;
    for (int f = 0; f < 4; f++) {
        char folder[600], other[256];
        snprintf(folder, sizeof folder, "%s/%d", dir, f);
        faces_format = formats[f];
        sl_gallery *a = open_gallery(folder, SL_GALLERY_CREATE);
        sl_gallery *b = open_gallery(fresh_place(other), SL_GALLERY_CREATE);
        size_t most = 0;
        for (int i = 0; i < steps; i++) {
            float drawn[2];
            sl_status of_a, of_b;
            fill_random(drawn, 2, (uint64_t)(f * STEPS + i), 0, 1);
            const int kind = (int)(drawn[0] * 16), n = (int)(drawn[1] * NAMES);
            const size_t x = step(a, kind, n, &of_a), y = step(b, kind, n, &of_b);
            if (of_a != of_b || x != y)
                fail_msg("step %d (%d about face %d): %s, %zu and %s, %zu", i, kind, n, sl_status_name(of_a), x,
                         sl_status_name(of_b), y);
            if (i % 20 == 0)
                expect_same(a, b);
            most = sl_gallery_size(b) > most ? sl_gallery_size(b) : most;
        }
        expect_same(a, b);
        assert_true(most > 10);
        sl_gallery_close(a);
        sl_gallery_close(b);
    }
    faces_format = SL_PATCHES_INT8;
}

static void every_part_of_a_face_is_kept(void **state)
{
    (void)state;
    static const sl_patch_format formats[] = {SL_PATCHES_INT8, SL_PATCHES_F32, SL_PATCHES_COMPACT, SL_PATCHES_NONE};
    for (int f = 0; f < 4; f++) {
        char other[256];
        faces_format = formats[f];
        sl_gallery *g = open_gallery(fresh_place(other), SL_GALLERY_CREATE);
        for (int n = 0; n < 200; n++)
            add_face(g, n);
        assert_ok(sl_gallery_commit(g, &err));
        for (int n = 0; n < 200; n++)
            expect_face(g, (size_t)n, n);
        assert_fails(try_add_face(g, 5, &err), SL_ERR_EXISTS, "enrolled already, as person-1");
        /* whoever removes may name a face by the gallery's own strings */
        size_t removed;
        assert_ok(sl_gallery_remove(g, sl_gallery_image(g, 4), sl_gallery_label(g, 4), &removed, &err));
        assert_int_equal(removed, 1);
        assert_ok(sl_gallery_remove(g, NULL, sl_gallery_label(g, 0), &removed, &err));
        assert_int_equal(removed, 3);
        expect_face(g, 0, 3);
        expect_face(g, 1, 5);
        sl_gallery_close(g);
    }
    faces_format = SL_PATCHES_INT8;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_steps_leave_the_same_faces, setup, teardown),
        cmocka_unit_test(every_part_of_a_face_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
