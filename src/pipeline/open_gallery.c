#include <string.h>

#include "gallery/gallery.h"
#include "pipeline/engine.h"

sl_status sl_gallery_open(const char *dir, sl_gallery_mode mode, const sl_engine *engine, sl_precision precision,
                          sl_gallery **out, sl_error *err)
{
    *out = NULL;
    if (!engine) {
        if (mode == SL_GALLERY_CREATE)
            return sl_fail(err, SL_ERR_ARGUMENT, "%s: a new gallery needs an engine, whose model it is for", dir);
        return sl_gallery_open_shape(dir, mode, NULL, NULL, out, err);
    }
    sl_template_shape shape = engine->shape;
    shape.precision = precision;
    return sl_gallery_open_shape(dir, mode, &shape, engine->info.name, out, err);
}
