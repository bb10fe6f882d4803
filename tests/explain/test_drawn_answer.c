/* The picture of an answer that the README shows: people whom we drew, one of them behind a mask. Their faces are
 * described by the colours and edges of each cell, as a network that was trained on photos knows nothing of
 * drawings; what is done with the descriptions is what the program does. Made anew by
 *
 *     SL_KEEP_PICTURES=docs build/explain_test_drawn_answer */
#include "drawn_faces.h"

#include "explain/explain.h"

enum { PEOPLE = 24, MASKED = 11, ROWS = 7, COLS = 7, SIDE = 112 };

static void test_the_readme_shows_this_answer(void **state)
{
    (void)state;
    sl_error err;
    char *dir = make_temp_dir(), path[512];
    snprintf(path, sizeof path, "%s/gallery", dir);
    sl_gallery *gallery = gallery_of_drawings(path, PEOPLE, PEOPLE, ROWS, COLS, SIDE, SIDE);
    sl_match_options match = sl_match_defaults_of(SL_RERANK_EMD);
    sl_image face, sheet, kept;
    draw_face(MASKED, .02f, true, SIDE, SIDE, &face);
    sl_template *query = template_of_drawing(&face, ROWS, COLS);
    sl_answer answer;
    answer_by_comparing(gallery, query, &match, .78f, 10, &answer);
    assert_int_not_equal(answer.stage1_candidates[0].entry, MASKED);
    assert_int_equal(answer.candidates[0].entry, MASKED);

    sl_case one = {.query_name = "behind a mask",
                   .true_label = "Person_11",
                   .query_crop = &face,
                   .query = query,
                   .gallery = gallery,
                   .answer = &answer};
    assert_ok(sl_draw_sheet(&one, &sheet, &err));
    keep_picture("answer.png", &sheet);
    assert_ok(sl_image_read(SL_SOURCE_DIR "/docs/answer.png", &kept, &err));
    assert_int_equal(sheet.width, kept.width);
    assert_int_equal(sheet.height, kept.height);
    for (int i = 0; i < sheet.width * sheet.height * 3; i++)
        assert_in_range(abs(sheet.pixels[i] - kept.pixels[i]), 0, 3);
    sl_image_free(&sheet);
    sl_image_free(&kept);
    sl_image_free(&face);
    sl_template_free(query);
    free_answer(&answer);
    sl_gallery_close(gallery);
    remove_tree(dir);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_readme_shows_this_answer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
