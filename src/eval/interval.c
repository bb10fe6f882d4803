/* The exact interval of a proportion. */
#define _GNU_SOURCE
#include <math.h>

#include "eval/openset.h"
#include "secondlook_eval.h"

static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* The continued fraction of the incomplete beta function, by Lentz's method (DLMF 8.17.22). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m <= 100000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        const double steps[2] = {even, odd};
        double factor = 1;
        for (int i = 0; i < 2; i++) {
            d = 1 + steps[i] * d;
            c = 1 + steps[i] / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            factor = d * c;
            h *= factor;
        }
        if (fabs(factor - 1) < 1e-14)
            break;
    }
    return h;
}

/* Regularised incomplete beta function I_x(a, b). */
static double beta_part(double a, double b, double x)
{
    if (x <= 0 || x >= 1)
        return x >= 1;
    double front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
                                     : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* x with I_x(a, b) = p, by halving. */
static double beta_quantile(double p, double a, double b)
{
    double low = 0, high = 1;
    for (int i = 0; i < 80; i++) {
        double middle = (low + high) / 2;
        *(beta_part(a, b, middle) < p ? &low : &high) = middle;
    }
    return (low + high) / 2;
}

sl_interval sl_clopper_pearson(size_t events, size_t trials)
{
    double k = (double)events, n = (double)trials;
    if (trials == 0)
        return (sl_interval){NAN, NAN, NAN};
    return (sl_interval){.mean = 100 * k / n,
                         .low = events == 0 ? 0 : 100 * beta_quantile(.025, k, n - k + 1),
                         .high = events == trials ? 100 : 100 * beta_quantile(.975, k + 1, n - k)};
}
