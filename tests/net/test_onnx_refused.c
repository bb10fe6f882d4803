/* ONNX files that must be refused, with a message that says where and why. */
#include "net_check.h"
#include "onnx_writer.h"

#define FLOATS(...) (const float[]){__VA_ARGS__}

/* A model with the input x of this shape and the output y. */
static onnx_model model_of(int opset, sl_shape shape)
{
    onnx_model m = {.opset = opset};
    onnx_input(&m, "x", (size_t)shape.rank, shape.dim);
    onnx_output(&m, "y");
    return m;
}

static void refuse_file(wire file, sl_status status, const char *part)
{
    sl_error err = {0};
    sl_graph *g = (sl_graph *)&err;
    sl_status got = sl_import_onnx(file.data, file.size, &g, &err);
    free(file.data);
    assert_null(g);
    if (got != status || !strstr(err.text, part))
        fail_msg("expected %s with \"%s\", got %s: %s", sl_status_name(status), part, sl_status_name(got),
                 err.text);
    assert_int_equal(err.status, status);
}

static void refuse(onnx_model *m, sl_status status, const char *part) { refuse_file(onnx_file(m), status, part); }

static void refuse_node(int opset, const char *op, const char *inputs, const char *attributes, sl_status status,
                        const char *part)
{
    onnx_model m = model_of(opset, SHAPE(1, 2, 4, 4));
    onnx_floats(&m, "w", DIMS(1, 2, 1, 1), FLOATS(1, 2));
    onnx_ints(&m, "i", 1, 2);
    onnx_node(&m, op, inputs, "y", attributes);
    refuse(&m, status, part);
}

static void bad_nodes(void **state)
{
    (void)state;
    refuse_node(13, "NonMaxSuppression", "x", NULL, SL_ERR_UNSUPPORTED,
                "node y: operator NonMaxSuppression is not");
    refuse_node(13, "Relu", "nowhere", NULL, SL_ERR_FORMAT, "nowhere is defined nowhere");
    refuse_node(13, "Relu", "x,x", NULL, SL_ERR_FORMAT, "2 inputs");
    refuse_node(13, "Relu", "", NULL, SL_ERR_FORMAT, "0 inputs");
    refuse_node(13, "Add", ",x", NULL, SL_ERR_FORMAT, "input 0 is missing");
    refuse_node(13, "Add", "x,i", NULL, SL_ERR_FORMAT, "different types");
    refuse_node(13, "Conv", "x,w", "strides=2", SL_ERR_FORMAT, "strides is not a list of integers");
    refuse_node(13, "Conv", "x,w", "strides=[0,1]", SL_ERR_FORMAT, "strides has the value 0");
    refuse_node(13, "Conv", "x,w", "strides=[1,1,1]", SL_ERR_UNSUPPORTED, "two-dimensional");
    refuse_node(13, "Conv", "x,w", "kernel_shape=[3,3]", SL_ERR_FORMAT, "differ");
    refuse_node(13, "Conv", "x,w", "pads=[-1,0,0,0]", SL_ERR_UNSUPPORTED, "pads has the value -1");
    refuse_node(13, "Conv", "x,w", "group=0", SL_ERR_FORMAT, "group is 0");
    refuse_node(13, "Conv", "x,w", "auto_pad=WHATEVER", SL_ERR_FORMAT, "auto_pad");
    refuse_node(13, "MaxPool", "x", NULL, SL_ERR_FORMAT, "kernel_shape is missing");
    refuse_node(13, "Resize", "x", NULL, SL_ERR_FORMAT, "neither scales nor sizes");
    refuse_node(13, "Resize", "x,,w", "mode=cubic", SL_ERR_UNSUPPORTED, "modes nearest and linear");
    refuse_node(13, "Transpose", "x", "perm=[0,0,1,2]", SL_ERR_FORMAT, "no permutation");
    refuse_node(13, "Transpose", "x", "perm=[0,1,2,3,4,5,6,7]", SL_ERR_FORMAT, "perm has 8 values");
    refuse_node(13, "Concat", "x,x", NULL, SL_ERR_FORMAT, "axis is missing");
    refuse_node(13, "Concat", "x,x", "axis=99", SL_ERR_FORMAT, "axis is 99");
    refuse_node(13, "Reshape", "x,w", NULL, SL_ERR_FORMAT, "must be integers");
    refuse_node(13, "Cast", "x", "to=8", SL_ERR_UNSUPPORTED, "element type 8");
    refuse_node(13, "Softmax", "x", "axis=0.5", SL_ERR_FORMAT, "axis is not an integer");
    refuse_node(13, "BatchNormalization", "x,w,w,w,w", "training_mode=1", SL_ERR_UNSUPPORTED, "training");
    refuse_node(5, "Relu", "x", NULL, SL_ERR_UNSUPPORTED, "opset 5");
    refuse_node(99, "Relu", "x", NULL, SL_ERR_UNSUPPORTED, "opset 99");
}

static void bad_graphs(void **state)
{
    (void)state;
    onnx_model m = model_of(13, SHAPE(1, 2));
    onnx_node(&m, "Add", "x,b", "a", NULL);
    onnx_node(&m, "Relu", "a", "b", NULL);
    onnx_node(&m, "Relu", "b", "y", NULL);
    refuse(&m, SL_ERR_FORMAT, "cycle");

    m = model_of(13, SHAPE(1, 2));
    onnx_node(&m, "Relu", "x", "y", NULL);
    onnx_node(&m, "Abs", "x", "y", NULL);
    refuse(&m, SL_ERR_FORMAT, "y is defined twice");

    m = model_of(13, SHAPE(1, 2)); /* a node that computes the input */
    onnx_node(&m, "Relu", "x", "x", NULL);
    refuse(&m, SL_ERR_FORMAT, "");

    m = model_of(13, SHAPE(1, 2));
    refuse(&m, SL_ERR_FORMAT, "output y is computed by no node");

    m = (onnx_model){.opset = 13};
    onnx_output(&m, "y");
    refuse(&m, SL_ERR_FORMAT, "no input");

    m = model_of(13, SHAPE(1, 2));
    wire node = onnx_node_message("Relu", "x", "y", NULL);
    wire_text(&node, 7, "com.microsoft");
    wire_message(&m.graph, 1, node);
    refuse(&m, SL_ERR_UNSUPPORTED, "com.microsoft");

    m = model_of(13, SHAPE(1, 2, 3, 4, 5, 6));
    onnx_input(&m, "z", DIMS(1, 1, 1, 1, 1, 1, 1, 1));
    refuse(&m, SL_ERR_FORMAT, "axes");
    m = (onnx_model){.opset = 13};
    onnx_input(&m, "x", DIMS(1, -7));
    refuse(&m, SL_ERR_FORMAT, "-7");
    m = (onnx_model){.opset = 13};
    onnx_input(&m, "x", DIMS(1 << 20, 1 << 20));
    refuse(&m, SL_ERR_FORMAT, "elements");
}

static void bad_tensors(void **state)
{
    (void)state;
    static const struct {
        int64_t dims[2];
        const char *part;
    } cases[] = {{{2, 2}, "wants 4 elements"}, {{-1, 1}, "negative"}, {{INT64_MAX, INT64_MAX}, "elements"},
                 {{1 << 30, 2}, "elements"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        onnx_model m = model_of(13, SHAPE(1, 2));
        wire_message(&m.graph, 5, onnx_raw("c", ONNX_FLOAT, 2, cases[i].dims, FLOATS(1, 2), 8));
        onnx_node(&m, "Add", "x,c", "y", NULL);
        refuse(&m, SL_ERR_FORMAT, cases[i].part);
    }
    onnx_model m = model_of(13, SHAPE(1, 2));
    wire t = onnx_raw("c", ONNX_FLOAT, DIMS(2), NULL, 0), entry = {0};
    wire_text(&entry, 1, "location");
    wire_text(&entry, 2, "weights.bin");
    wire_message(&t, 13, entry);
    wire_int(&t, 14, 1);
    wire_message(&m.graph, 5, t);
    refuse(&m, SL_ERR_UNSUPPORTED, "another file");
    m = model_of(13, SHAPE(1, 2));
    wire_message(&m.graph, 5, onnx_raw("c", 8, DIMS(1), "text", 4));
    refuse(&m, SL_ERR_UNSUPPORTED, "element type 8");
}

/* Files that aim at the parser: endless nesting, a repeated graph, tiny messages that grow in memory. */
static void hostile_files(void **state)
{
    (void)state;
    wire nested = {0};
    for (int i = 0; i < 3000; i++) { /* a graph in an attribute in a node in a graph ... */
        static const int fields[] = {6, 5, 1};
        wire outer = {0};
        wire_message(&outer, fields[i % 3], nested);
        nested = outer;
    }
    wire file = {0};
    wire_message(&file, 7, nested);
    refuse_file(file, SL_ERR_FORMAT, "damaged");

    file = (wire){0};
    for (int i = 0; i < 2; i++)
        wire_data(&file, 7, NULL, 0);
    refuse_file(file, SL_ERR_FORMAT, "damaged");

    wire graph = {0};
    for (int i = 0; i < 200000; i++) /* empty nodes: two bytes here, some hundred in memory */
        wire_data(&graph, 1, NULL, 0);
    file = (wire){0};
    wire_message(&file, 7, graph);
    refuse_file(file, SL_ERR_LIMIT, "memory");

    refuse_file((wire){0}, SL_ERR_FORMAT, "not an ONNX file");
    file = (wire){0};
    wire_text(&file, 2, "a model without a graph");
    refuse_file(file, SL_ERR_FORMAT, "no graph");
}

static void truncated_files(void **state)
{
    (void)state;
    onnx_model m = model_of(13, SHAPE(1, 2, 2, 2));
    onnx_floats(&m, "w", DIMS(1, 2, 1, 1), FLOATS(1, 2));
    onnx_node(&m, "Conv", "x,w", "z", "pads=[1,1,1,1]");
    onnx_node(&m, "Clip", "z", "y", NULL);
    wire file = onnx_file(&m);
    int refused = 0;
    for (size_t size = 0; size < file.size; size++) {
        sl_graph *g;
        uint8_t *copy = malloc(size ? size : 1); /* exactly as long, for the sanitizer */
        memcpy(copy, file.data, size);
        if (sl_import_onnx(copy, size, &g, NULL) != SL_OK)
            refused++;
        sl_graph_free(g);
        free(copy);
    }
    assert_int_equal(refused, file.size);
    free(file.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_nodes),     cmocka_unit_test(bad_graphs),      cmocka_unit_test(bad_tensors),
        cmocka_unit_test(hostile_files), cmocka_unit_test(truncated_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
