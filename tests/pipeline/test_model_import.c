/* Real checkpoints, imported, on photos of LFW: what comes of PyTorch's files is what comes of the same networks'
 * ONNX and TFLite files. Skipped without ../shared and the fetched models. */
#include <stdbool.h>
#include <unistd.h>

#include "lfw.h"

enum { FACES = 100, CASCADES = 40 };

static sl_error err;
static char *folder; /* of models: links to the files of others, and what is imported */

/* Links a file of the models folder or of ../shared/models into `folder`. */
static bool link_model(const char *file)
{
    char shared[100], to[400];
    snprintf(shared, sizeof shared, "models/%s", file);
    snprintf(to, sizeof to, "%s/%s", folder, file);
    char *from = model_path(file);
    if (!from)
        from = shared_path(shared);
    bool linked = from && symlink(from, to) == 0;
    free(from);
    return linked;
}

static bool import_shared(const char *const *names, size_t count, const char *arch, const char *output)
{
    char *files[3] = {0}, *json;
    bool there = true;
    for (size_t i = 0; i < count; i++)
        there = (files[i] = shared_path(names[i])) && there;
    const sl_import_options o = {.arch = arch, .output = output, .models_dir = folder};
    if (there) {
        assert_ok(sl_model_import((const char *const *)files, count, &o, &json, &err));
        free(json);
    }
    for (size_t i = 0; i < count; i++)
        free(files[i]);
    return there;
}

static int make_models(void **state)
{
    (void)state;
    static const char *const links[] = {"retinaface-mnet25.onnx", "mobilefacenet-128.onnx", "mtcnn-pnet.tflite",
                                        "mtcnn-rnet.tflite", "mtcnn-onet.tflite"};
    static const char *const cascade[] = {"models/mtcnn_pnet.pt", "models/mtcnn_rnet.pt", "models/mtcnn_onet.pt"};
    folder = make_temp_dir();
    bool there = true;
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        there = link_model(links[i]) && there;
    there = import_shared((const char *const[]){"models/mobilefacenet-128.pt"}, 1, "mobilefacenet", "torch-128") &&
            there;
    there = import_shared((const char *const[]){"models/mobilefacenet-casia-112x96.ckpt"}, 1, "mobilefacenet",
                          "casia") &&
            there;
    there = import_shared(cascade, 3, "mtcnn", "torch-mtcnn") && there;
    if (!there) {
        remove_tree(folder);
        SKIP_PROGRAM("../shared/models or the fetched models (retinaface-mnet25, mtcnn) are not here");
    }
    return 0;
}

static int remove_models(void **state)
{
    (void)state;
    remove_tree(folder);
    free(folder);
    return 0;
}

typedef struct {
    sl_engine *engine;
    sl_session *session;
} opened;

static opened open_models(const char *model, const char *detector)
{
    opened o;
    const sl_engine_options options = {
        .models_dir = folder, .model = model, .detector = detector, .landmarks = "none"};
    assert_ok(sl_engine_open(&options, &o.engine, &err));
    assert_ok(sl_session_open(o.engine, 1, &o.session, &err));
    return o;
}

static void close_models(opened *o)
{
    sl_session_close(o->session);
    sl_engine_close(o->engine);
}

static sl_template *template_of(const opened *o, const sl_image *photo, const sl_face *face)
{
    sl_template *t;
    assert_ok(sl_template_of_face(o->session, photo, face, &t, &err));
    return t;
}

/* Both of one layout; the least cosine of patches and of embeddings. */
static double likeness(const sl_template *a, const sl_template *b)
{
    int dim, dim_b, rows, cols, channels;
    const float *x = sl_template_embedding(a, &dim), *y = sl_template_embedding(b, &dim_b);
    assert_int_equal(dim, dim_b);
    sl_template_grid(a, &rows, &cols, &channels);
    size_t count = (size_t)(rows * cols * channels);
    float *p = malloc(count * sizeof *p), *q = malloc(count * sizeof *q);
    assert_ok(sl_template_patches(a, p, &err));
    assert_ok(sl_template_patches(b, q, &err));
    double least = fmin(cosine_of(x, y, (size_t)dim), cosine_of(p, q, count));
    free(p);
    free(q);
    return least;
}

static void checkpoint_and_onnx_agree(void **state)
{
    (void)state;
    FILE *f = lfw_open();
    if (!f)
        skip();
    opened onnx = open_models("mobilefacenet-128", NULL), torch = open_models("torch-128", NULL),
           casia = open_models("casia", NULL);
    sl_template *before = NULL;
    sl_image photo;
    double least = 1;
    int faces = 0;
    while (faces < FACES && lfw_next(f, &photo)) {
        sl_face *found;
        size_t count;
        assert_ok(sl_detect(onnx.session, &photo, &found, &count, &err));
        if (count) {
            const sl_face *face = &found[sl_main_face(&photo, found, count)];
            sl_template *a = template_of(&onnx, &photo, face), *b = template_of(&torch, &photo, face),
                        *c = template_of(&casia, &photo, face);
            least = fmin(least, likeness(a, b));
            int dim;
            sl_template_embedding(c, &dim);
            assert_int_equal(dim, 128);
            if (before) /* strangers */
                assert_true(cosine_of(sl_template_embedding(before, NULL), sl_template_embedding(c, NULL), 128) <
                            .9);
            sl_template_free(before);
            before = c;
            sl_template_free(a);
            sl_template_free(b);
            faces++;
        }
        free(found);
        sl_image_free(&photo);
    }
    sl_template_free(before);
    fclose(f);
    print_message("%d faces, least cosine 1 - %.1e\n", faces, 1 - least);
    assert_int_equal(faces, FACES);
    assert_true(least >= .99999);
    close_models(&onnx);
    close_models(&torch);
    close_models(&casia);
}

static void check_same_face(const sl_face *a, const sl_face *b)
{
    assert_close(&a->box.x0, &b->box.x0, 4, .01);
    assert_close(&a->points[0].x, &b->points[0].x, 10, .01);
    assert_true(fabsf(a->score - b->score) < 1e-4f);
}

static void both_sources_of_mtcnn_agree(void **state)
{
    (void)state;
    FILE *f = lfw_open();
    if (!f)
        skip();
    opened tflite = open_models("mobilefacenet-128", "mtcnn"),
           torch = open_models("mobilefacenet-128", "torch-mtcnn");
    sl_image photo;
    size_t faces = 0;
    int photos = 0;
    for (; photos < CASCADES && lfw_next(f, &photo); photos++) {
        sl_face *a, *b;
        size_t count, count_b;
        assert_ok(sl_detect(tflite.session, &photo, &a, &count, &err));
        assert_ok(sl_detect(torch.session, &photo, &b, &count_b, &err));
        assert_int_equal(count, count_b);
        for (size_t i = 0; i < count; i++)
            check_same_face(&a[i], &b[i]);
        faces += count;
        free(a);
        free(b);
        sl_image_free(&photo);
    }
    fclose(f);
    assert_int_equal(photos, CASCADES);
    assert_true(faces >= CASCADES);
    close_models(&tflite);
    close_models(&torch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkpoint_and_onnx_agree),
        cmocka_unit_test(both_sources_of_mtcnn_agree),
    };
    return cmocka_run_group_tests(tests, make_models, remove_models);
}
