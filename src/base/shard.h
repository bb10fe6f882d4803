/* Which of several places somebody belongs to, by name alone. */
#ifndef SL_BASE_SHARD_H
#define SL_BASE_SHARD_H

#include <stddef.h>

/* 0 .. shards - 1, of `shards` (1 or more). When places are added, those that move go to the new ones: of n + 1, one in
 * n + 1 moves (jump consistent hash, Lamping and Veach 2014). */
size_t sl_shard_of(const char *name, size_t size, size_t shards);

#endif
