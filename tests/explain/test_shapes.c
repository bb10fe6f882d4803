/* The example still draws the picture that docs/method.md shows. */
#define main flow_of_shapes
#include "../../examples/flow_of_shapes.c"
#undef main

#include "support.h"

static void test_the_page_shows_what_the_example_draws(void **state)
{
    (void)state;
    sl_error err;
    sl_image drawn, kept;
    char *dir = make_temp_dir(), path[512];
    snprintf(path, sizeof path, "%s/flow.png", dir);
    assert_int_equal(flow_of_shapes(2, (char *[]){"flow_of_shapes", path, NULL}), 0);
    assert_ok(sl_image_read(path, &drawn, &err));
    assert_ok(sl_image_read(SL_SOURCE_DIR "/docs/flow.png", &kept, &err));
    assert_int_equal(drawn.width, kept.width);
    assert_int_equal(drawn.height, kept.height);
    for (int i = 0; i < drawn.width * drawn.height * 3; i++)
        assert_in_range(abs(drawn.pixels[i] - kept.pixels[i]), 0, 3);
    sl_image_free(&drawn);
    sl_image_free(&kept);
    remove_tree(dir);
    free(dir);
}

static void test_a_picture_that_can_not_be_written_is_a_failure(void **state)
{
    (void)state;
    assert_int_equal(flow_of_shapes(2, (char *[]){"flow_of_shapes", "/no/such/folder/flow.png", NULL}), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_page_shows_what_the_example_draws),
        cmocka_unit_test(test_a_picture_that_can_not_be_written_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
