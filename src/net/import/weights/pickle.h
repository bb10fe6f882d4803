/* Pickles (protocol 2 to 5) as data. Nothing is imported, called or built: a call of one of the few globals that
 * torch.save writes becomes a value that says what would be called with which arguments. Any other global, and any
 * opcode that torch.save does not write, is refused by its name.
 * Format: pickletools.py of CPython.
 *
 * What a state dict of one tensor becomes, a tree of values:
 *
 *     DICT
 *      +- TEXT "conv1.weight"
 *      +- CALL torch._utils._rebuild_tensor_v2
 *          +- PERSISTENT
 *          |   +- TEXT "storage"
 *          |   +- GLOBAL torch.FloatStorage           the type of its elements
 *          |   +- TEXT "0"                            the storage's key in the file
 *          |   +- TEXT "cpu"
 *          |   +- INT 1728                            its elements
 *          +- INT 0                                   the first element
 *          +- TUPLE INT 64, INT 3, INT 3, INT 3       shape
 *          +- TUPLE INT 27, INT 9, INT 3, INT 1       strides
 *          +- BOOL, DICT                              requires_grad, hooks: not looked at
 */
#ifndef SL_NET_PICKLE_H
#define SL_NET_PICKLE_H

#include <stdbool.h>

#include "net/import/weights/storage.h"

typedef enum {
    SL_PICKLE_NOTHING, /* an empty slot of the memo; never in a tree */
    SL_PICKLE_NONE,
    SL_PICKLE_BOOL,
    SL_PICKLE_INT,
    SL_PICKLE_BIG_INT, /* more than 8 bytes: as text, little-endian */
    SL_PICKLE_FLOAT,
    SL_PICKLE_TEXT, /* and bytes */
    SL_PICKLE_TUPLE,
    SL_PICKLE_LIST,
    SL_PICKLE_DICT,
    SL_PICKLE_GLOBAL,
    SL_PICKLE_CALL,
    SL_PICKLE_PERSISTENT /* what the file keeps outside of the pickle: the storages */
} sl_pickle_kind;

typedef struct sl_pickle_object sl_pickle_object;

typedef struct {
    sl_pickle_kind kind;
    uint32_t size; /* TEXT and BIG_INT: bytes; GLOBAL and CALL: which global (sl_pickle_global) */
    union {
        int64_t integer; /* BOOL, INT */
        double real;
        const char *text;         /* in the pickle, not NUL-terminated */
        sl_pickle_object *object; /* TUPLE, LIST, DICT; CALL: the arguments; PERSISTENT: the tuple that names it */
    };
} sl_pickle_value;

struct sl_pickle_object {
    sl_pickle_value *items; /* DICT: key, value, key, value, .. */
    size_t count, capacity;
    bool seen; /* for who walks the tree */
    sl_pickle_object *next;
};

typedef struct {
    sl_pickle_value root;
    sl_pickle_object *objects;   /* all of them. An object may hold itself, so walk a bounded depth. */
    sl_pickle_value *persistent; /* every PERSISTENT in the pickle, in its order */
    size_t n_persistent, cap_persistent;
} sl_pickle;

typedef enum {
    SL_GLOBAL_ORDERED_DICT,      /* () or ([[key, value], ..]): read as DICT */
    SL_GLOBAL_REBUILD_TENSOR,    /* (storage, offset, shape, strides, ..) */
    SL_GLOBAL_REBUILD_PARAMETER, /* (tensor, ..) */
    SL_GLOBAL_STORAGE,
    SL_GLOBAL_SIZE, /* torch.Size: ((..),) */
    SL_GLOBAL_OTHER /* harmless and no weight: dtypes, devices, numpy's scalars */
} sl_global_kind;

typedef struct {
    const char *module, *name;
    sl_global_kind kind;
    sl_element element; /* STORAGE */
} sl_global;

/* The global of a GLOBAL or CALL value. */
const sl_global *sl_pickle_global(const sl_pickle_value *value);

/* True for TEXT that is `text`. */
bool sl_pickle_is_text(const sl_pickle_value *value, const char *text);

/* Reads one pickle from the beginning of `data`, which must outlive *out. *used: its bytes. Memory comes from the
 * budget (storage.h). SL_ERR_UNSUPPORTED names the opcode or global that is refused, and where. Free with
 * sl_pickle_free, after a failure too. */
sl_status sl_pickle_read(const uint8_t *data, size_t size, size_t *budget, sl_pickle *out, size_t *used,
                         sl_error *err);
void sl_pickle_free(sl_pickle *pickle);

#endif
