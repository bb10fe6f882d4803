/* A chart's axes: ends at whole ticks, ticks at 1, 2 or 5 times a power of ten; and how wide a text is beside them. */
#include "chart/chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- linear ---- */

/* The step of 1, 2 or 5 times a power of ten that cuts `span` into about `wanted` parts. */
static double nice_step(double span, int wanted)
{
    double rough = span / wanted, power = pow(10, floor(log10(rough))), part = rough / power;
    return power * (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10);
}

static void fit_linear(sl_axis *a, bool fixed_low, bool fixed_high, int wanted)
{
    if (!(a->high > a->low)) { /* one value only: room around it on the sides that are free */
        double room = a->low != 0 ? fabs(a->low) * .1 : 1;
        a->low -= fixed_low ? 0 : room;
        a->high += fixed_high && !fixed_low ? 0 : room;
    }
    double step = nice_step(a->high - a->low, wanted), slack = step * 1e-9;
    if (!fixed_low)
        a->low = floor(a->low / step + 1e-9) * step;
    if (!fixed_high)
        a->high = ceil(a->high / step - 1e-9) * step;
    a->decimals = step < 1 ? (int)fmin(9, ceil(-log10(step) - 1e-9)) : 0;
    double first = ceil((a->low - slack) / step);
    for (int i = 0; a->count < SL_AXIS_MAX_TICKS && (first + i) * step <= a->high + slack; i++)
        a->ticks[a->count++] = (first + i) * step;
}

/* ---- logarithmic ---- */

static void add_decades(sl_axis *a, int every, const int *parts, int part_count)
{
    int from = (int)floor(log10(a->low) + 1e-9), to = (int)ceil(log10(a->high) - 1e-9);
    for (int e = from; e <= to; e++)
        for (int i = 0; i < part_count && e % every == 0; i++) {
            double tick = parts[i] * pow(10, e);
            if (tick >= a->low * (1 - 1e-9) && tick <= a->high * (1 + 1e-9) && a->count < SL_AXIS_MAX_TICKS)
                a->ticks[a->count++] = tick;
        }
}

static void fit_log(sl_axis *a, bool fixed_low, bool fixed_high, int wanted)
{
    static const int whole[] = {1}, parts[] = {1, 2, 5};
    if (!fixed_low)
        a->low = pow(10, floor(log10(a->low) + 1e-9));
    if (!fixed_high)
        a->high = pow(10, ceil(log10(a->high) - 1e-9));
    if (!(a->high > a->low))
        a->high = a->low * 10;
    int decades = (int)ceil(log10(a->high / a->low) - 1e-9);
    if (decades * 3 <= wanted)
        add_decades(a, 1, parts, 3);
    else
        add_decades(a, decades > 2 * wanted ? (decades + wanted - 1) / wanted : 1, whole, 1);
}

void sl_axis_fit(sl_axis *a, double low, double high, bool fixed_low, bool fixed_high, int wanted)
{
    a->low = low;
    a->high = high;
    a->count = a->decimals = 0;
    if (wanted < 2)
        wanted = 2;
    if (a->log)
        fit_log(a, fixed_low, fixed_high, wanted);
    else
        fit_linear(a, fixed_low, fixed_high, wanted);
}

double sl_axis_place(const sl_axis *a, double value)
{
    double part = a->log ? log(value / a->low) / log(a->high / a->low) : (value - a->low) / (a->high - a->low);
    return a->from + (a->to - a->from) * part;
}

bool sl_axis_takes(const sl_axis *a, double value)
{
    return isfinite(value) && (!a->log || value > 0);
}

const char *sl_axis_number(const sl_axis *a, int i, char text[32])
{
    double tick = a->ticks[i];
    if (!a->log)
        return sl_fixed(text, tick, a->decimals);
    int exponent = (int)floor(log10(tick) + 1e-9);
    if (exponent >= -5 && exponent <= 5)
        return sl_fixed(text, tick, exponent < 0 ? -exponent : 0);
    snprintf(text, 32, "%de%d", (int)lround(tick / pow(10, exponent)), exponent);
    return text;
}

/* ---- text ---- */

double sl_chart_text_width(const char *text, double size)
{
    double width = 0;
    for (; *text; text++) /* bytes that continue a character have no width */
        if ((*text & 0xc0) != 0x80)
            width += strchr(" .,:;|!'ijltf()[]1", *text) ? .36 : *text >= 'A' && *text <= 'Z' ? .7 : .58;
    return width * size;
}
