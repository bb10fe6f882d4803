/* A recogniser's int8 ranges: where they are kept, and reading them for an engine. */
#ifndef SL_PIPELINE_OPEN_INT8_H
#define SL_PIPELINE_OPEN_INT8_H

#include "model/int8/int8.h"

/* From models_dir/NAME.int8. SL_ERR_NOT_FOUND tells how to make it, SL_ERR_MISMATCH that it is another network's. */
sl_status sl_int8_open(const char *models_dir, const sl_recogniser *r, sl_int8_model *out, sl_error *err);

#endif
