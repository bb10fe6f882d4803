/* A chart's series: lines with marks, bars with intervals. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "chart/chart.h"
#include "secondlook_draw.h"

void sl_chart_add_number(sl_text *svg, double value)
{
    char text[32];
    sl_fixed(text, value, 2);
    size_t n = strlen(text);
    while (n > 1 && text[n - 1] == '0')
        n--;
    n -= text[n - 1] == '.';
    sl_text_add_bytes(svg, text, n);
}

/* ` name="12.3"` */
static void add_attribute(sl_text *svg, const char *name, double value)
{
    sl_text_add(svg, " %s=\"", name);
    sl_chart_add_number(svg, value);
    sl_text_add(svg, "\"");
}

static void add_point(sl_text *svg, double x, double y)
{
    sl_chart_add_number(svg, x);
    sl_text_add(svg, ",");
    sl_chart_add_number(svg, y);
}

/* ---- lines ---- */

/* A mark of series i's own shape: circle, square, triangle, diamond. */
static void add_mark(sl_text *svg, size_t series, double x, double y)
{
    static const double shapes[3][8] = {{-3.4, -3.4, 3.4, -3.4, 3.4, 3.4, -3.4, 3.4},
                                        {0, -4.4, 4.2, 3.2, -4.2, 3.2, 0, -4.4},
                                        {0, -5, 5, 0, 0, 5, -5, 0}};
    if (series % 4 == 0) {
        sl_text_add(svg, "<circle class=\"f%zu\"", series);
        add_attribute(svg, "cx", x);
        add_attribute(svg, "cy", y);
        sl_text_add(svg, " r=\"3.8\"/>\n");
        return;
    }
    const double *shape = shapes[series % 4 - 1];
    sl_text_add(svg, "<polygon class=\"f%zu\" points=\"", series);
    for (int i = 0; i < 4; i++) {
        sl_text_add(svg, i ? " " : "");
        add_point(svg, x + shape[2 * i], y + shape[2 * i + 1]);
    }
    sl_text_add(svg, "\"/>\n");
}

/* Series are told apart by more than their colour: by marks, or where there are none by dashes. */
static void open_line(sl_text *svg, size_t series, bool markers)
{
    static const char *const dashes[] = {"", " stroke-dasharray=\"8 4\"", " stroke-dasharray=\"2.5 3\"",
                                         " stroke-dasharray=\"10 3 2.5 3\""};
    sl_text_add(svg, "<polyline class=\"l s%zu\"%s points=\"", series, markers ? "" : dashes[series % 4]);
}

void sl_chart_add_sample(sl_chart_page *page, size_t series, double x, double y)
{
    sl_text *svg = &page->svg;
    const sl_chart_series *s = &page->chart->series[series];
    if (page->chart->kind == SL_CHART_BARS) {
        sl_text_add(svg, "<rect class=\"f%zu\" width=\"14\" height=\"12\" rx=\"2\"", series);
        add_attribute(svg, "x", x + 6);
        add_attribute(svg, "y", y - 6);
        sl_text_add(svg, "/>\n");
        return;
    }
    open_line(svg, series, s->markers);
    add_point(svg, x, y);
    sl_text_add(svg, " ");
    add_point(svg, x + 26, y);
    sl_text_add(svg, "\"/>\n");
    if (s->markers)
        add_mark(svg, series, x + 13, y);
}

/* A whisker from low to high at x. */
static void add_interval(sl_chart_page *page, const sl_chart_series *s, size_t i, double x, const char *class)
{
    sl_text *svg = &page->svg;
    if (!s->low || !s->high || !sl_axis_takes(&page->y, s->low[i]) || !sl_axis_takes(&page->y, s->high[i]))
        return;
    double a = sl_axis_place(&page->y, s->low[i]), b = sl_axis_place(&page->y, s->high[i]);
    sl_text_add(svg, "<path class=\"%s\" d=\"", class);
    const double ends[3][4] = {{x, a, x, b}, {x - 4, a, x + 4, a}, {x - 4, b, x + 4, b}};
    for (int k = 0; k < 3; k++) {
        sl_text_add(svg, "M");
        add_point(svg, ends[k][0], ends[k][1]);
        sl_text_add(svg, "L");
        add_point(svg, ends[k][2], ends[k][3]);
    }
    sl_text_add(svg, "\"/>\n");
}

static bool is_drawn(const sl_chart_page *page, const sl_chart_series *s, size_t i)
{
    return sl_axis_takes(&page->x, s->x[i]) && sl_axis_takes(&page->y, s->y[i]);
}

/* The line, cut where a point cannot be drawn; points closer than a tenth of a pixel to the last are left out. */
static void add_line(sl_chart_page *page, const sl_chart_series *s, size_t series)
{
    sl_text *svg = &page->svg;
    bool open = false;
    double last_x = 0, last_y = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (!is_drawn(page, s, i)) {
            sl_text_add(svg, "%s", open ? "\"/>\n" : "");
            open = false;
            continue;
        }
        double x = sl_axis_place(&page->x, s->x[i]), y = sl_axis_place(&page->y, s->y[i]);
        bool end = i + 1 == s->count || !is_drawn(page, s, i + 1);
        if (open && !end && fabs(x - last_x) < .1 && fabs(y - last_y) < .1)
            continue;
        if (open)
            sl_text_add(svg, " ");
        else
            open_line(svg, series, s->markers);
        add_point(svg, x, y);
        open = true;
        last_x = x;
        last_y = y;
    }
    sl_text_add(svg, "%s", open ? "\"/>\n" : "");
}

void sl_chart_add_lines(sl_chart_page *page)
{
    const sl_chart *c = page->chart;
    for (size_t k = 0; k < c->series_count; k++) {
        const sl_chart_series *s = &c->series[k];
        char class[24];
        snprintf(class, sizeof class, "w s%zu", k);
        for (size_t i = 0; i < s->count; i++)
            if (is_drawn(page, s, i))
                add_interval(page, s, i, sl_axis_place(&page->x, s->x[i]), class);
        add_line(page, s, k);
        for (size_t i = 0; i < s->count && s->markers; i++)
            if (is_drawn(page, s, i))
                add_mark(&page->svg, k, sl_axis_place(&page->x, s->x[i]), sl_axis_place(&page->y, s->y[i]));
    }
}

/* ---- bars ---- */

/* The value above its bar (and its whisker), where the bar is wide enough for it. */
static void add_value(sl_chart_page *page, const sl_chart_series *s, size_t i, double middle, double width)
{
    char text[32];
    double span = page->y.high - page->y.low, top = s->y[i];
    sl_fixed(text, s->y[i], span > 20 ? 1 : page->y.decimals + 1);
    if (sl_chart_text_width(text, 10.5) > width + 3)
        return;
    if (s->high && isfinite(s->high[i]) && s->high[i] > top)
        top = s->high[i];
    double y = fmax(sl_axis_place(&page->y, top) - 4, page->top - 4);
    sl_text_add(&page->svg, "<text class=\"v\" text-anchor=\"middle\"");
    add_attribute(&page->svg, "x", middle);
    add_attribute(&page->svg, "y", y);
    sl_text_add(&page->svg, ">%s</text>\n", text);
}

static void add_bar(sl_chart_page *page, size_t series, size_t i, double left, double width)
{
    sl_text *svg = &page->svg;
    const sl_chart_series *s = &page->chart->series[series];
    double zero = sl_axis_place(&page->y, page->y.log ? page->y.low : fmin(fmax(0, page->y.low), page->y.high));
    double y = sl_axis_place(&page->y, s->y[i]);
    sl_text_add(svg, "<rect class=\"f%zu\"", series);
    add_attribute(svg, "x", left);
    add_attribute(svg, "y", fmin(y, zero));
    add_attribute(svg, "width", width);
    add_attribute(svg, "height", fabs(zero - y));
    sl_text_add(svg, "/>\n");
    add_interval(page, s, i, left + width / 2, "b");
    add_value(page, s, i, left + width / 2, width);
}

void sl_chart_add_bars(sl_chart_page *page)
{
    const sl_chart *c = page->chart;
    double group = (page->right - page->left) / (double)c->category_count, n = (double)c->series_count;
    double slot = fmin(group * .8 / n, 64), width = slot > 6 ? slot - 2 : slot;
    for (size_t k = 0; k < c->series_count; k++)
        for (size_t i = 0; i < c->series[k].count; i++)
            if (sl_axis_takes(&page->y, c->series[k].y[i])) {
                double start = page->left + group * ((double)i + .5) - slot * n / 2;
                add_bar(page, k, i, start + slot * (double)k + (slot - width) / 2, width);
            }
}
