/* A network from a file: mapped, checked, imported. */
#ifndef SL_MODEL_NETWORK_H
#define SL_MODEL_NETWORK_H

#include "model/catalogue.h"
#include "net/import/weights/state_dict.h"

typedef struct {
    sl_manifest *manifest;
    char *path;
    sl_mapping map; /* constants of the graph may lie in it: of safetensors, all of them. Empty where the weights came
                       with the library */
    sl_state_dict weights; /* of safetensors; they lie in the map, or in the library */
    uint8_t digest[32]; /* of the file, and of those that it keeps weights in */
    sl_graph *graph; /* NULL for landmark models */
} sl_network;

/* Finds (sl_catalogue_find), maps and checks a model of this kind, and makes its graph (not of landmark models). */
sl_status sl_network_open(const char *models_dir, const char *name, sl_model_kind kind, sl_network *out, sl_error *err);
void sl_network_close(sl_network *network);

/* A TFLite file, by its mark. */
bool sl_is_tflite(const void *data, size_t size);

/* Imports by content: a TFLite file has "TFL3" at byte 4, everything else is tried as ONNX. path: of the file, in whose
 * folder there may be more of its weights. digest (or NULL), of the file, is changed by those: net/graph.h. */
sl_status sl_network_import(const sl_mapping *map, const char *path, uint8_t digest[32], sl_graph **out, sl_error *err);

#endif
