/* A state dict: the weights of a checkpoint by name, in the file's order. */
#ifndef SL_NET_STATE_DICT_H
#define SL_NET_STATE_DICT_H

#include "base/file.h"
#include "net/graph.h"

enum { SL_MAX_WEIGHTS = 1 << 13, SL_MAX_WEIGHT_NAME = 1024 };

typedef struct {
    char *name; /* unique; what a reader strips ("module.") is gone */
    sl_shape shape;
    const float *data; /* dense row-major; owned by the dict, or in memory that outlives it (a mapped file) */
    bool owned;
} sl_weight;

typedef struct {
    sl_weight *weights;
    size_t count, capacity;
    uint32_t *slots; /* 2 * capacity: a hash table of the names, each slot a weight's index + 1 or 0 */
    sl_mapping map;  /* the file that weights may lie in; unmapped with the dict */
} sl_state_dict;

/* Adds one; the name is copied. owned: malloc'd data that the dict frees, at once when this fails. SL_ERR_FORMAT for
 * a name that is there already, is empty or longer than SL_MAX_WEIGHT_NAME, or a shape over the limits of graph.h. */
sl_status sl_state_dict_add(sl_state_dict *dict, const char *name, const sl_shape *shape, const float *data, bool owned,
                            sl_error *err);

/* NULL when it is not there. */
const sl_weight *sl_state_dict_find(const sl_state_dict *dict, const char *name);

/* Maps a file and has it parsed; the dict keeps the mapping. Errors name the file. *out is empty on failure. */
typedef sl_status sl_state_dict_parser(const uint8_t *data, size_t size, sl_state_dict *out, sl_error *err);
sl_status sl_state_dict_map(const char *path, sl_state_dict_parser *parse, sl_state_dict *out, sl_error *err);

void sl_state_dict_free(sl_state_dict *dict);

#endif
