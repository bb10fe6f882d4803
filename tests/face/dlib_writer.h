/* Writes numbers and a small shape predictor as dlib would: for tests of the reader. */
#ifndef SL_TESTS_DLIB_WRITER_H
#define SL_TESTS_DLIB_WRITER_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint8_t *data;
    size_t size, capacity;
} dlib_writer;

static void put_byte(dlib_writer *w, uint8_t byte)
{
    if (w->size == w->capacity) {
        w->capacity = w->capacity ? 2 * w->capacity : 1024;
        w->data = realloc(w->data, w->capacity);
        if (!w->data)
            abort();
    }
    w->data[w->size++] = byte;
}

static void put_integer(dlib_writer *w, int64_t value)
{
    uint64_t magnitude = (uint64_t)(value < 0 ? -value : value);
    uint8_t bytes = 1;
    while (bytes < 8 && magnitude >> (8 * bytes))
        bytes++;
    put_byte(w, (uint8_t)(bytes | (value < 0 ? 0x80 : 0)));
    for (int i = 0; i < bytes; i++)
        put_byte(w, (uint8_t)(magnitude >> (8 * i)));
}

static void put_float(dlib_writer *w, float value)
{
    int exponent;
    double mantissa = frexp(value, &exponent);
    put_integer(w, (int64_t)ldexp(mantissa, 24));
    put_integer(w, exponent - 24);
}

/* Geometry of a toy model; leaf value k of leaf l of tree t of cascade c is leaf_value(c, t, l, k). */
typedef struct {
    int points, cascades, trees, splits, features;
} toy_model;

static float toy_leaf(int c, int t, int l, int k)
{
    return (float)((c * 31 + t * 17 + l * 7 + k * 3) % 13 - 6) / 512;
}

static float toy_mean(const toy_model *m, int k)
{
    int point = k / 2, side = 1;
    while (side * side < m->points)
        side++;
    return (float)((k % 2 ? point / side : point % side) + 1) / (float)(side + 1);
}

static float toy_threshold(int t, int s)
{
    return (float)((t * 5 + s * 11) % 40 - 20);
}
static int toy_feature(const toy_model *m, int t, int s, int which)
{
    return (t * 3 + s * 5 + which * 7) % m->features;
}
static int toy_anchor(const toy_model *m, int c, int i)
{
    return (c + 2 * i) % m->points;
}
static float toy_delta(int c, int i, int axis)
{
    return (float)((c * 7 + i * 5 + axis * 3) % 11 - 5) / 32;
}

static dlib_writer write_toy(const toy_model *m)
{
    dlib_writer w = {0};
    put_integer(&w, 1);
    put_integer(&w, -2 * m->points);
    put_integer(&w, -1);
    for (int k = 0; k < 2 * m->points; k++)
        put_float(&w, toy_mean(m, k));
    put_integer(&w, m->cascades);
    for (int c = 0; c < m->cascades; c++) {
        put_integer(&w, m->trees);
        for (int t = 0; t < m->trees; t++) {
            put_integer(&w, m->splits);
            for (int s = 0; s < m->splits; s++) {
                put_integer(&w, toy_feature(m, t, s, 0));
                put_integer(&w, toy_feature(m, t, s, 1));
                put_float(&w, toy_threshold(t, s));
            }
            put_integer(&w, m->splits + 1);
            for (int l = 0; l <= m->splits; l++) {
                put_integer(&w, -2 * m->points);
                put_integer(&w, -1);
                for (int k = 0; k < 2 * m->points; k++)
                    put_float(&w, toy_leaf(c, t, l, k));
            }
        }
    }
    put_integer(&w, m->cascades);
    for (int c = 0; c < m->cascades; c++) {
        put_integer(&w, m->features);
        for (int i = 0; i < m->features; i++)
            put_integer(&w, toy_anchor(m, c, i));
    }
    put_integer(&w, m->cascades);
    for (int c = 0; c < m->cascades; c++) {
        put_integer(&w, m->features);
        for (int i = 0; i < m->features; i++) {
            put_float(&w, toy_delta(c, i, 0));
            put_float(&w, toy_delta(c, i, 1));
        }
    }
    return w;
}

#endif
