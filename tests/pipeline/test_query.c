/* A covered face's query: the encoder sees the face and its mirror image. */
#include "support.h"

#include "base/rng.h"
#include "image/image.h"
#include "match/oae/oae.h"
#include "secondlook.h"
#include "template/template.h"

enum { SIDE = 112, DIM_MOST = 1024 };

static sl_error err;

static sl_session *open_session(const char *encoder, sl_engine **engine)
{
    sl_session *session;
    const sl_engine_options options = {.model = "mobilefacenet-192", .encoder = encoder, .landmarks = "none"};
    assert_ok(sl_engine_open(&options, engine, &err));
    assert_ok(sl_session_open(*engine, 1, &session, &err));
    return session;
}

/* Coarse noise, which looks like no part of a face; mirrored it is the same picture from right to left. */
static void draw(sl_image *crop, bool mirrored)
{
    enum { BLOCK = 4 };
    sl_rng rng = sl_rng_seed(5);
    uint8_t blocks[SIDE / BLOCK][SIDE / BLOCK][3];
    for (size_t i = 0; i < sizeof blocks; i++)
        ((uint8_t *)blocks)[i] = (uint8_t)sl_rng_range(&rng, 0, 255);
    assert_ok(sl_image_new(SIDE, SIDE, 3, crop, &err));
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            memcpy(crop->pixels + 3 * ((size_t)y * SIDE + (size_t)x),
                   blocks[y / BLOCK][(mirrored ? SIDE - 1 - x : x) / BLOCK], 3);
}

/* The crop's embedding as a query's, or as that of a face to be enrolled. Returns its length. */
static int embed(sl_session *session, bool query, bool mirrored, float *out)
{
    sl_image crop;
    sl_template *t;
    int dim;
    draw(&crop, mirrored);
    assert_ok((query ? sl_queries_of_crops : sl_templates_of_crops)(session, &crop, 1, &t, &err));
    const float *x = sl_template_embedding(t, &dim);
    assert_true(dim <= DIM_MOST);
    memcpy(out, x, (size_t)dim * sizeof *out);
    sl_template_free(t);
    sl_image_free(&crop);
    return dim;
}

static double distance(const float *a, const float *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sqrt(sum);
}

static double dot(const float *a, const float *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* A query has the direction of share e + (1 - share) t. Where e of the face, [0], and of its mirror image, [1], are one,
 * t[0] - t[1] lies in the plane of both queries: how far off it is. */
static double off_plane(float q[2][DIM_MOST], float t[2][DIM_MOST], int n)
{
    float between[DIM_MOST];
    for (int i = 0; i < n; i++)
        between[i] = t[0][i] - t[1][i];
    const double both = dot(q[0], q[1], n), u = dot(q[0], between, n), v = dot(q[1], between, n);
    const double b = (v - u * both) / (1 - both * both), a = u - b * both;
    double sum = 0;
    for (int i = 0; i < n; i++) {
        const double off = between[i] - a * (double)q[0][i] - b * (double)q[1][i];
        sum += off * off;
    }
    return sqrt(sum);
}

/* More of the eyes is hidden here than of the mouth, so that all that an encoder has is that of eyes', whose share is
 * 1.2: of what the recogniser sees, which is not the same in the mirror, -.2 are left. */
static void the_encoder_sees_both_sides(void **state)
{
    (void)state;
    float q[2][DIM_MOST], t[2][DIM_MOST];
    int dim = 0;
    sl_engine *engine;
    sl_session *session = open_session("auto", &engine);
    assert_string_equal(sl_engine_encoder(engine), "mobilefacenet-192-covered");
    for (int mirrored = 0; mirrored < 2; mirrored++) {
        dim = embed(session, true, mirrored, q[mirrored]);
        embed(session, false, mirrored, t[mirrored]);
    }
    assert_true(distance(t[0], t[1], dim) > .1);
    assert_true(distance(q[0], t[0], dim) > .1);
    assert_true(distance(q[0], q[1], dim) > 1e-2);
    assert_true(off_plane(q, t, dim) < 1e-4);
    sl_session_close(session);
    sl_engine_close(engine);
}

/* What a query notes of itself is what anybody finds on the same face; by other statistics it is found anew. */
static void what_is_hidden_is_noted(void **state)
{
    (void)state;
    sl_engine *engine;
    sl_session *session = open_session("auto", &engine);
    sl_template *query, *face;
    sl_image crop;
    sl_oae *oae;
    float noted, found, anew;
    draw(&crop, false);
    assert_ok(sl_queries_of_crops(session, &crop, 1, &query, &err));
    assert_ok(sl_templates_of_crops(session, &crop, 1, &face, &err));
    assert_ok(sl_oae_of_engine(engine, SL_NEEDS_STATISTICS, NULL, 1, &oae, &err));
    assert_true(query->hidden_by == sl_oae_checksum(oae) && face->hidden_by == 0);
    assert_ok(sl_oae_hidden(oae, query, &noted, &err));
    assert_ok(sl_oae_hidden(oae, face, &found, &err));
    assert_true(noted == found && found > 0);
    query->hidden_by++, query->hidden = -1;
    assert_ok(sl_oae_hidden(oae, query, &anew, &err));
    assert_true(anew == found);
    sl_oae_close(oae);
    sl_template_free(query);
    sl_template_free(face);
    sl_image_free(&crop);
    sl_session_close(session);
    sl_engine_close(engine);
}

static void without_an_encoder_queries_are_as_faces(void **state)
{
    (void)state;
    float q[DIM_MOST], t[DIM_MOST];
    sl_engine *engine;
    sl_session *session = open_session("none", &engine);
    assert_null(sl_engine_encoder(engine));
    const int dim = embed(session, true, false, q);
    embed(session, false, false, t);
    assert_memory_equal(q, t, (size_t)dim * sizeof *q);
    sl_session_close(session);
    sl_engine_close(engine);
}

int main(void)
{
    char *path = model_path("mobilefacenet-192.tflite");
    if (!path)
        SKIP_PROGRAM("mobilefacenet-192.tflite is not there");
    free(path);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_encoder_sees_both_sides),
        cmocka_unit_test(what_is_hidden_is_noted),
        cmocka_unit_test(without_an_encoder_queries_are_as_faces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
