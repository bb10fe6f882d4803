/* secondlook: charts, and occluders drawn on faces. The rules of secondlook.h hold here too. */
#ifndef SECONDLOOK_DRAW_H
#define SECONDLOOK_DRAW_H

#include "secondlook.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ charts */

typedef enum { SL_CHART_LINES = 0, SL_CHART_BARS = 1 } sl_chart_kind;

typedef struct {
    const char *label; /* NULL: none */
    int log;           /* 1: logarithmic; what is not above 0 is not drawn */
    double low, high;  /* ends; NaN: around the data, at whole ticks (bars: from 0) */
} sl_chart_axis;

/* Bars: value i belongs to category i, x is NULL. A y that is not finite is left out and interrupts its line. */
typedef struct {
    const char *name;         /* in the legend; NULL: none */
    const double *x, *y;      /* [count] */
    const double *low, *high; /* [count] ends of the values' intervals, or both NULL */
    size_t count;
    int markers; /* 1: a mark at every point of the line */
} sl_chart_series;

typedef struct {
    sl_chart_kind kind;
    const char *title, *note; /* above the chart, UTF-8; NULL: none */
    sl_chart_axis x, y;       /* bars: x has a label only */
    const sl_chart_series *series;
    size_t series_count; /* 1 .. 12 */
    const char *const *categories;
    size_t category_count; /* bars: 1 .. 200 */
    int width, height;     /* 0: 760 x 460; else 200 .. 4000 */
    double level;           /* a dashed line across the chart at this y, such as chance */
    const char *level_name; /* in the legend; NULL: there is no such line */
} sl_chart;

/* Lines, or bars in groups with their intervals, as a self-contained SVG text (free() it), light or dark as the
 * reader's system is; the same chart gives the same bytes. SL_ERR_ARGUMENT where there is nothing to draw. */
SL_API sl_status sl_draw_chart(const sl_chart *chart, char **svg, sl_error *err);

/* The same into a file, complete or not at all. */
SL_API sl_status sl_write_chart(const char *path, const sl_chart *chart, sl_error *err);

/* ------------------------------------------------------------------ occluded queries */

typedef enum {
    SL_OCCLUDE_MASK = 0,
    SL_OCCLUDE_SUNGLASSES = 1,
    SL_OCCLUDE_CROP = 2,  /* 70 % of each side at a random place, scaled back */
    SL_OCCLUDE_SCARF = 3, /* patterned, drawn up over the nose */
    SL_OCCLUDE_BLOCK = 4, /* a patterned rectangle somewhere on the face */
    SL_OCCLUDE_WRAP = 5,  /* cloth of any kind over the lower face, around it or as far as the cheeks */
    SL_OCCLUDE_HOOD = 6,
    SL_OCCLUDE_BEARD = 7,
    SL_OCCLUDE_HELMET = 8, /* or a hat of cloth; with its brim and shadow */
    SL_OCCLUDE_HAIR = 9,   /* over forehead and sides */
    SL_OCCLUDE_SIDE = 10,  /* something that stands before the left or the right side */
    SL_OCCLUDE_HAND = 11,
    SL_OCCLUDE_GLASSES = 12 /* clear, tinted or mirroring, of any shape */
} sl_occlusion;

/* The names of a kind's styles, ended by NULL (a crop has none). "any" is one of the others, chosen by the seed: the
 * default of all but sunglasses, whose default is the first, that of the dissertation's samples. */
SL_API const char *const *sl_occlusion_styles(sl_occlusion kind);

/* Draws on a face by its 68 landmarks (in the picture's pixels), or cuts a part of the whole picture (landmarks may
 * be NULL then). style: a name, NULL for the kind's default. The same seed gives the same picture. */
SL_API sl_status sl_occlude(const sl_image *image, const sl_point landmarks[68], sl_occlusion kind, const char *style,
                            uint64_t seed, sl_image *out, sl_error *err);

/* 68 landmarks of the face in an aligned crop of the engine's model (the template's five points give
 * the box). SL_ERR_UNSUPPORTED when the engine has no landmark model. */
SL_API sl_status sl_landmarks_of_crop(sl_session *session, const sl_image *crop, sl_point landmarks[68],
                                      sl_error *err);

#ifdef __cplusplus
}
#endif

#endif
