/* Cross-correlation: how well each token of one face fits the other face as a whole. */
#include "explain/heat.h"

#include <math.h>

static double dot(const float *a, const float *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

void sl_mean_token(const float *tokens, int cells, int width, float *out)
{
    for (int c = 0; c < width; c++) {
        double sum = 0;
        for (int i = 0; i < cells; i++)
            sum += (double)tokens[(size_t)i * (size_t)width + (size_t)c];
        out[c] = (float)(sum / cells);
    }
    const double length = sqrt(dot(out, out, width));
    for (int c = 0; c < width; c++)
        out[c] = length > 0 ? (float)((double)out[c] / length) : 0;
}

void sl_cross_correlation(const float *tokens, int cells, int width, const float *whole, float *heat)
{
    double sum = 1e-7;
    for (int i = 0; i < cells; i++) {
        const float *t = tokens + (size_t)i * (size_t)width;
        const double length = sqrt(dot(t, t, width)), fit = length > 0 ? dot(t, whole, width) / length : 0;
        heat[i] = fit > 0 ? (float)fit : 0;
        sum += (double)heat[i];
    }
    for (int i = 0; i < cells; i++)
        heat[i] = (float)((double)heat[i] / sum);
}
