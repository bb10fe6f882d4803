// module: net
/* A file as safetensors: what is read is written again and must then be read as the same. */
#include "net/import/weights/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void check_again(const sl_state_dict *dict)
{
    char path[256];
    sl_state_dict again;
    sl_error err;
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%.200s/fuzz_safetensors.%d", dir ? dir : "/tmp", (int)getpid());
    if (sl_safetensors_write(path, dict, NULL, 0, &err) != SL_OK ||
        sl_safetensors_read(path, &again, &err) != SL_OK || again.count != dict->count)
        abort();
    unlink(path);
    for (size_t i = 0; i < dict->count; i++) {
        const sl_weight *a = &dict->weights[i], *b = sl_state_dict_find(&again, a->name);
        if (!b || a->shape.rank != b->shape.rank ||
            memcmp(a->shape.dim, b->shape.dim, sizeof a->shape.dim) != 0 ||
            memcmp(a->data, b->data, (size_t)sl_shape_elements(&a->shape) * sizeof(float)) != 0)
            abort();
    }
    sl_state_dict_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sl_state_dict dict;
    sl_error err;
    if (sl_safetensors_parse(data, size, &dict, &err) != SL_OK)
        return 0;
    check_again(&dict);
    sl_state_dict_free(&dict);
    return 0;
}
