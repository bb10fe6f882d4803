/* What scores mean: how often strangers reach them, by look and by how much of the query is hidden. A model has such
 * rates of pairs for its looks (models/NAME.rates, measured on other people); a gallery has its own, of whole searches
 * too, for each look that it was calibrated with. Both are JSON files of one form (docs/rates-format.md). */
#ifndef SL_PIPELINE_RATES_H
#define SL_PIPELINE_RATES_H

#include "base/rate_curve.h"
#include "gallery/gallery.h"
#include "match/match.h"

/* Queries of which so much is hidden: from the bin before to hidden_to. */
typedef struct {
    double hidden_to;   /* rising; the last is 1 */
    uint64_t searches;  /* by people who were not to be found: what fpir was measured by */
    uint64_t pairs;     /* of different people: what fmr was measured by */
    sl_rate_curve fpir; /* of the best score of a search */
    sl_rate_curve fmr;  /* of a pair's score */
} sl_rate_bin;

/* Of one look. */
typedef struct {
    uint8_t fingerprint[32];
    uint32_t statistics; /* sl_oae_checksum of what told how much is hidden; 0: nothing did, there is one bin */
    uint64_t gallery_id; /* of a gallery's own; 0: a model's */
    uint64_t faces;      /* that the gallery had; 0: a model's */
    char look[SL_MATCH_KEY];
    uint32_t bins;
    sl_rate_bin bin[SL_OCCLUSION_BINS];
} sl_rates;

/* Bins that queries are measured by: hidden to .2, .3, .4, .5 and 1, or (statistics 0) all of them in one. */
void sl_rates_begin(sl_rates *rates, const uint8_t fingerprint[32], uint32_t statistics, const char *look);
uint32_t sl_rates_bin(const sl_rates *rates, float hidden);

/* ---- files (rates.c) ---- */

/* The rates of a look (NULL: the first) out of a file's text; SL_ERR_NOT_FOUND where it does not hold that look. */
sl_status sl_rates_parse(const char *text, size_t size, const char *name, const char *look, sl_rates *out,
                         sl_error *err);

/* Several looks of one model or gallery as such a text, malloc'd; NULL when there is no memory. measured_on: in
 * words. */
char *sl_rates_text(const sl_rates *looks, size_t count, const char *measured_on);

/* The same in a file, complete or not at all. */
sl_status sl_rates_write(const sl_rates *looks, size_t count, const char *measured_on, const char *path, sl_error *err);

/* ---- where they are (rates_place.c) ---- */

/* The gallery's own for this look, judged by these statistics. SL_ERR_NOT_FOUND when there are none; SL_ERR_MISMATCH
 * for those of another gallery or model, or of one that was less than half or more than twice as large. */
sl_status sl_gallery_rates(const sl_gallery *gallery, const sl_match_options *match, uint32_t statistics, sl_rates *out,
                           sl_error *err);
sl_status sl_gallery_rates_keep(const sl_gallery *gallery, const sl_rates *rates, sl_error *err);

/* Of the statistics by which the options tell how much is hidden; 0: nothing does. */
uint32_t sl_match_statistics(const sl_match_options *match);

/* The model's: models_dir/NAME.rates, else the built-in ones. SL_ERR_NOT_FOUND where neither is of this fingerprint,
 * look and statistics. */
sl_status sl_model_rates(const sl_engine *engine, const sl_match_options *match, uint32_t statistics, sl_rates *out,
                         sl_error *err);

#endif
