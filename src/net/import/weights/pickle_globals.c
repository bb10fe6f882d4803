/* The globals that a checkpoint may name. */
#include "net/import/weights/pickle_vm.h"

#include <string.h>

/* The whole list of what a checkpoint may name. */
static const sl_global globals[] = {
    {"collections", "OrderedDict", SL_GLOBAL_ORDERED_DICT, 0},
    {"torch._utils", "_rebuild_tensor", SL_GLOBAL_REBUILD_TENSOR, 0},
    {"torch._utils", "_rebuild_tensor_v2", SL_GLOBAL_REBUILD_TENSOR, 0},
    {"torch._utils", "_rebuild_parameter", SL_GLOBAL_REBUILD_PARAMETER, 0},
    {"torch", "FloatStorage", SL_GLOBAL_STORAGE, SL_ELEMENT_F32},
    {"torch", "DoubleStorage", SL_GLOBAL_STORAGE, SL_ELEMENT_F64},
    {"torch", "HalfStorage", SL_GLOBAL_STORAGE, SL_ELEMENT_F16},
    {"torch", "BFloat16Storage", SL_GLOBAL_STORAGE, SL_ELEMENT_BF16},
    {"torch", "LongStorage", SL_GLOBAL_STORAGE, SL_ELEMENT_I64},
    {"torch", "IntStorage", SL_GLOBAL_STORAGE, SL_ELEMENT_I32},
    {"torch", "ShortStorage", SL_GLOBAL_STORAGE, SL_ELEMENT_I16},
    {"torch", "CharStorage", SL_GLOBAL_STORAGE, SL_ELEMENT_I8},
    {"torch", "ByteStorage", SL_GLOBAL_STORAGE, SL_ELEMENT_U8},
    {"torch", "BoolStorage", SL_GLOBAL_STORAGE, SL_ELEMENT_U8},
    {"torch", "Size", SL_GLOBAL_SIZE, 0},
    {"torch", "device", SL_GLOBAL_OTHER, 0},
    {"torch", "float32", SL_GLOBAL_OTHER, 0},
    {"torch", "float64", SL_GLOBAL_OTHER, 0},
    {"torch", "float16", SL_GLOBAL_OTHER, 0},
    {"torch", "bfloat16", SL_GLOBAL_OTHER, 0},
    {"torch", "int64", SL_GLOBAL_OTHER, 0},
    {"torch", "int32", SL_GLOBAL_OTHER, 0},
    /* an accuracy or a loss kept beside the weights */
    {"numpy", "dtype", SL_GLOBAL_OTHER, 0},
    {"numpy.core.multiarray", "scalar", SL_GLOBAL_OTHER, 0},
    {"numpy._core.multiarray", "scalar", SL_GLOBAL_OTHER, 0},
    {"_codecs", "encode", SL_GLOBAL_OTHER, 0},
};

const sl_global *sl_pickle_global(const sl_pickle_value *value)
{
    return &globals[value->size];
}

static bool same(const char *text, const char *p, size_t size)
{
    return strlen(text) == size && memcmp(text, p, size) == 0;
}

/* As much of a name as an error shows. */
static int shown_bytes(size_t size)
{
    return size < 100 ? (int)size : 100;
}

sl_status sl_pickle_find_global(const char *module, size_t module_size, const char *name, size_t name_size,
                                size_t at, sl_pickle_value *out, sl_error *err)
{
    for (uint32_t i = 0; i < sizeof globals / sizeof *globals; i++)
        if (same(globals[i].module, module, module_size) && same(globals[i].name, name, name_size)) {
            *out = (sl_pickle_value){.kind = SL_PICKLE_GLOBAL, .size = i};
            return SL_OK;
        }
    return sl_fail(
        err, SL_ERR_UNSUPPORTED,
        "refuses the global %.*s.%.*s at byte %zu of its pickle: only the weights of a checkpoint are read "
        "and no code is run; save them with torch.save(model.state_dict(), FILE)",
        shown_bytes(module_size), module, shown_bytes(name_size), name, at);
}
