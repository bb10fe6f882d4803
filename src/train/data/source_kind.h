/* What a kind of source does itself: a row of functions over numbers of its own, its rows. All else (filter, people,
 * digest) is the same for all kinds. A new kind is a file with such a row and a function that opens it. */
#ifndef SL_TRAIN_SOURCE_KIND_H
#define SL_TRAIN_SOURCE_KIND_H

#include "train/data/source.h"

/* self: what the kind keeps. Rows are below the count that it was opened with. */
typedef struct {
    const char *(*image)(const void *self, size_t row);
    const char *(*label)(const void *self, size_t row);
    const uint8_t *(*photo)(const void *self, size_t row); /* [32] its photo's SHA-256; NULL: not known */
    /* Which of the needs (sl_needs) the row does not meet. */
    unsigned (*lacks)(const void *self, size_t row, unsigned needs);
    /* The error for a source of which every row lacks something: what, and the way out. */
    sl_status (*refuse)(const void *self, unsigned needs, sl_error *err);
    sl_status (*crop)(const void *self, size_t row, sl_image *out, sl_point landmarks[68], bool *has_landmarks,
                      sl_error *err);
    sl_status (*map)(const void *self, size_t row, float *out, sl_error *err);
    sl_status (*embedding)(const void *self, size_t row, float *out, sl_error *err);
    void (*close)(void *self);
} sl_source_kind;

/* What a kind hands over: `count` rows, a name for messages, and the shape of templates (NULL: none). */
typedef struct {
    const sl_source_kind *kind;
    void *self; /* taken over, also on failure */
    size_t count;
    const char *name;
    const sl_template_shape *shape;
} sl_source_rows;

/* The source of those rows that the filter lets through. */
sl_status sl_source_make(const sl_source_rows *rows, const sl_source_filter *filter, sl_source **out, sl_error *err);

#endif
