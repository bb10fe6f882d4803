/* RetinaFace's network: its outputs for a picture of any size. */
#include "retinaface_model.h"

/* The heads of the coarse strides alone are, bit for bit, those of all three. */
static void fewer_heads_are_the_same_heads(void **state)
{
    (void)state;
    sl_error err;
    sl_retinaface_network network;
    sl_image picture;
    float *kept[3];
    static const size_t channels[] = {4, 8, 20};
    assert_ok(sl_image_new(224, 160, 3, &picture, &err));
    for (int i = 0; i < 224 * 160 * 3; i++)
        picture.pixels[i] = (uint8_t)(i * 2654435761u >> 24);
    assert_ok(sl_retinaface_network_open(graph, 1, &network, &err));
    for (int n = 1; n < SL_RETINAFACE_HEADS; n++) {
        sl_retinaface_head all[SL_RETINAFACE_HEADS], few[SL_RETINAFACE_HEADS];
        assert_ok(sl_retinaface_look(&network, &picture, false, SL_RETINAFACE_HEADS, all, &err));
        const sl_retinaface_head *h = &all[n - 1];
        const float *outputs[] = {h->score, h->box, h->points};
        size_t cells = (size_t)h->rows * (size_t)h->cols;
        for (int k = 0; k < 3; k++) {
            kept[k] = malloc(channels[k] * cells * sizeof(float));
            memcpy(kept[k], outputs[k], channels[k] * cells * sizeof(float));
        }
        assert_ok(sl_retinaface_look(&network, &picture, false, n, few, &err));
        const float *again[] = {few[n - 1].score, few[n - 1].box, few[n - 1].points};
        assert_int_equal(few[n - 1].stride, h->stride);
        for (int k = 0; k < 3; k++) {
            assert_memory_equal(again[k], kept[k], channels[k] * cells * sizeof(float));
            free(kept[k]);
        }
    }
    sl_retinaface_network_close(&network);
    sl_image_free(&picture);
}

/* The picture lies at the top left of what the network sees, black around it; the cells are those of that whole. */
static void a_picture_is_padded_with_black(void **state)
{
    (void)state;
    sl_error err;
    sl_retinaface_network network;
    sl_retinaface_head small[SL_RETINAFACE_HEADS], whole[SL_RETINAFACE_HEADS];
    sl_image picture, padded;
    assert_ok(sl_image_new(70, 33, 3, &picture, &err));
    assert_ok(sl_image_new(96, 64, 3, &padded, &err));
    for (int y = 0; y < 33; y++)
        for (int x = 0; x < 70 * 3; x++)
            padded.pixels[y * 96 * 3 + x] = picture.pixels[y * 70 * 3 + x] = (uint8_t)(x * y);
    assert_ok(sl_retinaface_network_open(graph, 1, &network, &err));
    assert_ok(sl_retinaface_look(&network, &padded, false, SL_RETINAFACE_HEADS, whole, &err));
    assert_int_equal(whole[2].rows, 8);
    assert_int_equal(whole[2].cols, 12);
    float kept[4 * 8 * 12];
    memcpy(kept, whole[2].score, sizeof kept);
    assert_ok(sl_retinaface_look(&network, &picture, false, SL_RETINAFACE_HEADS, small, &err));
    assert_int_equal(small[2].cols, 12);
    assert_memory_equal(small[2].score, kept, sizeof kept);
    sl_retinaface_network_close(&network);
    sl_image_free(&picture);
    sl_image_free(&padded);
}

static int kept_plans(const sl_plan_cache *cache)
{
    int kept = 0;
    for (int i = 0; i < SL_PLAN_CACHE_MOST; i++)
        kept += cache->slots[i].plan != NULL;
    return kept;
}

/* Photos of any size cost few plans: sides are padded in steps, by a quarter at most where they are not small, and no
 * more than a few plans are kept. */
static void many_sizes_are_few_plans(void **state)
{
    (void)state;
    enum { PICTURES = 40, MOST_SIDES = 20, MOST_KEPT = 7 };
    sl_error err;
    sl_retinaface_network network;
    sl_retinaface_head heads[SL_RETINAFACE_HEADS];
    bool seen[1280 / 32 + 1] = {false};
    uint32_t random = 1;
    int sides = 0;
    assert_ok(sl_retinaface_network_open(graph, 1, &network, &err));
    for (int i = 0; i < PICTURES; i++) {
        sl_image picture;
        random = random * 1664525u + 1013904223u;
        const int width = 33 + (int)((random >> 8) % 1248);
        assert_ok(sl_image_new(width, 8, 3, &picture, &err));
        memset(picture.pixels, 99, (size_t)width * 8 * 3);
        assert_ok(sl_retinaface_look(&network, &picture, false, SL_RETINAFACE_HEADS, heads, &err));
        const int padded = heads[2].cols * heads[2].stride;
        assert_in_range(padded, width, width < 128 ? width + 31 : width + width / 4);
        sides += !seen[padded / 32];
        seen[padded / 32] = true;
        assert_in_range(kept_plans(&network.plans), 1, MOST_KEPT);
        sl_image_free(&picture);
    }
    assert_in_range(sides, 8, MOST_SIDES); /* of 40 widths */
    sl_retinaface_network_close(&network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fewer_heads_are_the_same_heads),
        cmocka_unit_test(a_picture_is_padded_with_black),
        cmocka_unit_test(many_sizes_are_few_plans),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
