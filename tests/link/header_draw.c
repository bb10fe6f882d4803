/* secondlook_draw.h alone, as C99 and as C++: a chart becomes SVG, a grey picture is cropped. */
#include <secondlook_draw.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A chart of two bars. */
static int draw_chart(void)
{
    const char *names[2] = {"before", "after"};
    double heights[2] = {74, 85};
    sl_chart_series series;
    sl_chart chart;
    sl_error err;
    char *svg = NULL;
    int fine;
    memset(&series, 0, sizeof series);
    memset(&chart, 0, sizeof chart);
    series.y = heights;
    series.count = 2;
    chart.kind = SL_CHART_BARS;
    chart.series = &series;
    chart.series_count = 1;
    chart.categories = names;
    chart.category_count = 2;
    if (sl_draw_chart(&chart, &svg, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 0;
    }
    fine = strstr(svg, "<svg") && strstr(svg, "after");
    free(svg);
    return fine;
}

/* 70 % of each side, cut at a place that the seed chooses. */
static int crop(void)
{
    static uint8_t grey[64 * 64];
    sl_image image, out;
    sl_error err;
    memset(&image, 0, sizeof image);
    image.width = image.height = 64;
    image.channels = 1;
    image.pixels = grey;
    if (sl_occlude(&image, NULL, SL_OCCLUDE_CROP, NULL, 1, &out, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 0;
    }
    sl_image_free(&out);
    return 1;
}

int main(void)
{
    return draw_chart() && crop() ? 0 : 1;
}
