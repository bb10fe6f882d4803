/* Detection with the real detectors: what is told of every face, and that the main face alone is told the same. Skipped
 * without ../shared and the fetched models. */
#include "lfw.h"

#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/image.h"
#include "pipeline/engine.h"

enum { PHOTOS = 12, SIDE = 250, COLUMNS = 4, ROWS = 3 };

static sl_error err;
static sl_image photos[PHOTOS], sheet; /* the sheet: all photos side by side */

static int read_photos(void **state)
{
    (void)state;
    char *model = model_path("mobilefacenet-128.onnx"), *detector = model_path("retinaface-mnet25.onnx");
    FILE *f = model && detector ? lfw_open() : NULL;
    free(model);
    free(detector);
    if (!f)
        SKIP_PROGRAM("mobilefacenet-128, retinaface-mnet25 or ../shared/data/lfw-deepfunneled.tar is not here");
    assert_ok(sl_image_new(COLUMNS * SIDE, ROWS * SIDE, 3, &sheet, &err));
    for (int i = 0; i < PHOTOS; i++) {
        assert_true(lfw_next(f, &photos[i]));
        for (int y = 0; y < SIDE; y++)
            memcpy(sheet.pixels + 3 * ((i / COLUMNS * SIDE + y) * sheet.width + i % COLUMNS * SIDE),
                   photos[i].pixels + 3 * SIDE * y, 3 * SIDE);
    }
    fclose(f);
    return 0;
}

static int free_photos(void **state)
{
    (void)state;
    for (int i = 0; i < PHOTOS; i++)
        sl_image_free(&photos[i]);
    sl_image_free(&sheet);
    return 0;
}

typedef struct {
    sl_engine *engine;
    sl_session *session;
} opened;

static opened open_as(const char *detector, int as_is)
{
    opened o;
    const sl_engine_options options = {.model = "mobilefacenet-128", .detector = detector, .as_is = as_is};
    assert_ok(sl_engine_open(&options, &o.engine, &err));
    assert_ok(sl_session_open(o.engine, 1, &o.session, &err));
    return o;
}

static opened open_with(const char *detector)
{
    return open_as(detector, 0);
}

static void close_it(opened *o)
{
    sl_session_close(o->session);
    sl_engine_close(o->engine);
}

static void assert_same_face(const sl_face *a, const sl_face *b)
{
    assert_memory_equal(&a->box, &b->box, sizeof a->box);
    assert_true(a->score == b->score);
    assert_memory_equal(a->points, b->points, sizeof a->points);
    assert_memory_equal(&a->quality, &b->quality, sizeof a->quality);
    assert_int_equal(a->has_landmarks, b->has_landmarks);
    assert_memory_equal(a->landmarks, b->landmarks, sizeof a->landmarks);
    assert_int_equal(a->turned, b->turned);
    assert_true(a->upright == b->upright);
}

/* Returns how many faces there are. */
static size_t assert_main_face_is_told_the_same(const opened *o, const sl_image *image)
{
    sl_face *faces, *alone;
    size_t count, count_alone;
    assert_ok(sl_detect(o->session, image, &faces, &count, &err));
    assert_ok(sl_detect_main(o->session, image, &alone, &count_alone, &err));
    assert_int_equal(count_alone, count > 0);
    if (count)
        assert_same_face(&faces[sl_main_face(image, faces, count)], alone);
    else
        assert_null(alone);
    free(faces);
    free(alone);
    return count;
}

static void check_main_faces(const opened *o)
{
    sl_image black;
    for (int i = 0; i < PHOTOS; i++)
        assert_true(assert_main_face_is_told_the_same(o, &photos[i]) > 0);
    assert_true(assert_main_face_is_told_the_same(o, &sheet) >= PHOTOS);
    assert_ok(sl_image_new(100, 80, 3, &black, &err));
    assert_int_equal(assert_main_face_is_told_the_same(o, &black), 0);
    sl_image_free(&black);
}

static void main_face_by_retinaface(void **state)
{
    (void)state;
    opened o = open_with(NULL);
    check_main_faces(&o);
    close_it(&o);
}

static void main_face_by_mtcnn(void **state)
{
    (void)state;
    char *model = model_path("mtcnn-onet.tflite");
    if (!model) {
        print_message("skipped: MTCNN is not here: run `secondlook models fetch mtcnn`\n");
        skip();
    }
    free(model);
    opened o = open_with("mtcnn");
    check_main_faces(&o);
    close_it(&o);
}

/* What the network says of the whole picture, and then of each face from close up. */
static void every_face_gets_its_closer_look(void **state)
{
    (void)state;
    opened o = open_with(NULL);
    sl_detector *d;
    sl_face *faces, *rough;
    size_t count, rough_count;
    int moved = 0;
    assert_ok(sl_detector_model_start(&o.engine->detector, 1, &d, &err));
    assert_ok(sl_detect(o.session, &sheet, &faces, &count, &err));
    assert_ok(sl_detector_find(d, &sheet, o.engine->detector_threshold, &rough, &rough_count, &err));
    assert_int_equal(count, rough_count);
    for (size_t i = 0; i < count; i++) {
        sl_face face = rough[i];
        assert_ok(sl_detector_refine(d, &sheet, &face, &err));
        moved += memcmp(face.points, rough[i].points, sizeof face.points) != 0;
        assert_ok(sl_session_complete(o.session, &sheet, &face, &err));
        assert_same_face(&faces[i], &face);
    }
    assert_true(moved >= PHOTOS);
    free(faces);
    free(rough);
    sl_detector_close(d);
    close_it(&o);
}

/* The middle of a face, cut so that nothing is found at first: the second look, at it enlarged or framed, finds
 * some. */
static void faces_that_fill_a_small_picture(void **state)
{
    (void)state;
    opened o = open_with(NULL);
    sl_detector *d;
    int again = 0;
    assert_ok(sl_detector_model_start(&o.engine->detector, 1, &d, &err));
    for (int i = 0; i < PHOTOS; i++)
        for (int side = 50; side <= 100; side += 25) {
            sl_image part;
            sl_face *faces;
            size_t count;
            assert_ok(sl_image_crop(&photos[i], (SIDE - side) / 2, (SIDE - side) / 2, side, side, &part, &err));
            assert_ok(sl_detector_find(d, &part, o.engine->detector_threshold, &faces, &count, &err));
            free(faces);
            again += assert_main_face_is_told_the_same(&o, &part) > 0 && !count;
            sl_image_free(&part);
        }
    assert_true(again > 0);
    sl_detector_close(d);
    close_it(&o);
}

/* The photo turned clockwise: turned back by the rest of the circle. */
static sl_image turned_photo(const sl_image *photo, int degrees)
{
    sl_image out;
    assert_ok(sl_image_righted(photo, (360 - degrees) % 360, &out, &err));
    return out;
}

/* The main face of the photo turned is that of the photo, its box and points where the turned photo has them. */
static void check_turned(const opened *o, const sl_image *photo, int degrees)
{
    sl_face *upright, *found;
    size_t count;
    sl_image turned = turned_photo(photo, degrees);
    assert_ok(sl_detect_main(o->session, photo, &upright, &count, &err));
    assert_int_equal(upright->turned, 0);
    assert_true(assert_main_face_is_told_the_same(o, &turned) > 0);
    assert_ok(sl_detect_main(o->session, &turned, &found, &count, &err));
    assert_int_equal(found->turned, degrees);
    assert_true(fabsf(found->quality.overall - upright->quality.overall) < .01f);
    sl_points_of_righted(&turned, degrees, upright->points, 5);
    for (int i = 0; i < 5; i++)
        assert_true(hypotf(found->points[i].x - upright->points[i].x, found->points[i].y - upright->points[i].y) < .1f);
    assert_true(found->points[2].x > found->box.x0 && found->points[2].x < found->box.x1);
    assert_true(found->points[2].y > found->box.y0 && found->points[2].y < found->box.y1);
    free(upright);
    free(found);
    sl_image_free(&turned);
}

static void turned_photos_are_righted(void **state)
{
    (void)state;
    opened o = open_with(NULL);
    for (int i = 0; i < PHOTOS / 3; i++)
        for (int degrees = 90; degrees < 360; degrees += 90)
            check_turned(&o, &photos[i], degrees);
    sl_image turned = turned_photo(&sheet, 180);
    sl_face *faces;
    size_t count;
    assert_ok(sl_detect(o.session, &turned, &faces, &count, &err));
    assert_true(count >= PHOTOS);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(faces[i].turned, 180);
    free(faces);
    sl_image_free(&turned);
    close_it(&o);
}

/* What is read upside down, because that was asked for, is told by its quality. */
static void as_it_is(void **state)
{
    (void)state;
    opened o = open_as(NULL, 1);
    for (int i = 0; i < PHOTOS; i++) {
        sl_face *upright, *found;
        size_t count;
        sl_image turned = turned_photo(&photos[i], 180);
        assert_ok(sl_detect_main(o.session, &photos[i], &upright, &count, &err));
        assert_ok(sl_detect_main(o.session, &turned, &found, &count, &err));
        if (count) {
            assert_int_equal(found->turned, 0);
            assert_true(found->upright < SL_FACE_CONVINCES);
            assert_true(found->quality.overall < upright->quality.overall);
        }
        free(upright);
        free(found);
        sl_image_free(&turned);
    }
    close_it(&o);
}

/* Of a crowd the surest faces alone, and a warning; the main face is what it was. */
static void no_more_faces_than_wanted(void **state)
{
    (void)state;
    sl_engine *few;
    sl_session *session;
    sl_face *all, *some, *main_face;
    size_t count, kept;
    opened o = open_with(NULL);
    const sl_engine_options options = {.model = "mobilefacenet-128", .max_faces = 5};
    assert_ok(sl_engine_open(&options, &few, &err));
    assert_ok(sl_session_open(few, 1, &session, &err));
    assert_ok(sl_detect(o.session, &sheet, &all, &count, &err));
    err.text[0] = 0;
    assert_ok(sl_detect(session, &sheet, &some, &kept, &err));
    assert_true(count > 5);
    assert_int_equal(kept, 5);
    assert_non_null(strstr(err.text, "the 5 surest"));
    for (size_t i = 0; i < kept; i++)
        assert_same_face(&some[i], &all[i]);
    assert_ok(sl_detect_main(session, &sheet, &main_face, &kept, &err));
    assert_int_equal(kept, 1);
    free(all);
    free(some);
    free(main_face);
    sl_session_close(session);
    sl_engine_close(few);
    close_it(&o);
}

/* A child of fork has none of the threads that a session counts on. */
static void a_session_is_its_process_s_own(void **state)
{
    (void)state;
    opened o = open_with(NULL);
    sl_face *faces;
    size_t count;
    int ended;
    assert_ok(sl_detect_main(o.session, &photos[0], &faces, &count, &err));
    free(faces);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        sl_template *t = NULL;
        const bool refused = sl_detect(o.session, &photos[0], &faces, &count, &err) == SL_ERR_ARGUMENT &&
                             strstr(err.text, "fork") &&
                             sl_templates_of_crops(o.session, &photos[0], 1, &t, &err) == SL_ERR_ARGUMENT;
        _exit(refused ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
    close_it(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(main_face_by_retinaface),
        cmocka_unit_test(main_face_by_mtcnn),
        cmocka_unit_test(every_face_gets_its_closer_look),
        cmocka_unit_test(faces_that_fill_a_small_picture),
        cmocka_unit_test(turned_photos_are_righted),
        cmocka_unit_test(as_it_is),
        cmocka_unit_test(no_more_faces_than_wanted),
        cmocka_unit_test(a_session_is_its_process_s_own),
    };
    return cmocka_run_group_tests(tests, read_photos, free_photos);
}
