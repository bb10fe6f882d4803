// module: net
/* A file as a checkpoint in any form: read it and look at every weight. */
#include "net/import/weights/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static volatile float sum;
    sl_state_dict dict;
    sl_error err;
    if (sl_checkpoint_parse(data, size, &dict, &err) != SL_OK)
        return 0;
    for (size_t i = 0; i < dict.count; i++)
        for (int64_t j = 0; j < sl_shape_elements(&dict.weights[i].shape); j++)
            sum += dict.weights[i].data[j];
    sl_state_dict_free(&dict);
    return 0;
}
