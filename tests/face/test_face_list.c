/* Lists of faces: growth, order, overlap and thinning, by hand-made boxes. */
#include "support.h"

#include "face/face_list.h"

static sl_face boxed(float x, float score)
{
    return (sl_face){.box = {x, 0, x + 10, 10}, .score = score};
}

static void a_list_grows_and_keeps_what_it_has(void **state)
{
    (void)state;
    sl_face_list list = {0};
    for (int i = 0; i < 1000; i++) {
        const sl_face face = boxed((float)i, .5f);
        assert_true(sl_face_list_add(&list, &face));
    }
    assert_int_equal(list.count, 1000);
    for (int i = 0; i < 1000; i++)
        assert_true(list.faces[i].box.x0 == (float)i);
    free(list.faces);
}

static void sound_faces_have_finite_numbers_and_an_area(void **state)
{
    (void)state;
    sl_face face = boxed(3, .9f);
    assert_true(sl_face_is_sound(&face));
    face.points[4].y = NAN;
    assert_false(sl_face_is_sound(&face));
    face = boxed(3, .9f);
    face.box.x1 = INFINITY;
    assert_false(sl_face_is_sound(&face));
    face.box.x1 = 3; /* as narrow as nothing */
    assert_false(sl_face_is_sound(&face));
}

/* Equal scores by place, whatever the order they came in. */
static void best_first_and_ties_by_place(void **state)
{
    (void)state;
    sl_face f[] = {boxed(20, .5f), boxed(10, .9f), boxed(0, .5f), boxed(5, .5f)};
    f[3].box.y0 = -1;
    sl_faces_sort(f, 4);
    assert_true(f[0].score == .9f && f[1].box.x0 == 5 && f[2].box.x0 == 0 && f[3].box.x0 == 20);
    sl_faces_sort(NULL, 0);
}

static void overlap_of_boxes(void **state)
{
    (void)state;
    sl_box a = {0, 0, 10, 10}, half = {5, 0, 15, 10}, apart = {20, 0, 30, 10}, touching = {10, 0, 20, 10};
    assert_true(fabsf(sl_box_iou(&a, &a) - 1) < 1e-6f);
    assert_true(fabsf(sl_box_iou(&a, &half) - 50.f / 150) < 1e-6f);
    assert_true(sl_box_iou(&a, &apart) == 0 && sl_box_iou(&a, &touching) == 0);
}

/* Those that overlap the best one become one with it; what overlaps these alone is another face. */
static void faces_that_overlap_become_their_mean(void **state)
{
    (void)state;
    sl_face f[] = {boxed(0, .9f), boxed(40, .8f), boxed(4, .6f), boxed(8, .5f), boxed(41, .2f)};
    f[0].points[2].y = 6;
    f[2].points[2].y = 1;
    assert_int_equal(sl_faces_blend(f, 5, .3f, 10), 3);
    assert_true(f[0].score == .9f && f[1].score == .8f && f[2].score == .5f);
    assert_close(&f[0].box.x0, (float[]){1.6f, 0, 11.6f, 10}, 4, 1e-5);
    assert_close(&f[0].points[2].y, (float[]){4}, 1, 1e-5);
    assert_close(&f[1].box.x0, (float[]){40.2f, 0, 50.2f, 10}, 4, 1e-5);
    assert_true(f[2].box.x0 == 8);
    sl_face few[] = {boxed(0, .9f), boxed(40, .8f)};
    assert_int_equal(sl_faces_blend(few, 2, .3f, 1), 1);
    assert_int_equal(sl_faces_blend(few, 0, .3f, 1), 0);
}

static void weaker_faces_that_overlap_go(void **state)
{
    (void)state;
    /* 0 covers 2 and (by IoU .43) 4; 2 would have covered 6, but is gone. */
    sl_face f[] = {boxed(0, .9f), boxed(50, .8f), boxed(2, .7f), boxed(51, .65f), boxed(4, .6f), boxed(6, .5f)};
    assert_int_equal(sl_faces_suppress(f, 6, .4f, 100), 3);
    assert_true(f[0].score == .9f && f[1].score == .8f && f[2].score == .5f);
    sl_face g[] = {boxed(0, .9f), boxed(50, .8f), boxed(100, .7f)};
    assert_int_equal(sl_faces_suppress(g, 3, .4f, 2), 2);
    assert_int_equal(sl_faces_suppress(g, 0, .4f, 2), 0);
}

static void many_overlapping_candidates_keep_a_clean_set(void **state)
{
    (void)state;
    enum { N = 2000 };
    static sl_face f[N];
    float where[2 * N];
    fill_random(where, 2 * N, 5, 0, 300);
    for (int i = 0; i < N; i++)
        f[i] = (sl_face){.box = {where[2 * i], where[2 * i + 1], where[2 * i] + 30, where[2 * i + 1] + 30},
                         .score = 1 - (float)i / N};
    size_t kept = sl_faces_suppress(f, N, .4f, N);
    assert_in_range(kept, 50, 500);
    for (size_t i = 0; i < kept; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(sl_box_iou(&f[i].box, &f[j].box) <= .4f && f[j].score > f[i].score);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_grows_and_keeps_what_it_has),
        cmocka_unit_test(sound_faces_have_finite_numbers_and_an_area),
        cmocka_unit_test(best_first_and_ties_by_place),
        cmocka_unit_test(overlap_of_boxes),
        cmocka_unit_test(faces_that_overlap_become_their_mean),
        cmocka_unit_test(weaker_faces_that_overlap_go),
        cmocka_unit_test(many_overlapping_candidates_keep_a_clean_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
