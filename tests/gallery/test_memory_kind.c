/* Galleries in memory: they end with their handle, and there are no files. (That they hold the same as others:
 * test_alike.c.) */
#include "faces.h"

static sl_error err;

static void it_ends_with_its_handle(void **state)
{
    (void)state;
    const sl_template_shape shape = small_shape(SL_PATCHES_INT8), compact = {
        .dim = 5, .rows = 2, .cols = 3, .channels = 3, .format = SL_PATCHES_COMPACT};
    sl_gallery *a = open_gallery(":memory:", SL_GALLERY_CREATE), *b = open_gallery(":memory:", SL_GALLERY_CREATE), *g;
    add_face(a, 1);
    assert_true(sl_gallery_size(a) == 1 && sl_gallery_size(b) == 0 && sl_gallery_id(a) != sl_gallery_id(b));
    sl_gallery_close(a);
    sl_gallery_close(b);
    assert_fails(sl_gallery_open_shape(":memory:", SL_GALLERY_READ, NULL, NULL, &g, &err), SL_ERR_NOT_FOUND, "create");
    assert_fails(sl_gallery_open_shape(":memory:", SL_GALLERY_WRITE, &shape, MODEL_NAME, &g, &err), SL_ERR_NOT_FOUND,
                 "create");
    assert_fails(sl_gallery_open_shape(":memory:", SL_GALLERY_CREATE, &compact, MODEL_NAME, &g, &err),
                 SL_ERR_ARGUMENT, "stored around");
    assert_null(g);
}

static void tell_leftover(void *context, const char *file, uint64_t bytes)
{
    (void)context, (void)file, (void)bytes;
    fail_msg("there are no files");
}

static void there_are_no_files(void **state)
{
    (void)state;
    uint8_t *text;
    size_t size;
    assert_fails(sl_gallery_verify(":memory:", NULL, NULL, &err), SL_ERR_NOT_FOUND, "no files");
    assert_fails(sl_gallery_compact(":memory:", NULL, NULL, &err), SL_ERR_NOT_FOUND, "no files");
    assert_fails(sl_gallery_leftovers(":memory:", tell_leftover, NULL, &err), SL_ERR_NOT_FOUND, "no files");
    sl_gallery *g = open_gallery(":memory:", SL_GALLERY_CREATE);
    assert_fails(sl_gallery_write_note(g, "a.rates", "{}", 2, &err), SL_ERR_UNSUPPORTED, "cannot keep a.rates");
    assert_fails(sl_gallery_read_note(g, "a.rates", 99, &text, &size, &err), SL_ERR_NOT_FOUND, "no notes");
    sl_gallery_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_ends_with_its_handle),
        cmocka_unit_test(there_are_no_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
