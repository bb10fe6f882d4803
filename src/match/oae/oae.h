/* What the occlusion-aware second look knows about a model: its linear head, and per cell how the contributions
 * (template/linear_head.h) of ordinary faces look. From that it reads which cells of a query to trust, and embeds query
 * and candidates again from the trusted cells:
 *
 *     x_p = y_p - mu_p                             y_p: contribution of cell p, mu_p: its mean over faces
 *     v_p = 1 - |U_p x_p|^2 / |x_p|^2              U_p: the 32 directions in which faces differ most at cell p
 *     z_p = (v_p - mean_p) / sd_p, smoothed        how surprising the cell is
 *     w_p = sigmoid((1.25 - z_p) / .6) + .001, scaled to mean 1
 *     s2  = cos(sum_p w_p x_p(query), sum_p w_p x_p(candidate))
 */
#ifndef SL_MATCH_OAE_H
#define SL_MATCH_OAE_H

#include <stdbool.h>

#include "match/oae/contributions.h"

enum { SL_OAE_RANK = 32, SL_OAE_LEAST_FACES = 1000 };

/* Statistics of the contributions. They make sense for templates of one fingerprint. */
typedef struct {
    uint8_t fingerprint[32];
    int rows, cols, dim, rank;
    uint32_t faces;     /* that they were made of */
    float *means, *sds; /* [R] of v_p */
    float *mu;          /* [R, D] */
    float *scales;      /* [R, rank] U_p = scale * axes */
    int8_t *axes;       /* [R, rank, D] */
} sl_oae_stats;

struct sl_oae {
    sl_head head;
    sl_oae_stats stats; /* its arrays are NULL where the head alone was opened */
    sl_template_shape shape; /* of the templates they are for */
    char *source;            /* where the statistics came from; NULL without them */
};

static inline bool sl_oae_has_statistics(const sl_oae *oae)
{
    return oae->stats.mu != NULL;
}

/* ---- statistics (oae_stats.c) ----
 * From up to 20,000 faces of a gallery, evenly spaced; the same numbers on every machine and for any number of
 * threads. SL_ERR_ARGUMENT when it has fewer than SL_OAE_LEAST_FACES faces. */
sl_status sl_oae_stats_alloc(sl_oae_stats *stats, sl_error *err); /* shape set; arrays zero */
sl_status sl_oae_stats_make(sl_face_store store, const sl_head *head, int threads, sl_progress_fn progress,
                             void *context, sl_oae_stats *out, sl_error *err);
void sl_oae_stats_free(sl_oae_stats *stats);

/* Tells statistics apart; 0 where the head alone was opened. */
uint32_t sl_oae_checksum(const sl_oae *oae);

/* ---- the file (oae_file.c), docs/oae-format.md ---- */
sl_status sl_oae_stats_parse(const void *data, size_t size, const char *name, sl_oae_stats *out, sl_error *err);
sl_status sl_oae_stats_write(const sl_oae_stats *stats, const char *path, sl_error *err);

/* ---- trust (trust.c) ---- */

/* 1 - |U_p x|^2 / |x|^2 for one cell; 1 for the zero vector. lost: the share of |x|^2 that storing x in 4 bits has lost
 * (SL_CODES_LOSE), 0 of x as it is. What is lost was spread over all dimensions and so lies mostly outside of U_p: with
 * e of it lost, the codes' q are (1 - e) x and a noise of energy (1 - e) e |x|^2, of which rank / dim is inside. Then
 *
 *     |U_p x|^2 / |x|^2 = (|U_p q|^2 / |q|^2 - e rank / dim) / (1 - e)                                               */
float sl_oae_surprise(const sl_oae_stats *stats, int cell, const float *x, float lost);

/* Centre 2, the eight neighbours 1, divided by 10; beyond the edge the edge goes on. */
void sl_oae_smooth(const float *in, int rows, int cols, float *out);

/* Weights [R] of mean 1 from surprises v [R]. */
void sl_trust_of_surprise(const sl_oae_stats *stats, const float *v, float *trust);

/* How much of a face is hidden, 0 .. 1: one less the mean of the sigmoids above, over all cells, over the rows where an
 * aligned face has its eyes, and over those from the tip of the nose down. */
typedef struct {
    float all, eyes, mouth;
} sl_hidden;

/* Of the half that has more hidden; NaN where nothing is known. */
static inline float sl_most_hidden(const sl_hidden *h)
{
    return h->eyes > h->mouth ? h->eyes : h->mouth;
}

sl_hidden sl_hidden_of_surprise(const sl_oae_stats *stats, const float *v);

/* ---- the second look (oae.c) ---- */

/* sl_hidden_of_surprise of a face. */
sl_status sl_hidden_of_face(const sl_oae *oae, const sl_patch_source *face, sl_hidden *out, sl_error *err);

/* Trust [R] in the cells of one face. SL_ERR_NUMERIC for NaN or infinity. */
sl_status sl_trust_of_face(const sl_oae *oae, const sl_patch_source *face, float *trust, sl_error *err);

/* Whether `asker` ("rerank oae") can have what it needs: SL_ERR_ARGUMENT without cells, or without statistics where
 * those are needed too; SL_ERR_MISMATCH when they are another model's. */
sl_status sl_oae_check(const sl_oae *oae, const sl_template_shape *shape, bool statistics, const char *asker,
                         sl_error *err);

/* s2 of n candidates; source_of is called from this thread. */
sl_status sl_oae_scores_of(const sl_oae *oae, const sl_patch_source *query, size_t n,
                           sl_patch_source_fn source_of, void *context, int threads, float *scores, sl_error *err);

#endif
