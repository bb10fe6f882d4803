/* An engine whose models lie in memory is the same engine; what is missing there is missing. */
#include "support.h"

#include "base/file.h"
#include "base/memory_files.h"
#include "pipeline/engine.h"

static sl_error err;

static void files_in_memory_are_files(void **state)
{
    (void)state;
    static const char text[] = "some bytes";
    const sl_model_file files[] = {{"a.json", text, 10}, {"empty", NULL, 0}};
    sl_model_files *set, *other;
    sl_mapping map, again;
    uint8_t *copy;
    size_t size;
    char path[100], far[100];
    assert_ok(sl_model_files_open(files, 2, &set, &err));
    assert_ok(sl_model_files_open(files + 1, 1, &other, &err));
    assert_string_not_equal(sl_model_files_dir(set), sl_model_files_dir(other));
    snprintf(path, sizeof path, "%s/a.json", sl_model_files_dir(set));
    snprintf(far, sizeof far, "%s/a.json", sl_model_files_dir(other));
    assert_true(sl_memory_file_there(path) && !sl_memory_file_there(far));
    assert_ok(sl_map_file(path, 10, &map, &err));
    assert_ptr_equal(map.data, text); /* no copy */
    assert_ok(sl_map_file(path, 10, &again, &err));
    sl_unmap_file(&again);
    assert_ok(sl_read_file(path, 100, &copy, &size, &err));
    assert_true(size == 10 && !strcmp((char *)copy, text));
    free(copy);
    assert_int_equal(sl_map_file(path, 9, &again, &err), SL_ERR_LIMIT);
    assert_int_equal(sl_map_file(far, 9, &again, &err), SL_ERR_NOT_FOUND);
    assert_int_equal(sl_read_file("memory:", 9, &copy, &size, &err), SL_ERR_NOT_FOUND);
    snprintf(far, sizeof far, "%s/empty", sl_model_files_dir(other));
    assert_ok(sl_read_file(far, 9, &copy, &size, &err));
    assert_true(size == 0 && copy[0] == 0);
    free(copy);
    sl_model_files_close(other);
    sl_model_files_close(set); /* while one is mapped: nobody finds it, its bytes are given back all the same */
    assert_false(sl_memory_file_there(path));
    sl_unmap_file(&map);
    sl_model_files_close(NULL);
    const sl_model_file bad[] = {{"in/a/folder", text, 1}, {"x", NULL, 1}, {"", text, 1}, {NULL, text, 1}};
    for (int i = 0; i < 4; i++)
        assert_int_equal(sl_model_files_open(&bad[i], 1, &set, &err), SL_ERR_ARGUMENT);
}

/* A file of the models folder, at an odd address. */
static sl_model_file load(const char *name, uint8_t **memory)
{
    char *path = model_path(name);
    uint8_t *data;
    size_t size;
    if (!path)
        SKIP_PROGRAM("%s was not fetched", name);
    assert_ok(sl_read_file(path, (size_t)1 << 30, &data, &size, &err));
    *memory = malloc(size + 1);
    memcpy(*memory + 1, data, size);
    free(data);
    free(path);
    return (sl_model_file){name, *memory + 1, size};
}

static sl_template *described(const sl_engine *engine)
{
    sl_session *session;
    sl_template *t;
    sl_image crop;
    assert_ok(sl_session_open(engine, 1, &session, &err));
    assert_ok(sl_image_new(112, 112, 3, &crop, &err));
    for (size_t i = 0; i < 112 * 112 * 3; i++)
        crop.pixels[i] = (uint8_t)(i * i / 977);
    assert_ok(sl_templates_of_crops(session, &crop, 1, &t, &err));
    sl_image_free(&crop);
    sl_session_close(session);
    return t;
}

static void an_engine_from_memory(void **state)
{
    (void)state;
    uint8_t *memory[2];
    const sl_model_file files[] = {load("mobilefacenet-192.tflite", &memory[0]),
                                   load("retinaface-mnet25.onnx", &memory[1])};
    sl_model_files *set;
    sl_engine *engine, *usual;
    assert_ok(sl_model_files_open(files, 2, &set, &err));
    sl_engine_options o = {.models_dir = sl_model_files_dir(set), .landmarks = "none"};
    assert_ok(sl_engine_open(&o, &engine, &err));
    o.models_dir = NULL;
    assert_ok(sl_engine_open(&o, &usual, &err));
    sl_template *a = described(engine), *b = described(usual);
    assert_memory_equal(a->embedding, b->embedding, 192 * sizeof(float));
    assert_memory_equal(a->shape.fingerprint, b->shape.fingerprint, 32);
    sl_template_free(a);
    sl_template_free(b);
    sl_engine_close(engine);
    sl_engine_close(usual);
    sl_model_files_close(set);
    assert_ok(sl_model_files_open(files, 1, &set, &err)); /* without the detector */
    o.models_dir = sl_model_files_dir(set);
    assert_int_equal(sl_engine_open(&o, &engine, &err), SL_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "retinaface-mnet25"));
    sl_model_files_close(set);
    free(memory[0]);
    free(memory[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_in_memory_are_files),
        cmocka_unit_test(an_engine_from_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
