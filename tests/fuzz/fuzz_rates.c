// module: pipeline
/* What scores mean, from a file that anybody may have written. */
#include <stdlib.h>
#include <string.h>

#include "pipeline/rates.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sl_rates r;
    sl_error err;
    if (sl_rates_parse((const char *)data, size, "fuzz", NULL, &r, &err) != SL_OK)
        return 0;
    if (r.bins < 1 || r.bins > SL_OCCLUSION_BINS || !memchr(r.look, 0, sizeof r.look))
        abort();
    for (uint32_t b = 0; b < r.bins; b++)
        for (double rate = 1; rate > 1e-9; rate /= 3) {
            int beyond;
            sl_rate_curve_at(&r.bin[b].fpir, rate);
            sl_rate_curve_beyond(&r.bin[b].fmr, rate, &beyond);
        }
    if (sl_rates_bin(&r, .5f) >= r.bins)
        abort();
    return 0;
}
