/* Checkpoints: torch.save's own small ones (tests/fuzz/make_checkpoints.py), hand-made ones, those that must be
 * refused, and the real ones of ../shared/models against sums that torch computed. */
#include "net/import/weights/checkpoint.h"

#include "support.h"
#include "torch_writer.h"

#define SHAPE(...) (sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]){__VA_ARGS__}
#define VALUES(...) (const float[]){__VA_ARGS__}

/* The weight is there, with this shape; its values. */
static const float *values_of(const sl_state_dict *d, const char *name, size_t rank, const int64_t *shape)
{
    const sl_weight *w = sl_state_dict_find(d, name);
    if (!w)
        fail_msg("there is no %s", name);
    assert_int_equal(w->shape.rank, rank);
    for (size_t i = 0; i < rank; i++)
        assert_int_equal(w->shape.dim[i], shape[i]);
    return w->data;
}

static void check_values(const float *x, const float *expected, size_t count) { assert_close(x, expected, count, 0); }

/* Element i of the t-th tensor of make_checkpoints.py. */
static void check_made(const float *x, int t, int count)
{
    for (int i = 0; i < count; i++)
        assert_float_equal(x[i], (float)((7 * t + i) % 17 - 8), 0);
}

/* ---- what torch.save wrote ---- */

static sl_state_dict read_made(const char *name)
{
    char path[512];
    sl_state_dict d;
    sl_error err;
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/checkpoint/%s", SL_SOURCE_DIR, name);
    assert_ok(sl_checkpoint_read(path, &d, &err));
    return d;
}

static void plain_state_dicts(void **state)
{
    (void)state;
    static const char *const files[] = {"plain.pth", "plain.legacy.pth", "protocol4.pth", "protocol4.legacy.pth"};
    for (size_t i = 0; i < 4; i++) {
        sl_state_dict d = read_made(files[i]);
        assert_int_equal(d.count, 3);
        assert_string_equal(d.weights[0].name, "fc.weight");
        assert_string_equal(d.weights[2].name, "bn.num_batches_tracked");
        check_made(values_of(&d, "fc.weight", SHAPE(2, 3)), 0, 6);
        check_made(values_of(&d, "fc.bias", SHAPE(2)), 1, 2);
        check_made(values_of(&d, "bn.num_batches_tracked", 0, NULL), 2, 1);
        assert_null(sl_state_dict_find(&d, "module.fc.weight"));
        sl_state_dict_free(&d);
    }
}

static void every_type(void **state)
{
    (void)state;
    static const char *const names[] = {"float64", "float16", "bfloat16", "int64", "int32", "int16", "int8"};
    for (int legacy = 0; legacy < 2; legacy++) {
        sl_state_dict d = read_made(legacy ? "types.legacy.pth" : "types.pth");
        for (int t = 0; t < 7; t++)
            check_made(values_of(&d, names[t], SHAPE(5)), t, 5);
        check_values(values_of(&d, "uint8", SHAPE(4)), VALUES(0, 1, 128, 255), 4);
        check_values(values_of(&d, "bool", SHAPE(3)), VALUES(1, 0, 1), 3);
        sl_state_dict_free(&d);
    }
}

/* Views of one storage: transposed, offset, strided; two names for one tensor. */
static void shared_storage_and_strides(void **state)
{
    (void)state;
    for (int legacy = 0; legacy < 2; legacy++) {
        sl_state_dict d = read_made(legacy ? "views.legacy.pth" : "views.pth");
        check_made(values_of(&d, "whole", SHAPE(3, 4)), 0, 12);
        check_made(values_of(&d, "same", SHAPE(3, 4)), 0, 12);
        check_values(values_of(&d, "transposed", SHAPE(4, 3)),
                     VALUES(-8, -4, 0, -7, -3, 1, -6, -2, 2, -5, -1, 3), 12);
        check_values(values_of(&d, "row", SHAPE(4)), VALUES(-4, -3, -2, -1), 4);
        check_values(values_of(&d, "column", SHAPE(3)), VALUES(-6, -2, 2), 3);
        if (!legacy) { /* aligned: used where they lie, once */
            assert_false(sl_state_dict_find(&d, "whole")->owned);
            assert_ptr_equal(sl_state_dict_find(&d, "same")->data, sl_state_dict_find(&d, "whole")->data);
            assert_ptr_equal(sl_state_dict_find(&d, "row")->data, sl_state_dict_find(&d, "whole")->data + 4);
        }
        sl_state_dict_free(&d);
    }
}

/* A training checkpoint: the weights under net_state_dict, as a Parameter, beside much else. */
static void nested_state_dict(void **state)
{
    (void)state;
    for (int legacy = 0; legacy < 2; legacy++) {
        sl_state_dict d = read_made(legacy ? "nested.legacy.pth" : "nested.pth");
        assert_int_equal(d.count, 1);
        check_made(values_of(&d, "weight", SHAPE(2, 2)), 0, 4);
        sl_state_dict_free(&d);
    }
}

/* ---- by hand ---- */

static const float six[6] = {1, 2, 3, 4, 5, 6};
static const int64_t two_by_three[] = {2, 3}, rows[] = {3, 1};

static pk_tensor matrix(void)
{
    return (pk_tensor){"0", "torch FloatStorage", 6, 0, 2, two_by_three, rows};
}

/* {"w": tensor} as a pickle. */
static wire pickle_of(const pk_tensor *t)
{
    wire w = {0};
    pk_begin(&w);
    pk_op(&w, '}');
    pk_text(&w, "w");
    pk_put_tensor(&w, t, NULL);
    wire_bytes(&w, "s.", 2);
    return w;
}

/* Parses and frees the file; the dict is only good for its names and owned weights. */
static sl_status parse(wire file, sl_state_dict *d, sl_error *err)
{
    uint8_t *copy = malloc(file.size); /* exactly as large, for sanitizers */
    memcpy(copy, file.data, file.size);
    free(file.data);
    sl_status status = sl_checkpoint_parse(copy, file.size, d, err);
    for (size_t i = 0; i < d->count; i++) {
        sl_weight *w = &d->weights[i];
        size_t bytes = (size_t)sl_shape_elements(&w->shape) * sizeof(float);
        float *own = malloc(bytes + 1);
        memcpy(own, w->data, bytes);
        if (w->owned)
            free((float *)w->data);
        w->data = own;
        w->owned = true;
    }
    free(copy);
    return status;
}

static wire zipped(wire pickle, bool zip64)
{
    wire file = zip_checkpoint(&pickle, six, sizeof six, zip64);
    free(pickle.data);
    return file;
}

static wire legacy_of(wire pickle, uint64_t elements, size_t bytes, bool little_endian)
{
    wire file = legacy_checkpoint(&pickle, six, elements, bytes, little_endian);
    free(pickle.data);
    return file;
}

static void check_matrix(wire file)
{
    sl_state_dict d;
    sl_error err;
    assert_ok(parse(file, &d, &err));
    assert_int_equal(d.count, 1);
    check_values(values_of(&d, "w", SHAPE(2, 3)), six, 6);
    sl_state_dict_free(&d);
}

static void both_forms(void **state)
{
    (void)state;
    pk_tensor t = matrix();
    check_matrix(zipped(pickle_of(&t), false));
    check_matrix(zipped(pickle_of(&t), true));
    check_matrix(legacy_of(pickle_of(&t), 6, sizeof six, true));
}

/* Python 2: texts as BINSTRING, and an OrderedDict of a list of pairs. torch 0.3: no hooks, views of storages. */
static void as_python_2(void **state)
{
    (void)state;
    static const int64_t two[] = {2}, one[] = {1};
    wire w = {0}, view = {0};
    pk_op(&view, '(');
    pk_text(&view, "v");
    pk_int(&view, 3); /* offset and elements of the view */
    pk_int(&view, 3);
    pk_op(&view, 't');
    const pk_tensor t = {"0", "torch FloatStorage", 6, 1, 1, two, one};
    pk_begin(&w);
    pk_global(&w, "collections OrderedDict");
    wire_bytes(&w, "]](U\001w", 6);
    pk_put_tensor(&w, &t, &view);
    wire_bytes(&w, "ea\x85R.", 5);
    sl_state_dict d;
    sl_error err;
    assert_ok(parse(legacy_of(w, 6, sizeof six, true), &d, &err));
    check_values(values_of(&d, "w", SHAPE(2)), VALUES(5, 6), 2);
    sl_state_dict_free(&d);
    free(view.data);
}

/* ---- refused ---- */

static void refuse(wire file, sl_status expected, const char *text)
{
    sl_state_dict d;
    sl_error err = {0};
    sl_status status = parse(file, &d, &err);
    if (status != expected || !strstr(err.text, text))
        fail_msg("expected %s with \"%s\", got %s: %s", sl_status_name(expected), text, sl_status_name(status),
                 err.text);
    assert_int_equal(d.count, 0);
    assert_null(d.weights);
}

static wire program(const char *bytes, size_t size)
{
    wire w = {0};
    wire_bytes(&w, bytes, size);
    return w;
}

#define PROGRAM(text) program(text, sizeof(text) - 1)

static void code_is_not_run(void **state)
{
    (void)state;
    refuse(zipped(PROGRAM("\x80\x02" "cos\nsystem\n(X\x04\0\0\0" "truetR."), false), SL_ERR_UNSUPPORTED,
           "refuses the global os.system at byte 2");
    refuse(legacy_of(PROGRAM("\x80\x02" "cos\nsystem\n(X\x04\0\0\0" "truetR."), 6, 24, true), SL_ERR_UNSUPPORTED,
           "os.system");
    refuse(zipped(PROGRAM("\x80\x04\x8c\x08" "builtins\x8c\x04" "eval\x93."), false), SL_ERR_UNSUPPORTED,
           "builtins.eval");
    refuse(zipped(PROGRAM("\x80\x02" "ctorch\nload\n."), false), SL_ERR_UNSUPPORTED, "torch.load");
    refuse(zipped(PROGRAM("(S'true'\nios\nsystem\n."), false), SL_ERR_UNSUPPORTED,
           "the opcode STRING (0x53) at byte 1");
    refuse(zipped(PROGRAM("(ios\nsystem\n."), false), SL_ERR_UNSUPPORTED, "the opcode INST");
    refuse(zipped(PROGRAM("\x80\x02\x82\x01."), false), SL_ERR_UNSUPPORTED, "the opcode EXT1");
    refuse(zipped(PROGRAM("\x80\x02" "ccollections\nOrderedDict\n)\x81."), false), SL_ERR_UNSUPPORTED, "NEWOBJ");
    refuse(zipped(PROGRAM("\x80\x02\xff."), false), SL_ERR_FORMAT, "0xff at byte 2, which is no opcode");
    refuse(zipped(PROGRAM("\x80\x06N."), false), SL_ERR_UNSUPPORTED, "protocol 6");
}

static void damaged_pickles(void **state)
{
    (void)state;
    refuse(zipped(PROGRAM("\x80\x02N"), false), SL_ERR_FORMAT, "without a STOP");
    refuse(zipped(PROGRAM("\x80\x02NN."), false), SL_ERR_FORMAT, "does not end with one value");
    refuse(zipped(PROGRAM("\x80\x02."), false), SL_ERR_FORMAT, "does not end with one value");
    refuse(zipped(PROGRAM("\x80\x02" "a."), false), SL_ERR_FORMAT, "(APPEND)");
    refuse(zipped(PROGRAM("\x80\x02](a."), false), SL_ERR_FORMAT, "(APPEND)"); /* not through a mark */
    refuse(zipped(PROGRAM("\x80\x02}(Nu."), false), SL_ERR_FORMAT, "a key without a value");
    refuse(zipped(PROGRAM("\x80\x02h\x07."), false), SL_ERR_FORMAT, "never remembered");
    refuse(zipped(PROGRAM("\x80\x02Nr\xff\xff\xff\xff."), false), SL_ERR_LIMIT, "4 times its size");
    refuse(zipped(PROGRAM("\x80\x02X\xff\xff\0\0abc."), false), SL_ERR_FORMAT, "longer than the pickle");
    refuse(zipped(PROGRAM("\x80\x02" "NR."), false), SL_ERR_FORMAT, "(REDUCE)");
    refuse(zipped(PROGRAM("\x80\x02NQ."), false), SL_ERR_FORMAT, "(BINPERSID)");
}

/* Lists that hold themselves and each other are no trouble. */
static void circles(void **state)
{
    (void)state;
    refuse(zipped(PROGRAM("\x80\x02}q\0X\5\0\0\0modelh\0s."), false), SL_ERR_FORMAT, "a dictionary of model");
    refuse(zipped(PROGRAM("\x80\x02]q\0h\0a."), false), SL_ERR_FORMAT, "it is a list;");
}

static void tensors_that_do_not_fit(void **state)
{
    (void)state;
    static const int64_t negative[] = {3, -1}, far[] = {INT64_MAX, INT64_MAX}, none[] = {0, 0},
                         huge[] = {1 << 14, 1 << 14}, overflow[] = {INT64_MAX, 2};
    pk_tensor t = matrix();
    t.offset = 1;
    refuse(zipped(pickle_of(&t), false), SL_ERR_FORMAT, "weight w reaches out of its storage of 6");
    t.offset = -1;
    refuse(zipped(pickle_of(&t), false), SL_ERR_FORMAT, "weight w");
    t = matrix();
    t.strides = negative;
    refuse(zipped(pickle_of(&t), false), SL_ERR_FORMAT, "weight w");
    t.strides = far;
    refuse(zipped(pickle_of(&t), false), SL_ERR_FORMAT, "reaches out");
    t.strides = none;
    t.shape = huge; /* one element 2^28 times */
    refuse(zipped(pickle_of(&t), false), SL_ERR_LIMIT, "4 times its size");
    t.shape = overflow;
    refuse(zipped(pickle_of(&t), false), SL_ERR_FORMAT, "weight w");
    t = matrix();
    t.elements = 7;
    refuse(zipped(pickle_of(&t), false), SL_ERR_FORMAT, "should have 7 elements and has 24 bytes");
    t = matrix();
    t.type = "torch DoubleStorage";
    refuse(zipped(pickle_of(&t), false), SL_ERR_FORMAT, "should have 6 elements");
    t.type = "torch QInt8Storage";
    refuse(zipped(pickle_of(&t), false), SL_ERR_UNSUPPORTED, "torch.QInt8Storage");
    t.type = "torch Size";
    refuse(zipped(pickle_of(&t), false), SL_ERR_FORMAT, "not named as torch.save names it");
    t = matrix();
    t.key = "1";
    refuse(zipped(pickle_of(&t), false), SL_ERR_FORMAT, "its storage is not in the file");
}

static void other_damage(void **state)
{
    (void)state;
    pk_tensor t = matrix();
    refuse(legacy_of(pickle_of(&t), 6, 23, true), SL_ERR_FORMAT, "cut short");
    refuse(legacy_of(pickle_of(&t), UINT64_MAX / 4, 24, true), SL_ERR_FORMAT, "more than there are bytes");
    refuse(legacy_of(pickle_of(&t), 5, 20, true), SL_ERR_FORMAT, "should have 6 elements");
    refuse(legacy_of(pickle_of(&t), 6, 24, false), SL_ERR_UNSUPPORTED, "little-endian");
    t.key = "1";
    refuse(legacy_of(pickle_of(&t), 6, 24, true), SL_ERR_FORMAT, "that nothing uses");
    refuse(PROGRAM("\x80\x02N."), SL_ERR_FORMAT, "not one of torch.save");
    refuse(PROGRAM("hello, world"), SL_ERR_FORMAT, "it is no checkpoint");
    refuse(PROGRAM("PK\3\4"), SL_ERR_FORMAT, "no end record");
    zip_writer packed = {.method = 8};
    zip_add(&packed, "a/data.pkl", "N.", 2);
    refuse(zip_end(&packed), SL_ERR_UNSUPPORTED, "a/data.pkl is compressed");
    zip_writer twice = {0};
    zip_add(&twice, "a/data.pkl", "N.", 2);
    zip_add(&twice, "a/data.pkl", "N.", 2);
    refuse(zip_end(&twice), SL_ERR_FORMAT, "the same name");
    zip_writer other = {0};
    zip_add(&other, "word/document.xml", "N.", 2);
    refuse(zip_end(&other), SL_ERR_FORMAT, "no data.pkl");
    zip_writer big = {0};
    zip_add(&big, "a/data.pkl", "N.", 2);
    zip_add(&big, "a/byteorder", "big", 3);
    refuse(zip_end(&big), SL_ERR_UNSUPPORTED, "little-endian");
}

/* Which of two is meant is not guessed, unless a name says it. */
static void two_state_dicts(void **state)
{
    (void)state;
    pk_tensor t = matrix();
    for (int named = 0; named < 2; named++) {
        wire w = {0};
        pk_begin(&w);
        pk_op(&w, '}');
        for (int i = 0; i < 2; i++) {
            pk_text(&w, i == 0 ? "ema" : named ? "state_dict" : "other");
            pk_op(&w, '}');
            pk_text(&w, "w");
            pk_put_tensor(&w, &t, NULL);
            wire_bytes(&w, "ss", 2);
        }
        pk_op(&w, '.');
        if (named)
            check_matrix(zipped(w, false));
        else
            refuse(zipped(w, false), SL_ERR_FORMAT, "or several: it is a dictionary of ema, other");
    }
}

/* "module.w" and "w" are one name. */
static void names_that_meet(void **state)
{
    (void)state;
    pk_tensor t = matrix();
    wire w = {0};
    pk_begin(&w);
    pk_op(&w, '}');
    for (int i = 0; i < 2; i++) {
        pk_text(&w, i ? "w" : "module.w");
        pk_put_tensor(&w, &t, NULL);
        pk_op(&w, 's');
    }
    pk_op(&w, '.');
    refuse(zipped(w, false), SL_ERR_FORMAT, "weight w is there twice");
}

/* No beginning of a file is a file. */
static void truncated(void **state)
{
    (void)state;
    static const char *const files[] = {"nested.pth", "nested.legacy.pth", "types.legacy.pth", "views.pth"};
    for (size_t i = 0; i < 4; i++) {
        char path[512];
        uint8_t *data;
        size_t size;
        sl_error err;
        sl_state_dict d;
        snprintf(path, sizeof path, "%s/tests/fuzz/corpus/checkpoint/%s", SL_SOURCE_DIR, files[i]);
        assert_ok(sl_read_file(path, 1 << 20, &data, &size, &err));
        for (size_t cut = 0; cut < size; cut++) {
            wire part = {0};
            wire_bytes(&part, data, cut);
            if (parse(part, &d, &err) == SL_OK)
                fail_msg("%s is read although it ends at byte %zu of %zu", files[i], cut, size);
        }
        free(data);
    }
}

/* ---- the real ones ---- */

/* tests/net/checkpoint_sums.py: the sum over tensors t and elements i of x (1 + i % 7) (1 + t % 5), in float64. */
static const struct {
    const char *file, *first, *last;
    size_t count;
    double sum;
} real[] = {
#include "checkpoint_sums.inc"
};

static void real_checkpoints(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof real / sizeof *real; f++) {
        char name[100];
        snprintf(name, sizeof name, "models/%s", real[f].file);
        char *path = shared_path(name);
        if (!path) {
            print_message("skipped: ../shared/%s is not here\n", name);
            skip();
        }
        sl_state_dict d;
        sl_error err;
        double sum = 0;
        assert_ok(sl_checkpoint_read(path, &d, &err));
        free(path);
        assert_int_equal(d.count, real[f].count);
        assert_string_equal(d.weights[0].name, real[f].first);
        assert_string_equal(d.weights[d.count - 1].name, real[f].last);
        for (size_t t = 0; t < d.count; t++)
            for (int64_t i = 0; i < sl_shape_elements(&d.weights[t].shape); i++)
                sum += (double)d.weights[t].data[i] * (double)(1 + i % 7) * (double)(1 + t % 5);
        if (fabs(sum - real[f].sum) > 1e-9 * fabs(sum))
            fail_msg("%s: the sum is %.12g, torch has %.12g", real[f].file, sum, real[f].sum);
        sl_state_dict_free(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_state_dicts), cmocka_unit_test(every_type),
        cmocka_unit_test(shared_storage_and_strides), cmocka_unit_test(nested_state_dict),
        cmocka_unit_test(both_forms), cmocka_unit_test(as_python_2),
        cmocka_unit_test(code_is_not_run), cmocka_unit_test(damaged_pickles),
        cmocka_unit_test(circles), cmocka_unit_test(tensors_that_do_not_fit),
        cmocka_unit_test(other_damage), cmocka_unit_test(names_that_meet),
        cmocka_unit_test(two_state_dicts), cmocka_unit_test(truncated),
        cmocka_unit_test(real_checkpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
