/* Options that are settled: an alpha that was not given is the look's own, by who embedded the queries. */
#include "support.h"

#include <math.h>

#include "gallery/gallery.h"
#include "match/oae/oae.h"
#include "pipeline/engine.h"

static const sl_template_shape shape = {
    .fingerprint = {9}, .dim = 8, .rows = 1, .cols = 1, .channels = 2, .format = SL_PATCHES_INT8};
static float mu;
static sl_oae cells = {.stats = {.mu = &mu}};
static sl_engine_cells known = {.mutex = PTHREAD_MUTEX_INITIALIZER, .read = true, .oae = &cells},
                       nothing = {.mutex = PTHREAD_MUTEX_INITIALIZER, .read = true};
static sl_gallery *gallery;
static sl_error err;

static sl_engine made_up(uint64_t encoder)
{
    return (sl_engine){.shape = shape, .known = &known, .encoder.id = encoder};
}

/* What a look named, or chosen by itself, is settled to where no alpha is given. */
static sl_match_options settled(const sl_engine *engine, const sl_gallery *of, sl_rerank look)
{
    sl_match_options o = sl_match_defaults_of(look);
    o.alpha = NAN;
    assert_ok(sl_match_settle(engine, of, &o, &err));
    return o;
}

/* A look by name has the alpha that it has where it is chosen by itself. */
static void alpha_is_the_looks_own(void **state)
{
    (void)state;
    const sl_engine plain = made_up(0), encodes = made_up(0x1234);
    static const sl_rerank looks[] = {SL_RERANK_OAE, SL_RERANK_AUTO};
    for (int i = 0; i < 2; i++) {
        assert_true(settled(&plain, gallery, looks[i]).alpha == .6f);
        assert_true(settled(&encodes, gallery, looks[i]).alpha == .3f);
        const sl_match_options pair = settled(&encodes, NULL, looks[i]); /* no query among them */
        assert_true(pair.alpha == .6f && pair.encoder == 0 && pair.rerank == SL_RERANK_OAE);
    }
    assert_true(settled(&encodes, gallery, SL_RERANK_EMD).alpha == .7f);
    assert_true(settled(&encodes, gallery, SL_RERANK_NONE).alpha == sl_match_defaults_of(SL_RERANK_NONE).alpha);
}

/* Also one that a query encoder would change. By itself a look takes none that stands there. */
static void a_given_alpha_stays(void **state)
{
    (void)state;
    const sl_engine encodes = made_up(0x1234);
    sl_match_options named = sl_match_defaults_of(SL_RERANK_OAE), chosen = sl_match_defaults();
    assert_ok(sl_match_settle(&encodes, gallery, &named, &err));
    assert_true(named.alpha == .6f);
    chosen.alpha = .5f;
    assert_ok(sl_match_settle(&encodes, gallery, &chosen, &err));
    assert_true(chosen.alpha == .3f);
    assert_ok(sl_match_settle(&encodes, gallery, &chosen, &err)); /* settled again it is as it was */
    assert_true(chosen.alpha == .3f && chosen.rerank == SL_RERANK_OAE);
    named.alpha = 2;
    assert_int_equal(sl_match_settle(&encodes, gallery, &named, &err), SL_ERR_ARGUMENT);
}

/* The options then say themselves who embedded the queries; what is refused has an alpha, too. */
static void without_an_engine(void **state)
{
    (void)state;
    for (uint64_t encoder = 0; encoder < 2; encoder++)
        for (int refused = 0; refused < 2; refused++) {
            sl_match_options o = sl_match_defaults_of(SL_RERANK_OAE);
            o.alpha = NAN;
            o.encoder = encoder;
            o.oae = refused ? NULL : &cells;
            assert_int_equal(sl_match_settle(NULL, gallery, &o, &err), refused ? SL_ERR_NOT_FOUND : SL_OK);
            assert_true(o.alpha == (encoder ? .3f : .6f) && o.encoder == encoder);
        }
}

/* Without statistics emd is chosen: nothing that an encoder changes. */
static void where_nothing_is_known_of_the_model(void **state)
{
    (void)state;
    sl_engine encodes = made_up(0x1234);
    encodes.known = &nothing;
    const sl_match_options o = settled(&encodes, gallery, SL_RERANK_AUTO);
    assert_true(o.rerank == SL_RERANK_EMD && o.alpha == .7f && o.encoder == 0x1234);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alpha_is_the_looks_own),
        cmocka_unit_test(a_given_alpha_stays),
        cmocka_unit_test(without_an_engine),
        cmocka_unit_test(where_nothing_is_known_of_the_model),
    };
    assert_ok(sl_gallery_open_shape(":memory:", SL_GALLERY_CREATE, &shape, "made-up", &gallery, &err));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sl_gallery_close(gallery);
    return failed;
}
