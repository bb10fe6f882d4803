/* Checkpoints of PyTorch and safetensors files as state dicts. */
#ifndef SL_NET_CHECKPOINT_H
#define SL_NET_CHECKPOINT_H

#include "net/import/weights/state_dict.h"

/* Reads what torch.save wrote, in its zip form or its legacy form, or a safetensors file. Of what lies beside the
 * weights (optimizer, epoch, ..) nothing is kept; no code in the file is run. Weights are used where they lie in
 * the mapped file when they are dense f32, and converted otherwise. Reading allocates at most four times the file's
 * size and 64 KiB (1 MiB more for safetensors). *out is empty on failure. */
sl_status sl_checkpoint_read(const char *path, sl_state_dict *out, sl_error *err);

/* Whether a file that begins so is one of them. */
bool sl_checkpoint_is(const uint8_t *data, size_t size);

/* The same from memory, which must outlive *out. */
sl_status sl_checkpoint_parse(const uint8_t *data, size_t size, sl_state_dict *out, sl_error *err);

#endif
