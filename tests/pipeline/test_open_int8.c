/* int8: its file, what it keeps of f32's embeddings, and that a broken one is refused. */
#include <sys/stat.h>
#include <unistd.h>

#include "../explain/drawn_faces.h"

#include "base/cpu.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "base/mem.h"
#include "pipeline/open_int8.h"

static sl_error err;

/* ---- the file ---- */

static size_t probe_size(const sl_int8_model *m)
{
    return (size_t)(m->width * m->height * m->channels) * (m->kind == SL_INT8_LOOK ? sizeof(float) : 1);
}

static sl_int8_model made_up(sl_int8_kind kind)
{
    sl_int8_model m = {.kind = kind, .width = 6, .height = 4, .channels = 3, .dim = 5, .agreement = .9995f};
    if (kind == SL_INT8_LOOK)
        m.channels = 2, m.dim = 1;
    assert_ok(sl_int8_model_alloc(&m, &err));
    for (size_t i = 0; i < probe_size(&m); i++)
        ((uint8_t *)m.probe)[i] = (uint8_t)(3 * i % 64); /* as floats they are small */
    for (int i = 0; i < m.dim; i++)
        m.expected[i] = .1f * (float)(i + 1);
    memset(m.fingerprint, 7, sizeof m.fingerprint);
    m.ranges.items = sl_calloc_aligned(3, sizeof *m.ranges.items);
    static const char *const names[] = {"first", "", "a longer name"};
    for (m.ranges.count = 0; m.ranges.count < 3; m.ranges.count++)
        m.ranges.items[m.ranges.count] =
            (sl_range){sl_strdup(names[m.ranges.count]), .01f * (float)(1 + m.ranges.count), m.ranges.count == 1};
    return m;
}

/* The bytes of a model, as a file has them. */
static uint8_t *bytes_of(const sl_int8_model *m, const char *path, size_t *size)
{
    uint8_t *data;
    assert_ok(sl_int8_write(m, path, &err));
    assert_ok(sl_read_file(path, 1 << 20, &data, size, &err));
    return data;
}

static void expect_equal(const sl_int8_model *a, const sl_int8_model *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_memory_equal(a->fingerprint, b->fingerprint, 32);
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->channels, b->channels);
    assert_int_equal(a->dim, b->dim);
    assert_true(a->agreement == b->agreement);
    assert_memory_equal(a->probe, b->probe, probe_size(a));
    assert_memory_equal(a->expected, b->expected, (size_t)a->dim * 4);
    assert_int_equal(a->ranges.count, b->ranges.count);
    for (int i = 0; i < a->ranges.count; i++) {
        assert_string_equal(a->ranges.items[i].tensor, b->ranges.items[i].tensor);
        assert_true(a->ranges.items[i].scale == b->ranges.items[i].scale);
        assert_int_equal(a->ranges.items[i].has_sign, b->ranges.items[i].has_sign);
    }
}

static void comes_back(const char *folder, sl_int8_kind kind)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/x.int8", folder);
    sl_int8_model m = made_up(kind), back;
    size_t size;
    uint8_t *data = bytes_of(&m, path, &size);
    assert_ok(sl_int8_parse(data, size, path, &back, &err));
    expect_equal(&m, &back);
    free(data);
    sl_int8_model_free(&back);
    sl_int8_model_free(&m);
}

static void a_file_comes_back(void **state)
{
    comes_back(*state, SL_INT8_RECOGNISER);
    comes_back(*state, SL_INT8_LOOK);
}

static void expect_refused(uint8_t *data, size_t size, bool with_checksum)
{
    sl_int8_model m;
    if (with_checksum) {
        uint32_t crc = sl_crc32c(0, data, size - 4);
        memcpy(data + size - 4, &crc, 4);
    }
    sl_status status = sl_int8_parse(data, size, "x.int8", &m, &err);
    assert_true(status == SL_ERR_FORMAT || status == SL_ERR_CORRUPT);
    assert_non_null(strstr(err.text, "models quantise"));
    assert_null(m.probe);
    assert_null(m.ranges.items);
}

static void are_refused_damaged(const char *folder, sl_int8_kind kind)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/x.int8", folder);
    sl_int8_model m = made_up(kind);
    size_t size;
    uint8_t *data = bytes_of(&m, path, &size);
    for (size_t i = 0; i < size; i++) { /* one bit anywhere */
        data[i] ^= 0x10;
        expect_refused(data, size, false);
        data[i] ^= 0x10;
    }
    for (size_t cut = 0; cut < size; cut++) { /* the end is missing, its checksum made to hold */
        uint8_t *part = malloc(cut + 1);
        memcpy(part, data, cut);
        expect_refused(part, cut, cut >= 4);
        free(part);
    }
    enum { KIND = 7, SIZES = 40, AGREEMENT = 60, PROBE = 64 };
    const size_t expected = PROBE + probe_size(&m), first_scale = expected + (size_t)m.dim * 4;
    static const float wrong[] = {0, -1, NAN, INFINITY, 1e-42f};
    uint8_t *copy = malloc(size);
    for (int i = 0; i < 5; i++) {
        memcpy(copy, data, size);
        memcpy(copy + first_scale, &wrong[i], 4);
        expect_refused(copy, size, true);
    }
    for (int i = 0; i < 5; i++) { /* width, height, channels, dim, ranges beyond what is there */
        const uint32_t large = 0x40000000;
        memcpy(copy, data, size);
        memcpy(copy + SIZES + 4 * i, &large, 4);
        expect_refused(copy, size, true);
    }
    const size_t numbers[] = {AGREEMENT, expected, PROBE};
    for (int i = 0; i < (kind == SL_INT8_LOOK ? 3 : 2); i++) {
        memcpy(copy, data, size);
        memcpy(copy + numbers[i], &wrong[2], 4);
        expect_refused(copy, size, true);
    }
    for (int other = 0; other < 4; other++) { /* none, the other kind, and one that is not known */
        memcpy(copy, data, size);
        copy[KIND] = (uint8_t)other;
        if (other != (int)kind)
            expect_refused(copy, size, true);
    }
    free(copy);
    free(data);
    sl_int8_model_free(&m);
}

static void damaged_files_are_refused(void **state)
{
    are_refused_damaged(*state, SL_INT8_RECOGNISER);
    are_refused_damaged(*state, SL_INT8_LOOK);
}

/* ---- a real network ---- */

enum { FACES = 40, SHOWN = 8 };

static void skip_without_network(void)
{
    char *path = model_path("mobilefacenet-192.tflite");
    if (path && sl_compute_check(SL_COMPUTE_INT8, &err) == SL_OK) {
        free(path);
        return;
    }
    print_message("not tested: %s\n", path ? err.text : "mobilefacenet-192 is not here: secondlook models fetch");
    free(path);
    skip();
}

/* A models folder of our own, so that its .int8 file is ours. */
static void link_model(const char *dir)
{
    char to[4096], *from = model_path("mobilefacenet-192.tflite");
    snprintf(to, sizeof to, "%s/mobilefacenet-192.tflite", dir);
    assert_int_equal(symlink(from, to), 0);
    free(from);
}

static sl_engine *open_engine(const char *dir, sl_compute precision)
{
    sl_engine_options o = {.models_dir = dir, .landmarks = "none", .precision = precision};
    char to[4096], *from = model_path("retinaface-mnet25.onnx");
    sl_engine *engine;
    snprintf(to, sizeof to, "%s/retinaface-mnet25.onnx", dir);
    assert_true(from && (access(to, F_OK) == 0 || symlink(from, to) == 0));
    free(from);
    assert_ok(sl_engine_open(&o, &engine, &err));
    return engine;
}

static sl_status embed(const char *dir, sl_compute precision, const sl_image *crops, sl_template **out)
{
    sl_engine *engine = open_engine(dir, precision);
    sl_session *session;
    assert_ok(sl_session_open(engine, 1, &session, &err));
    sl_status status = sl_templates_of_crops(session, crops, SHOWN, out, &err);
    sl_session_close(session);
    sl_engine_close(engine);
    return status;
}

static void expect_agreement(const char *dir, const sl_image *crops)
{
    sl_template *wide[SHOWN], *narrow[SHOWN];
    assert_ok(embed(dir, SL_COMPUTE_F32, crops, wide));
    assert_ok(embed(dir, SL_COMPUTE_INT8, crops, narrow));
    for (int i = 0; i < SHOWN; i++) {
        double c = cosine_of(wide[i]->embedding, narrow[i]->embedding, 192);
        if (!(c > .997 && c < .9999999))
            fail_msg("face %d: cosine %f", i, c);
        sl_template_free(wide[i]);
        sl_template_free(narrow[i]);
    }
}

/* Every third scale in turn is far too large or far too small, with a checksum that holds; then the network is
 * another. */
static void expect_self_test(const char *dir, const char *path, const sl_image *crops)
{
    sl_template *t[SHOWN];
    sl_int8_model m;
    uint8_t *data;
    size_t size;
    assert_ok(sl_read_file(path, 1 << 20, &data, &size, &err));
    assert_ok(sl_int8_parse(data, size, path, &m, &err));
    for (int i = 0; i < m.ranges.count; i += 3)
        for (int small = 0; small < 2; small++) {
            float good = m.ranges.items[i].scale;
            m.ranges.items[i].scale = small ? good / 32 : good * 32;
            assert_ok(sl_int8_write(&m, path, &err));
            sl_status status = embed(dir, SL_COMPUTE_INT8, crops, t);
            if (status != SL_ERR_CORRUPT || !strstr(err.text, "self-test"))
                fail_msg("%s, %s by 32: %d", m.ranges.items[i].tensor, small ? "too small" : "too large", status);
            m.ranges.items[i].scale = good;
        }
    m.fingerprint[0] ^= 1;
    assert_ok(sl_int8_write(&m, path, &err));
    sl_engine_options o = {.models_dir = dir, .landmarks = "none", .precision = SL_COMPUTE_INT8};
    sl_engine *engine;
    assert_int_equal(sl_engine_open(&o, &engine, &err), SL_ERR_MISMATCH);
    unlink(path);
    assert_int_equal(sl_engine_open(&o, &engine, &err), SL_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "models quantise --model mobilefacenet-192"));
    sl_int8_model_free(&m);
    free(data);
}

static void a_network_in_int8(void **state)
{
    skip_without_network();
    const char *dir = *state;
    char path[4096];
    sl_image crops[FACES];
    sl_int8_report report;
    snprintf(path, sizeof path, "%s/mobilefacenet-192.int8", dir);
    link_model(dir);
    for (int i = 0; i < FACES; i++)
        draw_face(i, .02f * (float)(i % 3 - 1), false, 112, 112, &crops[i]);
    const sl_quantise_options o = {.models_dir = dir, .threads = 1};
    assert_int_equal(sl_model_quantise(&o, crops, 31, NULL, &err), SL_ERR_ARGUMENT);
    assert_ok(sl_model_quantise(&o, crops, FACES, &report, &err));
    assert_int_equal(report.faces, FACES);
    assert_true(report.int8 > 5 && report.int8 <= report.tensors && report.share >= .99);
    expect_agreement(dir, crops);
    expect_self_test(dir, path, crops);
    for (int i = 0; i < FACES; i++)
        sl_image_free(&crops[i]);
}

static int make_dir(void **state)
{
    *state = make_temp_dir();
    return 0;
}

static int drop_dir(void **state)
{
    remove_tree(*state);
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_comes_back, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(damaged_files_are_refused, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(a_network_in_int8, make_dir, drop_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
