// module: match
/* Statistics per cell, from a file that anybody may have written. */
#include "checksummed.h"

#include "match/oae/oae.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const void *data, size_t size)
{
    sl_error err;
    sl_oae_stats s;
    if (sl_oae_stats_parse(data, size, "fuzz", &s, &err) != SL_OK)
        return;
    float trust[SL_MATCH_MAX_PATCHES], v[SL_MATCH_MAX_PATCHES];
    for (int p = 0; p < s.rows * s.cols; p++)
        v[p] = sl_oae_surprise(&s, p, s.mu + (size_t)p * (size_t)s.dim, 0);
    sl_trust_of_surprise(&s, v, trust);
    sl_oae_stats_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return parse_with_right_checksum_too(data, size, parse);
}
