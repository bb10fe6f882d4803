/* Options of training: recipes, bounds, and the text by which a run is known again. */
#ifndef SL_TRAIN_SETTINGS_H
#define SL_TRAIN_SETTINGS_H

#include "secondlook_train.h"
#include "base/status.h"

/* SL_ERR_ARGUMENT says what training needs. */
sl_status sl_settings_check(const sl_train_options *options, sl_error *err);

/* All that decides what the weights become, a line "name value" each: options, the fingerprint of the network at
 * the start, the digests of what is learned from and of what judges (NULL: nothing). malloc'd; NULL when there is
 * no memory. */
char *sl_settings_text(const sl_train_options *options, const uint8_t fingerprint[32], const uint8_t learned[32],
                       const uint8_t *judged);

/* SL_ERR_MISMATCH names the first line in which the texts differ. */
sl_status sl_settings_same(const char *then, const char *now, sl_error *err);

#endif
