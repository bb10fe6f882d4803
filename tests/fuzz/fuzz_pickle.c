// module: net
/* Bytes as a pickle: whatever they hold, the tree can be walked. */
#include "net/import/weights/pickle.h"

static size_t walk(const sl_pickle_value *value, int depth)
{
    size_t sum = value->size;
    switch (value->kind) {
    case SL_PICKLE_TEXT:
    case SL_PICKLE_BIG_INT:
        for (uint32_t i = 0; i < value->size; i++)
            sum += (uint8_t)value->text[i];
        break;
    case SL_PICKLE_GLOBAL: sum += sl_pickle_global(value)->kind; break;
    case SL_PICKLE_TUPLE:
    case SL_PICKLE_LIST:
    case SL_PICKLE_DICT:
    case SL_PICKLE_CALL:
    case SL_PICKLE_PERSISTENT:
        for (size_t i = 0; depth < 3 && i < value->object->count && i < 64; i++)
            sum += walk(&value->object->items[i], depth + 1);
        break;
    default: break;
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static volatile size_t touched;
    size_t used, budget = sl_budget_of(size);
    sl_pickle pickle;
    sl_error err;
    if (sl_pickle_read(data, size, &budget, &pickle, &used, &err) == SL_OK)
        touched += walk(&pickle.root, 0);
    sl_pickle_free(&pickle);
    return 0;
}
