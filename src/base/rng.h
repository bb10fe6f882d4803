/* A small seeded generator (splitmix64 into xoshiro256**, Blackman and Vigna 2018): the same seed
 * gives the same numbers on every machine. Not for secrets. */
#ifndef SL_BASE_RNG_H
#define SL_BASE_RNG_H

#include <stdint.h>

typedef struct {
    uint64_t s[4];
} sl_rng;

static inline sl_rng sl_rng_seed(uint64_t seed)
{
    sl_rng r;
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        r.s[i] = z ^ z >> 31;
    }
    return r;
}

static inline uint64_t sl_rng_next(sl_rng *r)
{
    uint64_t *s = r->s, x = s[1] * 5, t = s[1] << 17;
    uint64_t result = (x << 7 | x >> 57) * 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = s[3] << 45 | s[3] >> 19;
    return result;
}

/* Uniform in [0, 1). */
static inline double sl_rng_uniform(sl_rng *r) { return (double)(sl_rng_next(r) >> 11) * 0x1p-53; }

/* Uniform in [low, high). */
static inline double sl_rng_range(sl_rng *r, double low, double high)
{
    return low + (high - low) * sl_rng_uniform(r);
}

/* Uniform in 0 .. n-1, n > 0 (multiply-shift; its bias is below n / 2^64). */
static inline uint64_t sl_rng_below(sl_rng *r, uint64_t n)
{
    return (uint64_t)((unsigned __int128)sl_rng_next(r) * n >> 64);
}

#endif
