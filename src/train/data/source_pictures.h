/* Pictures of a caller's own as a source. */
#ifndef SL_TRAIN_SOURCE_PICTURES_H
#define SL_TRAIN_SOURCE_PICTURES_H

#include "secondlook_train.h"
#include "train/data/source.h"

/* data->count, people, person, crop, context; copied. Labels are the persons' numbers. */
sl_status sl_source_of_pictures(const sl_train_data *data, const sl_source_filter *filter, sl_source **out,
                                sl_error *err);

#endif
