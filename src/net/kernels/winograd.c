/* Winograd's memory, and which instruction set's kernels run. */
#include "net/kernels/winograd.h"

#include "base/cpu.h"

const sl_winograd *sl_winograd_active(void)
{
    static const sl_winograd *const kernels[] = SL_PER_ISA(sl_winograd);
    return kernels[sl_isa_active()];
}

static int64_t tiles_along(int64_t outputs)
{
    return (outputs + SL_WINO_OUT - 1) / SL_WINO_OUT;
}

int64_t sl_wino_tiles(const sl_wino_layer *l)
{
    return l->batch * tiles_along(l->out[0]) * tiles_along(l->out[1]);
}

int64_t sl_wino_scratch(const sl_wino_layer *l, int64_t tiles, int64_t outputs)
{
    return SL_WINO_POINTS * tiles * (l->inputs + outputs + 2 * SL_WINO_ROW_PAD);
}

/* G [6, 3]: row p is (1, p, p^2) over the product of p's distances to the other finite points; infinity's (0, 0, 1). */
static void weight_transform(double g[SL_WINO_IN][3])
{
    static const double points[SL_WINO_IN - 1] = {0, SL_WINO_A, -SL_WINO_A, SL_WINO_B, -SL_WINO_B};
    for (int i = 0; i < SL_WINO_IN - 1; i++) {
        double distance = 1;
        for (int k = 0; k < SL_WINO_IN - 1; k++)
            distance *= k == i ? 1 : points[i] - points[k];
        g[i][0] = 1 / distance;
        g[i][1] = points[i] / distance;
        g[i][2] = points[i] * points[i] / distance;
    }
    g[SL_WINO_IN - 1][0] = g[SL_WINO_IN - 1][1] = 0;
    g[SL_WINO_IN - 1][2] = 1;
}

/* out = G w G^T of one kernel, out[point * stride]. */
static void transform_kernel(double g[SL_WINO_IN][3], const float *w, float *out, int64_t stride)
{
    double rows[SL_WINO_IN][3];
    for (int i = 0; i < SL_WINO_IN; i++)
        for (int x = 0; x < 3; x++)
            rows[i][x] = g[i][0] * w[x] + g[i][1] * w[3 + x] + g[i][2] * w[6 + x];
    for (int i = 0; i < SL_WINO_IN; i++)
        for (int j = 0; j < SL_WINO_IN; j++)
            out[(i * SL_WINO_IN + j) * stride] =
                (float)(rows[i][0] * g[j][0] + rows[i][1] * g[j][1] + rows[i][2] * g[j][2]);
}

void sl_wino_pack(const float *w, int64_t outputs, int64_t inputs, int64_t panel, float *packed)
{
    double g[SL_WINO_IN][3];
    weight_transform(g);
    for (int64_t c = 0; c < inputs; c++)
        for (int64_t o = 0; o < outputs; o++)
            transform_kernel(g, w + (o * inputs + c) * 9, packed + (o / panel * inputs + c) * panel + o % panel,
                             outputs * inputs);
}
