/* Charts as SVG: the page around the series. */
#include "chart/chart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "secondlook_draw.h"

enum {
    DEFAULT_WIDTH = 760,
    DEFAULT_HEIGHT = 460,
    MARGIN = 18,
    LINE = 16,
    LEGEND_LINE = 22,
    SAMPLE = 34,
    LEGEND_GAP = 22
};

/* Paper, ink, and twelve colours that are told apart on both papers, also by most colour-blind eyes. */
/* clang-format off */
static const char style[] =
    "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif;"
    "font-size:12px;fill:#3d444f}\n"
    ".paper{fill:#fff}.t{font-size:16px;font-weight:600;fill:#1c2026}.n{font-size:12px;fill:#5a6270}"
    ".v{font-size:10.5px}\n"
    ".g{stroke:#e4e6e3;stroke-width:1;fill:none}.a{stroke:#8d939c;stroke-width:1;fill:none}\n"
    ".l{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}"
    ".w{fill:none;stroke-width:1.2;opacity:.75}\n"
    ".b{fill:none;stroke:#1c2026;stroke-width:1.2}"
    ".h{fill:none;stroke:#1c2026;stroke-width:1.2;stroke-dasharray:5 4}\n";
static const char dark_style[] =
    "text{fill:#b9c0cb}.paper{fill:#15181c}.t{fill:#e9eaec}.n{fill:#a4acb8}.g{stroke:#2b3037}"
    ".a{stroke:#6b737e}.b,.h{stroke:#e9eaec}\n";
static const char *const light[SL_CHART_MAX_SERIES] = {
    "#1f62ad", "#d9600b", "#15845a", "#8a44b5", "#c2304a", "#0a8797",
    "#8a6514", "#5f6b7a", "#3b3fb0", "#a85a2a", "#4f7d1c", "#b03b8c"};
static const char *const dark[SL_CHART_MAX_SERIES] = {
    "#6aaef5", "#ff9a52", "#4fcf96", "#c58df0", "#ff7f90", "#48cddd",
    "#dcb256", "#a6b2c1", "#9da0ff", "#e0a27a", "#a5d36a", "#f08ccb"};
/* clang-format on */

/* ---- what is drawn ---- */

/* Widens [*low, *high] by what of series s is drawn. */
static void span_of(const sl_chart *c, const sl_chart_series *s, bool of_x, double *low, double *high)
{
    const sl_axis axis = {.log = of_x ? c->x.log : c->y.log}, other = {.log = of_x ? c->y.log : c->x.log};
    for (size_t i = 0; i < s->count; i++) {
        if (c->kind == SL_CHART_LINES && !sl_axis_takes(&other, of_x ? s->y[i] : s->x[i]))
            continue;
        const double all[3] = {of_x ? s->x[i] : s->y[i], !of_x && s->low ? s->low[i] : NAN,
                               !of_x && s->high ? s->high[i] : NAN};
        for (int k = 0; k < 3; k++)
            if (sl_axis_takes(&axis, all[k])) {
                *low = fmin(*low, all[k]);
                *high = fmax(*high, all[k]);
            }
    }
}

/* Whether there is a level, which the axis of y can show. */
static bool has_level(const sl_chart *c, const sl_axis *y)
{
    return c->level_name && sl_axis_takes(y, c->level);
}

static sl_status fit_axis(const sl_chart *c, bool of_x, int wanted, sl_axis *axis, sl_error *err)
{
    const sl_chart_axis *asked = of_x ? &c->x : &c->y;
    const char *name = of_x ? "x" : "y";
    double low = INFINITY, high = -INFINITY;
    axis->log = asked->log;
    for (size_t i = 0; i < c->series_count; i++)
        span_of(c, &c->series[i], of_x, &low, &high);
    if (!of_x && has_level(c, axis) && low <= high) {
        low = fmin(low, c->level);
        high = fmax(high, c->level);
    }
    if (low > high)
        return sl_fail(err, SL_ERR_ARGUMENT, "a chart needs at least one point of numbers%s",
                       c->x.log || c->y.log ? " (above 0 where its axis is logarithmic)" : "");
    if (c->kind == SL_CHART_BARS && !asked->log) {
        low = fmin(low, 0);
        high = fmax(high, 0);
    }
    low = isnan(asked->low) ? low : asked->low;
    high = isnan(asked->high) ? high : asked->high;
    bool fixed = !isnan(asked->low) && !isnan(asked->high);
    if (low > high && !fixed) /* one end was given and all lies beyond it */
        *(isnan(asked->low) ? &low : &high) = isnan(asked->low) ? high : low;
    if (low > high || fabs(low) > 1e12 || fabs(high) > 1e12 || (asked->log && !(low >= 1e-300)))
        return sl_fail(err, SL_ERR_ARGUMENT, "the chart's %s axis cannot go from %g to %g", name, low, high);
    sl_axis_fit(axis, low, high, !isnan(asked->low), !isnan(asked->high), wanted);
    return SL_OK;
}

static sl_status check(const sl_chart *c, sl_error *err)
{
    bool bars = c && c->kind == SL_CHART_BARS;
    if (!c || !c->series || c->series_count < 1 || c->series_count > SL_CHART_MAX_SERIES)
        return sl_fail(err, SL_ERR_ARGUMENT, "a chart needs 1 to %d series", SL_CHART_MAX_SERIES);
    if (bars && (!c->categories || c->category_count < 1 || c->category_count > SL_CHART_MAX_CATEGORIES))
        return sl_fail(err, SL_ERR_ARGUMENT, "a chart of bars needs 1 to %d categories", SL_CHART_MAX_CATEGORIES);
    if ((c->width && (c->width < 200 || c->width > 4000)) || (c->height && (c->height < 200 || c->height > 4000)))
        return sl_fail(err, SL_ERR_ARGUMENT, "a chart's sides are 200 to 4000 pixels");
    for (size_t i = 0; i < c->series_count; i++) {
        const sl_chart_series *s = &c->series[i];
        if (s->count && (!s->y || (!bars && !s->x)))
            return sl_fail(err, SL_ERR_ARGUMENT, "series %zu of the chart has no values", i + 1);
        if (bars && s->count > c->category_count)
            return sl_fail(err, SL_ERR_ARGUMENT, "series %zu has %zu values for %zu categories", i + 1, s->count,
                           c->category_count);
    }
    return SL_OK;
}

/* ---- text ---- */

static void add_text(sl_text *svg, const char *class, const char *anchor, double x, double y, const char *text)
{
    sl_text_add(svg, "<text%s%s%s text-anchor=\"%s\" x=\"", *class ? " class=\"" : "", class, *class ? "\"" : "",
                anchor);
    sl_chart_add_number(svg, x);
    sl_text_add(svg, "\" y=\"");
    sl_chart_add_number(svg, y);
    sl_text_add(svg, "\">");
    sl_text_add_html(svg, text);
    sl_text_add(svg, "</text>\n");
}

static void add_path(sl_text *svg, const char *class, double x0, double y0, double x1, double y1)
{
    const double at[4] = {x0, y0, x1, y1};
    sl_text_add(svg, "<path class=\"%s\" d=\"", class);
    for (int i = 0; i < 4; i++) {
        sl_text_add(svg, i == 0 ? "M" : i == 2 ? "L" : ",");
        sl_chart_add_number(svg, at[i]);
    }
    sl_text_add(svg, "\"/>\n");
}

/* ---- the page ---- */

static void add_style(sl_text *svg)
{
    sl_text_add(svg, "<style>\n%s", style);
    for (int i = 0; i < SL_CHART_MAX_SERIES; i++)
        sl_text_add(svg, ".s%d{stroke:%s}.f%d{fill:%s}", i, light[i], i, light[i]);
    sl_text_add(svg, "\n@media(prefers-color-scheme:dark){\n%s", dark_style);
    for (int i = 0; i < SL_CHART_MAX_SERIES; i++)
        sl_text_add(svg, ".s%d{stroke:%s}.f%d{fill:%s}", i, dark[i], i, dark[i]);
    sl_text_add(svg, "}\n</style>\n");
}

/* The legend in lines from *y down; the level comes last. */
static void add_legend(sl_chart_page *page, double width, double *y)
{
    const sl_chart *c = page->chart;
    double x = MARGIN;
    bool any = false;
    for (size_t i = 0; i <= c->series_count; i++) {
        const char *name = i < c->series_count ? c->series[i].name : c->level_name;
        if (!name || !*name)
            continue;
        double wide = SAMPLE + sl_chart_text_width(name, 12);
        if (any && x + wide > width - MARGIN) {
            x = MARGIN;
            *y += LEGEND_LINE;
        }
        if (i < c->series_count)
            sl_chart_add_sample(page, i, x, *y - 4);
        else
            add_path(&page->svg, "h", x, *y - 4, x + 26, *y - 4);
        add_text(&page->svg, "", "start", x + SAMPLE, *y, name);
        x += wide + LEGEND_GAP;
        any = true;
    }
    *y += any ? LEGEND_LINE : 0;
}

/* Title, note and legend; returns where the plot may begin. */
static double add_head(sl_chart_page *page, double width)
{
    const sl_chart *c = page->chart;
    double y = MARGIN + 12;
    if (c->title) {
        add_text(&page->svg, "t", "start", MARGIN, y, c->title);
        y += LINE + 4;
    }
    if (c->note) {
        add_text(&page->svg, "n", "start", MARGIN, y, c->note);
        y += LINE + 4;
    }
    y += c->title || c->note ? 4 : 0;
    add_legend(page, width, &y);
    return y - 6 + (c->kind == SL_CHART_BARS ? 12 : 0); /* above the highest bar stands its value */
}

/* Grid, ticks and numbers of both axes. */
static void add_axes(sl_chart_page *page)
{
    sl_text *svg = &page->svg;
    char text[32];
    for (int i = 0; i < page->y.count; i++) {
        double y = sl_axis_place(&page->y, page->y.ticks[i]);
        add_path(svg, "g", page->left, y, page->right, y);
        add_text(svg, "", "end", page->left - 8, y + 4, sl_axis_number(&page->y, i, text));
    }
    for (int i = 0; page->chart->kind == SL_CHART_LINES && i < page->x.count; i++) {
        double x = sl_axis_place(&page->x, page->x.ticks[i]);
        add_path(svg, "g", x, page->top, x, page->bottom);
        add_text(svg, "", "middle", x, page->bottom + LINE, sl_axis_number(&page->x, i, text));
    }
}

static void add_labels(sl_chart_page *page, double height)
{
    const sl_chart *c = page->chart;
    if (c->x.label)
        add_text(&page->svg, "", "middle", (page->left + page->right) / 2, height - MARGIN + 4, c->x.label);
    if (!c->y.label)
        return;
    sl_text_add(&page->svg, "<g transform=\"translate(%d,", MARGIN + 6);
    sl_chart_add_number(&page->svg, (page->top + page->bottom) / 2);
    sl_text_add(&page->svg, ") rotate(-90)\">\n");
    add_text(&page->svg, "", "middle", 0, 0, c->y.label);
    sl_text_add(&page->svg, "</g>\n");
}

/* ---- names of categories ---- */

enum { MAX_LINES = 3, MAX_NAME = 256 };

/* Cuts `name` at blanks into at most three lines of `width` pixels; the last takes all that is left. */
static int wrap(const char *name, double width, char lines[MAX_LINES][MAX_NAME])
{
    int count = 0;
    while (*name && count < MAX_LINES) {
        size_t taken = strcspn(name, " "), size = strlen(name);
        for (size_t next = taken; count + 1 < MAX_LINES && next < size;) {
            next += 1 + strcspn(name + next + 1, " ");
            char trial[MAX_NAME] = "";
            memcpy(trial, name, next < MAX_NAME ? next : MAX_NAME - 1);
            if (next >= MAX_NAME || sl_chart_text_width(trial, 12) > width)
                break;
            taken = next;
        }
        if (count + 1 == MAX_LINES)
            taken = size;
        size_t kept = taken < MAX_NAME ? taken : MAX_NAME - 1;
        memcpy(lines[count], name, kept);
        lines[count++][kept] = 0;
        name += taken;
        name += strspn(name, " ");
    }
    return count;
}

/* Names below the bars; only measured (the lines of the longest) where `draw` is false. */
static int add_categories(sl_chart_page *page, double width, bool draw)
{
    const sl_chart *c = page->chart;
    int most = 0;
    for (size_t i = 0; i < c->category_count; i++) {
        char lines[MAX_LINES][MAX_NAME];
        int n = wrap(c->categories[i], width - 6, lines);
        most = n > most ? n : most;
        for (int k = 0; draw && k < n; k++)
            add_text(&page->svg, "", "middle", page->left + width * ((double)i + .5),
                     page->bottom + LINE * (k + 1), lines[k]);
    }
    return most;
}

/* ---- all of it ---- */

/* The frame: room on the left for the numbers, below for numbers or names. The legend's height decides the
 * plot's, that the y axis' ticks, those the room on the left. */
static sl_status lay_out(sl_chart_page *page, double width, double height, sl_error *err)
{
    const sl_chart *c = page->chart;
    bool bars = c->kind == SL_CHART_BARS;
    double widest = 0;
    char text[32];
    page->right = width - MARGIN - 6;
    int across = bars ? add_categories(page, (page->right - 60) / (double)c->category_count, false) : 1;
    page->bottom = height - MARGIN - (c->x.label ? LINE + 4 : 0) - LINE * across;
    if (page->bottom - page->top < 40)
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "a chart of %.0f pixels' height has no room for its %zu series' names", height,
                       c->series_count);
    SL_TRY(fit_axis(c, false, (int)((page->bottom - page->top) / 55), &page->y, err));
    for (int i = 0; i < page->y.count; i++)
        widest = fmax(widest, sl_chart_text_width(sl_axis_number(&page->y, i, text), 12));
    page->left = MARGIN + widest + 10 + (c->y.label ? LINE + 2 : 0);
    page->y.from = page->bottom;
    page->y.to = page->top;
    if (bars)
        return SL_OK;
    SL_TRY(fit_axis(c, true, (int)((page->right - page->left) / 80), &page->x, err));
    page->x.from = page->left;
    page->x.to = page->right;
    return SL_OK;
}

static void add_plot(sl_chart_page *page, double height)
{
    const sl_chart *c = page->chart;
    sl_text *svg = &page->svg;
    add_axes(page);
    if (c->kind == SL_CHART_BARS)
        add_categories(page, (page->right - page->left) / (double)c->category_count, true);
    /* What a given end of an axis cuts off is clipped; marks on the frame stay whole. */
    sl_text_add(svg, "<clipPath id=\"plot\"><rect x=\"");
    const double frame[4] = {page->left - 6, page->top - 18, page->right - page->left + 12,
                             page->bottom - page->top + 24};
    static const char *const names[4] = {"\" y=\"", "\" width=\"", "\" height=\"", "\"/></clipPath>\n"};
    for (int i = 0; i < 4; i++) {
        sl_chart_add_number(svg, frame[i]);
        sl_text_add(svg, "%s", names[i]);
    }
    sl_text_add(svg, "<g clip-path=\"url(#plot)\">\n");
    if (c->kind == SL_CHART_BARS)
        sl_chart_add_bars(page);
    else
        sl_chart_add_lines(page);
    if (has_level(c, &page->y))
        add_path(svg, "h", page->left, sl_axis_place(&page->y, c->level), page->right,
                 sl_axis_place(&page->y, c->level));
    sl_text_add(svg, "</g>\n");
    add_path(svg, "a", page->left, page->bottom, page->right, page->bottom);
    add_labels(page, height);
}

sl_status sl_draw_chart(const sl_chart *chart, char **out, sl_error *err)
{
    *out = NULL;
    SL_TRY(check(chart, err));
    sl_chart_page page = {.chart = chart};
    int width = chart->width ? chart->width : DEFAULT_WIDTH,
        height = chart->height ? chart->height : DEFAULT_HEIGHT;
    sl_text_add(&page.svg,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
                "role=\"img\">\n<title>",
                width, height, width, height);
    sl_text_add_html(&page.svg, chart->title ? chart->title : "chart");
    sl_text_add(&page.svg, "</title>\n");
    add_style(&page.svg);
    sl_text_add(&page.svg, "<rect class=\"paper\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n", width, height);
    page.top = add_head(&page, width);
    sl_status status = lay_out(&page, width, height, err);
    if (status == SL_OK) {
        add_plot(&page, height);
        sl_text_add(&page.svg, "</svg>\n");
    }
    if (status == SL_OK && page.svg.failed)
        status = sl_fail(err, SL_ERR_MEMORY, "no memory for a chart");
    if (status != SL_OK)
        free(page.svg.data);
    else
        *out = page.svg.data;
    return status;
}

sl_status sl_write_chart(const char *path, const sl_chart *chart, sl_error *err)
{
    char *svg;
    SL_TRY(sl_draw_chart(chart, &svg, err));
    sl_status status = sl_write_file(path, svg, strlen(svg), err);
    free(svg);
    return status;
}
