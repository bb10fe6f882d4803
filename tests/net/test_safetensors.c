/* safetensors: what is written is read again, by others too; files that must be refused. And the state dict itself. */
#include "net/import/weights/safetensors.h"

#include "base/bytes.h"
#include "net/import/weights/checkpoint.h"
#include "support.h"

static const float numbers[] = {1, -2, 3.5f, 0, INFINITY, 1e-40f};

static void add(sl_state_dict *d, const char *name, sl_shape shape)
{
    sl_error err;
    assert_ok(sl_state_dict_add(d, name, &shape, numbers, false, &err));
}

static char *temp_file(char **dir)
{
    static char path[300];
    *dir = make_temp_dir();
    snprintf(path, sizeof path, "%s/model.safetensors", *dir);
    return path;
}

static void round_trip(void **state)
{
    (void)state;
    static const char *const metadata[][2] = {{"format", "pt"}, {"made by", "secondlook \"x\"\n"}};
    sl_state_dict d = {0}, again;
    sl_error err;
    char *dir, *path = temp_file(&dir);
    add(&d, "conv.weight", (sl_shape){4, {1, 2, 3, 1}});
    add(&d, "Gewicht-ü", (sl_shape){1, {3}});
    add(&d, "scalar", (sl_shape){0, {0}});
    add(&d, "none", (sl_shape){2, {0, 7}});
    assert_ok(sl_safetensors_write(path, &d, metadata, 2, &err));
    assert_ok(sl_checkpoint_read(path, &again, &err)); /* knows the form by its first bytes */
    assert_int_equal(again.count, 4);
    for (size_t i = 0; i < 4; i++) {
        const sl_weight *a = &d.weights[i], *b = sl_state_dict_find(&again, a->name);
        assert_non_null(b);
        assert_int_equal(a->shape.rank, b->shape.rank);
        assert_memory_equal(a->shape.dim, b->shape.dim, (size_t)a->shape.rank * sizeof *a->shape.dim);
        assert_memory_equal(a->data, b->data, (size_t)sl_shape_elements(&a->shape) * sizeof(float));
    }
    assert_string_equal(again.weights[0].name, "conv.weight");
    assert_false(again.weights[0].owned); /* mapped */
    sl_state_dict_free(&again);
    uint8_t *data;
    size_t size;
    assert_ok(sl_read_file(path, 1 << 20, &data, &size, &err));
    assert_int_equal(sl_get_u64(data) % 8, 0);
    assert_non_null(strstr((char *)data + 8,
                           "\"__metadata__\":{\"format\":\"pt\",\"made by\":\"secondlook \\\"x\\\"\\n\"}"));
    assert_non_null(strstr((char *)data + 8,
                           "\"conv.weight\":{\"dtype\":\"F32\",\"shape\":[1,2,3,1],\"data_offsets\":[0,24]}"));
    free(data);
    sl_state_dict_free(&d);
    remove_tree(dir);
    free(dir);
}

static void every_type(void **state)
{
    (void)state;
    char path[512];
    sl_state_dict d;
    sl_error err;
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/safetensors/plain.safetensors", SL_SOURCE_DIR);
    assert_ok(sl_safetensors_read(path, &d, &err));
    assert_int_equal(d.count, 3);
    for (int i = 0; i < 6; i++)
        assert_float_equal(sl_state_dict_find(&d, "w")->data[i], (float)i, 0);
    assert_float_equal(sl_state_dict_find(&d, "b")->data[1], 2, 0);
    sl_state_dict_free(&d);
}

/* A header and that many bytes behind it. */
static void refuse(const char *header, size_t bytes, sl_status expected, const char *text)
{
    size_t length = strlen(header);
    uint8_t *file = calloc(1, 8 + length + bytes);
    sl_state_dict d;
    sl_error err = {0};
    sl_put_u64(file, length);
    memcpy(file + 8, header, length);
    sl_status status = sl_safetensors_parse(file, 8 + length + bytes, &d, &err);
    free(file);
    if (status != expected || !strstr(err.text, text))
        fail_msg("expected %s with \"%s\", got %s: %s", sl_status_name(expected), text, sl_status_name(status),
                 err.text);
    assert_null(d.weights);
}

#define TENSOR(name, dtype, shape, begin, end) \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

static void damaged(void **state)
{
    (void)state;
    refuse("{" TENSOR("a", "F32", "[2]", "0", "8") "," TENSOR("b", "F32", "[1]", "12", "16") "}", 16, SL_ERR_FORMAT,
           "tensor b has bytes 12 to 16 and should begin at 8"); /* a hole */
    refuse("{" TENSOR("a", "F32", "[2]", "0", "8") "," TENSOR("b", "F32", "[2]", "4", "12") "}", 12, SL_ERR_FORMAT,
           "tensor b"); /* an overlap */
    refuse("{" TENSOR("a", "F32", "[2]", "0", "8") "}", 12, SL_ERR_FORMAT, "take 8 bytes and the file has 12");
    refuse("{" TENSOR("a", "F32", "[2]", "0", "8") "}", 4, SL_ERR_FORMAT, "bytes 0 to 8");
    refuse("{" TENSOR("a", "F32", "[3]", "0", "8") "}", 8, SL_ERR_FORMAT, "which its shape and dtype do not take");
    refuse("{" TENSOR("a", "F8_E5M2", "[8]", "0", "8") "}", 8, SL_ERR_UNSUPPORTED, "the dtype F8_E5M2");
    refuse("{" TENSOR("a", "F32", "[-2]", "0", "8") "}", 8, SL_ERR_LIMIT, "negative");
    refuse("{" TENSOR("a", "F32", "[4611686018427387904, 4]", "0", "8") "}", 8, SL_ERR_LIMIT, "too large");
    refuse("{" TENSOR("a", "F32", "[1,1,1,1,1,1,2]", "0", "8") "}", 8, SL_ERR_FORMAT, "no shape");
    refuse("{" TENSOR("a", "F32", "[2]", "8", "0") "}", 8, SL_ERR_FORMAT, "tensor a");
    refuse("{" TENSOR("a", "F32", "[2]", "0", "8") "," TENSOR("a", "F32", "[2]", "8", "16") "}", 16, SL_ERR_FORMAT,
           "duplicate");
    refuse("{" TENSOR("w", "F32", "[1]", "0", "4") "," TENSOR("module.w", "F32", "[1]", "4", "8") "}", 8, SL_ERR_FORMAT,
           "weight w is there twice");
    refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, SL_ERR_FORMAT, "no data_offsets");
    refuse("{\"a\":3}", 0, SL_ERR_FORMAT, "tensor a");
    refuse("{\"a\":", 0, SL_ERR_FORMAT, "its header is not sound");
    refuse("[]", 0, SL_ERR_FORMAT, "no safetensors file");
}

/* A header that is most of a large file could make its reader allocate many times the file. */
static void large_header(void **state)
{
    (void)state;
    size_t size = 1 << 20;
    char *header = malloc(size + 1);
    memset(header, '[', size);
    memcpy(header, "{\"a\":", 5);
    header[size] = '\0';
    refuse(header, 0, SL_ERR_LIMIT, "4 times its size");
    free(header);
}

static void text_that_is_not_utf8(void **state)
{
    (void)state;
    static const char *const metadata[][2] = {{"key", "\xff"}};
    sl_state_dict d = {0};
    sl_error err;
    char *dir, *path = temp_file(&dir);
    add(&d, "w\xff", (sl_shape){1, {1}});
    assert_int_equal(sl_safetensors_write(path, &d, NULL, 0, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_safetensors_write(path, &d, metadata, 1, &err), SL_ERR_ARGUMENT);
    sl_state_dict_free(&d);
    remove_tree(dir);
    free(dir);
}

static void names_are_found(void **state)
{
    (void)state;
    sl_state_dict d = {0};
    sl_error err;
    const sl_shape one = {1, {1}};
    char name[32];
    assert_null(sl_state_dict_find(&d, "w0"));
    for (int i = 0; i < SL_MAX_WEIGHTS; i++) {
        snprintf(name, sizeof name, "w%d", i);
        add(&d, name, one);
    }
    assert_int_equal(sl_state_dict_add(&d, "more", &one, numbers, false, &err), SL_ERR_LIMIT);
    for (int i = 0; i < SL_MAX_WEIGHTS; i++) {
        snprintf(name, sizeof name, "w%d", i);
        assert_ptr_equal(sl_state_dict_find(&d, name), &d.weights[i]);
    }
    assert_null(sl_state_dict_find(&d, "w"));
    assert_null(sl_state_dict_find(&d, ""));
    sl_state_dict_free(&d);
    add(&d, "w", one);
    assert_int_equal(sl_state_dict_add(&d, "w", &one, numbers, false, &err), SL_ERR_FORMAT);
    assert_int_equal(sl_state_dict_add(&d, "", &one, numbers, false, &err), SL_ERR_FORMAT);
    sl_state_dict_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),   cmocka_unit_test(every_type),
        cmocka_unit_test(damaged),      cmocka_unit_test(large_header),
        cmocka_unit_test(text_that_is_not_utf8), cmocka_unit_test(names_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
