/* The detector with the real network: demo photos, LFW, odd sizes; and what it refuses. */
#include "support.h"

#include "face/align.h"
#include "face/detector.h"
#include "base/file.h"
#include "image/image.h"

static sl_graph *graph;
static sl_mapping model;

static int open_model(void **state)
{
    (void)state;
    sl_error err;
    char *path = model_path("retinaface-mnet25.onnx");
    if (!path)
        SKIP_PROGRAM("the detector's model is not here: run `secondlook models fetch retinaface-mnet25`");
    assert_ok(sl_map_file(path, (size_t)1 << 28, &model, &err));
    assert_ok(sl_import_onnx(model.data, model.size, &graph, &err));
    free(path);
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    sl_graph_free(graph);
    sl_unmap_file(&model);
    return 0;
}

static void other_networks_are_refused(void **state)
{
    (void)state;
    sl_error err;
    sl_detector *d;
    sl_graph *empty = sl_graph_new();
    assert_int_equal(sl_detector_open(empty, NULL, 1, &d, &err), SL_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "RetinaFace"));
    assert_null(d);
    sl_graph_free(empty);
    sl_detector_options o = sl_detector_defaults();
    o.max_side = 8;
    assert_int_equal(sl_detector_open(graph, &o, 1, &d, &err), SL_ERR_ARGUMENT);
    sl_detector_close(NULL);
}

static void faceless_pictures_of_odd_sizes(void **state)
{
    (void)state;
    sl_error err;
    sl_detector *d;
    static const int sizes[][3] = {{1, 1, 3}, {33, 2, 1}, {31, 64, 3}, {250, 250, 1}, {700, 90, 3}, {3000, 20, 3}};
    assert_ok(sl_detector_open(graph, NULL, 1, &d, &err));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        sl_image image;
        sl_face *faces;
        size_t count;
        assert_ok(sl_image_new(sizes[i][0], sizes[i][1], sizes[i][2], &image, &err));
        assert_ok(sl_detector_run(d, &image, .8f, &faces, &count, &err));
        assert_int_equal(count, 0);
        assert_null(faces);
        sl_image_free(&image);
    }
    sl_image none = {0}, one;
    sl_face *faces;
    size_t count;
    assert_int_equal(sl_detector_run(d, &none, .8f, &faces, &count, &err), SL_ERR_ARGUMENT);
    assert_ok(sl_image_new(8, 8, 3, &one, &err));
    assert_int_equal(sl_detector_run(d, &one, NAN, &faces, &count, &err), SL_ERR_ARGUMENT);
    sl_image_free(&one);
    sl_detector_close(d);
}

/* ---- LFW: photos of 250 x 250, each person in the middle ---- */

enum { PHOTOS = 20 };

/* The first photos of the tar file whose names end in _0001.jpg, decoded. */
static int read_lfw(sl_image *out)
{
    char *path = shared_path("data/lfw-deepfunneled.tar");
    FILE *f = path ? fopen(path, "rb") : NULL;
    free(path);
    int count = 0;
    uint8_t header[512];
    while (f && count < PHOTOS && fread(header, 1, 512, f) == 512) {
        sl_error err;
        long size = strtol((char *)header + 124, NULL, 8), padded = (size + 511) / 512 * 512;
        if (!strstr((char *)header, "_0001.jpg")) {
            fseek(f, padded, SEEK_CUR);
            continue;
        }
        uint8_t *data = malloc((size_t)padded);
        assert_int_equal(fread(data, 1, (size_t)padded, f), padded);
        assert_ok(sl_image_decode(data, (size_t)size, &out[count++], &err));
        free(data);
    }
    if (f)
        fclose(f);
    return count;
}

/* Both, or the test is skipped. */
static int photos_and_detector(sl_image *photos, sl_detector **d)
{
    sl_error err;
    int n = read_lfw(photos);
    if (!n) {
        print_message("skipped: ../shared/data/lfw-deepfunneled.tar is not here\n");
        skip();
    }
    assert_ok(sl_detector_open(graph, NULL, 1, d, &err));
    return n;
}

static const sl_face *middle_face(const sl_image *image, const sl_face *faces, size_t count)
{
    const sl_face *best = NULL;
    float least = .16f * (float)image->width;
    for (size_t i = 0; i < count; i++) {
        float x = .5f * (faces[i].box.x0 + faces[i].box.x1) - .5f * (float)image->width;
        float y = .5f * (faces[i].box.y0 + faces[i].box.y1) - .5f * (float)image->height;
        if (hypotf(x, y) < least) {
            best = &faces[i];
            least = hypotf(x, y);
        }
    }
    return best;
}

static void assert_sound(const sl_face *f)
{
    assert_true(f->score >= .8f && f->score <= 1);
    float w = f->box.x1 - f->box.x0, h = f->box.y1 - f->box.y0;
    assert_true(w > 0 && h > .8f * w && h < 2 * w);
    for (int i = 0; i < 5; i++)
        assert_true(f->points[i].x > f->box.x0 - .3f * w && f->points[i].x < f->box.x1 + .3f * w &&
                    f->points[i].y > f->box.y0 && f->points[i].y < f->box.y1);
    assert_true(f->points[0].x < f->points[1].x && f->points[0].y < f->points[3].y);
}

/* All faces, each with a closer look. */
static void find_and_look(sl_detector *d, const sl_image *image, sl_face **faces, size_t *count)
{
    sl_error err;
    assert_ok(sl_detector_run(d, image, .8f, faces, count, &err));
    for (size_t i = 0; i < *count; i++)
        assert_ok(sl_close_look(d, image, &(*faces)[i], &err));
}

static void lfw_faces_are_found(void **state)
{
    (void)state;
    sl_error err;
    static sl_image photos[PHOTOS];
    sl_detector *d;
    int n = photos_and_detector(photos, &d);
    for (int i = 0; i < n; i++) {
        sl_face *faces, *again;
        size_t count, count_again;
        find_and_look(d, &photos[i], &faces, &count);
        const sl_face *f = middle_face(&photos[i], faces, count);
        assert_non_null(f);
        assert_sound(f);
        sl_face copy = *f;
        assert_ok(sl_face_quality(&photos[i], &copy, &err));
        assert_true(copy.quality.overall > .05f);
        for (size_t k = 1; k < count; k++)
            assert_true(faces[k].score <= faces[k - 1].score);

        /* Four times as large, the same face is in the same place, and the middle of it alone is found too. */
        sl_image large, middle, filled;
        assert_ok(sl_image_resize(&photos[i], 1000, 1000, &large, &err));
        find_and_look(d, &large, &again, &count_again);
        const sl_face *g = middle_face(&large, again, count_again);
        assert_non_null(g);
        for (int k = 0; k < 5; k++)
            assert_true(hypotf((g->points[k].x + .5f) / 4 - .5f - f->points[k].x,
                               (g->points[k].y + .5f) / 4 - .5f - f->points[k].y) < 12);
        free(again);
        assert_ok(sl_image_crop(&photos[i], 70, 70, 110, 110, &middle, &err));
        assert_ok(sl_image_resize(&middle, 1400, 1400, &filled, &err));
        assert_ok(sl_detector_run(d, &filled, .8f, &again, &count_again, &err));
        assert_true(count_again > 0);
        free(again);
        free(faces);
        sl_image_free(&large);
        sl_image_free(&middle);
        sl_image_free(&filled);
        sl_image_free(&photos[i]);
    }
    sl_detector_close(d);
}

/* The points of a picture and of its mirror image are each other's mirror images, nearly: both are looked at both
 * ways round. The largest distance in `worst`, the sum over the five points as the result; -1 where no face is
 * found. */
static double mirror_error(sl_detector *d, const sl_image *photo, double *worst)
{
    sl_error err;
    sl_image mirrored;
    sl_face *faces, *again;
    size_t count, count_again;
    const sl_affine flip = {{-1, 0, photo->width - 1, 0, 1, 0}};
    assert_ok(sl_image_warp(photo, &flip, photo->width, photo->height, &mirrored, &err));
    find_and_look(d, photo, &faces, &count);
    find_and_look(d, &mirrored, &again, &count_again);
    const sl_face *f = middle_face(photo, faces, count), *g = middle_face(&mirrored, again, count_again);
    double sum = f && g ? 0 : -1;
    for (int i = 0; f && g && i < 5; i++) {
        const sl_point p = sl_affine_apply(&flip, g->points[sl_mirrored_point[i]]);
        const double error = hypot(p.x - f->points[i].x, p.y - f->points[i].y);
        sum += error;
        *worst = fmax(*worst, error);
    }
    free(faces);
    free(again);
    sl_image_free(&mirrored);
    return sum;
}

static void mirrored_photos_give_mirrored_points(void **state)
{
    (void)state;
    static sl_image photos[PHOTOS];
    sl_detector *d;
    int n = photos_and_detector(photos, &d);
    double sum = 0, worst = 0;
    for (int i = 0; i < n; i++) {
        double error = mirror_error(d, &photos[i], &worst);
        assert_true(error >= 0);
        sum += error;
        sl_image_free(&photos[i]);
    }
    print_message("mirrored: %.2f pixels in the mean, %.2f at most (eyes are some 42 apart)\n", sum / (5 * n),
                  worst);
    assert_true(sum / (5 * n) < 1 && worst < 6);
    sl_detector_close(d);
}

/* The heads of the coarse strides alone are, bit for bit, those of all three. */
static void fewer_heads_are_the_same_heads(void **state)
{
    (void)state;
    sl_error err;
    sl_detector *d;
    sl_image picture;
    float *kept[3];
    static const size_t channels[] = {4, 8, 20};
    assert_ok(sl_image_new(224, 160, 3, &picture, &err));
    for (int i = 0; i < 224 * 160 * 3; i++)
        picture.pixels[i] = (uint8_t)(i * 2654435761u >> 24);
    assert_ok(sl_detector_open(graph, NULL, 1, &d, &err));
    for (int n = 1; n < SL_RETINAFACE_HEADS; n++) {
        sl_retinaface_head all[SL_RETINAFACE_HEADS], few[SL_RETINAFACE_HEADS];
        assert_ok(sl_detector_look(d, &picture, false, SL_RETINAFACE_HEADS, all, &err));
        const sl_retinaface_head *h = &all[n - 1];
        const float *outputs[] = {h->score, h->box, h->points};
        size_t cells = (size_t)h->rows * (size_t)h->cols;
        for (int k = 0; k < 3; k++) {
            kept[k] = malloc(channels[k] * cells * sizeof(float));
            memcpy(kept[k], outputs[k], channels[k] * cells * sizeof(float));
        }
        assert_ok(sl_detector_look(d, &picture, false, n, few, &err));
        const float *again[] = {few[n - 1].score, few[n - 1].box, few[n - 1].points};
        assert_int_equal(few[n - 1].stride, h->stride);
        for (int k = 0; k < 3; k++) {
            assert_memory_equal(again[k], kept[k], channels[k] * cells * sizeof(float));
            free(kept[k]);
        }
    }
    sl_detector_close(d);
    sl_image_free(&picture);
}

/* A sheet of 5 x 4 photos: many faces of a picture at once, small and shifted. */
static void many_faces_are_found(void **state)
{
    (void)state;
    sl_error err;
    static sl_image photos[PHOTOS];
    int n = read_lfw(photos);
    if (n < 20) {
        print_message("skipped: ../shared/data/lfw-deepfunneled.tar is not here\n");
        skip();
    }
    sl_image sheet;
    assert_ok(sl_image_new(1250, 1000, 3, &sheet, &err));
    for (int i = 0; i < 20; i++)
        for (int y = 0; y < 250; y++)
            memcpy(sheet.pixels + 3 * ((i / 5 * 250 + y) * 1250 + i % 5 * 250), photos[i].pixels + 3 * 250 * y,
                   750);
    sl_detector *d;
    sl_detector_options o = sl_detector_defaults();
    assert_ok(sl_detector_open(graph, &o, 2, &d, &err));
    sl_face *faces;
    size_t count;
    assert_ok(sl_detector_run(d, &sheet, .8f, &faces, &count, &err));
    for (int i = 0; i < 20; i++) {
        int found = 0;
        for (size_t k = 0; k < count; k++)
            found |= hypotf(.5f * (faces[k].box.x0 + faces[k].box.x1) - (float)(i % 5 * 250 + 125),
                            .5f * (faces[k].box.y0 + faces[k].box.y1) - (float)(i / 5 * 250 + 125)) < 45;
        assert_true(found);
    }
    free(faces);
    sl_detector_close(d);

    o.max_faces = 3;
    assert_ok(sl_detector_open(graph, &o, 1, &d, &err));
    assert_ok(sl_detector_run(d, &sheet, .8f, &faces, &count, &err));
    assert_int_equal(count, 3);
    free(faces);
    sl_detector_close(d);
    sl_image_free(&sheet);
    for (int i = 0; i < n; i++)
        sl_image_free(&photos[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_networks_are_refused), cmocka_unit_test(faceless_pictures_of_odd_sizes),
        cmocka_unit_test(lfw_faces_are_found),        cmocka_unit_test(mirrored_photos_give_mirrored_points),
        cmocka_unit_test(fewer_heads_are_the_same_heads), cmocka_unit_test(many_faces_are_found),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
