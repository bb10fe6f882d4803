/* Charts as SVG: what the files of the chart share. Coordinates are in pixels from the top left corner. */
#ifndef SL_CHART_CHART_H
#define SL_CHART_CHART_H

#include <stdbool.h>

#include "base/status.h"
#include "base/text.h"
#include "secondlook_draw.h"

enum { SL_CHART_MAX_SERIES = 12, SL_CHART_MAX_CATEGORIES = 200, SL_AXIS_MAX_TICKS = 64 };

/* ------------------------------------------------------------------ chart_axis.c */

/* A scale of numbers laid along `from` .. `to` pixels. */
typedef struct {
    bool log;
    double low, high, from, to;
    double ticks[SL_AXIS_MAX_TICKS]; /* with a number beside them */
    int count;
    int decimals; /* of the ticks' numbers, when linear */
} sl_axis;

/* Covers [low, high] (low <= high, above 0 for log): ends that are not fixed go out to a whole tick. About
 * `wanted` ticks at 1, 2 or 5 times a power of ten. */
void sl_axis_fit(sl_axis *axis, double low, double high, bool fixed_low, bool fixed_high, int wanted);

/* The pixel of a value. */
double sl_axis_place(const sl_axis *axis, double value);

/* Whether a value can be drawn at all (it may still lie outside the ends). */
bool sl_axis_takes(const sl_axis *axis, double value);

/* The number of tick i, such as "0.05", "20", "1e-6"; returns `text`. */
const char *sl_axis_number(const sl_axis *axis, int i, char text[32]);

/* ------------------------------------------------------------------ chart_series.c */

typedef struct {
    const sl_chart *chart;
    sl_axis x, y;                    /* bars: x is not used */
    double left, right, top, bottom; /* the plot's frame */
    sl_text svg;
} sl_chart_page;

/* "12.34": a coordinate, without needless zeros. */
void sl_chart_add_number(sl_text *svg, double value);

/* The pixels' width of a text in the chart's font, estimated. */
double sl_chart_text_width(const char *text, double size);

/* A legend's sample of series i with its left end at (x, y). */
void sl_chart_add_sample(sl_chart_page *page, size_t series, double x, double y);

void sl_chart_add_lines(sl_chart_page *page);
void sl_chart_add_bars(sl_chart_page *page);

#endif
