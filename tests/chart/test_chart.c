/* Charts: ticks by hand, places by hand, well-formed text whatever the names, honest refusals. */
#include "support.h"

#include <locale.h>
#include <math.h>

#include "base/file.h"
#include "chart/chart.h"
#include "secondlook_draw.h"

static sl_error err;

static void check_ticks(const sl_axis *a, const char *expected)
{
    char all[512] = "", one[32];
    for (int i = 0; i < a->count; i++) {
        strcat(all, i ? " " : "");
        strcat(all, sl_axis_number(a, i, one));
    }
    assert_string_equal(all, expected);
}

static void ticks_are_sensible_numbers(void **state)
{
    (void)state;
    sl_axis a = {.to = 100};
    sl_axis_fit(&a, 71.3, 98.6, false, false, 6);
    check_ticks(&a, "70 75 80 85 90 95 100");
    sl_axis_fit(&a, 0, 1, false, false, 5);
    check_ticks(&a, "0.0 0.2 0.4 0.6 0.8 1.0");
    sl_axis_fit(&a, -.03, .04, false, false, 4);
    check_ticks(&a, "-0.04 -0.02 0.00 0.02 0.04");
    sl_axis_fit(&a, 33, 97, true, true, 4); /* given ends stay, ticks are still round */
    check_ticks(&a, "40 60 80");
    assert_float_equal(a.low, 33, 0);
    sl_axis_fit(&a, 5, 5, false, false, 4);
    assert_true(a.low < 5 && a.high > 5 && a.count >= 2);
    sl_axis_fit(&a, 0, 0, true, false, 4);
    assert_true(a.low == 0 && a.high > 0);
}

static void logarithmic_ticks(void **state)
{
    (void)state;
    sl_axis a = {.log = true, .to = 100};
    sl_axis_fit(&a, 3e-4, .9, false, false, 8);
    check_ticks(&a, "0.0001 0.001 0.01 0.1 1");
    assert_float_equal(sl_axis_place(&a, .01), 50, 1e-9);
    sl_axis_fit(&a, 1, 100, true, true, 8);
    check_ticks(&a, "1 2 5 10 20 50 100");
    sl_axis_fit(&a, 1e-7, 1e-6, false, false, 8);
    check_ticks(&a, "1e-7 2e-7 5e-7 1e-6");
    sl_axis_fit(&a, 1e-20, 1e20, false, false, 8); /* decades are skipped where there are too many */
    assert_true(a.count >= 3 && a.count <= 12);
    assert_false(sl_axis_takes(&a, 0));
    assert_false(sl_axis_takes(&a, NAN));
}

static void numbers_do_not_depend_on_the_locale(void **state)
{
    (void)state;
    char text[32];
    setlocale(LC_ALL, "de_DE.UTF-8"); /* where it is there */
    assert_string_equal(sl_fixed(text, -1.25, 2), "-1.25");
    assert_string_equal(sl_fixed(text, -.001, 2), "0.00");
    assert_string_equal(sl_fixed(text, 99.996, 2), "100.00");
    assert_string_equal(sl_fixed(text, 12.5, 0), "13");
    setlocale(LC_ALL, "C");
}

static sl_chart line_chart(const sl_chart_series *series, size_t count)
{
    return (sl_chart){.kind = SL_CHART_LINES,
                      .x = {NULL, 0, NAN, NAN},
                      .y = {NULL, 0, NAN, NAN},
                      .series = series,
                      .series_count = count};
}

static char *draw(const sl_chart *chart)
{
    char *svg;
    assert_ok(sl_draw_chart(chart, &svg, &err));
    return svg;
}

static size_t count_of(const char *text, const char *part)
{
    size_t n = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

static void a_point_lands_where_its_axes_say(void **state)
{
    (void)state;
    const sl_chart_series s = {.x = (double[]){0, 1, 2}, .y = (double[]){0, 10, 20}, .count = 3, .markers = 1};
    const sl_chart chart = line_chart(&s, 1);
    char *svg = draw(&chart), points[96] = "";
    double x[3], y[3];
    const char *line = strstr(svg, "<polyline class=\"l s0\" points=\"");
    assert_non_null(line);
    sscanf(strstr(line, "points=\"") + 8, "%95[^\"]", points);
    assert_int_equal(sscanf(points, "%lf,%lf %lf,%lf %lf,%lf", &x[0], &y[0], &x[1], &y[1], &x[2], &y[2]), 6);
    assert_float_equal(x[1], (x[0] + x[2]) / 2, .011);
    assert_float_equal(y[1], (y[0] + y[2]) / 2, .011);
    assert_true(x[2] > x[0] && y[2] < y[0]);
    assert_int_equal(count_of(svg, "<circle"), 3);
    free(svg);
}

static void gaps_interrupt_the_line(void **state)
{
    (void)state;
    const sl_chart_series s = {.x = (double[]){1, 2, 3, 4, 5}, .y = (double[]){1, 2, NAN, 4, 5}, .count = 5};
    sl_chart chart = line_chart(&s, 1);
    char *svg = draw(&chart);
    assert_int_equal(count_of(svg, "<polyline"), 2);
    assert_int_equal(count_of(svg, "nan"), 0);
    free(svg);
    const sl_chart_series z = {.x = (double[]){0, .1, 1}, .y = (double[]){1, 2, 3}, .count = 3};
    chart = line_chart(&z, 1);
    chart.x.log = 1; /* x = 0 cannot be drawn, the rest can */
    svg = draw(&chart);
    assert_int_equal(count_of(svg, "<polyline"), 1);
    assert_int_equal(count_of(svg, "inf"), 0);
    free(svg);
}

static void bars_stand_on_zero_with_intervals(void **state)
{
    (void)state;
    static const char *const names[] = {"first", "second one"};
    const sl_chart_series s[] = {
        {.name = "a", .y = (double[]){40, 80}, .low = (double[]){35, 70}, .high = (double[]){45, 90}, .count = 2},
        {.name = "b", .y = (double[]){20, NAN}, .count = 2}};
    sl_chart chart = {.kind = SL_CHART_BARS,
                      .x = {NULL, 0, NAN, NAN},
                      .y = {NULL, 0, NAN, NAN},
                      .series = s,
                      .series_count = 2,
                      .categories = names,
                      .category_count = 2};
    char *svg = draw(&chart);
    double height[2];
    const char *at = svg;
    for (int i = 0; i < 2; i++) { /* the legend's sample is 12 high */
        do
            at = strstr(at, "<rect class=\"f0\"") + 10;
        while (strstr(at, "height=\"12\"") && strstr(at, "height=\"12\"") < strchr(at, '>'));
        height[i] = atof(strstr(at, "height=\"") + 8);
    }
    assert_float_equal(height[1], 2 * height[0], .03);
    assert_int_equal(count_of(svg, "class=\"b\""), 2);            /* whiskers: only a has intervals */
    assert_int_equal(count_of(svg, "<rect class=\"f1\""), 1 + 1); /* legend and one bar */
    assert_non_null(strstr(svg, ">80.0</text>"));
    free(svg);
}

static void names_are_only_text(void **state)
{
    (void)state;
    const sl_chart_series s = {
        .name = "<script>\"&\xff", .x = (double[]){1, 2}, .y = (double[]){1, 2}, .count = 2};
    sl_chart chart = line_chart(&s, 1);
    chart.title = "a < b\x01";
    char *svg = draw(&chart), *again = draw(&chart);
    assert_null(strstr(svg, "<script"));
    assert_non_null(strstr(svg, "&lt;script&gt;&quot;&amp;\xef\xbf\xbd"));
    assert_null(strchr(svg, 1));
    assert_string_equal(svg, again);
    free(svg);
    free(again);
}

static void what_can_not_be_drawn_is_refused(void **state)
{
    (void)state;
    char *svg;
    const sl_chart_series none = {.x = (double[]){NAN}, .y = (double[]){1}, .count = 1};
    const sl_chart_series negative = {.x = (double[]){-1}, .y = (double[]){1}, .count = 1};
    const sl_chart_series fine = {.x = (double[]){1, 2}, .y = (double[]){1, 2}, .count = 2};
    sl_chart chart = line_chart(NULL, 0);
    assert_int_equal(sl_draw_chart(&chart, &svg, &err), SL_ERR_ARGUMENT);
    assert_null(svg);
    chart = line_chart(&none, 1);
    assert_int_equal(sl_draw_chart(&chart, &svg, &err), SL_ERR_ARGUMENT);
    chart = line_chart(&negative, 1);
    chart.x.log = 1;
    assert_int_equal(sl_draw_chart(&chart, &svg, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "above 0"));
    chart = line_chart(&fine, 1);
    chart.x.low = 3;
    chart.x.high = 1;
    assert_int_equal(sl_draw_chart(&chart, &svg, &err), SL_ERR_ARGUMENT);
    chart = line_chart(&fine, 1);
    chart.width = 9;
    assert_int_equal(sl_draw_chart(&chart, &svg, &err), SL_ERR_ARGUMENT);
    chart = line_chart(&fine, 1);
    chart.kind = SL_CHART_BARS;
    assert_int_equal(sl_draw_chart(&chart, &svg, &err), SL_ERR_ARGUMENT);
    chart = line_chart(&fine, 1);
    chart.x.low = 9; /* everything lies before the given end: an empty plot, no failure */
    assert_ok(sl_draw_chart(&chart, &svg, &err));
    free(svg);
}

static void a_file_is_written_whole(void **state)
{
    (void)state;
    const sl_chart_series s = {.x = (double[]){1, 2}, .y = (double[]){1, 2}, .count = 2};
    const sl_chart chart = line_chart(&s, 1);
    char *dir = make_temp_dir(), *path = sl_path_join(dir, "chart.svg");
    uint8_t *data;
    size_t size;
    assert_ok(sl_write_chart(path, &chart, &err));
    assert_ok(sl_read_file(path, 1 << 20, &data, &size, &err));
    assert_memory_equal(data + size - 7, "</svg>\n", 7);
    free(data);
    free(path);
    remove_tree(dir);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_are_sensible_numbers),
        cmocka_unit_test(logarithmic_ticks),
        cmocka_unit_test(numbers_do_not_depend_on_the_locale),
        cmocka_unit_test(a_point_lands_where_its_axes_say),
        cmocka_unit_test(gaps_interrupt_the_line),
        cmocka_unit_test(bars_stand_on_zero_with_intervals),
        cmocka_unit_test(names_are_only_text),
        cmocka_unit_test(what_can_not_be_drawn_is_refused),
        cmocka_unit_test(a_file_is_written_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
