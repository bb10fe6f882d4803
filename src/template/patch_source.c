/* Views of faces that are not in a gallery. */
#include "template/patch_source.h"

sl_patch_source sl_patch_source_of(const sl_template *t)
{
    return (sl_patch_source){.patches_i8 = t->patches_i8,
                             .patch_scales = t->patch_scales,
                             .patches_f32 = t->patches_f32,
                             .codes = t->codes,
                             .centre = t->centre,
                             .embedding = t->embedding,
                             .landmarks = t->has_landmarks ? t->landmarks : NULL};
}

sl_patch_source sl_patch_source_of_map(const sl_patch_map *map)
{
    return (sl_patch_source){
        .patches_f32 = map->patches, .embedding = map->embedding, .landmarks = map->landmarks};
}
