// module: eval
/* A list of pairs to verify. */
#include "eval/pairs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sl_error err;
    sl_pair_list list;
    if (sl_pairs_parse((const char *)data, size, "fuzz", &list, &err) == SL_OK)
        sl_pairs_free(&list);
    return 0;
}
