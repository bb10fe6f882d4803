/* Convolution 3x3 of stride 1 after Winograd, F(4x4, 3x3) (Lavin and Gray 2016, arXiv:1509.09308): a tile of 6x6 inputs
 * gives 4x4 outputs with 36 products a channel in place of 144. Channels last; compiled once for each instruction set
 * (winograd_body.h). The points are 0, +-5/8, +-3/2 and infinity, whose transforms round less than those of 0, +-1,
 * +-2.
 *
 * Tiles of the input overlap by two pixels, those of the output do not:
 *
 *     x   0 1 2 3 4 5 6 7 8 9               y   0 1 2 3 4 5 6 7
 *        +-------+---+-------+                 +-------+-------+
 *        |       |\\\|       |                 |       |       |
 *        | tile  |\\\| tile  |   --------->    | tile  | tile  |
 *        |   0   |\\\|   1   |                 |   0   |   1   |
 *        |       |\\\|       |                 |       |       |
 *        +-------+---+-------+                 +-------+-------+
 *
 * A block of T tiles goes through three stages, in scratch memory that stays in the caches:
 *
 *     transform    V [36, T, inputs + pad]      a tile's 36 numbers of each channel, B^T d B
 *     multiply     M [36, T, outputs + pad]     36 products: M_p [T, outputs] = V_p [T, inputs] W_p [inputs, outputs]
 *     transform    y                            A^T m A, then bias, slope, sum, slope
 *
 *     weights      W [36, outputs / panel, inputs, panel], packed once: what one pass of the product reads is one run
 *
 *                      W_p, panel 0                W_p, panel 1
 *                    | input 0 | input 1 | ...   | input 0 | input 1 | ...
 *                      `-- one number for each of the panel's outputs
 */
#ifndef SL_NET_WINOGRAD_H
#define SL_NET_WINOGRAD_H

#include <stdint.h>

enum {
    SL_WINO_OUT = 4,            /* a tile's outputs, each way */
    SL_WINO_IN = 6,             /* its inputs */
    SL_WINO_POINTS = 36,
    SL_WINO_LEAST_CHANNELS = 32 /* inputs and outputs come in multiples of this */
};
#define SL_WINO_A 0.625
#define SL_WINO_B 1.5

typedef struct {
    int64_t batch, in[2], out[2], pad[2]; /* height, width; pad: above and left */
    int64_t inputs, outputs;              /* channels */
    const float *x;                       /* [batch, in, inputs] */
    const float *weights;                 /* packed */
    const float *bias;                    /* [outputs] */
    const float *slope, *slope_of_sum;    /* [outputs] below 0, before and after `add`; NULL: none */
    const float *add;                     /* [batch, out, outputs], may be y; NULL: none */
    float *y;                             /* [batch, out, outputs] */
} sl_wino_layer;

typedef struct {
    int64_t panel; /* outputs that one pass of the product makes: divides SL_WINO_LEAST_CHANNELS */
    /* Tiles [first, first + count) and outputs [from, to), multiples of the panel; scratch: sl_wino_scratch floats. A
     * number does not depend on how the work is cut. */
    void (*tiles)(const sl_wino_layer *l, int64_t first, int64_t count, int64_t from, int64_t to, float *scratch);
} sl_winograd;

extern const sl_winograd sl_winograd_scalar, sl_winograd_avx2, sl_winograd_avx512, sl_winograd_neon;

/* That of the instruction set in force. */
const sl_winograd *sl_winograd_active(void);

int64_t sl_wino_tiles(const sl_wino_layer *l);
int64_t sl_wino_scratch(const sl_wino_layer *l, int64_t tiles, int64_t outputs);

/* w [outputs, inputs, 3, 3] transformed (in doubles): [point, outputs / panel, inputs, panel]. */
void sl_wino_pack(const float *w, int64_t outputs, int64_t inputs, int64_t panel, float *packed);

/* Rows of the transformed inputs and products are this much longer than their channels, so that rows of a power of
 * two do not fall on one set of the cache. */
enum { SL_WINO_ROW_PAD = 16 };

#endif
