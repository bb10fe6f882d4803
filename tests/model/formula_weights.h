/* Weights by formula: each a function of its name and shape, of a trained one's size. tests/torch/formula.py has the
 * same. */
#ifndef SL_TESTS_FORMULA_WEIGHTS_H
#define SL_TESTS_FORMULA_WEIGHTS_H

#include "support.h"

#include "net/graph.h"

/* Where float is double (tests/torch/double_gradients.c), the numbers are still those of floats. */
#ifdef SL_FORMULA_DOUBLE
void formula_random(double *out, size_t count, uint64_t seed, double low, double high);
#else
#define formula_random fill_random
#endif

static inline uint32_t formula_seed(const char *name) /* FNV-1a */
{
    uint32_t h = 0x811c9dc5u;
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 0x01000193u;
    return h;
}

static inline bool formula_has(const char *name, const char *part) { return strstr(name, part) != NULL; }

static inline void formula_fill(const char *name, const sl_shape *shape, float *out)
{
    int64_t n = sl_shape_elements(shape);
    float low = 0.8f, high = 1.2f; /* scales of norms */
    if (strcmp(name, "sep") == 0 || strcmp(name, "cls_token") == 0 || strcmp(name, "pos_embedding") == 0) {
        low = -0.5f, high = 0.5f;
    } else if (shape->rank > 1) {
        high = (float)sqrt(3.0 / (double)sl_shape_span(shape, 1, shape->rank));
        low = -high;
    } else if (formula_has(name, "running_var")) {
        low = 0.5f, high = 1.5f;
    } else if (formula_has(name, "running_mean") || formula_has(name, "bias")) {
        low = -0.1f, high = 0.1f;
    } else if (formula_has(name, "prelu")) {
        low = 0.1f, high = 0.4f;
    }
    formula_random(out, (size_t)n, formula_seed(name), low, high);
}

#endif
