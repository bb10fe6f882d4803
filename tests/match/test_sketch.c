/* Sketches: no score is above the upper_bound that they give it, whatever the faces, weights and solver; and of faces
 * that have few directions the upper_bound is close to the bound by all similarities. */
#include "gallery/gallery.h"
#include "reference.h"

#include "base/mem.h"
#include "match/patch/weighting.h"
#include "match/kernels/match_kernels.h"
#include "template/template.h"
#include "match/patch/pairing.h"
#include "match/patch/sketch.h"

enum { R = 81 /* at most */, C = 256, FACES = 12, SHARED = 20 };

static sl_error err;
static sl_template_shape shape = {.fingerprint = {1}, .dim = 8, .channels = C, .format = SL_PATCHES_INT8};
static float shared[SHARED * C];

/* Patches of a few shared directions and a little of their own; some faces are unlike all others, have empty patches or
 * are negative all over. */
static void make_face(float *map, uint64_t seed)
{
    static float mix[R * SHARED], own[R * C];
    fill_random(mix, R * SHARED, seed, -.3f, 1);
    fill_random(own, R * C, seed + 1000, -.1f, .1f);
    for (int i = 0; i < R * C; i++) {
        map[i] = own[i] * (seed % 6 == 1 ? 30.0f : 1.0f);
        for (int k = 0; k < SHARED; k++)
            map[i] += mix[i / C * SHARED + k] * shared[k * C + i % C];
        if (seed % 6 == 2 && i / C % 3 == 0)
            map[i] = 0;
        if (seed % 6 == 3)
            map[i] = -fabsf(map[i]);
    }
}

static sl_template *make_template(uint64_t seed)
{
    static float map[R * C];
    float embedding[8];
    sl_template *t;
    make_face(map, seed);
    fill_random(embedding, 8, seed, -1, 1);
    assert_ok(sl_template_make(&shape, embedding, map, &t, &err));
    return t;
}

typedef struct {
    sl_gallery *gallery;
    sl_sketches *sketches;
    sl_template *templates[FACES];
    double above; /* sum of what upper_bounds are above bounds */
    int pairs;
    float upper_bounds[FACES * FACES];
} faces;

static sl_status source_of(void *templates, size_t i, sl_patch_source *out, sl_error *ignored)
{
    (void)ignored;
    *out = sl_patch_source_of(((sl_template **)templates)[i]);
    return SL_OK;
}

static void check_pairs(faces *f, const sl_match_options *o, int iterations)
{
    sl_match_layout l;
    sl_patch_set query, candidate;
    sl_pairing pair;
    sl_sketcher *sketcher;
    assert_ok(sl_match_layout_make(o, shape.rows, shape.cols, C, 8, &l, &err));
    assert_true(sl_sketches_serve(&l));
    l.sinkhorn.max_iterations = iterations;
    void *memory[3] = {sl_alloc_aligned(sl_patch_set_bytes(&l, SL_ROLE_QUERY)),
                       sl_alloc_aligned(sl_patch_set_bytes(&l, SL_ROLE_CANDIDATE)),
                       sl_alloc_aligned(sl_pairing_bytes(&l))};
    sl_pairing_place(&l, memory[2], &pair);
    assert_ok(sl_sketcher_open(f->sketches, &l, &sketcher, &err));
    for (int q = 0; q < FACES; q++) {
        sl_template *asked = make_template(q < FACES / 2 ? (uint64_t)q : 500 + (uint64_t)q);
        sl_patch_source source = sl_patch_source_of(asked);
        assert_ok(sl_patch_set_init(&query, &l, SL_ROLE_QUERY, memory[0], &source, &err));
        sl_sketcher_query(sketcher, &query);
        for (size_t i = 0; i < FACES; i++) {
            float upper_bound, score;
            int ignored;
            source = sl_patch_source_of(f->templates[i]);
            assert_ok(sl_sketcher_upper_bound(sketcher, i, source_of, f->templates, i, &upper_bound, &err));
            f->upper_bounds[q * FACES + (int)i] = upper_bound;
            assert_ok(sl_patch_set_init(&candidate, &l, SL_ROLE_CANDIDATE, memory[1], &source, &err));
            if (!sl_pairing_weigh(&pair, &query, &candidate, NULL))
                continue;
            const float bound = sl_pairing_bound(&l, &pair);
            assert_ok(sl_pairing_score(&l, &pair, &score, &ignored, &err));
            if (!(score <= upper_bound && bound <= upper_bound + 1e-5f))
                fail_msg("%dx%d, query %d, face %zu, weighting %s: score %.9g, bound %.9g above the upper_bound %.9g",
                         l.rows, l.cols, q, i, l.weighting->name, score, bound, upper_bound);
            if (q % 6 != 1 && i % 6 != 1)
                f->above += (double)(upper_bound - bound), f->pairs++;
        }
        sl_template_free(asked);
    }
    sl_sketcher_close(sketcher);
    for (int i = 0; i < 3; i++)
        free(memory[i]);
}

static char *make_faces(faces *f)
{
    char *dir = make_temp_dir();
    assert_ok(sl_gallery_open_shape(dir, SL_GALLERY_CREATE, &shape, "made-up", &f->gallery, &err));
    for (int i = 0; i < FACES; i++) {
        char image[16];
        snprintf(image, sizeof image, "%d", i);
        const sl_entry entry = {.label = "x", .image = image};
        f->templates[i] = make_template((uint64_t)i);
        assert_ok(sl_gallery_add(f->gallery, &entry, f->templates[i], NULL, &err));
    }
    assert_ok(sl_gallery_commit(f->gallery, &err));
    return dir;
}

/* All solvers, by the weights of a kind and on one instruction set; `first` [FACES, FACES]: the upper_bounds of the
 * first, which the others' are close to. */
static void check_looks(faces *f, sl_weighting weighting, int isa, float *first)
{
    sl_match_use_isa(&sl_isas[isa]);
    f->above = f->pairs = 0;
    assert_ok(sl_sketches_open(sl_gallery_faces(f->gallery), &f->sketches, &err));
    for (int solver = 0; solver < 3; solver++) {
        sl_match_options o = sl_match_defaults_of(SL_RERANK_EMD);
        o.weighting = weighting;
        o.solver = (sl_solver)solver;
        check_pairs(f, &o, solver == SL_SOLVER_CONVERGED ? 300 : weighting == SL_WEIGHT_APC ? 1 : 100);
    }
    assert_true(f->above / f->pairs < .05);
    if (isa == 0)
        memcpy(first, f->upper_bounds, sizeof f->upper_bounds);
    for (int i = 0; i < FACES * FACES; i++)
        assert_near(f->upper_bounds[i], first[i], 2e-5);
    sl_sketches_close(f->sketches);
    sl_match_use_isa(NULL);
}

/* Grids with columns to pad, with a last column or two that are in no block of columns, and with several blocks. */
static void no_score_is_above_its_upper_bound(void **state)
{
    (void)state;
    static const int grids[][2] = {{1, 1}, {4, 4}, {1, 17}, {5, 10}, {7, 7}, {8, 8}, {9, 9}};
    static const sl_weighting weightings[] = {SL_WEIGHT_APC, SL_WEIGHT_UNIFORM};
    fill_random(shared, SHARED * C, 77, -.6f, 1);
    for (size_t g = 0; g < sizeof grids / sizeof *grids; g++) {
        faces f = {0};
        float first[FACES * FACES];
        shape.rows = grids[g][0];
        shape.cols = grids[g][1];
        char *dir = make_faces(&f);
        for (size_t w = 0; w < 2; w++)
            for (int isa = 0; isa < sl_isa_count(); isa++)
                check_looks(&f, weightings[w], isa, first);
        for (int i = 0; i < FACES; i++)
            sl_template_free(f.templates[i]);
        sl_gallery_close(f.gallery);
        remove_tree(dir);
        free(dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_score_is_above_its_upper_bound)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
