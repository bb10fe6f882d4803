/* RetinaFace's network: a picture in, the raw outputs of each stride out. Pictures come in many sizes; they are put on
 * black grounds of fewer, whose plans are kept.
 *
 *     +-----------------+-----+
 *     | picture         |     |     width and height rounded up to what padded() gives; the picture at the top left,
 *     |                 |     |     so that its pixels keep their coordinates
 *     +-----------------+     |
 *     |             black     |
 *     +-----------------------+
 */
#include "face/retinaface.h"

#include <string.h>

enum { OUTPUTS_A_HEAD = 3, OUTPUTS = OUTPUTS_A_HEAD * SL_RETINAFACE_HEADS, PLANS = 7 };
static const int strides[SL_RETINAFACE_HEADS] = {32, 16, 8};

sl_status sl_retinaface_network_open(const sl_graph *graph, int threads, sl_retinaface_network *out, sl_error *err)
{
    *out = (sl_retinaface_network){.graph = graph, .threads = threads, .plans.capacity = PLANS};
    if (graph->n_inputs != 1 || graph->n_outputs != OUTPUTS)
        return sl_fail(err, SL_ERR_UNSUPPORTED,
                       "detector: the network has %d inputs and %d outputs, RetinaFace mnet.25 has 1 and %d",
                       graph->n_inputs, graph->n_outputs, OUTPUTS);
    return SL_OK;
}

void sl_retinaface_network_close(sl_retinaface_network *network) { sl_plan_cache_clear(&network->plans); }

/* ---- plans ---- */

/* Outputs are told apart by their shapes, whatever their order and names. */
static bool is_of_stride(const sl_shape *output, int stride, int width, int height)
{
    return output->rank == 4 && output->dim[0] == 1 && output->dim[2] == height / stride &&
           output->dim[3] == width / stride;
}

/* The names of the first heads' outputs; returns how many there are. */
static int names_of_heads(const sl_graph *sized, int width, int height, int heads, const char *names[OUTPUTS])
{
    int count = 0;
    for (int i = 0; i < OUTPUTS; i++) {
        const sl_tensor_info *output = &sized->tensors[sized->outputs[i]];
        for (int s = 0; s < heads; s++)
            if (is_of_stride(&output->shape, strides[s], width, height))
                names[count++] = output->name;
    }
    return count;
}

/* Only what leads to the key's heads is computed. */
static sl_status compile(void *context, const sl_plan_key *key, sl_plan **out, sl_error *err)
{
    const sl_retinaface_network *n = context;
    const int heads = key->outputs;
    const char *names[OUTPUTS];
    for (int i = 0; i < OUTPUTS; i++)
        names[i] = n->graph->tensors[n->graph->outputs[i]].name;
    const sl_shape shape = {.rank = 4, .dim = {1, 3, key->height, key->width}};
    sl_graph *sized, *specialised;
    SL_TRY(sl_graph_infer(n->graph, &shape, names, OUTPUTS, &sized, err));
    int count = names_of_heads(sized, key->width, key->height, heads, names);
    sl_status status =
        count == OUTPUTS_A_HEAD * heads
            ? sl_graph_specialize(n->graph, &shape, names, count, &specialised, err)
            : sl_fail(err, SL_ERR_UNSUPPORTED, "detector: %d outputs at strides 32 to %d, RetinaFace mnet.25 has %d",
                      count, strides[heads - 1], OUTPUTS_A_HEAD * heads);
    sl_graph_free(sized);
    SL_TRY(status);
    status = sl_plan_compile(specialised, n->threads, out, err);
    sl_graph_free(specialised);
    return status;
}

bool sl_retinaface_network_fits(const sl_graph *graph)
{
    enum { SIDE = 224 };
    static const int64_t channels[OUTPUTS_A_HEAD] = {4, 8, 20};
    const sl_shape shape = {.rank = 4, .dim = {1, 3, SIDE, SIDE}};
    const char *names[OUTPUTS];
    sl_graph *sized;
    if (graph->n_inputs != 1 || graph->n_outputs != OUTPUTS ||
        sl_graph_infer(graph, &shape, NULL, 0, &sized, NULL) != SL_OK)
        return false;
    bool fits = names_of_heads(sized, SIDE, SIDE, SL_RETINAFACE_HEADS, names) == OUTPUTS;
    int seen[OUTPUTS_A_HEAD] = {0};
    for (int i = 0; i < OUTPUTS; i++)
        for (int c = 0; c < OUTPUTS_A_HEAD; c++)
            seen[c] += sized->tensors[sized->outputs[i]].shape.dim[1] == channels[c];
    sl_graph_free(sized);
    return fits && seen[0] == SL_RETINAFACE_HEADS && seen[1] == SL_RETINAFACE_HEADS && seen[2] == SL_RETINAFACE_HEADS;
}

/* Which of the plan's outputs is what. */
static sl_status heads_of(const sl_plan *plan, const sl_plan_key *size, sl_retinaface_head *heads, sl_error *err)
{
    const int n_heads = size->outputs;
    for (int s = 0; s < n_heads; s++)
        heads[s] = (sl_retinaface_head){
            .stride = strides[s], .rows = size->height / strides[s], .cols = size->width / strides[s]};
    for (int j = 0; j < OUTPUTS_A_HEAD * n_heads; j++) {
        sl_shape shape;
        const float *data = sl_plan_output(plan, j, &shape);
        for (int s = 0; s < n_heads; s++) {
            sl_retinaface_head *h = &heads[s];
            if (!is_of_stride(&shape, h->stride, size->width, size->height))
                continue;
            if (shape.dim[1] == 4)
                h->score = data;
            else if (shape.dim[1] == 8)
                h->box = data;
            else if (shape.dim[1] == 20)
                h->points = data;
        }
    }
    for (int s = 0; s < n_heads; s++)
        if (!heads[s].score || !heads[s].box || !heads[s].points)
            return sl_fail(err, SL_ERR_UNSUPPORTED,
                           "detector: the network gives no scores [4], boxes [8] and points [20] at stride %d: "
                           "it is not RetinaFace mnet.25",
                           strides[s]);
    return SL_OK;
}

/* ---- pixels ---- */

/* Padded sizes come in steps that grow with the size, so that few plans serve many pictures. */
static int padded(int side)
{
    int step = side <= 320 ? 32 : side <= 640 ? 64 : 128;
    return (side + step - 1) / step * step;
}

/* Pixels that are `step` bytes apart to a row of each plane; green and blue are so many bytes after red. */
static void fill_row(const uint8_t *from, ptrdiff_t step, int green, int blue, int width, size_t plane, float *r)
{
    float *g = r + plane, *b = g + plane;
    for (int x = 0; x < width; x++, from += step) {
        r[x] = from[0];
        g[x] = from[green];
        b[x] = from[blue];
    }
}

/* RGB planes of 0 .. 255 of the picture or of its mirror image, black where it ends: [3, height, width]. */
static void fill_input(const sl_image *picture, bool mirrored, int width, int height, float *input)
{
    const size_t plane = (size_t)width * (size_t)height;
    const int channels = picture->channels, last = (picture->width - 1) * channels;
    if (picture->width < width || picture->height < height)
        memset(input, 0, 3 * plane * sizeof *input);
    for (int y = 0; y < picture->height; y++) {
        const uint8_t *row = picture->pixels + (size_t)y * (size_t)picture->width * (size_t)channels;
        fill_row(mirrored ? row + last : row, mirrored ? -channels : channels, channels == 3 ? 1 : 0,
                 channels == 3 ? 2 : 0, picture->width, plane, input + (size_t)y * (size_t)width);
    }
}

sl_status sl_retinaface_look(sl_retinaface_network *n, const sl_image *picture, bool mirrored, int n_heads,
                             sl_retinaface_head *heads, sl_error *err)
{
    const sl_plan_key size = {padded(picture->width), padded(picture->height), n_heads};
    sl_plan *plan;
    SL_TRY(sl_plan_cache_get(&n->plans, &size, compile, n, &plan, err));
    fill_input(picture, mirrored, size.width, size.height, sl_plan_input(plan, 0, NULL));
    SL_TRY(sl_plan_run(plan, err));
    return heads_of(plan, &size, heads, err);
}
