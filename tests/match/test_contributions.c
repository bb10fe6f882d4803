/* Contributions of one face, of lists, of a gallery: against their definition in double. */
#include "gallery/gallery.h"
#include "linear_model.h"

enum { FACES = 150 };

static void contributions_are_the_definition(void **state)
{
    (void)state;
    sl_head h = make_head();
    sl_template *t = make_face(77);
    sl_patch_source source = sl_patch_source_of(t);
    double want[CELLS * DIM];
    float got[CELLS * DIM], again[CELLS * DIM];
    slow_contributions(&h, t, want);
    assert_ok(sl_contributions(&h, &source, 1, got, &err));
    for (int i = 0; i < CELLS * DIM; i++)
        assert_true(fabs(got[i] - want[i]) < 1e-4);
    assert_ok(sl_contributions(&h, &source, 5, again, &err));
    assert_memory_equal(got, again, sizeof got);
    float raw[CELLS * CHANNELS];
    assert_ok(sl_template_patches(t, raw, &err));
    source = (sl_patch_source){.patches_f32 = raw};
    assert_ok(sl_contributions(&h, &source, 1, again, &err));
    assert_close(got, again, CELLS * DIM, 1e-4);
    raw[3] = NAN;
    assert_int_equal(sl_contributions(&h, &source, 1, again, &err), SL_ERR_NUMERIC);
    sl_template_free(t);
    sl_head_free(&h);
}

static void lists_give_what_single_faces_give(void **state)
{
    (void)state;
    sl_head h = make_head();
    sl_contributor *c;
    sl_template *faces[FACES];
    sl_patch_source sources[FACES];
    float want[CELLS * DIM], mine[CELLS * DIM] = {5};
    for (int i = 0; i < FACES; i++)
        faces[i] = make_face((uint64_t)(300 + i));
    for (int threads = 1; threads <= 3; threads += 2) {
        assert_ok(sl_contributor_open(&h, FACES, threads, &c, &err));
        for (int i = 0; i < FACES; i++)
            sources[i] = sl_patch_source_of(faces[i]);
        sources[7].contributions = mine; /* is left alone */
        assert_ok(sl_contributor_fill(c, sources, FACES, 0, &err));
        assert_ptr_equal(sources[7].contributions, mine);
        for (int i = 0; i < FACES; i++) {
            const sl_patch_source one = sl_patch_source_of(faces[i]);
            assert_ok(sl_contributions(&h, &one, 2, want, &err));
            if (i != 7)
                assert_memory_equal(sources[i].contributions, want, sizeof want);
        }
        sl_contributor_close(c);
    }
    for (int i = 0; i < FACES; i++)
        sl_template_free(faces[i]);
    sl_head_free(&h);
}

static void lists_name_the_face_that_is_wrong(void **state)
{
    (void)state;
    sl_head h = make_head();
    sl_contributor *c;
    float good[CELLS * CHANNELS], bad[CELLS * CHANNELS];
    fill_random(good, CELLS * CHANNELS, 1, -1, 1);
    fill_random(bad, CELLS * CHANNELS, 2, -1, 1);
    bad[CELLS * CHANNELS - 1] = INFINITY;
    sl_patch_source sources[3] = {{.patches_f32 = good}, {.patches_f32 = bad}, {.patches_f32 = bad}};
    assert_ok(sl_contributor_open(&h, 3, 2, &c, &err));
    assert_int_equal(sl_contributor_fill(c, sources, 3, 40, &err), SL_ERR_NUMERIC);
    assert_non_null(strstr(err.text, "face 41"));
    sources[0] = (sl_patch_source){0};
    assert_int_equal(sl_contributor_fill(c, sources, 3, 0, &err), SL_ERR_ARGUMENT);
    sl_contributor_close(c);
    sl_head_free(&h);
}

static int count_calls(void *context, size_t done, size_t total)
{
    assert_true(done <= total && total == FACES);
    return ++*(int *)context == 2;
}

static void banks_hold_a_gallery(void **state)
{
    (void)state;
    sl_head h = make_head();
    sl_contribution_bank *bank;
    char *dir = make_temp_dir(), path[600];
    float want[CELLS * DIM];
    snprintf(path, sizeof path, "%s/faces", dir);
    sl_gallery *g = make_gallery(path, FACES);
    for (int threads = 1; threads <= 2; threads++) {
        assert_ok(sl_contribution_bank_open(&h, sl_gallery_faces(g), threads, NULL, NULL, &bank, &err));
        for (int i = 0; i < FACES; i++) {
            sl_template *t;
            assert_ok(sl_gallery_template(g, (size_t)i, &t, &err));
            const sl_patch_source one = sl_patch_source_of(t);
            assert_ok(sl_contributions(&h, &one, 1, want, &err));
            assert_memory_equal(sl_contribution_bank_at(bank, (size_t)i), want, sizeof want);
            sl_template_free(t);
        }
        sl_contribution_bank_close(bank);
    }
    int calls = 0;
    assert_int_equal(sl_contribution_bank_open(&h, sl_gallery_faces(g), 1, count_calls, &calls, &bank, &err),
                     SL_ERR_INTERRUPTED);
    assert_null(bank);
    h.dim--;
    assert_int_equal(sl_contribution_bank_open(&h, sl_gallery_faces(g), 1, NULL, NULL, &bank, &err), SL_ERR_MISMATCH);
    assert_null(bank);
    sl_gallery_close(g);
    remove_tree(dir);
    free(dir);
    sl_head_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contributions_are_the_definition),
        cmocka_unit_test(lists_give_what_single_faces_give),
        cmocka_unit_test(lists_name_the_face_that_is_wrong),
        cmocka_unit_test(banks_hold_a_gallery),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
