/* The order in which pictures and pairs come. Nothing is stored and nothing is drawn before its turn: item t is worked
 * out from the seed and t, so a run that is resumed at t, or shared by ranks, goes on as if it had never stopped. */
#ifndef SL_TRAIN_SAMPLER_H
#define SL_TRAIN_SAMPLER_H

#include "train/data/source.h"

/* Item t of an endless walk over 0 .. n - 1, n > 0: each comes once in every round of n, and each round has an order of
 * its own. */
size_t sl_shuffled(uint64_t seed, uint64_t t, size_t n);

/* ---- pairs ---- */

/* Two pictures of a source. */
typedef struct {
    size_t first, second;
    bool same; /* of one person */
} sl_training_pair;

/* Endless pairs: the even ones of one person, the odd ones of two. People take turns, so that everybody is met (of one
 * person: everybody with two pictures or more), and a person's pairs come once each before one comes again. */
typedef struct sl_pairs_walk sl_pairs_walk;

/* All zero but for the seed: pairs as they are meant. */
typedef struct {
    uint64_t seed;
    /* Both above 0: as the published code trained with so many replicas. It joins a batch's first and then its second
     * pictures into one list and cuts that into a piece for each replica, which takes the halves of its own for pairs:
     *
     *     first | second     A B C D | a b c d     pairs Aa Bb Cc Dd
     *     two replicas       A B C D | a b c d     pairs AC BD ac bd
     *
     * batch is a multiple of replicas. With one replica nothing changes. */
    size_t batch, replicas;
} sl_pairs_options;

/* The source stays the caller's, and is open as long as the walk. SL_ERR_ARGUMENT where it has one person only, or
 * nobody with two pictures. */
sl_status sl_pairs_walk_open(const sl_source *source, const sl_pairs_options *options, sl_pairs_walk **out,
                             sl_error *err);
void sl_pairs_walk_close(sl_pairs_walk *walk);

/* Pair t. Any thread. */
sl_training_pair sl_pairs_walk_at(const sl_pairs_walk *walk, uint64_t t);

/* Writes the first `count` pairs in the published form, "img1 img2 same id1 id2" lines (ids are the people's numbers,
 * names with blanks in "quotes"), complete or not at all. */
sl_status sl_pairs_walk_write(const sl_pairs_walk *walk, size_t count, const char *path, sl_error *err);

#endif
