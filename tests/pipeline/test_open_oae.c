/* A model's cells: opened by its name and taken from an engine they are the same. */
#include "support.h"

#include "base/sha256.h"
#include "match/oae/oae.h"

static sl_error err;

static void of_an_engine_and_by_name(void **state)
{
    (void)state;
    const sl_engine_options options = {.model = "mobilefacenet-192", .landmarks = "none"};
    sl_engine *engine;
    sl_oae *named, *taken, *head;
    assert_ok(sl_engine_open(&options, &engine, &err));
    assert_ok(sl_oae_open(NULL, "mobilefacenet-192", NULL, 1, &named, &err));
    assert_ok(sl_oae_of_engine(engine, SL_NEEDS_STATISTICS, NULL, 1, &taken, &err));
    assert_ok(sl_oae_of_engine(engine, SL_NEEDS_HEAD, NULL, 1, &head, &err));
    assert_int_equal(sl_oae_of_engine(engine, SL_NEEDS_NOTHING, NULL, 1, &(sl_oae *){NULL}, &err), SL_ERR_ARGUMENT);
    sl_engine_close(engine); /* the cells stay */

    const sl_head *h = &named->head;
    const size_t weights = (size_t)(h->blocks * h->cells * h->channels) * SL_HEAD_COLUMNS;
    const sl_oae *others[] = {taken, head};
    for (int i = 0; i < 2; i++) {
        assert_memory_equal(others[i]->head.weights, h->weights, weights * sizeof(float));
        assert_memory_equal(others[i]->head.bias, h->bias, (size_t)h->dim * sizeof(float));
    }
    assert_string_equal(sl_oae_source(taken), sl_oae_source(named));
    assert_memory_equal(taken->stats.mu, named->stats.mu, (size_t)(h->cells * h->dim) * sizeof(float));
    assert_null(sl_oae_source(head));
    assert_false(sl_oae_has_statistics(head));
    sl_oae_close(named);
    sl_oae_close(taken);
    sl_oae_close(head);
}

/* Who has no name is the default; statistics, galleries and engines of one model have one fingerprint. */
static void fingerprint_of_an_engine(void **state)
{
    (void)state;
    const sl_engine_options options = {.landmarks = "none"};
    sl_engine *engine;
    sl_oae *oae;
    char hex[65];
    assert_ok(sl_engine_open(&options, &engine, &err));
    assert_ok(sl_oae_open(NULL, SL_DEFAULT_RECOGNISER, NULL, 1, &oae, &err));
    sl_hex32(oae->stats.fingerprint, hex);
    assert_string_equal(sl_engine_fingerprint(engine), hex);
    assert_string_equal(sl_engine_model(engine)->name, SL_DEFAULT_RECOGNISER);
    sl_oae_close(oae);
    sl_engine_close(engine);
}

int main(void)
{
    char *model = model_path("mobilefacenet-192.tflite"), *detector = model_path("retinaface-mnet25.onnx");
    const bool here = model && detector;
    free(model);
    free(detector);
    if (!here)
        SKIP_PROGRAM("mobilefacenet-192 or retinaface-mnet25 is not here: secondlook models fetch");
    const struct CMUnitTest tests[] = {cmocka_unit_test(of_an_engine_and_by_name),
                                       cmocka_unit_test(fingerprint_of_an_engine)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
