/* The points that the default detector corrects, on LFW's photos: under drawn scarves nearer to those of the uncovered
 * photo than the detector's own, under drawn masks no farther, and of the uncovered photo the same, bit for bit. */
#include "lfw.h"

#include "secondlook_draw.h"

enum { PHOTOS = 40 };

static sl_error err;
static sl_session *corrected, *detector;
static sl_engine *engines[2];

static int open_both(void **state)
{
    (void)state;
    sl_engine_options o = {.as_is = 1};
    char *path = model_path("retinaface-mnet25.onnx");
    if (!path || sl_engine_open(&o, &engines[0], &err) != SL_OK)
        SKIP_PROGRAM("the networks are not here: run `secondlook models fetch`");
    free(path);
    o.points = SL_POINTS_DETECTOR;
    assert_ok(sl_engine_open(&o, &engines[1], &err));
    assert_ok(sl_session_open(engines[0], 1, &corrected, &err));
    assert_ok(sl_session_open(engines[1], 1, &detector, &err));
    return 0;
}

static int close_both(void **state)
{
    (void)state;
    sl_session_close(corrected);
    sl_session_close(detector);
    sl_engine_close(engines[0]);
    sl_engine_close(engines[1]);
    return 0;
}

static bool find(sl_session *s, const sl_image *image, sl_face *out)
{
    sl_face *faces;
    size_t count;
    assert_ok(sl_detect_main(s, image, &faces, &count, &err));
    if (count)
        *out = faces[0];
    free(faces);
    return count > 0;
}

/* Of nose and corners of the mouth, in eye distances. */
static double distance(const sl_face *face, const sl_face *truth)
{
    const sl_point *p = face->points, *q = truth->points;
    const double eyes = hypot((double)(q[1].x - q[0].x), (double)(q[1].y - q[0].y));
    double sum = 0;
    for (int i = 2; i < 5; i++)
        sum += hypot((double)(p[i].x - q[i].x), (double)(p[i].y - q[i].y));
    return sum / 3 / eyes;
}

/* Adds both sessions' distances under a cover to sum[2]; false where a face is not found. */
static bool add_covered(const sl_image *photo, const sl_face *truth, sl_occlusion kind, uint64_t seed, double sum[2])
{
    sl_image covered;
    sl_face with, without;
    assert_ok(sl_occlude(photo, truth->landmarks, kind, "any", seed, &covered, &err));
    const bool found = find(corrected, &covered, &with) && find(detector, &covered, &without);
    sl_image_free(&covered);
    if (found)
        sum[0] += distance(&with, truth), sum[1] += distance(&without, truth);
    return found;
}

static void hidden_points_lie_nearer_and_seen_ones_stay(void **state)
{
    (void)state;
    static const sl_occlusion kinds[] = {SL_OCCLUDE_SCARF, SL_OCCLUDE_MASK};
    double sum[2][2] = {{0}};
    int found = 0, same = 0, covered = 0;
    FILE *f = lfw_open();
    if (!f)
        skip();
    for (int i = 0; i < PHOTOS; i++) {
        sl_image photo;
        sl_face with, without;
        assert_true(lfw_next(f, &photo));
        if (find(corrected, &photo, &with) && find(detector, &photo, &without)) {
            found++;
            same += memcmp(with.points + 2, without.points + 2, 3 * sizeof *with.points) == 0;
            if (!without.has_landmarks)
                skip();
            for (int k = 0; k < 2; k++)
                covered += add_covered(&photo, &without, kinds[k], (uint64_t)i, sum[k]);
        }
        sl_image_free(&photo);
    }
    fclose(f);
    printf("%d faces, nose and mouth the same in %d; hundredths of the eye distance under scarves %.1f (detector "
           "%.1f), masks %.1f (%.1f)\n", found, same, 200 * sum[0][0] / covered, 200 * sum[0][1] / covered,
           200 * sum[1][0] / covered, 200 * sum[1][1] / covered);
    assert_true(found >= PHOTOS - 2 && covered >= 2 * PHOTOS - 8);
    assert_true(same >= found * 9 / 10);
    assert_true(sum[0][0] < .95 * sum[0][1]);
    assert_true(sum[1][0] < 1.05 * sum[1][1]); /* what the detector knows under masks is kept */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hidden_points_lie_nearer_and_seen_ones_stay)};
    return cmocka_run_group_tests(tests, open_both, close_both);
}
