#include "train/data/source_pictures.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "image/image.h"
#include "train/data/source_kind.h"

enum { NAME = 24 };

typedef struct {
    sl_train_data data;
    char (*names)[NAME]; /* [the larger of count and people] "0", "1", .. */
    int *person;         /* [count] */
} pictures;

static const char *image_of(const void *self, size_t row)
{
    return ((const pictures *)self)->names[row];
}

static const char *label_of(const void *self, size_t row)
{
    const pictures *p = self;
    return p->names[p->person[row]];
}

static const uint8_t *photo_of(const void *self, size_t row)
{
    (void)self;
    (void)row;
    return NULL;
}

static unsigned lacks(const void *self, size_t row, unsigned needs)
{
    (void)self;
    (void)row;
    return needs & ~(unsigned)SL_NEED_CROPS;
}

static sl_status refuse(const void *self, unsigned needs, sl_error *err)
{
    (void)self;
    (void)needs;
    return sl_fail(err, SL_ERR_UNSUPPORTED, "pictures of your own have no landmarks and no maps: use a gallery");
}

static sl_status crop_of(const void *self, size_t row, sl_image *out, sl_point landmarks[68], bool *has_landmarks,
                         sl_error *err)
{
    const pictures *p = self;
    sl_image crop = {0};
    (void)landmarks;
    *has_landmarks = false;
    SL_TRY(p->data.crop(p->data.context, row, &crop, err));
    sl_status status = sl_image_check(&crop, err);
    if (status == SL_OK && crop.channels == 3) {
        *out = crop;
        return SL_OK;
    }
    if (status == SL_OK)
        status = sl_image_to_rgb(&crop, out, err);
    sl_image_free(&crop);
    return status;
}

static sl_status no_numbers(const void *self, size_t row, float *out, sl_error *err)
{
    (void)row;
    (void)out;
    return refuse(self, 0, err);
}

static void close_pictures(void *self)
{
    pictures *p = self;
    free(p->names);
    free(p->person);
    free(p);
}

static const sl_source_kind pictures_kind = {.image = image_of,
                                             .label = label_of,
                                             .photo = photo_of,
                                             .lacks = lacks,
                                             .refuse = refuse,
                                             .crop = crop_of,
                                             .map = no_numbers,
                                             .embedding = no_numbers,
                                             .close = close_pictures};

static sl_status name_all(pictures *p, sl_error *err)
{
    const size_t names = p->data.count > (size_t)p->data.people ? p->data.count : (size_t)p->data.people;
    p->names = sl_realloc_array(NULL, names, sizeof *p->names);
    p->person = sl_realloc_array(NULL, p->data.count, sizeof *p->person);
    if (!p->names || !p->person)
        return sl_no_memory(err, "for the pictures");
    for (size_t i = 0; i < names; i++)
        snprintf(p->names[i], NAME, "%zu", i);
    for (size_t i = 0; i < p->data.count; i++) {
        p->person[i] = p->data.person(p->data.context, i);
        if (p->person[i] < 0 || p->person[i] >= p->data.people)
            return sl_fail(err, SL_ERR_ARGUMENT, "picture %zu is of person %d, there are %d", i, p->person[i],
                           p->data.people);
    }
    return SL_OK;
}

sl_status sl_source_of_pictures(const sl_train_data *data, const sl_source_filter *filter, sl_source **out,
                                sl_error *err)
{
    *out = NULL;
    if (data->count < 1 || data->people < 1 || !data->person)
        return sl_fail(err, SL_ERR_ARGUMENT, "pictures to learn from need a count, people, and whose each is");
    pictures *p = calloc(1, sizeof *p);
    if (!p)
        return sl_no_memory(err, "for the pictures");
    p->data = *data;
    sl_status status = name_all(p, err);
    if (status != SL_OK) {
        close_pictures(p);
        return status;
    }
    const sl_source_rows rows = {.kind = &pictures_kind, .self = p, .count = data->count, .name = "the pictures"};
    return sl_source_make(&rows, filter, out, err);
}
