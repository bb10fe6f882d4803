/* Arrays as files store them: elements of some type in a row, and tensors as strided views of them. */
#ifndef SL_NET_STORAGE_H
#define SL_NET_STORAGE_H

#include "net/import/weights/state_dict.h"

typedef enum {
    SL_ELEMENT_F32,
    SL_ELEMENT_F64,
    SL_ELEMENT_F16,
    SL_ELEMENT_BF16,
    SL_ELEMENT_I64,
    SL_ELEMENT_I32,
    SL_ELEMENT_I16,
    SL_ELEMENT_I8,
    SL_ELEMENT_U8 /* and booleans */
} sl_element;

typedef struct {
    sl_element type;
    const uint8_t *data; /* count elements, little-endian, of any alignment */
    uint64_t count;
} sl_storage;

/* Element (i, j, ..) is storage element offset + i * stride[0] + j * stride[1] + .. */
typedef struct {
    sl_shape shape;
    int64_t offset, stride[SL_MAX_RANK];
} sl_view;

size_t sl_element_size(sl_element type);

/* The strides of a dense row-major tensor of this shape. */
void sl_view_dense(sl_view *view);

/* A budget is what the reading of a file may still allocate: at first four times its size, and 64 KiB for the
 * small. */
enum { SL_BUDGET_FACTOR = 4 };
size_t sl_budget_of(size_t file_size);

/* SL_ERR_LIMIT when there is not that much left. */
sl_status sl_take_budget(size_t *budget, size_t bytes, sl_error *err);

/* Adds the view as floats; "module." before its name is taken off. Dense, aligned f32 is used where it lies, so
 * the storage must outlive the dict; everything else is copied, on the budget. SL_ERR_FORMAT for a view that
 * leaves its storage. */
sl_status sl_state_dict_add_view(sl_state_dict *dict, const char *name, const sl_storage *storage,
                                 const sl_view *view, size_t *budget, sl_error *err);

#endif
