/* The forms in which a face's patches are stored, by number and by name. */
#include "base/names.h"
#include "template/template.h"

enum { FORMATS = SL_PATCHES_NONE + 1 };

/* 2 is bf16's number, which similarities are computed in and nothing is stored in. */
static const char *const names[FORMATS] = {[SL_PATCHES_INT8] = "int8",
                                           [SL_PATCHES_F32] = "f32",
                                           [SL_PATCHES_COMPACT] = "compact",
                                           [SL_PATCHES_NONE] = "none"};

const char *sl_patches_name(sl_patch_format format) { return sl_name_of(names, FORMATS, format); }

int sl_patches_named(const char *name) { return sl_named(names, FORMATS, name); }

bool sl_patch_format_is_known(uint32_t number)
{
    return sl_name_of(names, FORMATS, number) != NULL;
}
