/* The two forms in which torch.save has written files. */
#ifndef SL_NET_TORCH_FILE_H
#define SL_NET_TORCH_FILE_H

#include "net/import/weights/state_dict.h"

/* Since 1.6: a zip archive with NAME/data.pkl and a record NAME/data/KEY for each storage. */
sl_status sl_torch_read_zip(const uint8_t *data, size_t size, size_t *budget, sl_state_dict *out, sl_error *err);

/* Before: the pickles of a magic number, a version, the machine, the object and the storages' keys; then each
 * storage, its number of elements before it. */
sl_status sl_torch_read_legacy(const uint8_t *data, size_t size, size_t *budget, sl_state_dict *out,
                               sl_error *err);

#endif
