/* Checkpoints to models, inside. A file that uses another stands above it:
 *
 *     import.c                    the whole: which files, where to, and the report
 *       import_mtcnn.c            a detector of three files
 *       import_look.c             a second look, and the network inside its checkpoint
 *         import_read.c           one checkpoint, checked against its architecture
 *           import_network.c      a network that comes whole
 *       import_write.c            names and files of one model
 *         import_manifest.c       what is written about it
 */
#ifndef SL_MODEL_IMPORT_H
#define SL_MODEL_IMPORT_H

#include <jansson.h>

#include "base/text.h"
#include "model/arch/arch.h"
#include "model/preamble.h"

typedef struct {
    char *file; /* the checkpoint or network */
    const sl_arch *arch;
    sl_arch fitted;                  /* what `arch` points to where sizes are the checkpoint's */
    sl_state_dict dict;              /* all of it */
    sl_state_dict used;              /* what the architecture needs, in its order; the numbers lie in dict */
    sl_text unknown;                 /* names that it does not know, one a line */
    sl_mapping network;              /* instead of weights: an ONNX or TFLite file, which is taken as it is */
    const char *format;              /* of the file written: "safetensors", "onnx", "tflite" */
    char *embedding, *patch_map;     /* names of a network's outputs; NULL: the architecture's */
    sl_preamble preamble;            /* what a network does to its pixels itself */
    char *name, *manifest, *weights; /* of the model, and the two files written */
    const char *stages[2];           /* of a cascade's last network: the manifests of those before it */
    const char *backbone;            /* of a look: the recogniser whose maps it reads, */
    char fingerprint[65];            /* its templates', */
    int grid[3];                     /* and its map's rows, columns, channels */
    char checkpoint_sha256[65], sha256[65];
    uint64_t bytes;
    size_t tensors; /* of numbers, in the file written */
} sl_import;

/* Reads and checks one checkpoint. *json lists the problems when there are any, as sl_model_import says. Freed by
 * sl_import_clear, also after a failure. */
sl_status sl_import_read(const char *file, const char *arch, sl_import *out, char **json, sl_error *err);
void sl_import_clear(sl_import *m);

/* The weights in m->dict by name, for the architecture's layout that they fit best. */
sl_status sl_import_check(sl_import *m, const char *arch, char **json, sl_error *err);

/* Sets the model's name and where its files go: `folder`/NAMEending.json and .FORMAT. */
sl_status sl_import_name(sl_import *m, const char *folder, const char *name, const char *ending, sl_error *err);

/* Writes both files, the manifest last, each complete or not at all. */
sl_status sl_import_write(sl_import *m, const sl_import_options *options, sl_error *err);

/* An ONNX or TFLite file, mapped in m->network, as a recogniser of this architecture: finds its outputs, whose sizes
 * must be the architecture's. */
sl_status sl_import_network(sl_import *m, const char *arch, sl_error *err);

/* The manifest's text (malloc'd), and a list of the lines of a text. */
sl_status sl_import_manifest(const sl_import *m, const sl_import_options *options, char **json, sl_error *err);
json_t *sl_import_lines(const sl_text *text);

/* The three files of MTCNN, read and named; models[0 .. 2] are P-, R- and O-net. */
sl_status sl_import_mtcnn(const char *const *files, size_t count, const char *folder, const char *name,
                          sl_import models[3], char **json, sl_error *err);

/* A second look's checkpoint, read into *look; where the network is inside, that becomes *backbone, and *inside is
 * true. */
sl_status sl_import_look(const char *file, const sl_import_options *options, const char *folder, const char *name,
                         sl_import *backbone, sl_import *look, bool *inside, char **json, sl_error *err);

/* Looks at the recogniser that the look reads, by name or manifest; the look must fit its map. */
sl_status sl_import_look_at(sl_import *look, const char *models_dir, const char *recogniser, const char *shown,
                            sl_error *err);

#endif
