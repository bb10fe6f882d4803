// module: pipeline
/* A gallery's calibration, from a file that anybody may have written. */
#include "checksummed.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return parse_with_right_checksum_too(data, size, parse);
}
