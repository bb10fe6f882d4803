/* The tensors in what torch.save pickled. */
#ifndef SL_NET_TORCH_DICT_H
#define SL_NET_TORCH_DICT_H

#include "net/import/weights/pickle.h"
#include "net/import/weights/records.h"

/* What names a storage: ('storage', type, key, where it was, elements[, view]). */
typedef struct {
    sl_element type;
    const char *key; /* not NUL-terminated */
    size_t key_size;
    uint64_t count;
    int64_t view_offset, view_count; /* torch 0.1 to 0.3: the part of the storage that is meant; -1: all of it */
} sl_torch_storage;

sl_status sl_torch_read_storage(const sl_pickle_value *persistent, sl_torch_storage *out, sl_error *err);

/* Adds the state dict that `root` is or holds: what lies under state_dict, model, .. or is the only dictionary
 * with tensors. Values that are no tensors are left out. storages: bytes by key, sorted. SL_ERR_FORMAT says what
 * there is when there are no tensors. */
sl_status sl_torch_read_dict(const sl_pickle_value *root, const sl_records *storages, size_t *budget,
                             sl_state_dict *out, sl_error *err);

#endif
