/* Parts of the people, by a hash of the label. */
#include "gallery/parts.h"

#include <string.h>

#include "base/crc32c.h"
#include "base/rng.h"

static uint32_t hash_of(const char *label)
{
    return sl_crc32c(0, label, strlen(label));
}

bool sl_in_half(sl_people half, const char *label)
{
    return half == SL_PEOPLE_ALL || (hash_of(label) & 1) == (half == SL_PEOPLE_B);
}

/* Bits of a CRC are sums of the same letters; those of a generator seeded with it do not hang together so. */
bool sl_held_out(double share, const char *label)
{
    sl_rng r = sl_rng_seed(hash_of(label));
    return sl_rng_uniform(&r) < share;
}
