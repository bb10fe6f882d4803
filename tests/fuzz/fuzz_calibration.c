// module: pipeline
/* A gallery's calibration, from a file that anybody may have written. */
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "pipeline/calibration.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const void *data, size_t size)
{
    sl_error err;
    sl_calibration c;
    if (sl_calibration_parse(data, size, "fuzz", &c, &err) != SL_OK)
        return;
    for (double rate = 1; rate > 1e-9; rate /= 3) {
        sl_rate_curve_at(&c.fpir, rate);
        sl_rate_curve_at(&c.fmr, rate);
    }
    if (memchr(c.match, 0, sizeof c.match) == NULL)
        abort();
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
