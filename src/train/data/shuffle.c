/* A permutation without a table: a Feistel network over the smallest square of a power of two that has room for n
 * numbers, walked on from where it leads beyond them. Each round of the walk is keyed anew. */
#include "base/rng.h"
#include "train/data/sampler.h"

enum { ROUNDS = 6, LEAST_BITS = 3 }; /* on fewer bits a half, the orders of a few numbers would not be equally likely */

/* A permutation of the numbers below 2^(2 bits). */
static uint64_t feistel(const uint64_t key[ROUNDS], int bits, uint64_t x)
{
    const uint64_t mask = ((uint64_t)1 << bits) - 1;
    uint64_t left = x >> bits, right = x & mask;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t z = (right ^ key[i]) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 29) * 0x94d049bb133111ebu;
        uint64_t next = (left ^ z >> 32) & mask;
        left = right;
        right = next;
    }
    return left << bits | right;
}

size_t sl_shuffled(uint64_t seed, uint64_t t, size_t n)
{
    uint64_t key[ROUNDS], x = t % n;
    sl_rng r = sl_rng_seed(seed);
    r = sl_rng_seed(sl_rng_next(&r) + t / n);
    for (int i = 0; i < ROUNDS; i++)
        key[i] = sl_rng_next(&r);
    int bits = LEAST_BITS;
    while (bits < 31 && (uint64_t)1 << 2 * bits < n)
        bits++;
    do
        x = feistel(key, bits, x);
    while (x >= n);
    return (size_t)x;
}
