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

/* What looks call theirs: patches of both photos, [N or 1, R, C] and [N, R, C], as templates store them; [N]. */
#define SL_LOOK_FIRST "first"
#define SL_LOOK_SECOND "second"
#define SL_LOOK_SCORE "score"

/* What is told of five points, [N, SL_POINTS_TOLD] (face/hidden_points.h). */
#define SL_ARCH_POINTS "points"

/* Inner tensors that go by these names, for whoever asks for them: the weights of attention of layer L, [N, heads, T,
 * T], or [N, heads, T] of the class token alone where the last layer works out nothing else; of h2l the tokens that
 * each photo's feature is made of, [N * R, C]. */
#define SL_ATTENTION "transformer.layers.%d.attention"
#define SL_LOOK_TOKENS_FIRST "tokens_1"
#define SL_LOOK_TOKENS_SECOND "tokens_2"
/* What training reads: of H2L both photos' features, one photo's behind the other's, [2 N, D]; of H2 [N, 2]; the
 * counter of dropout, an input. */
#define SL_LOOK_FEATURES "features"
#define SL_LOOK_LOGITS "logits"
#define SL_DROPOUT_INPUT "dropout"

struct sl_net;

/* Pixel x of channel c becomes (x - mean[c]) / std[c]. */
typedef struct {
    float mean[3], std[3];
} sl_pixel_scale;

#define SL_PIXEL_SCALE(mean, std) {{mean, mean, mean}, {std, std, std}}

/* Where a transformer departs from the published code (method: docs/models.md). */
typedef enum {
    SL_VIT_PUBLISHED, /* attention reads its input as it is, and adds to it; heads end with batch norm */
    SL_VIT_PRE_NORM,  /* attention reads its input normalised */
    SL_VIT_TEXT,      /* so does it here, and replaces its input; heads end with layer norm: equations 4.2 to 4.6 */
} sl_vit_form;         /* their names: sl_manifest_forms */

enum { SL_VIT_HEAD = 64 /* numbers in a head of attention */ };

/* The size of a transformer (arch_transformer.h). The table has the usual one of each; who wants another copies the
 * row and changes it. What a state dict settles is read from it (sl_arch_fit). */
typedef struct {
    int depth, heads, hidden; /* layers; of attention; numbers between the two dense layers of each */
    int width;                /* of a token: the patch map's channels */
    int cells;                /* of the patch map */
    int positions;            /* rows of the table of positions; 0: there is none */
    bool single;              /* h2l: both photos share the last dense layer */
    sl_vit_form form;
    float dropout, embedding_dropout; /* for training; the graph's last input is then the counter of Dropout */
} sl_transformer;

typedef struct sl_arch sl_arch;

struct sl_arch {
    const char *name;   /* "arcface-r18"; a second layout of the same network has NAME-something */
    const char *title;  /* one line for people */
    sl_model_kind kind;
    int channels, height, width; /* of the input; height and width -1: any */
    sl_colour_order colour;
    sl_pixel_scale published; /* as the published code feeds it */
    sl_pixel_scale corrected; /* where that is a slip: what the network was trained with; else zeros */
    bool float_crops;         /* the published code resizes crops without rounding to 8 bits */
    const char *alignment;    /* a template of face/align.h; NULL for detectors */
    const sl_detector_kind *detector; /* that this is a network of; NULL for recognisers */
    int dim, rows, cols, patch_channels; /* recognisers: of embedding and patch map */
    sl_transformer transformer; /* depth 0: it has none */
    void (*fit)(sl_arch *own, const sl_state_dict *dict); /* sets own->transformer, dim, cells by the dict; or NULL */
    void (*describe)(struct sl_net *n);
};

/* The row of the size that the dict's tensors have; a copy where sizes are fixed. What does not fit together is left
 * for sl_arch_check to tell. */
sl_arch sl_arch_fit(const sl_arch *arch, const sl_state_dict *dict);

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

/* The graph, of the size that the dict has. Of recognisers and detectors the input is [N, channels, height, width], the
 * outputs are the embedding, the patch map, then further maps ("patch_map_4x4", ...); looks have SL_LOOK_FIRST and
 * SL_LOOK_SECOND, and SL_LOOK_SCORE. Weights are referenced, not copied: `dict` must live as long as *out. */
sl_status sl_arch_build(const sl_arch *arch, const sl_state_dict *dict, sl_graph **out, sl_error *err);

/* A tensor of the architecture's state dict. */
typedef struct {
    char *name;
    sl_shape shape;
    bool used; /* false: in the published files, but not needed (num_batches_tracked, a training head) */
} sl_arch_tensor;

/* All of them, of the row's size, in the order of the published files (mobilefacenet, ir50 and its like: of the
 * layers); freed by sl_arch_tensors_free. */
sl_status sl_arch_tensors(const sl_arch *arch, sl_arch_tensor **out, size_t *count, sl_error *err);
void sl_arch_tensors_free(sl_arch_tensor *tensors, size_t count);

/* Weights at random for all that the row's size needs, added to an empty dict. Kernels and dense layers are uniform, of
 * variance 2 / fan-in (He et al. 2015), as rectifiers follow; in a transformer dense layers are of variance 1 / (3
 * fan-in), and tokens and positions normal, of variance 1, as PyTorch and the published code draw them. Scales and
 * variances are 1, biases and means 0, slopes .25. The same seed gives the same weights (arch_random.c). */
sl_status sl_arch_draw(const sl_arch *arch, uint64_t seed, sl_state_dict *dict, sl_error *err);

/* What it is as JSON, for people: input, outputs, tensors of its state dict (arch_json.c). free() the text. */
sl_status sl_arch_inspect(const sl_arch *arch, char **json, sl_error *err);

#endif
