/* Points corrected where they are hidden, by networks that say the same of every view: what stays, what moves and
 * whither, and what is refused. */
#include "support.h"

#include "face/align.h"
#include "face/hidden_points.h"

static sl_error err;

/* A network that tells `told` whatever it sees, as one dense layer over the flat view; of what is hidden more, by
 * `left`, the brighter a pixel at the left is. */
static sl_graph *network_that_looks(int64_t side, const float *told, int count, float left)
{
    const sl_attr flat = {.axis = 1};
    const sl_shape view = {4, {-1, 3, side, side}}, unknown = {.rank = -1};
    const int64_t in = 3 * side * side;
    float *weights = calloc((size_t)(in * count), sizeof *weights), *bias = malloc((size_t)count * sizeof *bias);
    memcpy(bias, told, (size_t)count * sizeof *bias);
    for (int i = 10; i < count; i++)
        weights[i * in + side * side / 2 + side / 8] = left;
    sl_graph *g = sl_graph_new();
    sl_tensor x, f, w, b, y;
    assert_ok(sl_graph_add_tensor(g, "view", SL_TYPE_F32, &view, &x, &err));
    assert_ok(sl_graph_add_input(g, x, &err));
    assert_ok(sl_graph_add_tensor(g, "flat", SL_TYPE_F32, &unknown, &f, &err));
    assert_ok(sl_graph_add_node(g, SL_OP_FLATTEN, "flat", &flat, &x, 1, &f, 1, &err));
    assert_ok(sl_graph_add_const(g, "w", SL_TYPE_F32, &(sl_shape){2, {count, in}}, weights, true, &w, &err));
    assert_ok(sl_graph_add_const(g, "b", SL_TYPE_F32, &(sl_shape){1, {count}}, bias, true, &b, &err));
    assert_ok(sl_graph_add_tensor(g, "points", SL_TYPE_F32, &unknown, &y, &err));
    assert_ok(sl_graph_add_node(g, SL_OP_DENSE, "points", NULL, (sl_tensor[]){f, w, b}, 3, &y, 1, &err));
    assert_ok(sl_graph_add_output(g, y, &err));
    return g;
}

static sl_graph *network(int64_t side, const float *told, int count)
{
    return network_that_looks(side, told, count, 0);
}

static sl_hidden_points open_told(const float told[SL_POINTS_TOLD])
{
    sl_hidden_points h;
    sl_graph *g = network(SL_POINTS_VIEW, told, SL_POINTS_TOLD);
    assert_ok(sl_hidden_points_open(g, 1, &h, &err));
    sl_graph_free(g);
    return h;
}

static sl_image photo(int channels)
{
    sl_image image;
    assert_ok(sl_image_new(200, 180, channels, &image, &err));
    return image;
}

/* A face that leans, whose mouth is too low. */
static const sl_point face[5] = {{71, 60}, {109, 66}, {87, 85}, {66, 118}, {99, 123}};

static void correct(const float told[SL_POINTS_TOLD], int channels, sl_point points[5])
{
    sl_hidden_points h = open_told(told);
    sl_image image = photo(channels);
    memcpy(points, face, sizeof face);
    assert_ok(sl_hidden_points_correct(&h, &image, points, &err));
    sl_image_free(&image);
    sl_hidden_points_close(&h);
}

static void what_is_seen_stays_bit_for_bit(void **state)
{
    (void)state;
    const float told[SL_POINTS_TOLD] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, .4f, 0, -1, .1f, .4f};
    sl_point points[5];
    correct(told, 3, points);
    assert_memory_equal(points, face, sizeof face);
}

/* Where every point is told to be where aligned points are in the mean, nose and mouth go four fifths of the way to
 * what lies three hundredths of the eye distance above those, which the second round tells, too; the eyes stay as they
 * were. */
static void hidden_points_go_where_they_are_told_to_be(void **state)
{
    (void)state;
    const float told[SL_POINTS_TOLD] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1};
    sl_point points[5], mean[5];
    sl_affine map;
    for (int channels = 1; channels <= 3; channels += 2) {
        correct(told, channels, points);
        sl_points_of_view(mean);
        assert_ok(sl_points_view_map(face, &map, &err));
        assert_memory_equal(points, face, 2 * sizeof *face);
        for (int i = 2; i < 5; i++) {
            mean[i].y -= .03f * (mean[1].x - mean[0].x);
            const sl_point there = sl_affine_apply(&map, mean[i]);
            assert_true(fabsf(points[i].x - .2f * face[i].x - .8f * there.x) < 1e-3f);
            assert_true(fabsf(points[i].y - .2f * face[i].y - .8f * there.y) < 1e-3f);
        }
    }
}

/* The mouth alone is hidden: it goes, the rest stays. Half way between the two bounds of what counts, half of the
 * way. */
static void each_point_has_its_own_weight(void **state)
{
    (void)state;
    const float all[SL_POINTS_TOLD] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1};
    const float half[SL_POINTS_TOLD] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, .55f, .55f};
    sl_point whole[5], part[5];
    correct(all, 3, whole);
    correct(half, 3, part);
    assert_memory_equal(whole, face, 3 * sizeof *face);
    assert_memory_equal(part, face, 3 * sizeof *face);
    for (int i = 3; i < 5; i++) {
        assert_true(whole[i].y < face[i].y - 1);
        assert_true(fabsf((whole[i].x + face[i].x) / 2 - part[i].x) < 1e-3f);
        assert_true(fabsf((whole[i].y + face[i].y) / 2 - part[i].y) < 1e-3f);
    }
}

/* A network that says "to the right" of every view says so of the mirror image, too: nothing comes of it. "Down" holds
 * both ways round, and one unit in the view is SL_POINTS_UNIT pixels of it in each of the two rounds, of which four
 * fifths count. */
static void a_mirror_image_is_asked_too(void **state)
{
    (void)state;
    const float right[SL_POINTS_TOLD] = {1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1};
    const float still[SL_POINTS_TOLD] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1};
    const float down[SL_POINTS_TOLD] = {0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1};
    sl_point a[5], b[5], c[5];
    sl_affine map;
    correct(right, 3, a);
    correct(still, 3, b);
    correct(down, 3, c);
    assert_ok(sl_points_view_map(face, &map, &err));
    for (int i = 2; i < 5; i++) {
        assert_true(fabsf(a[i].x - b[i].x) < 1e-3f && fabsf(a[i].y - b[i].y) < 1e-3f);
        assert_true(fabs(c[i].x - b[i].x - 1.6 * (double)SL_POINTS_UNIT * map.m[1]) < 1e-3);
        assert_true(fabs(c[i].y - b[i].y - 1.6 * (double)SL_POINTS_UNIT * map.m[4]) < 1e-3);
    }
}

/* Of a photo that is white at its right half a network says .05 of what is hidden in the view, and 1.05 in its mirror
 * image: the view settles it. Where it is the other way round, or the view leaves it open, both count. */
static void a_view_that_is_surely_seen_settles_it(void **state)
{
    (void)state;
    static const struct {
        float base, left;
        bool stays;
    } cases[] = {{.55f, .25f, true}, {.55f, -.25f, false}, {.62f, .25f, false}};
    for (int c = 0; c < 3; c++) {
        const float told[SL_POINTS_TOLD] = {[10] = cases[c].base, cases[c].base, cases[c].base, cases[c].base,
                                            cases[c].base};
        sl_hidden_points h;
        sl_graph *g = network_that_looks(SL_POINTS_VIEW, told, SL_POINTS_TOLD, cases[c].left);
        sl_image image = photo(3);
        sl_point points[5];
        for (int i = 0; i < image.width * image.height; i++)
            memset(image.pixels + 3 * i, i % image.width > 88 ? 255 : 0, 3);
        memcpy(points, face, sizeof face);
        assert_ok(sl_hidden_points_open(g, 1, &h, &err));
        assert_ok(sl_hidden_points_correct(&h, &image, points, &err));
        assert_int_equal(memcmp(points, face, sizeof face) == 0, cases[c].stays);
        sl_hidden_points_close(&h);
        sl_image_free(&image);
        sl_graph_free(g);
    }
}

static void what_is_no_number_changes_nothing(void **state)
{
    (void)state;
    const float told[SL_POINTS_TOLD] = {NAN, NAN, INFINITY, 0, 0, NAN, 0, 0, 0, 0, 1, 1, 1, 1, NAN};
    sl_point points[5];
    correct(told, 3, points);
    assert_memory_equal(points, face, sizeof face);

    const float fine[SL_POINTS_TOLD] = {[10] = 1, 1, 1, 1, 1};
    sl_hidden_points h = open_told(fine);
    sl_image image = photo(3);
    sl_point one[5] = {{50, 50}, {50, 50}, {50, 50}, {50, 50}, {50, 50}}, none[5] = {{NAN, 0}};
    assert_ok(sl_hidden_points_correct(&h, &image, one, &err));
    assert_true(one[0].x == 50 && one[4].y == 50);
    assert_ok(sl_hidden_points_correct(&h, &image, none, &err));
    assert_true(isnan(none[0].x));
    sl_image_free(&image);
    sl_hidden_points_close(&h);
}

static void other_networks_are_refused(void **state)
{
    (void)state;
    const float told[SL_POINTS_TOLD] = {0};
    const struct {
        int side, count;
    } others[] = {{SL_POINTS_VIEW / 2, SL_POINTS_TOLD}, {SL_POINTS_VIEW, SL_POINTS_TOLD - 5}, {SL_POINTS_VIEW, 1}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        sl_hidden_points h;
        sl_graph *g = network(others[i].side, told, others[i].count);
        assert_false(sl_hidden_points_fits(g));
        assert_int_equal(sl_hidden_points_open(g, 1, &h, &err), SL_ERR_UNSUPPORTED);
        assert_null(h.plan);
        sl_graph_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_seen_stays_bit_for_bit),
        cmocka_unit_test(hidden_points_go_where_they_are_told_to_be),
        cmocka_unit_test(each_point_has_its_own_weight),
        cmocka_unit_test(a_mirror_image_is_asked_too),
        cmocka_unit_test(a_view_that_is_surely_seen_settles_it),
        cmocka_unit_test(what_is_no_number_changes_nothing),
        cmocka_unit_test(other_networks_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
