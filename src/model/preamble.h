/* The preamble of a network: what it does itself to its pixels, number by number, before its first layer.
 *
 *     pixels, 0 to 255
 *       |     the manifest's (x - mean) / std
 *       v
 *     the network's input
 *       |     Sub 127.5, Mul 1 / 128, Transpose, ..      the preamble: x becomes scale[c] x + shift[c]
 *       v
 *     the first layer                                    should meet what the network was trained on
 *
 * Where both normalise, black and white nearly meet, and all faces look alike to the network. */
#ifndef SL_MODEL_PREAMBLE_H
#define SL_MODEL_PREAMBLE_H

#include <stdbool.h>

#include "model/manifest.h"
#include "net/graph.h"

/* Value x of channel c becomes scale[c] * x + shift[c]. */
typedef struct {
    int channels;       /* 1 or 3; 0: the input is no such picture */
    bool normalises;    /* false: x stays x */
    bool channels_last; /* the file has pictures as [N, H, W, C] */
    double scale[3], shift[3];
} sl_preamble;

/* Reads it off the nodes behind the graph's only input [N, C, H, W]: additions, subtractions, products and
 * quotients with constants, batch norms, depthwise 1x1 convolutions, and transposes between them. All shapes must
 * be known (sl_graph_infer). */
sl_preamble sl_preamble_of(const sl_graph *g);

/* Whether pixels of 0 to 255, after (x - mean) / std and the preamble, are what networks are trained on: spread
 * over .5 to 8 or over 100 to 300, their middle not far below 0. */
bool sl_preamble_suits(const sl_preamble *p, const float mean[3], const float std[3]);

/* The mean and std that leave normalising to the network: 0 and 1, or 0 and 255 where it expects pixels from 0 to
 * 1; false when neither suits. */
bool sl_preamble_suggest(const sl_preamble *p, float *mean, float *std);

/* "(x - 127.5) / 128", of each channel where they differ. */
void sl_preamble_text(const sl_preamble *p, char text[160]);

/* SL_ERR_MISMATCH when the network normalises and the manifest's mean and std do not suit it, with what would. */
sl_status sl_preamble_check(const sl_preamble *p, const sl_manifest *m, sl_error *err);

#endif
