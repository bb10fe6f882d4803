/* One look at a picture, with a made-up detector: when it is asked again, where its faces end up, which of them get a
 * closer look, and what convinces. The detector takes each bright 4 x 4 block for a face, the red one's value as its
 * score, the green one's as how surely it is upright; it sees blocks in pictures of some sizes only. */
#include "support.h"

#include "image/image.h"
#include "pipeline/sight.h"

static sl_error err;

enum { BLOCK = 4 };

/* What the detector is like, and what it was asked. */
static struct {
    int blind_to_width[2]; /* it finds nothing in pictures of these */
    int finds, refined;
    int fails_at; /* the refinement that fails; 0: none */
} made_up;

static sl_status open_it(sl_detector *d, const sl_detector_network *networks, sl_error *e)
{
    (void)d, (void)networks, (void)e;
    return SL_OK;
}

static void close_it(sl_detector *d) { (void)d; }

static const uint8_t *pixel(const sl_image *image, int x, int y)
{
    return image->pixels + 3 * ((size_t)y * (size_t)image->width + (size_t)x);
}

/* An upright face whose eyes are level; the blue value's degrees make it lean. */
static sl_face face_at(const sl_image *image, int x, int y)
{
    const uint8_t *p = pixel(image, x, y);
    double lean = p[2] / 57.29578, c = cos(lean), s = sin(lean);
    static const double points[5][2] = {{-1, -1}, {1, -1}, {0, 0}, {-1, 1}, {1, 1}};
    sl_face f = {.score = (float)p[0] / 255, .upright = -1};
    f.box = (sl_box){(float)x, (float)y, (float)x + BLOCK - 1, (float)y + BLOCK - 1};
    for (int i = 0; i < 5; i++)
        f.points[i] = (sl_point){(float)(x + 1.5 + points[i][0] * c - points[i][1] * s),
                                 (float)(y + 1.5 + points[i][0] * s + points[i][1] * c)};
    return f;
}

static sl_status find_it(sl_detector *d, const sl_image *image, float threshold, sl_face **faces, size_t *count,
                         sl_error *e)
{
    (void)d, (void)e;
    made_up.finds++;
    if (image->width == made_up.blind_to_width[0] || image->width == made_up.blind_to_width[1])
        return SL_OK;
    *faces = calloc(16, sizeof **faces);
    for (int y = 0; y + BLOCK <= image->height; y += BLOCK)
        for (int x = 0; x + BLOCK <= image->width; x += BLOCK)
            if (*count < 16 && (float)pixel(image, x, y)[0] / 255 >= threshold)
                (*faces)[(*count)++] = face_at(image, x, y);
    for (size_t i = 1; i < *count; i++) /* best first */
        for (size_t k = i; k > 0 && (*faces)[k].score > (*faces)[k - 1].score; k--) {
            sl_face better = (*faces)[k];
            (*faces)[k] = (*faces)[k - 1];
            (*faces)[k - 1] = better;
        }
    if (*count)
        return SL_OK;
    free(*faces);
    *faces = NULL;
    return SL_OK;
}

static sl_status refine_it(sl_detector *d, const sl_image *image, sl_face *face, sl_error *e)
{
    (void)d;
    if (++made_up.refined == made_up.fails_at)
        return sl_fail(e, SL_ERR_NUMERIC, "made to fail");
    face->upright = (float)pixel(image, (int)face->box.x0, (int)face->box.y0)[1] / 255;
    return SL_OK;
}

static const sl_detector_kind kind = {.name = "made-up",
                                      .networks = 1,
                                      .threshold = .5f,
                                      .size = sizeof(sl_detector),
                                      .open = open_it,
                                      .close = close_it,
                                      .find = find_it,
                                      .refine = refine_it};

static sl_engine engine = {.detector = {.kind = &kind}, .detector_threshold = .5f};
static sl_session session = {.engine = &engine, .threads = 1};

static int open_detector(void **state)
{
    (void)state;
    const sl_detector_options o = sl_detector_defaults(1);
    memset(&made_up, 0, sizeof made_up);
    assert_ok(sl_detector_open(&kind, NULL, &o, &session.detector, &err));
    return 0;
}

static int close_detector(void **state)
{
    (void)state;
    sl_detector_close(session.detector);
    return 0;
}

static sl_image black(int width, int height)
{
    sl_image image;
    assert_ok(sl_image_new(width, height, 3, &image, &err));
    return image;
}

static void paint(sl_image *image, int x, int y, uint8_t score, uint8_t upright, uint8_t lean)
{
    const uint8_t colour[3] = {score, upright, lean};
    for (int dy = 0; dy < BLOCK; dy++)
        for (int dx = 0; dx < BLOCK; dx++)
            memcpy(image->pixels + 3 * ((size_t)(y + dy) * (size_t)image->width + (size_t)(x + dx)), colour, 3);
}

static void the_main_face_alone_is_looked_at_closely(void **state)
{
    (void)state;
    sl_image image = black(400, 400);
    sl_sight s;
    paint(&image, 0, 0, 250, 100, 0);
    paint(&image, 200, 200, 200, 255, 0); /* in the middle: meant, though another has the better score */
    paint(&image, 396, 0, 180, 100, 0);
    assert_ok(sl_sight_look(&session, &image, &s, &err));
    assert_int_equal(s.count, 3);
    assert_int_equal(s.main, 1);
    assert_false(s.refined);
    assert_true(s.convinces && s.evidence == 1);
    assert_int_equal(made_up.finds, 1);
    assert_int_equal(made_up.refined, 1);
    assert_true(s.faces[1].upright == 1 && s.faces[0].upright == -1);
    assert_ok(sl_sight_refine(&session, &image, &s, &err)); /* the others */
    assert_int_equal(made_up.refined, 3);
    assert_true(s.faces[0].upright == s.faces[2].upright && s.faces[0].upright > 0);
    assert_ok(sl_sight_refine(&session, &image, &s, &err)); /* once */
    assert_int_equal(made_up.refined, 3);
    sl_sight_clear(&s);
    sl_image_free(&image);
}

/* Where the main face does not convince, the one of the best score is asked, too; its turn in the list is later. */
static void the_best_face_speaks_where_the_main_one_does_not_convince(void **state)
{
    (void)state;
    sl_image image = black(400, 400);
    sl_sight s;
    paint(&image, 0, 0, 250, 255, 0);
    paint(&image, 200, 200, 200, 100, 0);
    assert_ok(sl_sight_look(&session, &image, &s, &err));
    assert_true(s.convinces && s.evidence == 1);
    assert_int_equal(made_up.refined, 2);
    assert_true(s.faces[0].upright == -1);
    sl_sight_clear(&s);
    sl_image_free(&image);
}

static void a_leaning_face_is_little_evidence(void **state)
{
    (void)state;
    sl_image image = black(400, 400);
    sl_sight s;
    paint(&image, 200, 200, 250, 255, 75); /* 40 degrees beyond the 35 that count fully: 1 - 40 / 200 */
    assert_ok(sl_sight_look(&session, &image, &s, &err));
    assert_false(s.convinces);
    assert_true(fabsf(s.evidence - .8f) < 1e-4f);
    sl_sight_clear(&s);
    sl_image_free(&image);
}

/* A small picture is looked at enlarged; what is found there comes back to its own pixels, and is refined there. */
static void a_small_picture_is_looked_at_enlarged(void **state)
{
    (void)state;
    sl_image image = black(100, 80);
    sl_sight s;
    paint(&image, 40, 32, 250, 255, 0);
    made_up.blind_to_width[0] = 100;
    assert_ok(sl_sight_look(&session, &image, &s, &err));
    assert_int_equal(made_up.finds, 2);
    assert_true(s.count > 0 && s.refined);
    for (size_t i = 0; i < s.count; i++)
        assert_true(s.faces[i].box.x0 >= 39 && s.faces[i].box.x1 <= 45 && s.faces[i].box.y0 >= 31 &&
                    s.faces[i].box.y1 <= 37);
    assert_int_equal(made_up.refined, s.count);
    sl_sight_clear(&s);
    sl_image_free(&image);
}

/* Or with black around it, half a side wide: 97 x 80 pixels in 97 + 2 * 48 x 80 + 2 * 40. */
static void or_framed(void **state)
{
    (void)state;
    sl_image image = black(97, 80);
    sl_sight s;
    paint(&image, 0, 76, 250, 255, 0);
    made_up.blind_to_width[0] = 97;
    made_up.blind_to_width[1] = 2 * 97;
    assert_ok(sl_sight_look(&session, &image, &s, &err));
    assert_int_equal(made_up.finds, 3);
    assert_int_equal(s.count, 1);
    assert_true(s.refined && s.convinces);
    assert_close(&s.faces[0].box.x0, (const float[]){0, 76, 3, 79}, 4, 0);
    assert_close(&s.faces[0].points[2].x, (const float[]){1.5f, 77.5f}, 2, 0);
    sl_sight_clear(&s);
    sl_image_free(&image);
}

static void a_large_picture_without_faces_is_not_looked_at_again(void **state)
{
    (void)state;
    sl_image large = black(321, 100), small = black(320, 100);
    sl_sight s;
    assert_ok(sl_sight_look(&session, &large, &s, &err));
    assert_true(!s.count && !s.faces && !s.convinces && s.evidence == 0);
    assert_int_equal(made_up.finds, 1);
    assert_ok(sl_sight_look(&session, &small, &s, &err));
    assert_int_equal(s.count, 0);
    assert_int_equal(made_up.finds, 1 + 3); /* as it is, enlarged, framed */
    sl_image_free(&large);
    sl_image_free(&small);
}

static void after_a_failure_there_are_no_faces(void **state)
{
    (void)state;
    sl_image image = black(400, 400);
    sl_sight s;
    paint(&image, 0, 0, 250, 255, 0);
    paint(&image, 200, 200, 200, 255, 0);
    made_up.fails_at = 1;
    assert_int_equal(sl_sight_look(&session, &image, &s, &err), SL_ERR_NUMERIC);
    assert_true(!s.faces && !s.count);
    made_up.fails_at = 3;
    assert_ok(sl_sight_look(&session, &image, &s, &err));
    assert_int_equal(sl_sight_refine(&session, &image, &s, &err), SL_ERR_NUMERIC);
    assert_true(!s.faces && !s.count);
    sl_image_free(&image);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_detector, close_detector)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_main_face_alone_is_looked_at_closely),
        TEST(the_best_face_speaks_where_the_main_one_does_not_convince),
        TEST(a_leaning_face_is_little_evidence),
        TEST(a_small_picture_is_looked_at_enlarged),
        TEST(or_framed),
        TEST(a_large_picture_without_faces_is_not_looked_at_again),
        TEST(after_a_failure_there_are_no_faces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
