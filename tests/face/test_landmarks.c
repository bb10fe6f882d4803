/* dlib's landmark file: a toy model written here and followed by hand, broken files, and the real one. */
#include "support.h"

#include <unistd.h>

#include "dlib_writer.h"
#include "face/align.h"
#include "face/landmarks.h"

static const toy_model toy = {.points = 5, .cascades = 3, .trees = 4, .splits = 3, .features = 9};

/* A picture without symmetry. */
static sl_image textured(int width, int height, int channels)
{
    sl_error err;
    sl_image image;
    assert_ok(sl_image_new(width, height, channels, &image, &err));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++)
                image.pixels[(y * width + x) * channels + c] =
                    (uint8_t)((x * 7 + y * y + 13 * c + x * y / 3) % 256);
    return image;
}

static double grey_of(const sl_image *image, double px, double py)
{
    double x = floor(px + .5), y = floor(py + .5);
    if (x < 0 || y < 0 || x >= image->width || y >= image->height)
        return 0;
    const uint8_t *p = image->pixels + ((size_t)y * (size_t)image->width + (size_t)x) * (size_t)image->channels;
    return image->channels == 1 ? p[0] : (p[0] + p[1] + p[2]) / 3;
}

/* The toy model followed in double from the formulas that wrote it, the turn found by the library's own
 * similarity. */
static void follow_toy(const sl_image *image, const sl_affine *frame, sl_point *out)
{
    sl_error err;
    sl_point mean[8], shape[8];
    for (int i = 0; i < toy.points; i++)
        mean[i] = shape[i] = (sl_point){toy_mean(&toy, 2 * i), toy_mean(&toy, 2 * i + 1)};
    for (int c = 0; c < toy.cascades; c++) {
        sl_affine turn;
        double pixel[16];
        assert_ok(sl_similarity_fit(mean, shape, toy.points, &turn, &err));
        for (int i = 0; i < toy.features; i++) {
            double dx = toy_delta(c, i, 0), dy = toy_delta(c, i, 1);
            sl_point from = shape[toy_anchor(&toy, c, i)];
            double x = from.x + turn.m[0] * dx + turn.m[1] * dy, y = from.y + turn.m[3] * dx + turn.m[4] * dy;
            pixel[i] = grey_of(image, frame->m[0] * x + frame->m[1] * y + frame->m[2],
                               frame->m[3] * x + frame->m[4] * y + frame->m[5]);
        }
        for (int t = 0; t < toy.trees; t++) {
            int at = 0;
            while (at < toy.splits) {
                double difference = pixel[toy_feature(&toy, t, at, 0)] - pixel[toy_feature(&toy, t, at, 1)];
                at = difference > toy_threshold(t, at) ? 2 * at + 1 : 2 * at + 2;
            }
            for (int i = 0; i < toy.points; i++) {
                shape[i].x += toy_leaf(c, t, at - toy.splits, 2 * i);
                shape[i].y += toy_leaf(c, t, at - toy.splits, 2 * i + 1);
            }
        }
    }
    for (int i = 0; i < toy.points; i++)
        out[i] = sl_affine_apply(frame, shape[i]);
}

static void toy_model_is_followed(void **state)
{
    (void)state;
    sl_error err;
    dlib_writer w = write_toy(&toy);
    sl_shape_predictor *p;
    assert_ok(sl_shape_predictor_read(w.data, w.size, &p, &err));
    assert_int_equal(sl_shape_predictor_points(p), toy.points);
    static const sl_affine frames[] = {
        {{40, 0, 5, 0, 40, 3}}, {{30, -20, 25, 20, 30, 6}}, {{60, 0, -40, 0, 60, -40}}, {{1, 0, 500, 0, 1, 500}}};
    for (int channels = 1; channels <= 3; channels += 2) {
        sl_image image = textured(61, 47, channels);
        for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
            sl_point got[8], want[8];
            sl_shape_predictor_run(p, &image, &frames[i], got);
            follow_toy(&image, &frames[i], want);
            assert_close(&got[0].x, &want[0].x, 2 * (size_t)toy.points, 1e-3);
        }
        sl_image_free(&image);
    }
    sl_shape_predictor_free(p);
    free(w.data);
}

static void landmarks_of_a_face_need_68_points(void **state)
{
    (void)state;
    sl_error err;
    dlib_writer w = write_toy(&toy);
    sl_shape_predictor *p;
    assert_ok(sl_shape_predictor_read(w.data, w.size, &p, &err));
    sl_image image = textured(20, 20, 3);
    sl_point five[5] = {{5, 5}, {15, 5}, {10, 10}, {6, 14}, {14, 14}}, out[68];
    assert_int_equal(sl_landmarks_of_face(p, &image, five, out, &err), SL_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "5 points"));
    sl_image_free(&image);
    sl_shape_predictor_free(p);
    free(w.data);
}

static void frames_need_a_face(void **state)
{
    (void)state;
    sl_error err;
    sl_affine frame;
    sl_point same[5] = {{3, 3}, {3, 3}, {3, 3}, {3, 3}, {3, 3}},
             lost[5] = {{3, 3}, {NAN, 3}, {4, 4}, {5, 5}, {6, 6}};
    assert_int_equal(sl_landmark_frame(same, &frame, &err), SL_ERR_NUMERIC);
    assert_int_equal(sl_landmark_frame(lost, &frame, &err), SL_ERR_NUMERIC);
    /* A face turned by 90 degrees turns the frame. */
    sl_point five[5] = {{.2945f, .3152f}, {.7055f, .3152f}, {.5f, .547f}, {.3171f, .7511f}, {.6829f, .7511f}};
    for (int i = 0; i < 5; i++)
        five[i] = (sl_point){100 - 50 * five[i].y, 20 + 50 * five[i].x};
    assert_ok(sl_landmark_frame(five, &frame, &err));
    float got[6], want[6] = {0, -50, 100, 50, 0, 20};
    for (int i = 0; i < 6; i++)
        got[i] = (float)frame.m[i];
    assert_close(got, want, 6, 1e-3);
}

static sl_status read_bytes(const uint8_t *data, size_t size, sl_error *err)
{
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    sl_shape_predictor *p;
    sl_status status = sl_shape_predictor_read(copy, size, &p, err);
    free(copy);
    if (status != SL_OK)
        assert_null(p);
    sl_shape_predictor_free(p);
    return status;
}

static void truncated_files_are_refused(void **state)
{
    (void)state;
    dlib_writer w = write_toy(&toy);
    for (size_t size = 0; size < w.size; size++) {
        sl_error err;
        assert_int_equal(read_bytes(w.data, size, &err), SL_ERR_FORMAT);
        assert_non_null(strstr(err.text, "landmark file"));
    }
    free(w.data);
}

static void flipped_bytes_never_crash(void **state)
{
    (void)state;
    dlib_writer w = write_toy(&toy);
    for (size_t i = 0; i < w.size; i++)
        for (int bit = 0; bit < 8; bit++) {
            w.data[i] ^= (uint8_t)(1 << bit);
            sl_status status = read_bytes(w.data, w.size, NULL);
            assert_true(status == SL_OK || status == SL_ERR_FORMAT);
            w.data[i] ^= (uint8_t)(1 << bit);
        }
    free(w.data);
}

static void absurd_sizes_are_refused(void **state)
{
    (void)state;
    sl_error err;
    static const int64_t starts[][4] = {
        {2, 0, 0, 0},                    /* another version */
        {1, -3, -1, 0},                  /* half a point */
        {1, -((int64_t)1 << 40), -1, 0}, /* too many points */
        {1, -10, -2, 0},                 /* two columns */
    };
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        dlib_writer w = {0};
        for (int k = 0; k < 4; k++)
            put_integer(&w, starts[i][k]);
        assert_int_equal(read_bytes(w.data, w.size, &err), SL_ERR_FORMAT);
        free(w.data);
    }
    /* A forest that claims more trees than bytes. */
    dlib_writer w = {0};
    put_integer(&w, 1), put_integer(&w, -2), put_integer(&w, -1), put_float(&w, .5f), put_float(&w, .5f);
    put_integer(&w, 200), put_integer(&w, 16000), put_integer(&w, 1023);
    for (int i = 0; i < 40000; i++)
        put_byte(&w, 1);
    assert_int_equal(read_bytes(w.data, w.size, &err), SL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "size of the forests"));
    free(w.data);
    assert_int_equal(read_bytes((const uint8_t *)"", 0, &err), SL_ERR_FORMAT);
}

static void features_out_of_range_are_refused(void **state)
{
    (void)state;
    sl_error err;
    toy_model few = toy;
    dlib_writer w = write_toy(&few);
    /* The first split's first feature is 0, written as 01 00 after the forests' sizes: make it 9 of 9. */
    size_t at = 0, mean = 2 + 2 + 2;
    dlib_writer head = {0};
    put_integer(&head, 1), put_integer(&head, -2 * toy.points), put_integer(&head, -1);
    assert_int_equal(head.size, mean);
    for (int k = 0; k < 2 * toy.points; k++)
        put_float(&head, toy_mean(&toy, k));
    put_integer(&head, toy.cascades), put_integer(&head, toy.trees), put_integer(&head, toy.splits);
    at = head.size + 1;
    assert_int_equal(w.data[at], toy_feature(&toy, 0, 0, 0));
    w.data[at] = (uint8_t)toy.features;
    assert_int_equal(read_bytes(w.data, w.size, &err), SL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "feature 9 of 9"));
    free(head.data);
    free(w.data);
}

#define DEBIAN_FILE "/usr/share/dlib/shape_predictor_68_face_landmarks.dat"

static void real_file(void **state)
{
    (void)state;
    if (access(DEBIAN_FILE, R_OK) != 0) {
        print_message("skipped: " DEBIAN_FILE " is not here (apt-get install libdlib-data)\n");
        skip();
    }
    sl_error err;
    sl_shape_predictor *p;
    assert_ok(sl_shape_predictor_open(DEBIAN_FILE, &p, &err));
    assert_int_equal(sl_shape_predictor_points(p), 68);

    /* On a plain picture every feature is the same: the shape stays one of a face, eyes above the mouth. */
    sl_image image;
    assert_ok(sl_image_new(200, 200, 3, &image, &err));
    const sl_align_template *t = sl_align_template_find("arcface-112");
    sl_point five[5], found[68], again[5];
    sl_align_points(t, 200, 200, five);
    assert_ok(sl_landmarks_of_face(p, &image, five, found, &err));
    sl_points_of_landmarks(found, again);
    for (int i = 0; i < 5; i++)
        assert_true(hypotf(again[i].x - five[i].x, again[i].y - five[i].y) < 20);
    assert_true(found[8].y > found[57].y && found[57].y > found[30].y && found[30].y > found[27].y);
    assert_true(found[0].x < found[36].x && found[36].x < found[45].x && found[45].x < found[16].x);
    sl_image_free(&image);

    sl_shape_predictor_free(p);
    assert_int_equal(sl_shape_predictor_open("/usr/share/dlib/no such file", &p, &err), SL_ERR_NOT_FOUND);
    assert_null(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(toy_model_is_followed),
        cmocka_unit_test(landmarks_of_a_face_need_68_points),
        cmocka_unit_test(frames_need_a_face),
        cmocka_unit_test(truncated_files_are_refused),
        cmocka_unit_test(flipped_bytes_never_crash),
        cmocka_unit_test(absurd_sizes_are_refused),
        cmocka_unit_test(features_out_of_range_are_refused),
        cmocka_unit_test(real_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
