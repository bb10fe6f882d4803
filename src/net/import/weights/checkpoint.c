/* Which of the three forms a checkpoint has. */
#include "net/import/weights/checkpoint.h"

#include "base/bytes.h"
#include "net/import/weights/safetensors.h"
#include "net/import/weights/storage.h"
#include "net/import/weights/torch_file.h"

static const uint8_t zip_magic[4] = "PK\3\4";

enum { PICKLE_PROTO = 0x80 }; /* the opcode that every pickle of protocol 2 and later begins with */

static bool is_zip(const uint8_t *data, size_t size)
{
    return size >= sizeof zip_magic && memcmp(data, zip_magic, sizeof zip_magic) == 0;
}

static bool is_pickle(const uint8_t *data, size_t size) { return size && data[0] == PICKLE_PROTO; }

bool sl_checkpoint_is(const uint8_t *data, size_t size)
{
    return sl_safetensors_is(data, size) || is_zip(data, size) || is_pickle(data, size);
}

sl_status sl_checkpoint_parse(const uint8_t *data, size_t size, sl_state_dict *out, sl_error *err)
{
    size_t budget = sl_budget_of(size);
    sl_status status;
    *out = (sl_state_dict){0};
    if (sl_safetensors_is(data, size))
        return sl_safetensors_parse(data, size, out, err);
    if (is_zip(data, size))
        status = sl_torch_read_zip(data, size, &budget, out, err);
    else if (is_pickle(data, size))
        status = sl_torch_read_legacy(data, size, &budget, out, err);
    else
        status = sl_fail(err, SL_ERR_FORMAT, "it is no checkpoint: neither of torch.save nor safetensors");
    if (status != SL_OK)
        sl_state_dict_free(out);
    return status;
}

sl_status sl_checkpoint_read(const char *path, sl_state_dict *out, sl_error *err)
{
    return sl_state_dict_map(path, sl_checkpoint_parse, out, err);
}
