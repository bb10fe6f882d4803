// module: match
/* Statistics per cell, from a file that anybody may have written. */
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "match/cells.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const void *data, size_t size)
{
    sl_error err;
    sl_cell_stats s;
    if (sl_cell_stats_parse(data, size, "fuzz", &s, &err) != SL_OK)
        return;
    float trust[SL_MATCH_MAX_PATCHES], v[SL_MATCH_MAX_PATCHES];
    for (int p = 0; p < s.rows * s.cols; p++)
        v[p] = sl_cell_surprise(&s, p, s.mu + (size_t)p * (size_t)s.dim);
    sl_trust_of_surprise(&s, v, trust);
    sl_cell_stats_free(&s);
}

/* As it is, and once more with a checksum that holds. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    parse(data, size);
    if (size < 4)
        return 0;
    uint8_t *copy = malloc(size);
    if (!copy)
        return 0;
    uint32_t crc = sl_crc32c(0, data, size - 4);
    memcpy(copy, data, size);
    memcpy(copy + size - 4, &crc, 4);
    parse(copy, size);
    free(copy);
    return 0;
}
