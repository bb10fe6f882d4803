/* A difference of weights: written, read and added up again; and files that do not fit the network. */
#include "model/delta.h"

#include <math.h>

#include "net/import/weights/safetensors.h"
#include "support.h"

enum { ROWS = 3, COLS = 4 };

static const float own_weights[ROWS * COLS] = {1, 2, 3, 4, -1, -2, -3, -4, .5f, .25f, 0, 8};
static const float own_bias[ROWS] = {.1f, .2f, .3f};

/* Two constants; a delta asks no more of a graph. */
static sl_graph *small_graph(void)
{
    sl_graph *g = sl_graph_new();
    sl_tensor t;
    sl_error err;
    assert_non_null(g);
    assert_ok(sl_graph_add_const(g, "w", SL_TYPE_F32, &(sl_shape){2, {ROWS, COLS}}, own_weights, false, &t, &err));
    assert_ok(sl_graph_add_const(g, "b", SL_TYPE_F32, &(sl_shape){1, {ROWS}}, own_bias, false, &t, &err));
    return g;
}

static void make(const sl_graph *g, float *w, float *b, sl_state_dict *out, bool bytes[4])
{
    sl_error err;
    for (int i = 0; i < ROWS * COLS; i++) /* the second row stays */
        w[i] = own_weights[i] + (i / COLS == 1 ? 0 : .01f * (float)((i * 7) % 11 - 5));
    for (int i = 0; i < ROWS; i++)
        b[i] = own_bias[i] - .02f * (float)i;
    const sl_weights_of learned[2] = {{"w", w}, {"b", b}};
    assert_ok(sl_delta_make(g, learned, 2, out, bytes, &err));
}

static void assert_near(const float *own, const float *wanted, const float *found, size_t rows, size_t each)
{
    for (size_t r = 0; r < rows; r++, own += each, wanted += each, found += each) {
        float most = 0;
        for (size_t i = 0; i < each; i++)
            most = fmaxf(most, fabsf(wanted[i] - own[i]));
        for (size_t i = 0; i < each; i++)
            assert_true(fabsf(found[i] - wanted[i]) <= most / 254 + 1e-6f); /* half a step */
    }
}

static void a_file_brings_the_weights_back(void **state)
{
    (void)state;
    sl_graph *g = small_graph();
    float w[ROWS * COLS], b[ROWS], *owned;
    bool bytes[4];
    sl_state_dict made, read;
    sl_weights_of *found;
    sl_error err;
    int count;
    char *dir = make_temp_dir(), path[300];
    snprintf(path, sizeof path, "%s/delta.safetensors", dir);
    make(g, w, b, &made, bytes);
    assert_ok(sl_safetensors_write_bytes(path, &made, bytes, NULL, 0, &err));
    assert_ok(sl_safetensors_read(path, &read, &err));
    assert_ok(sl_delta_check(&read, g, &err));
    assert_ok(sl_delta_weights(&read, g, &found, &count, &owned, &err));
    assert_int_equal(count, 2);
    for (int i = 0; i < 2; i++) {
        const bool matrix = strcmp(found[i].name, "w") == 0;
        assert_near(matrix ? own_weights : own_bias, matrix ? w : b, found[i].value, matrix ? ROWS : 1,
                    matrix ? COLS : ROWS);
        if (matrix)
            assert_memory_equal(found[i].value + COLS, own_weights + COLS, COLS * sizeof(float));
    }
    free(found);
    free(owned);
    sl_state_dict_free(&read);
    sl_state_dict_free(&made);
    sl_graph_free(g);
    remove_tree(dir);
    free(dir);
}

/* The sound difference, but for one weight, which is as it is given; data NULL: it is left out. */
static sl_status check_with(const char *name, const sl_shape *shape, const float *data, sl_error *why)
{
    sl_error err;
    sl_graph *g = small_graph();
    float w[ROWS * COLS], b[ROWS];
    bool bytes[4], replaced = false;
    sl_state_dict made, other = {0};
    make(g, w, b, &made, bytes);
    for (size_t i = 0; i < made.count; i++) {
        const sl_weight *x = &made.weights[i];
        if (strcmp(x->name, name) != 0)
            assert_ok(sl_state_dict_add(&other, x->name, &x->shape, x->data, false, &err));
        else
            replaced = true;
    }
    assert_true(replaced || data);
    if (data)
        assert_ok(sl_state_dict_add(&other, name, shape, data, false, &err));
    sl_status status = sl_delta_check(&other, g, why);
    sl_state_dict_free(&other);
    sl_state_dict_free(&made);
    sl_graph_free(g);
    return status;
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const float zeros[ROWS * COLS], nan[ROWS] = {0, NAN, 0}, big[ROWS] = {0, INFINITY, 0};
    const sl_shape matrix = {2, {ROWS, COLS}}, turned = {2, {COLS, ROWS}}, rows = {1, {ROWS}}, one = {1, {1}};
    sl_error err;
    assert_ok(check_with("w", &matrix, zeros, &err));
    assert_ok(check_with("w.scale", &rows, zeros, &err));
    assert_int_equal(check_with("w", &turned, zeros, &err), SL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "w"));
    assert_int_equal(check_with("w.scale", &one, zeros, &err), SL_ERR_FORMAT);
    assert_int_equal(check_with("w.scale", &rows, nan, &err), SL_ERR_FORMAT);
    assert_int_equal(check_with("w.scale", &rows, big, &err), SL_ERR_FORMAT);
    assert_int_equal(check_with("w.scale", NULL, NULL, &err), SL_ERR_FORMAT);
    assert_int_equal(check_with("w", NULL, NULL, &err), SL_ERR_FORMAT); /* scales of nothing */
    assert_int_equal(check_with("strange", &one, zeros, &err), SL_ERR_FORMAT);
}

static void nothing_is_no_difference(void **state)
{
    (void)state;
    sl_graph *g = small_graph();
    sl_state_dict empty = {0};
    sl_error err;
    assert_int_equal(sl_delta_check(&empty, g, &err), SL_ERR_FORMAT);
    sl_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_brings_the_weights_back),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(nothing_is_no_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
