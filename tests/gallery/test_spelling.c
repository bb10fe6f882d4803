/* One name in two forms of Unicode is one name in a gallery. */
#include "faces.h"
#include "gallery/gallery.h"

#define COMPOSED "Ren\xc3\xa9"
#define DECOMPOSED "Rene\xcc\x81"

static sl_error err;

static void add(sl_gallery *g, const sl_template_shape *s, const char *image, const char *label,
                sl_status expected)
{
    sl_template *t = face_template(s, 1);
    sl_entry e = {.image = image, .label = label};
    assert_int_equal(sl_gallery_add(g, &e, t, NULL, &err), expected);
    sl_template_free(t);
}

static void forms_of_one_name(void **state)
{
    (void)state;
    const sl_template_shape shape = small_shape(SL_PATCHES_F32);
    char *dir = make_temp_dir(), path[600];
    sl_gallery *g;
    sl_gallery_info info;
    size_t i, removed;
    snprintf(path, sizeof path, "%s/g", dir);
    assert_ok(sl_gallery_open_shape(path, SL_GALLERY_CREATE, &shape, MODEL_NAME, &g, &err));
    add(g, &shape, COMPOSED "/1.jpg", COMPOSED, SL_OK);
    add(g, &shape, DECOMPOSED "/2.jpg", DECOMPOSED, SL_OK);
    add(g, &shape, DECOMPOSED "/1.jpg", "other", SL_ERR_EXISTS);
    add(g, &shape, "\xff", "other", SL_ERR_ARGUMENT);
    sl_gallery_get_info(g, &info);
    assert_true(info.faces == 2 && info.labels == 1);
    assert_string_equal(sl_gallery_label(g, 1), COMPOSED);
    assert_string_equal(sl_gallery_image(g, 1), COMPOSED "/2.jpg");
    assert_ok(sl_gallery_find(g, DECOMPOSED "/2.jpg", &i, &err));
    assert_int_equal(i, 1);
    assert_ok(sl_gallery_remove(g, NULL, DECOMPOSED, &removed, &err));
    assert_int_equal(removed, 2);
    sl_gallery_close(g);
    remove_tree(dir);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(forms_of_one_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
