/* RetinaFace's raw outputs, decoded by hand. */
#include "support.h"

#include "face/retinaface.h"

enum { ROWS = 2, COLS = 3, PLANE = ROWS * COLS };

typedef struct {
    float score[4 * PLANE], box[8 * PLANE], points[20 * PLANE];
} head_data;

static sl_retinaface_head head_of(const head_data *d, int stride)
{
    return (sl_retinaface_head){stride, ROWS, COLS, d->score, d->box, d->points};
}

static void anchors_are_squares_around_their_cells(void **state)
{
    (void)state;
    static const struct {
        int stride, anchor;
        float side;
    } cases[] = {{32, 0, 512}, {32, 1, 256}, {16, 0, 128}, {16, 1, 64}, {8, 0, 32}, {8, 1, 16}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        head_data d = {0};
        int cell = 1 * COLS + 2; /* row 1, column 2 */
        d.score[(2 + cases[i].anchor) * PLANE + cell] = .9f;
        sl_retinaface_head h = head_of(&d, cases[i].stride);
        sl_face *faces;
        size_t count;
        sl_error err;
        assert_ok(sl_retinaface_decode(&h, 1, .8f, &faces, &count, &err));
        assert_int_equal(count, 1);
        /* Zero deltas give the anchor itself, e.g. -248 .. 263 for side 512 at cell 0. */
        float cx = 7.5f + 2 * cases[i].stride, cy = 7.5f + cases[i].stride, r = .5f * (cases[i].side - 1);
        assert_close(&faces->box.x0, (float[]){cx - r, cy - r, cx + r, cy + r}, 4, 1e-4);
        for (int p = 0; p < 5; p++)
            assert_close(&faces->points[p].x, (float[]){cx, cy}, 2, 1e-4);
        assert_true(faces->score == .9f);
        free(faces);
    }
}

static void deltas_move_and_scale(void **state)
{
    (void)state;
    head_data d = {0};
    d.score[3 * PLANE] = 1; /* anchor 1 of cell 0: side 64 at stride 16, centre 7.5 */
    d.box[4 * PLANE] = .25f, d.box[5 * PLANE] = -.5f, d.box[6 * PLANE] = logf(2), d.box[7 * PLANE] = logf(.5f);
    for (int i = 0; i < 10; i++)
        d.points[(10 + i) * PLANE] = .1f * (float)i;
    sl_retinaface_head h = head_of(&d, 16);
    sl_face *faces;
    size_t count;
    sl_error err;
    assert_ok(sl_retinaface_decode(&h, 1, .5f, &faces, &count, &err));
    assert_int_equal(count, 1);
    /* centre 7.5 + 16 = 23.5, 7.5 - 32 = -24.5; sides 128 and 32, reaching 63.5 and 15.5 */
    assert_close(&faces->box.x0, (float[]){-40, -40, 87, -9}, 4, 1e-3);
    for (int i = 0; i < 5; i++)
        assert_close(&faces->points[i].x, (float[]){7.5f + 12.8f * (float)i, 7.5f + 6.4f * (float)(2 * i + 1)}, 2,
                     1e-3);
    free(faces);
}

static void sorted_by_score_and_cut_by_threshold(void **state)
{
    (void)state;
    head_data a = {0}, b = {0};
    a.score[2 * PLANE + 0] = .7f, a.score[2 * PLANE + 1] = .95f, a.score[2 * PLANE + 2] = .4f;
    a.score[0] = 1; /* background does not count */
    b.score[3 * PLANE + 5] = .9f;
    sl_retinaface_head h[2] = {head_of(&a, 8), head_of(&b, 16)};
    sl_face *faces;
    size_t count;
    sl_error err;
    assert_ok(sl_retinaface_decode(h, 2, .5f, &faces, &count, &err));
    assert_int_equal(count, 3);
    assert_true(faces[0].score == .95f && faces[1].score == .9f && faces[2].score == .7f);
    free(faces);
    assert_ok(sl_retinaface_decode(h, 2, .96f, &faces, &count, &err));
    assert_int_equal(count, 0);
    assert_null(faces);
}

static void nonsense_is_dropped(void **state)
{
    (void)state;
    head_data d = {0};
    for (int i = 0; i < 5; i++)
        d.score[2 * PLANE + i] = .9f;
    d.score[2 * PLANE] = NAN;
    d.box[1] = NAN;
    d.points[7 * PLANE + 2] = INFINITY;
    d.box[2 * PLANE + 3] = -1000; /* no width */
    d.box[2 * PLANE + 4] = 1000;  /* an exponential that would overflow: kept, but bounded */
    sl_retinaface_head h = head_of(&d, 8);
    sl_face *faces;
    size_t count;
    sl_error err;
    assert_ok(sl_retinaface_decode(&h, 1, .5f, &faces, &count, &err));
    assert_int_equal(count, 1);
    assert_true(isfinite(faces->box.x1) && faces->box.x1 - faces->box.x0 < 32 * 60);
    free(faces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anchors_are_squares_around_their_cells),
        cmocka_unit_test(deltas_move_and_scale),
        cmocka_unit_test(sorted_by_score_and_cut_by_threshold),
        cmocka_unit_test(nonsense_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
