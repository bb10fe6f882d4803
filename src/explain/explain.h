/* Pictures and pages that show why: what flow picture, heat maps, contact sheet and report share. */
#ifndef SL_EXPLAIN_EXPLAIN_H
#define SL_EXPLAIN_EXPLAIN_H

#include <stdbool.h>

#include "base/status.h"
#include "image/draw.h"
#include "match/look.h"

/* ------------------------------------------------------------------ pair_plan.c: a pair's plan */

typedef struct {
    int rows, cols;       /* of the grid that was compared, R = rows * cols */
    float *plan;          /* [R, R], row = other face's patch, column = query's patch */
    float *query_weights; /* [R] */
    float *other_weights; /* [R] */
} sl_transport;

/* options NULL: those of emd. SL_ERR_ARGUMENT for rerank none and oae, which move nothing; SL_ERR_MISMATCH for
 * templates of different models. */
sl_status sl_transport_make(const sl_template *query, const sl_template *other, const sl_match_options *options,
                            sl_transport *out, sl_error *err);
void sl_transport_free(sl_transport *t);

/* Maps values to (v - min) / (max - min) in place. Where all are equal (to a millionth, so that rounding
 * noise is not blown up to a pattern) they become `equal`; a value that is not finite counts as 0. */
void sl_stretch(float *values, int count, float equal);

/* ------------------------------------------------------------------ flow.c */

/* The rule of the flow picture: for each query patch m the other face's patch tile[m] = argmax_s
 * plan[s, m] (the lowest s of equals) and brightness[m] = that flow, stretched over all m: 1 where all are equal,
 * 0 where nothing flows at all. */
void sl_flow_tiles(const float *plan, int patches, int *tile, float *brightness);

/* One face put together from patches of the other: cell m shows patch tile[m], as bright as brightness[m] in [0, 1]. */
typedef struct {
    int rows, cols;
    int *tile;         /* [rows * cols] */
    float *brightness; /* [rows * cols] */
} sl_tiles;

sl_status sl_tiles_new(int rows, int cols, sl_tiles *out, sl_error *err);
void sl_tiles_free(sl_tiles *tiles);

/* Draws them with patches of `other_crop` (NULL: the grey tile), width x height pixels. */
sl_status sl_tiles_picture(const sl_tiles *tiles, const sl_image *other_crop, int width, int height, sl_image *out,
                           sl_error *err);

/* A plan's. */
sl_status sl_flow_picture(const sl_transport *t, const sl_image *other_crop, int width, int height, sl_image *out,
                          sl_error *err);

/* ------------------------------------------------------------------ draw_weights.c */

/* The heat [height, width] in [0, 1] of weights [rows, cols]: bilinear, cell centres of the border cells on the
 * picture's border (align_corners), stretched; .5 where all weights are equal. */
void sl_weights_heat(const float *weights, int rows, int cols, int width, int height, float *heat);

/* The crop with that heat in this style, of width x height. */
sl_status sl_heat_picture(const float *weights, int rows, int cols, const sl_image *crop, sl_heat_style style,
                          int width, int height, sl_image *out, sl_error *err);

/* The same in jet. */
sl_status sl_weights_picture(const float *weights, int rows, int cols, const sl_image *crop, int width, int height,
                             sl_image *out, sl_error *err);

/* ------------------------------------------------------------------ cell_map.c: values of cells over a face */

/* The value at pixel (x, y) of width x height of values [rows, cols], bilinear between the cells' middles. */
float sl_cell_value(const float *values, int rows, int cols, int width, int height, int x, int y);

/* What each cell gives to a score over its face, which is grey and, where weights [R] are below the largest, darker:
 * blue speaks for it, orange against; the colour is full at +-scale (0: the largest share). */
sl_status sl_shares_picture(const sl_attribution *why, const float *weights, float scale, const sl_image *crop,
                            int width, int height, sl_image *out, sl_error *err);

/* The largest |share|. */
float sl_largest_share(const float *shares, int count);

/* The colour of a share of `part` in [-1, 1] of the scale over a grey of `level`. */
sl_colour sl_share_colour(float part, float level);

/* ------------------------------------------------------------------ draw_trust.c */

/* The crop, as dark at each cell as its trust is below the largest: bilinear between the cells' middles. */
sl_status sl_trust_picture(const float *trust, int rows, int cols, const sl_image *crop, int width, int height,
                           sl_image *out, sl_error *err);

/* ------------------------------------------------------------------ draw_landmarks.c */

/* The crop with its face's 68 landmarks as lines. SL_ERR_ARGUMENT where it has none. */
sl_status sl_landmarks_picture(const sl_template *face, const sl_image *crop, int width, int height, sl_image *out,
                               sl_error *err);

/* ------------------------------------------------------------------ tile.c: crops as tiles */

extern const sl_colour sl_paper, sl_ink, sl_ink_soft, sl_line, sl_right, sl_wrong, sl_blue, sl_amber;

/* The size of a crop whose longer side is to be `side`; NULL: side x side. */
void sl_tile_size(const sl_image *crop, int side, int *width, int *height);

/* The crop as RGB of width x height; NULL: a plain grey tile. */
sl_status sl_tile(const sl_image *crop, int width, int height, sl_image *out, sl_error *err);

/* A square of `side` with the crop in its middle, or "picture not kept" where it is NULL. */
sl_status sl_tile_square(const sl_image *crop, int side, sl_image *out, sl_error *err);

/* A grey square of `side` with a few words on it. */
sl_status sl_tile_message(const char *message, int side, sl_image *out, sl_error *err);

/* sl_draw_text on one line, cut to `max_width` pixels with ".." at the end; a path loses its folders first.
 * Returns the width drawn. */
int sl_draw_text_cut(sl_image *image, int x, int y, const char *text, int scale, int max_width, sl_colour colour);

/* The same with its middle at x. */
void sl_draw_text_middle(sl_image *image, int x, int y, const char *text, int scale, int max_width,
                         sl_colour colour);

/* "-0.123", or "-" for NaN; whatever the locale. Returns `text`. */
const char *sl_number(char text[16], float value);

/* ------------------------------------------------------------------ case.c: one query's answer */

/* SL_ERR_ARGUMENT for a case that lacks what every picture of it needs. */
sl_status sl_case_check(const sl_case *one, sl_error *err);

/* The crop of a candidate; pixels NULL when the gallery kept none. */
sl_status sl_case_crop(const sl_case *one, const sl_candidate *candidate, sl_image *out, sl_error *err);

/* The plan between query and candidate. *have is false, and that is no failure, where the look that decided moves
 * nothing, or its weighting cannot be had for this pair (no landmarks, say). */
sl_status sl_case_transport(const sl_case *one, const sl_candidate *candidate, sl_transport *out, bool *have,
                            sl_error *err);

/* The rank (from 1) that stage 1 gave this person, 0 when it is not among its candidates. */
int sl_case_stage1_rank(const sl_case *one, const char *label);

/* Whether this case had a second stage. */
bool sl_case_has_stage2(const sl_case *one);

/* What the best candidate's score, or another one's, is made of. rows 0: it cannot be told by cell. */
sl_status sl_case_attribute(const sl_case *one, const sl_candidate *candidate, sl_attribution *out, sl_error *err);

/* SHA-256 of a candidate's enrolled photo as hex digits; NULL when the gallery does not know it. */
const char *sl_case_photo_sha256(const sl_case *one, const sl_candidate *candidate, char hex[65]);

/* What was compared with the threshold. */
float sl_case_judged(const sl_case *one, const sl_candidate *candidate);

/* 1 the true person, 0 another, -1 when the truth is not known. */
int sl_case_is_right(const sl_case *one, const char *label);

/* The frame that says so: green, red or grey. */
sl_colour sl_case_frame(const sl_case *one, const char *label);

#endif
