/* What each cell of a patch map gives to the embedding (template/linear_head.h), of one face or of many. The weights of
 * a head are some 10 MiB, so that faces are best taken together, or once for all (the bank). Every number is the same
 * whatever is taken together and on however many threads. */
#ifndef SL_MATCH_CONTRIBUTIONS_H
#define SL_MATCH_CONTRIBUTIONS_H

#include "match/match.h"
#include "template/linear_head.h"

/* Patch p [channels] of a map as it is stored, times `factor`. */
void sl_source_patch(const sl_patch_source *face, int p, int channels, float factor, float *out);

/* Contributions y [R, D] of one face: its own where it carries them. SL_ERR_NUMERIC for NaN or infinity. */
sl_status sl_contributions(const sl_head *head, const sl_patch_source *face, int threads, float *out, sl_error *err);

/* ---- of lists of faces ---- */

/* Memory for `most` faces and scratch for `threads` threads (0: all processors). Use one from one thread at a
 * time; the head must outlive it. */
typedef struct sl_contributor sl_contributor;
sl_status sl_contributor_open(const sl_head *head, size_t most, int threads, sl_contributor **out, sl_error *err);
void sl_contributor_close(sl_contributor *contributor);

/* Points faces[i].contributions of n <= most faces that have none to theirs, which stay until the next call.
 * SL_ERR_NUMERIC names the first face with NaN or infinity by its place in the list, from `first` on. */
sl_status sl_contributor_fill(sl_contributor *contributor, sl_patch_source *faces, size_t n, size_t first,
                              sl_error *err);

/* ---- of a gallery, once ---- */

/* y [faces, R, D] float of all faces: 4 R D bytes each (LFW: 0.3 GiB for 128 dimensions, 1.3 GiB for 512). Immutable;
 * threads may share it. It follows no change of the gallery. */
typedef struct sl_contribution_bank sl_contribution_bank;
sl_status sl_contribution_bank_open(const sl_head *head, sl_face_store store, int threads,
                                    sl_progress_fn progress, void *context, sl_contribution_bank **out, sl_error *err);
void sl_contribution_bank_close(sl_contribution_bank *bank);

/* Of face i, for sl_patch_source's `contributions`. */
const float *sl_contribution_bank_at(const sl_contribution_bank *bank, size_t face);

#endif
