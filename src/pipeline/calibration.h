/* What a gallery's scores mean, measured on the gallery: kept beside it in files of their own, one for each set of
 * match options (docs/gallery-format.md). */
#ifndef SL_PIPELINE_CALIBRATION_H
#define SL_PIPELINE_CALIBRATION_H

#include "base/rate_curve.h"
#include "gallery/gallery.h"

enum { SL_MATCH_KEY = 256 };

typedef struct {
    uint64_t gallery_id;
    uint8_t fingerprint[32];
    uint64_t faces;           /* the gallery had when it was calibrated */
    uint64_t searches;        /* by people who were not to be found: what fpir was measured by */
    uint64_t pairs;           /* of different people: what fmr was measured by */
    char match[SL_MATCH_KEY]; /* sl_match_key of the options */
    sl_rate_curve fpir;       /* of the best score of a search */
    sl_rate_curve fmr;        /* of a pair's score */
} sl_calibration;

/* All of the options that a score depends on, as a text: "emd k=100 alpha=0.7 ...". */
void sl_match_key(const sl_match_options *match, char key[SL_MATCH_KEY]);

/* ---- the file ---- */

sl_status sl_calibration_parse(const void *data, size_t size, const char *name, sl_calibration *out,
                               sl_error *err);

/* `file` NULL: the gallery's own place for these options. */
sl_status sl_calibration_write(const sl_calibration *c, const sl_gallery *gallery, const char *file,
                               sl_error *err);

/* The gallery's calibration for these options. SL_ERR_NOT_FOUND when there is none; SL_ERR_MISMATCH for one of
 * another gallery or model, or of a gallery that was less than half or more than twice as large. */
sl_status sl_calibration_read(const sl_gallery *gallery, const sl_match_options *match, sl_calibration *out,
                              sl_error *err);

#endif
