/* Stands for galleries in PostgreSQL where this library was built without libpq. */
#include "gallery/kind.h"

static sl_status absent(const char *place, sl_gallery_mode mode, const sl_template_shape *shape, const char *model,
                        sl_gallery **out, sl_error *err)
{
    (void)mode, (void)shape, (void)model, (void)out;
    return sl_fail(err, SL_ERR_UNSUPPORTED,
                   "%.11s...: this secondlook was built without libpq: install libpq-dev and build it "
                   "again",
                   place);
}

const sl_gallery_kind sl_postgres_kind = {.prefix = "postgres://", .open = absent};
