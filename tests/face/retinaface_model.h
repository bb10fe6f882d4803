/* RetinaFace's network and photos for the tests of its parts; they are skipped where the network was not fetched. */
#ifndef SL_TESTS_RETINAFACE_MODEL_H
#define SL_TESTS_RETINAFACE_MODEL_H

#include "lfw.h"

#include "base/file.h"
#include "face/retinaface.h"
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

static inline sl_detector *open_detector(int threads, size_t max_faces)
{
    sl_error err;
    sl_detector *d;
    const sl_detector_network network = {.graph = graph};
    sl_detector_options o = sl_detector_defaults(threads);
    o.max_faces = max_faces;
    assert_ok(sl_detector_open(&sl_detector_retinaface, &network, &o, &d, &err));
    return d;
}

/* ---- LFW: photos of 250 x 250, each person in the middle ---- */

enum { PHOTOS = 20 };

/* The first ones, or the test is skipped. */
static inline void read_photos(sl_image photos[PHOTOS])
{
    FILE *f = lfw_open();
    if (!f)
        skip();
    for (int i = 0; i < PHOTOS; i++)
        assert_true(lfw_next(f, &photos[i]));
    fclose(f);
}

static inline const sl_face *middle_face(const sl_image *image, const sl_face *faces, size_t count)
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

/* All faces, each with a closer look. */
static inline void find_and_look(sl_detector *d, const sl_image *image, sl_face **faces, size_t *count)
{
    sl_error err;
    assert_ok(sl_detector_find(d, image, .8f, faces, count, &err));
    for (size_t i = 0; i < *count; i++)
        assert_ok(sl_detector_refine(d, image, &(*faces)[i], &err));
}

#endif
