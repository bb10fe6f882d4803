/* Templates as bytes: back they are what they were, to the bit; any byte changed or missing is told. */
#include <math.h>

#include "support.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "template/template.h"

enum { ROOM = 1 << 14 };

static sl_error err;

static sl_template *make(sl_patch_format format, int landmarks)
{
    static float centre[2 * 3 * 5];
    float embedding[5], patches[2 * 3 * 4];
    for (int i = 0; i < 30; i++)
        centre[i] = (float)i / 8 - 2;
    const sl_template_shape shape = {.fingerprint = {7, 8},
                                     .dim = 5,
                                     .rows = 2,
                                     .cols = 3,
                                     .channels = 4,
                                     .format = format,
                                     .centre = format == SL_PATCHES_COMPACT ? centre : NULL};
    sl_template *t;
    fill_random(embedding, 5, 1, -1, 1);
    fill_random(patches, 24, 2, -3, 3);
    if (format == SL_PATCHES_COMPACT) {
        float y[30], length = 0;
        assert_ok(sl_template_alloc(&shape, &t, &err));
        for (int i = 0; i < 5; i++)
            length += embedding[i] * embedding[i];
        for (int i = 0; i < 5; i++)
            t->embedding[i] = embedding[i] / sqrtf(length);
        fill_random(y, 30, 3, -3, 3);
        sl_contributions_quantise(y, centre, 6, 5, t->codes, t->patch_scales);
    } else {
        assert_ok(sl_template_make(&shape, embedding, format == SL_PATCHES_NONE ? NULL : patches, &t, &err));
    }
    t->has_landmarks = landmarks;
    for (int k = 0; k < 68 && landmarks; k++)
        t->landmarks[k] = (sl_point){(float)k / 68, .5f};
    t->box = (sl_box){1, 2, 3.5f, 4};
    t->quality = (sl_quality){.1f, .2f, .3f, .4f, .5f};
    return t;
}

static const sl_patch_format formats[] = {SL_PATCHES_INT8, SL_PATCHES_F32, SL_PATCHES_COMPACT, SL_PATCHES_NONE};

static void back_to_the_bit(void **state)
{
    (void)state;
    for (int f = 0; f < 4; f++)
        for (int landmarks = 0; landmarks < 2; landmarks++) {
            uint8_t bytes[ROOM + 1], again[ROOM];
            size_t size, other;
            sl_template *t = make(formats[f], landmarks), *back;
            assert_ok(sl_template_bytes(t, NULL, 0, &size, &err));
            assert_true(size < ROOM);
            assert_int_equal(sl_template_bytes(t, bytes, size - 1, &other, &err), SL_ERR_LIMIT);
            assert_ok(sl_template_bytes(t, bytes + 1, ROOM, &other, &err)); /* at any alignment */
            assert_int_equal(other, size);
            assert_ok(sl_template_of_bytes(bytes + 1, size, &back, &err));
            assert_memory_equal(back->embedding, t->embedding, 5 * sizeof(float));
            assert_memory_equal(&back->box, &t->box, sizeof t->box);
            assert_memory_equal(&back->quality, &t->quality, sizeof t->quality);
            assert_int_equal(back->has_landmarks, landmarks);
            assert_ok(
                sl_template_bytes(back, again, sizeof again, &other, &err)); /* patches, scales, centre, landmarks */
            assert_int_equal(other, size);
            assert_memory_equal(again, bytes + 1, size);
            sl_template_free(back);
            sl_template_free(t);
        }
}

static void damage_is_told(void **state)
{
    (void)state;
    for (int f = 0; f < 4; f++) {
        uint8_t bytes[ROOM];
        size_t size;
        sl_template *t = make(formats[f], 0), *back;
        assert_ok(sl_template_bytes(t, bytes, ROOM, &size, &err));
        for (size_t at = 0; at < size; at++) {
            bytes[at] ^= (uint8_t)(1 << at % 8);
            assert_int_not_equal(sl_template_of_bytes(bytes, size, &back, &err), SL_OK);
            assert_null(back);
            /* with a checksum that holds it is another template, or none */
            uint8_t sum[4];
            memcpy(sum, bytes + size - 4, 4);
            sl_put_u32(bytes + size - 4, sl_crc32c(0, bytes, size - 4));
            if (sl_template_of_bytes(bytes, size, &back, &err) == SL_OK) {
                uint8_t again[ROOM];
                size_t other;
                assert_ok(sl_template_bytes(back, again, ROOM, &other, &err));
                assert_memory_equal(again, bytes, size);
                sl_template_free(back);
            }
            memcpy(bytes + size - 4, sum, 4);
            bytes[at] ^= (uint8_t)(1 << at % 8);
        }
        for (size_t cut = 0; cut < size; cut++)
            assert_int_not_equal(sl_template_of_bytes(bytes, cut, &back, &err), SL_OK);
        sl_put_u32(bytes + 8, 2);
        assert_int_equal(sl_template_of_bytes(bytes, size, &back, &err), SL_ERR_UNSUPPORTED);
        assert_non_null(strstr(err.text, "version 2"));
        sl_template_free(t);
    }
    sl_template *back;
    assert_int_equal(sl_template_of_bytes(NULL, 0, &back, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_template_bytes(NULL, NULL, 0, NULL, &err), SL_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(back_to_the_bit),
        cmocka_unit_test(damage_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
