/* For a program that is compiled with doubles: fill_random of the float build, the same numbers, widened; and the name
 * of MTCNN's detector, which its architectures refer to and nothing here uses. */
#include <stdint.h>
#include <stdlib.h>

#include "support.h"

extern const char sl_detector_mtcnn[1];
const char sl_detector_mtcnn[1] = "";

void formula_random(double *out, size_t count, uint64_t seed, double low, double high);
void formula_random(double *out, size_t count, uint64_t seed, double low, double high)
{
    float *narrow = malloc(count * sizeof *narrow + 1);
    fill_random(narrow, count, seed, (float)low, (float)high);
    for (size_t i = 0; i < count; i++)
        out[i] = narrow[i];
    free(narrow);
}
