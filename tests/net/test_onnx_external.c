/* ONNX files whose weights lie in files beside them: found, read where they say, refused where they do not fit. */
#include "net_check.h"
#include "onnx_writer.h"

#include <unistd.h>

static char folder[] = "/tmp/sl-external-XXXXXX";
static const float weights[] = {9, 9, 1, 2, 3, 4}; /* two before the tensor's own */

static wire text_entry(const char *key, const char *value)
{
    wire e = {0};
    wire_text(&e, 1, key);
    wire_text(&e, 2, value);
    return e;
}

/* y = x w, w [2, 2] at these bytes of `location`. */
static wire model_with(const char *location, const char *offset, const char *length)
{
    onnx_model m = {.opset = 23};
    wire t = {0};
    onnx_input(&m, "x", DIMS(1, 2));
    onnx_output(&m, "y");
    wire_int(&t, 1, 2);
    wire_int(&t, 1, 2);
    wire_int(&t, 2, ONNX_FLOAT);
    wire_text(&t, 8, "w");
    wire_message(&t, 13, text_entry("location", location));
    if (offset)
        wire_message(&t, 13, text_entry("offset", offset));
    if (length)
        wire_message(&t, 13, text_entry("length", length));
    wire_int(&t, 14, 1);
    wire_message(&m.graph, 5, t);
    onnx_node(&m, "MatMul", "x,w", "y", NULL);
    return onnx_file(&m);
}

static void write_side(const char *name, size_t count)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(weights, sizeof *weights, count, f), count);
    fclose(f);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char path[256];
    (void)state;
    snprintf(path, sizeof path, "%s/w.data", folder);
    remove(path);
    return rmdir(folder);
}

static void found_where_they_say(void **state)
{
    sl_error err;
    sl_graph *g;
    uint8_t digest[2][32] = {{1}, {1}};
    (void)state;
    write_side("w.data", 6);
    wire file = model_with("w.data", "8", "16");
    assert_ok(sl_import_onnx_in(file.data, file.size, folder, digest[0], &g, &err));
    assert_memory_not_equal(digest[0], digest[1], 32); /* other weights are another model */
    const float x[] = {1, 10}, y[] = {31, 42};
    check_graph(g, SHAPE(1, 2), x, y, 2, 1e-6);
    sl_graph_free(g);
    free(file.data);
}

static void refused(const char *in, const char *location, const char *offset, const char *length, sl_status want,
                    const char *says)
{
    sl_error err = {0};
    sl_graph *g;
    wire file = model_with(location, offset, length);
    assert_int_equal(sl_import_onnx_in(file.data, file.size, in, NULL, &g, &err), want);
    if (!strstr(err.text, says))
        fail_msg("\"%s\" does not say \"%s\"", err.text, says);
    assert_null(g);
    free(file.data);
}

static void what_does_not_fit(void **state)
{
    (void)state;
    write_side("w.data", 6);
    refused(folder, "other.data", NULL, NULL, SL_ERR_NOT_FOUND, "get that file too");
    refused(folder, "../w.data", NULL, NULL, SL_ERR_FORMAT, "no file below");
    refused(folder, "a/../../w.data", NULL, NULL, SL_ERR_FORMAT, "no file below");
    refused(folder, "/etc/passwd", NULL, NULL, SL_ERR_FORMAT, "no file below");
    refused(folder, "", NULL, NULL, SL_ERR_FORMAT, "no file below");
    refused(folder, "w.data", "8", "17", SL_ERR_FORMAT, "reaches behind the end");
    refused(folder, "w.data", "25", NULL, SL_ERR_FORMAT, "reaches behind the end");
    refused(folder, "w.data", "-8", "16", SL_ERR_FORMAT, "reaches behind the end");
    refused(folder, "w.data", "18446744073709551616", "16", SL_ERR_FORMAT, "reaches behind the end");
    refused(folder, "w.data", "8", "12", SL_ERR_FORMAT, "its data has another number");
    refused(NULL, "w.data", "8", "16", SL_ERR_UNSUPPORTED, "in another file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(found_where_they_say), cmocka_unit_test(what_does_not_fit)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
