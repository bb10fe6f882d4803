/* A learned look in int8: its ranges, read from where quantise_look.c put them, and the self-test. */
#ifndef SL_PIPELINE_LOOK_INT8_H
#define SL_PIPELINE_LOOK_INT8_H

#include "pipeline/look_plan.h"

/* Where the look's ranges are: models_dir/NAME.int8, malloc'd. */
sl_status sl_look_int8_path(const char *models_dir, const sl_look_network *look, char **path, sl_error *err);

/* Reads them into look->int8. SL_ERR_NOT_FOUND tells how to make them, SL_ERR_MISMATCH that they are another look's. */
sl_status sl_look_int8_open(const char *models_dir, sl_look_network *look, sl_error *err);

/* Sends the probe of look->int8 through a plan as so many pairs of one query: scores [pairs] that all should be one. */
sl_status sl_look_int8_probe(const sl_look_network *look, int pairs, sl_look_plan *plan, float *scores, sl_error *err);

/* The self-test of a plan in int8: the probe's score is about as near to f32's as it was when the ranges were made.
 * SL_ERR_CORRUPT where it is not. */
sl_status sl_look_int8_test(const sl_look_network *look, int pairs, sl_look_plan *plan, sl_error *err);

#endif
