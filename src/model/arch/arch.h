/* Architectures: networks that are known here by name, so that a state dict alone (weights by name) makes one.
 * Each arch_NAME.c describes one as the published code has it. The same description builds the graph, checks a
 * state dict and lists the tensors that belong into one. */
#ifndef SL_MODEL_ARCH_H
#define SL_MODEL_ARCH_H

#include "base/text.h"
#include "model/manifest.h"
#include "net/import/weights/state_dict.h"

/* What recognisers call their outputs: [N, D] and [N, C, rows, cols]. */
#define SL_ARCH_EMBEDDING "embedding"
#define SL_ARCH_PATCH_MAP "patch_map"

struct sl_net;

/* Pixel x of channel c becomes (x - mean[c]) / std[c]. */
typedef struct {
    float mean[3], std[3];
} sl_pixel_scale;

#define SL_PIXEL_SCALE(mean, std) {{mean, mean, mean}, {std, std, std}}

typedef struct {
    const char *name;   /* "arcface-r18"; a second layout of the same network has NAME-something */
    const char *title;  /* one line for people */
    sl_model_kind kind;
    int channels, height, width; /* of the input; height and width -1: any */
    sl_colour_order colour;
    sl_pixel_scale published; /* as the published code feeds it */
    sl_pixel_scale corrected; /* where that is a slip: what the network was trained with; else zeros */
    const char *alignment;    /* a template of face/align.h; NULL for detectors */
    const sl_detector_kind *detector; /* that this is a network of; NULL for recognisers */
    int dim, rows, cols, patch_channels; /* recognisers: of embedding and patch map */
    void (*describe)(struct sl_net *n);
} sl_arch;

/* NULL when there is none of that name; sl_arch_at(i): all of them, NULL behind the last. */
const sl_arch *sl_arch_find(const char *name);
const sl_arch *sl_arch_at(int i);

/* No architecture has that name: SL_ERR_ARGUMENT with those that there are. */
sl_status sl_arch_unknown(const char *name, sl_error *err);

/* Of the layouts of that name ("mobilefacenet" has two) the one that lacks the fewest tensors in `dict`. */
const sl_arch *sl_arch_choose(const char *name, const sl_state_dict *dict);

/* SL_ERR_FORMAT when tensors are missing or have another shape. problems: each of them, one a line (the error's
 * text has as many as fit); unknown: names in `dict` that the architecture does not know, one a line. Both may be
 * NULL; the caller frees their data. */
sl_status sl_arch_check(const sl_arch *arch, const sl_state_dict *dict, sl_text *problems, sl_text *unknown,
                        sl_error *err);

/* The first architecture that `dict` has all weights of; NULL when there is none. */
const sl_arch *sl_arch_fitting(const sl_state_dict *dict);

/* The graph; its input is [N, channels, height, width], its outputs are the embedding, the patch map, then
 * further maps ("patch_map_4x4", ...). Weights are referenced, not copied: `dict` must live as long as *out. */
sl_status sl_arch_build(const sl_arch *arch, const sl_state_dict *dict, sl_graph **out, sl_error *err);

/* A tensor of the architecture's state dict. */
typedef struct {
    char *name;
    sl_shape shape;
    bool used; /* false: in the published files, but not needed (num_batches_tracked, a training head) */
} sl_arch_tensor;

/* All of them, in the order of the published files (mobilefacenet: of the layers); freed by
 * sl_arch_tensors_free. */
sl_status sl_arch_tensors(const sl_arch *arch, sl_arch_tensor **out, size_t *count, sl_error *err);
void sl_arch_tensors_free(sl_arch_tensor *tensors, size_t count);

/* What it is as JSON, for people: input, outputs, tensors of its state dict (arch_json.c). free() the text. */
sl_status sl_arch_inspect(const sl_arch *arch, char **json, sl_error *err);

#endif
