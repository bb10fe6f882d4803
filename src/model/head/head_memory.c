/* The memory of a linear head, whichever way it is read. */
#include "model/head/head.h"

sl_status sl_head_allocate_for(const sl_shape *shape, const sl_shape *out, sl_head *h, sl_error *err)
{
    int64_t batch = shape->dim[0], all = sl_shape_elements(out);
    if (out->rank < 1 || out->dim[0] != batch || all / batch > 4096)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "the head does not keep faces apart");
    return sl_head_allocate((int)(shape->dim[2] * shape->dim[3]), (int)shape->dim[1], (int)(all / batch), h, err);
}
