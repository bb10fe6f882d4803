/* Whole evaluations on small galleries against slow ones; protocols by hand. (tests/eval/twin.py has random ones.) */
#include "support.h"

#include "eval/sweep.h"
#include "gallery/gallery.h"
#include "secondlook_eval.h"

static sl_error err;

enum { DIM = 8, PATCHES = 4, CHANNELS = 6 };
static const sl_template_shape shape = {.fingerprint = {5}, .dim = DIM, .rows = 2, .cols = 2, .channels = CHANNELS,
                                        .format = SL_PATCHES_F32};

static sl_gallery *make(const char *dir, const char *name, const char *const (*faces)[2], int count, uint64_t seed)
{
    char path[600];
    sl_gallery *g;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_ok(sl_gallery_open_shape(path, SL_GALLERY_CREATE, &shape, "made-up", &g, &err));
    for (int i = 0; i < count; i++) {
        float e[DIM], p[PATCHES * CHANNELS];
        fill_random(e, DIM, seed + (uint64_t)i, -1, 1);
        fill_random(p, PATCHES * CHANNELS, seed + 100 + (uint64_t)i, -1, 1);
        sl_template *t;
        assert_ok(sl_template_make(&shape, e, p, &t, &err));
        sl_entry entry = {.image = faces[i][0], .label = faces[i][1]};
        assert_ok(sl_gallery_add(g, &entry, t, NULL, &err));
        sl_template_free(t);
    }
    assert_ok(sl_gallery_commit(g, &err));
    return g;
}

static float cosine(const sl_gallery *a, size_t i, const sl_gallery *b, size_t k)
{
    const float *x, *y;
    assert_ok(sl_gallery_embeddings(a, &x, &err));
    assert_ok(sl_gallery_embeddings(b, &y, &err));
    return (float)cosine_of(x + i * DIM, y + k * DIM, DIM);
}

/* P@1 in percent of the queries in `counted` by comparing all pairs, own photos passed over where `own` says so. */
static double slow_p1(const sl_gallery *q, const sl_gallery *g, const size_t *counted, size_t n, const size_t *own)
{
    double p1 = 0;
    for (size_t c = 0; c < n; c++) {
        size_t i = counted[c], best = SIZE_MAX;
        for (size_t k = 0; k < sl_gallery_size(g); k++)
            if (!(own && own[i] == k) && (best == SIZE_MAX || cosine(q, i, g, k) > cosine(q, i, g, best)))
                best = k;
        p1 += strcmp(sl_gallery_label(g, best), sl_gallery_label(q, i)) == 0;
    }
    return 100 * p1 / (double)n;
}

static void protocols_count_who_they_say(void **state)
{
    (void)state;
    static const char *const faces[][2] = {{"a/1.jpg", "a"}, {"a/2.jpg", "a"}, {"b/1.jpg", "b"}, {"c/1.jpg", "c"},
                                           {"c/2.jpg", "c"}, {"c/3.jpg", "c"}};
    static const char *const asked[][2] = {{"a/1.png", "a"}, {"b/1.png", "b"}, {"z/1.png", "z"}, {"c/9.png", "c"}};
    static const size_t none = SIZE_MAX, include[] = {0, 1, 3}, exclude[] = {0, 3}, own[] = {0, 2, none, none};
    static const size_t selves[] = {0, 1, 2, 3, 4, 5}, with_others[] = {0, 1, 3, 4, 5};
    char *dir = make_temp_dir();
    sl_gallery *g = make(dir, "g", faces, 6, 1), *q = make(dir, "q", asked, 4, 50);
    sl_eval_config c = {.match = sl_match_defaults_of(SL_RERANK_EMD)};
    sl_eval_options o = {.seed = 1};
    sl_evaluation e;
    c.match.rerank = SL_RERANK_NONE;
    assert_ok(sl_eval_identify(g, q, &c, 1, &o, &e, &err)); /* include: a, b, c count; z has nobody */
    assert_true(e.queries == 3 && e.unmatched == 1 && e.gallery == 6);
    assert_true(fabs(e.stage1.metric[SL_P1].mean - slow_p1(q, g, include, 3, NULL)) < 1e-9);
    o.exclude_same_photo = 1; /* b's only photo is the query's own: unmatched */
    assert_ok(sl_eval_identify(g, q, &c, 1, &o, &e, &err));
    assert_true(e.queries == 2 && e.unmatched == 2);
    assert_true(fabs(e.stage1.metric[SL_P1].mean - slow_p1(q, g, exclude, 2, own)) < 1e-9);
    assert_ok(sl_eval_identify(g, g, &c, 1, &o, &e, &err)); /* in itself: a, a, c, c, c */
    assert_true(e.queries == 5 && e.unmatched == 1);
    assert_true(fabs(e.stage1.metric[SL_P1].mean - slow_p1(g, g, with_others, 5, selves)) < 1e-9);
    o.min_photos = 2; /* b is gone from both */
    assert_ok(sl_eval_identify(g, g, &c, 1, &o, &e, &err));
    assert_true(e.queries == 5 && e.unmatched == 0 && e.gallery == 5 && fabs(e.max.metric[SL_RP].mean - 100) < 1e-9);
    o.reference_metrics = 1; /* R counts the query: the ceiling is the mean of (n - 1) / n, here of .5 .5 2/3 2/3 2/3 */
    assert_ok(sl_eval_identify(g, g, &c, 1, &o, &e, &err));
    assert_true(e.queries == 5 && fabs(e.max.metric[SL_RP].mean - 60) < 1e-5 &&
                fabs(e.max.metric[SL_MAPR].mean - 60) < 1e-5);
    o.min_photos = 0; /* b is a query that cannot be found: .6 * 5 / 6 */
    assert_ok(sl_eval_identify(g, g, &c, 1, &o, &e, &err));
    assert_true(e.queries == 6 && e.unmatched == 0 && fabs(e.max.metric[SL_RP].mean - 50) < 1e-5);
    o.limit = 2; /* queries 0 and 3 of six */
    assert_ok(sl_eval_identify(g, g, &c, 1, &o, &e, &err));
    assert_true(e.queries == 2 && fabs(e.max.metric[SL_RP].mean - (50 + 200. / 3) / 2) < 1e-5);
    o.min_photos = 4;
    assert_int_equal(sl_eval_identify(g, g, &c, 1, &o, &e, &err), SL_ERR_ARGUMENT);
    sl_gallery_close(q);
    sl_gallery_close(g);
    remove_tree(dir);
    free(dir);
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void lists_of_people_and_photos(void **state)
{
    (void)state;
    static const char *const faces[][2] = {{"a/1.jpg", "a"}, {"a/2.jpg", "a"}, {"b/1.jpg", "b b"}, {"b/2.jpg", "b b"},
                                           {"c/1.jpg", "c"}, {"c/2.jpg", "c"}};
    char *dir = make_temp_dir(), list[600];
    sl_gallery *g = make(dir, "g", faces, 6, 1);
    snprintf(list, sizeof list, "%s/list", dir);
    sl_eval_config c = {.match = sl_match_defaults_of(SL_RERANK_EMD)};
    sl_eval_options o = {.seed = 1, .only = list};
    sl_evaluation e;
    write_text(list, "b b\r\n\r\nc/1.jpg\n a\n"); /* c's other photo is not there: nobody to be found */
    assert_ok(sl_eval_identify(g, g, &c, 1, &o, &e, &err));
    assert_true(e.gallery == 5 && e.queries == 4 && e.unmatched == 1);
    write_text(list, "a\nnobody\n");
    assert_int_equal(sl_eval_identify(g, g, &c, 1, &o, &e, &err), SL_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "line 2: 'nobody'"));
    write_text(list, "a\nc\na\n");
    assert_int_equal(sl_eval_identify(g, g, &c, 1, &o, &e, &err), SL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "line 3: 'a' is in line 1"));
    write_text(list, "\n\n");
    assert_int_equal(sl_eval_identify(g, g, &c, 1, &o, &e, &err), SL_ERR_FORMAT);
    sl_gallery_close(g);
    remove_tree(dir);
    free(dir);
}

static void own_photos_are_found_by_their_ids(void **state)
{
    (void)state;
    static const char *const faces[][2] = {{"a/1.jpg", "a"}, {"a/1.jpg#2", "b"}, {"a/2.jpg", "a"}, {"b/1.png", "b"}};
    static const char *const twice[][2] = {{"a/1.jpg", "a"}, {"a/1.jpeg", "a"}, {"a/2.jpg", "a"}};
    static const char *const asked[][2] = {{"a/1.png", "a"}, {"a/1.jpg#2", "b"}};
    char *dir = make_temp_dir();
    sl_gallery *g = make(dir, "g", faces, 4, 1), *q = make(dir, "q", asked, 2, 50), *t = make(dir, "t", twice, 3, 1);
    static const size_t counted[] = {0, 1}, own[] = {0, 1};
    sl_eval_config c = {.match = sl_match_defaults_of(SL_RERANK_EMD)};
    sl_eval_options o = {.seed = 1, .exclude_same_photo = 1};
    sl_evaluation e;
    c.match.rerank = SL_RERANK_NONE;
    assert_ok(sl_eval_identify(g, q, &c, 1, &o, &e, &err)); /* the photo's second face is another one */
    assert_true(e.queries == 2 && fabs(e.stage1.metric[SL_P1].mean - slow_p1(q, g, counted, 2, own)) < 1e-9);
    assert_int_equal(sl_eval_identify(t, q, &c, 1, &o, &e, &err), SL_ERR_ARGUMENT);
    assert_true(strstr(err.text, "a/1.jpg") && strstr(err.text, "a/1.jpeg"));
    sl_gallery_close(t);
    sl_gallery_close(q);
    sl_gallery_close(g);
    remove_tree(dir);
    free(dir);
}

/* Evaluates q in g and tells how many own photos were found; the face passed over shows in P@1. */
static size_t own_photos(const char *const (*faces)[2], int face_count, const char *const (*asked)[2], int asked_count,
                         sl_same_photo how, const size_t *own)
{
    char *dir = make_temp_dir();
    sl_gallery *g = make(dir, "g", faces, face_count, 1), *q = make(dir, "q", asked, asked_count, 50);
    sl_eval_config c = {.match = sl_match_defaults()};
    sl_eval_options o = {.seed = 1, .exclude_same_photo = 1, .same_photo = how};
    sl_evaluation e = {0};
    c.match.rerank = SL_RERANK_NONE;
    sl_status status = sl_eval_identify(g, q, &c, 1, &o, &e, &err);
    if (status == SL_OK && own && e.queries == (size_t)asked_count) {
        static const size_t counted[] = {0, 1, 2, 3, 4, 5};
        assert_true(fabs(e.stage1.metric[SL_P1].mean - slow_p1(q, g, counted, e.queries, own)) < 1e-9);
    }
    assert_true(status != SL_OK || e.own_photos_of == (size_t)asked_count);
    sl_gallery_close(q);
    sl_gallery_close(g);
    remove_tree(dir);
    free(dir);
    return status == SL_OK ? e.own_photos : SIZE_MAX;
}

static void own_photos_are_found_below_each_root(void **state)
{
    (void)state;
    static const sl_same_photo by_path = {0}, by_name = {SL_SAME_BY_NAME, NULL},
                               by_number = {SL_SAME_BY_PATTERN, "_([0-9]+)[.]"};
    /* the published lists of LFW */
    static const char *const lfw[][2] = {{"lfw-align-128/A_B/A_B_0001.jpg", "A_B"},
                                         {"lfw-align-128/A_B/A_B_0002.jpg", "A_B"},
                                         {"lfw-align-128/C_D/C_D_0003.jpg", "C_D"},
                                         {"lfw-align-128/C_D/C_D_0004.jpg", "C_D"}};
    static const char *const masked[][2] = {{"lfw-align-128-masked/A_B/A_B_0001.png", "A_B"},
                                            {"lfw-align-128-masked/C_D/C_D_0004.png", "C_D"}};
    static const size_t own[] = {0, 3}, none[] = {SIZE_MAX, SIZE_MAX};
    assert_int_equal(own_photos(lfw, 4, masked, 2, by_path, own), 2);
    assert_int_equal(own_photos(lfw, 4, masked, 2, by_name, own), 2);
    assert_int_equal(own_photos(lfw, 4, masked, 2, by_number, own), 2);
    /* one person's folder is no root: it tells photos apart from other people's */
    static const char *const one[][2] = {{"masked/A_B/A_B_0001.png", "A_B"}};
    assert_int_equal(own_photos(lfw, 4, one, 1, by_path, own), 1);
    /* CFP: one number in two folders of a person */
    static const char *const cfp[][2] = {{"CFP/001/frontal/01.jpg", "001"}, {"CFP/001/profile/01.jpg", "001"},
                                         {"CFP/002/frontal/01.jpg", "002"}, {"CFP/002/frontal/02.jpg", "002"}};
    static const char *const cut[][2] = {{"crop/001/profile/01.png", "001"}, {"crop/002/frontal/01.png", "002"}};
    static const size_t own_cfp[] = {1, 2};
    assert_int_equal(own_photos(cfp, 4, cut, 2, by_path, own_cfp), 2);
    assert_int_equal(own_photos(cfp, 4, cut, 2, by_name, NULL), SIZE_MAX); /* either of two: refused, not guessed */
    assert_true(strstr(err.text, "frontal/01.jpg") && strstr(err.text, "profile/01.jpg"));
    /* phones: one name for many people's photos */
    static const char *const phone[][2] = {{"Ann/IMG_0001.jpg", "Ann"}, {"Ann/IMG_0002.jpg", "Ann"},
                                           {"Bob/IMG_0001.jpg", "Bob"}, {"Bob/IMG_0002.jpg", "Bob"}};
    static const char *const again[][2] = {{"Bob/IMG_0001.jpg", "Bob"}, {"Ann/IMG_0002.jpg", "Ann"}};
    static const char *const flat[][2] = {{"IMG_0001.jpg", "Bob"}, {"IMG_0002.jpg", "Ann"}};
    static const size_t own_phone[] = {2, 1};
    assert_int_equal(own_photos(phone, 4, again, 2, by_path, own_phone), 2);
    assert_int_equal(own_photos(phone, 4, again, 2, by_name, own_phone), 2);
    assert_int_equal(own_photos(phone, 4, flat, 2, by_name, own_phone), 2);
    assert_int_equal(own_photos(phone, 4, flat, 2, by_path, none), 0); /* told: nothing was passed over */
    static const sl_same_photo wrong[] = {
        {SL_SAME_BY_PATTERN, NULL}, {SL_SAME_BY_PATTERN, "("}, {SL_SAME_BY_PATTERN, "a"}};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(own_photos(phone, 4, flat, 2, wrong[i], NULL), SIZE_MAX);
}

/* Embeddings that are equal are ordered by their index, before and after the second look. */
static void ties_stand_by_index(void **state)
{
    (void)state;
    static const char *const faces[][2] = {{"a/1.jpg", "a"}, {"b/1.jpg", "b"}, {"c/1.jpg", "c"}, {"q/1.jpg", "b"}};
    char *dir = make_temp_dir(), path[600];
    sl_gallery *g;
    snprintf(path, sizeof path, "%s/ties", dir);
    assert_ok(sl_gallery_open_shape(path, SL_GALLERY_CREATE, &shape, "made-up", &g, &err));
    float e[DIM], p[PATCHES * CHANNELS];
    fill_random(e, DIM, 1, -1, 1);
    fill_random(p, PATCHES * CHANNELS, 2, -1, 1);
    for (int i = 0; i < 4; i++) {
        sl_template *t;
        assert_ok(sl_template_make(&shape, e, p, &t, &err));
        sl_entry entry = {.image = faces[i][0], .label = faces[i][1]};
        assert_ok(sl_gallery_add(g, &entry, t, NULL, &err));
        sl_template_free(t);
    }
    assert_ok(sl_gallery_commit(g, &err));
    sl_eval_config configs[] = {{.match = sl_match_defaults_of(SL_RERANK_EMD)},
                                {.match = sl_match_defaults_of(SL_RERANK_EMD), .first = SL_RERANK_EMD}};
    sl_eval_options o = {.seed = 1};
    sl_evaluation out[2];
    assert_ok(sl_eval_identify(g, g, configs, 2, &o, out, &err)); /* b/1 is asked: a first; q/1 is asked: a, then b */
    for (int c = 0; c < 2; c++) {
        assert_true(out[c].queries == 2 && out[c].unmatched == 2);
        assert_true(out[c].stage1.metric[SL_P1].mean == 0 && out[c].stage2.metric[SL_P1].mean == 0);
        assert_true(out[c].stage1_cmc[1] == 50 && out[c].stage2_cmc[1] == 50 && out[c].stage2_cmc[2] == 100);
        sl_answer answer;
        assert_ok(sl_eval_answer(g, g, &configs[c], &o, 3, 5, &answer, &err));
        assert_true(answer.count == 3 && answer.candidates[0].entry == 0 && answer.candidates[1].entry == 1 &&
                    answer.candidates[2].entry == 2 && answer.candidates[1].rank == 2);
        sl_answer_free(&answer);
        assert_int_equal(sl_eval_answer(g, g, &configs[c], &o, 0, 5, &answer, &err), SL_ERR_NOT_FOUND);
    }
    sl_gallery_close(g);
    remove_tree(dir);
    free(dir);
}

/* ---- second looks and sweeps ---- */

/* Faces of four people for sweeps: 12 photos. */
static sl_gallery *make_people(const char *dir)
{
    static char names[12][2][16];
    const char *faces[12][2];
    for (int i = 0; i < 12; i++) {
        snprintf(names[i][0], sizeof names[i][0], "p%d/%d.jpg", i % 4, i);
        snprintf(names[i][1], sizeof names[i][1], "p%d", i % 4);
        faces[i][0] = names[i][0];
        faces[i][1] = names[i][1];
    }
    return make(dir, "people", faces, 12, 1);
}

/* The first candidate of query i by sl_compare over all; first: by this look's score alone. */
static size_t slow_first(const sl_gallery *g, size_t i, const sl_match_options *match)
{
    float best = -9;
    size_t first = 0;
    for (size_t k = 0; k < sl_gallery_size(g); k++) {
        sl_template *a, *b;
        sl_score s;
        assert_ok(sl_gallery_template(g, i, &a, &err));
        assert_ok(sl_gallery_template(g, k, &b, &err));
        assert_ok(sl_compare(a, b, match, &s, &err));
        if (k != i && s.score > best) {
            best = s.score;
            first = k;
        }
        sl_template_free(a);
        sl_template_free(b);
    }
    return first;
}

typedef struct {
    sl_eval_line lines[64];
    size_t count;
} kept_lines;

static void keep_line(void *context, const sl_eval_line *line)
{
    kept_lines *kept = context;
    if (kept->count < 64)
        kept->lines[kept->count] = *line;
    kept->count++;
}

static void a_sweep_gives_what_each_gives_alone(void **state)
{
    (void)state;
    char *dir = make_temp_dir();
    sl_gallery *g = make_people(dir);
    sl_match_options f32 = sl_match_defaults_of(SL_RERANK_EMD);
    f32.patch_compute = SL_COMPARE_F32;
    sl_eval_config configs[5];
    for (int c = 0; c < 5; c++)
        configs[c].match = f32, configs[c].first = SL_RERANK_NONE, configs[c].name = NULL;
    configs[1].match.alpha = 1;
    configs[2].match.k = 3;
    configs[3].match.weighting = SL_WEIGHT_UNIFORM;
    configs[4].first = SL_RERANK_EMD;
    configs[4].match.rerank = SL_RERANK_NONE;
    kept_lines all = {.count = 0};
    sl_eval_options o = {.seed = 1, .line = keep_line, .context = &all, .threads = 3};
    sl_evaluation together[5], alone;
    assert_ok(sl_eval_identify(g, g, configs, 5, &o, together, &err));
    assert_int_equal(all.count, 60);
    for (int c = 0; c < 5; c++) {
        o.line = NULL;
        o.threads = 1;
        assert_ok(sl_eval_identify(g, g, &configs[c], 1, &o, &alone, &err));
        alone.seconds_stage1 = together[c].seconds_stage1;
        alone.seconds_stage2 = together[c].seconds_stage2;
        assert_memory_equal(&alone, &together[c], sizeof alone);
    }
    for (size_t i = 0; i < 12; i++) {
        sl_match_options whole = f32; /* alpha 1: by the look alone */
        assert_int_equal(all.lines[i].stage2_first, slow_first(g, i, &f32));
        whole.alpha = 1;
        assert_int_equal(all.lines[12 + i].stage2_first, slow_first(g, i, &whole));
        assert_int_equal(all.lines[48 + i].stage1_first, slow_first(g, i, &whole));
        assert_int_equal(all.lines[48 + i].config, 4);
    }
    sl_gallery_close(g);
    remove_tree(dir);
    free(dir);
}

/* One run of a look, for the larger k, serves two k: but where the k candidates stop together. */
static void which_looks_are_shared(void **state)
{
    (void)state;
    sl_eval_config configs[2];
    for (int solver = SL_SOLVER_SINKHORN; solver <= SL_SOLVER_PUBLISHED; solver++) {
        for (int c = 0; c < 2; c++) {
            configs[c] = (sl_eval_config){.match = sl_match_defaults_of(SL_RERANK_EMD), .first = SL_RERANK_NONE};
            configs[c].match.solver = (sl_solver)solver;
            configs[c].match.k = 100 - 50 * c;
        }
        sl_sweep sweep;
        assert_ok(sl_sweep_make(configs, 2, &sweep, &err));
        assert_int_equal(sweep.look_count, solver == SL_SOLVER_PUBLISHED ? 2 : 1);
        sl_sweep_free(&sweep);
        configs[1].match.k = 100;
        assert_ok(sl_sweep_make(configs, 2, &sweep, &err));
        assert_int_equal(sweep.look_count, 1);
        sl_sweep_free(&sweep);
    }
}

static void second_stage_and_csv(void **state)
{
    (void)state;
    static const char *const faces[][2] = {
        {"a/1.jpg", "a"}, {"a/2.jpg", "a \"x\""}, {"b/1.jpg", "b"}, {"b/2.jpg", "b"}};
    char *dir = make_temp_dir(), csv[600], text[4096];
    sl_gallery *g = make(dir, "g", faces, 4, 1);
    snprintf(csv, sizeof csv, "%s/out.csv", dir);
    sl_eval_config c = {.match = sl_match_defaults_of(SL_RERANK_EMD), .name = "the, \"one\""};
    sl_eval_options o = {.seed = 1, .csv = csv};
    sl_evaluation e;
    c.match.patch_compute = SL_COMPARE_F32;
    c.match.k = 100; /* more than there are */
    assert_ok(sl_eval_identify(g, g, &c, 1, &o, &e, &err));
    assert_true(e.queries == 2 && e.unmatched == 2); /* the two labelled b */
    size_t right = 0;
    for (size_t i = 2; i < 4; i++)
        right += strcmp(faces[slow_first(g, i, &c.match)][1], "b") == 0;
    assert_true(fabs(e.stage2.metric[SL_P1].mean - 50. * (double)right) < 1e-9);
    assert_true(fabs(e.difference.metric[SL_P1].mean - (e.stage2.metric[SL_P1].mean - e.stage1.metric[SL_P1].mean)) <
                1e-9);
    FILE *f = fopen(csv, "r");
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    assert_int_equal(strncmp(text, "config,image,label,", 19), 0);
    assert_non_null(strstr(text, "\"the, \"\"one\"\"\",\"b/2.jpg\",\"b\",1,"));
    assert_non_null(strstr(text, "\"a/2.jpg\",\"a \"\"x\"\"\",0,,,,,,,,,,\r\n")); /* nobody to be found */
    sl_eval_config bad = c;
    bad.match.alpha = NAN;
    assert_int_equal(sl_eval_identify(g, g, &bad, 1, &o, &e, &err), SL_ERR_ARGUMENT);
    bad = c;
    bad.match.weighting = SL_WEIGHT_CC; /* channels and dim differ */
    assert_int_equal(sl_eval_check(g, &bad, &err), SL_ERR_ARGUMENT);
    assert_ok(sl_eval_check(g, &c, &err));
    sl_gallery_close(g);
    remove_tree(dir);
    free(dir);
}

static int stop_at_three(void *context, size_t done, size_t total)
{
    (void)context, (void)total;
    return done >= 3;
}

static void an_interruption_leaves_nothing(void **state)
{
    (void)state;
    char *dir = make_temp_dir(), csv[600];
    sl_gallery *g = make_people(dir);
    snprintf(csv, sizeof csv, "%s/out.csv", dir);
    sl_eval_config c = {.match = sl_match_defaults_of(SL_RERANK_EMD)};
    sl_eval_options o = {.seed = 1, .csv = csv, .progress = stop_at_three, .threads = 1};
    sl_evaluation e;
    assert_int_equal(sl_eval_identify(g, g, &c, 1, &o, &e, &err), SL_ERR_INTERRUPTED);
    assert_null(fopen(csv, "r"));
    o.progress = NULL;
    snprintf(csv, sizeof csv, "%s/none/out.csv", dir);
    assert_int_equal(sl_eval_identify(g, g, &c, 1, &o, &e, &err), SL_ERR_IO);
    sl_gallery_close(g);
    remove_tree(dir);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protocols_count_who_they_say),
        cmocka_unit_test(lists_of_people_and_photos),
        cmocka_unit_test(own_photos_are_found_by_their_ids),
        cmocka_unit_test(own_photos_are_found_below_each_root),
        cmocka_unit_test(ties_stand_by_index),
        cmocka_unit_test(a_sweep_gives_what_each_gives_alone),
        cmocka_unit_test(which_looks_are_shared),
        cmocka_unit_test(second_stage_and_csv),
        cmocka_unit_test(an_interruption_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
