/* How far each cell of a face is to be trusted: what ordinary faces look like there, against this one. */
#include <math.h>

#include "match/oae/oae.h"

#define TRUST_MIDDLE 1.25f /* the surprise, in standard deviations, of a cell that is half believed */
#define TRUST_WIDTH 0.6f
#define TRUST_FLOOR 0.001f

float sl_oae_surprise(const sl_oae_stats *s, int cell, const float *x, float lost)
{
    double inside = 0, all = 0;
    for (int d = 0; d < s->dim; d++)
        all += (double)x[d] * (double)x[d];
    if (!(all > 0))
        return 1;
    for (int k = 0; k < s->rank; k++) {
        size_t at = (size_t)cell * (size_t)s->rank + (size_t)k;
        const int8_t *axis = s->axes + at * (size_t)s->dim;
        float sum[8] = {0}; /* a fixed order, short chains */
        for (int d = 0; d < s->dim; d++)
            sum[d % 8] += x[d] * (float)axis[d];
        double part = (double)s->scales[at] * (double)(((sum[0] + sum[1]) + (sum[2] + sum[3])) +
                                                       ((sum[4] + sum[5]) + (sum[6] + sum[7])));
        inside += part * part;
    }
    const double e = (double)lost;
    return (float)(1 - (inside / all - e * s->rank / s->dim) / (1 - e));
}

static int clamp(int i, int n) { return i < 0 ? 0 : i >= n ? n - 1 : i; }

void sl_oae_smooth(const float *in, int rows, int cols, float *out)
{
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < cols; x++) {
            float sum = in[y * cols + x]; /* once more than its neighbours */
            for (int dy = -1; dy <= 1; dy++)
                for (int dx = -1; dx <= 1; dx++)
                    sum += in[clamp(y + dy, rows) * cols + clamp(x + dx, cols)];
            out[y * cols + x] = sum / 10;
        }
}

/* 0 .. 1: how far each cell is believed, before it is scaled to mean 1. */
static void belief(const sl_oae_stats *s, const float *v, float *out)
{
    float z[SL_MATCH_MAX_PATCHES] = {0}, smooth[SL_MATCH_MAX_PATCHES];
    int cells = s->rows * s->cols;
    for (int p = 0; p < cells; p++)
        z[p] = (v[p] - s->means[p]) / s->sds[p];
    sl_oae_smooth(z, s->rows, s->cols, smooth);
    for (int p = 0; p < cells; p++)
        out[p] = 1 / (1 + expf((smooth[p] - TRUST_MIDDLE) / TRUST_WIDTH));
}

void sl_trust_of_surprise(const sl_oae_stats *s, const float *v, float *trust)
{
    int cells = s->rows * s->cols;
    double sum = 0;
    belief(s, v, trust);
    for (int p = 0; p < cells; p++) {
        trust[p] += TRUST_FLOOR;
        sum += (double)trust[p];
    }
    for (int p = 0; p < cells; p++)
        trust[p] = (float)((double)trust[p] * cells / sum);
}

/* The part of a crop's height where aligned faces have their eyes; the mouth's is what is below. */
static const float eyes_from = .3f, eyes_to = .57f;

sl_hidden sl_hidden_of_surprise(const sl_oae_stats *s, const float *v)
{
    float believed[SL_MATCH_MAX_PATCHES];
    double sum = 0, part[2] = {0};
    int rows[2] = {0};
    belief(s, v, believed);
    for (int y = 0; y < s->rows; y++) {
        const float middle = ((float)y + .5f) / (float)s->rows;
        double row = 0;
        for (int x = 0; x < s->cols; x++)
            row += (double)believed[y * s->cols + x];
        sum += row;
        if (middle < eyes_from)
            continue;
        part[middle >= eyes_to] += row;
        rows[middle >= eyes_to]++;
    }
    const float all = (float)(1 - sum / (s->rows * s->cols));
    return (sl_hidden){.all = all,
                       .eyes = rows[0] ? (float)(1 - part[0] / (rows[0] * s->cols)) : all,
                       .mouth = rows[1] ? (float)(1 - part[1] / (rows[1] * s->cols)) : all};
}
