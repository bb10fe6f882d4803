/* Identification over a gallery of made-up templates, against a slow search through sl_compare. */
#include "near_faces.h"

#include "base/sha256.h"

/* The order by the slow way: stage 1 over all, the first k scored by sl_compare, the rest behind. */
static void slow_order(const sl_gallery *g, const sl_template *query, const sl_match_options *m, size_t *order,
                       float *score)
{
    size_t n = sl_gallery_size(g);
    sl_score scores[FACES];
    for (size_t i = 0; i < n; i++) {
        sl_template *t;
        assert_ok(sl_gallery_template(g, i, &t, &err));
        assert_ok(sl_compare(query, t, m, &scores[i], &err));
        sl_template_free(t);
        order[i] = i;
    }
    for (size_t a = 0; a < n; a++) /* by stage 1 */
        for (size_t b = a + 1; b < n; b++)
            if (scores[order[b]].stage1 > scores[order[a]].stage1) {
                size_t swap = order[a];
                order[a] = order[b];
                order[b] = swap;
            }
    size_t k = m->rerank == SL_RERANK_NONE ? 0 : (size_t)m->k < n ? (size_t)m->k : n;
    for (size_t a = 0; a < k; a++)
        for (size_t b = a + 1; b < k; b++)
            if (scores[order[b]].score > scores[order[a]].score) {
                size_t swap = order[a];
                order[a] = order[b];
                order[b] = swap;
            }
    for (size_t i = 0; i < n; i++)
        score[i] = i < k ? scores[order[i]].score : scores[order[i]].stage1;
}

static void check_against_slow(const sl_gallery *g, const sl_template *query, const sl_identify_options *o)
{
    size_t order[FACES];
    float score[FACES];
    sl_answer answer;
    slow_order(g, query, &o->match, order, score);
    assert_ok(sl_identify(&engine, g, query, o, &answer, &err));
    assert_int_equal(answer.count, o->top);
    int seen[PEOPLE] = {0};
    size_t at = 0;
    for (size_t c = 0; c < answer.count; c++) {
        while (seen[order[at] % PEOPLE])
            at++;
        seen[order[at] % PEOPLE] = 1;
        assert_int_equal(answer.candidates[c].entry, order[at]);
        assert_int_equal(answer.candidates[c].rank, c + 1);
        assert_true(fabsf(answer.candidates[c].score - score[at]) < 1e-5f);
    }
    sl_answer_free(&answer);
}

/* From the second question on stage 1 goes by the gallery's codes. */
static void order_is_that_of_a_slow_search(void **state)
{
    (void)state;
    sl_gallery *g = make_gallery("order", FACES);
    sl_identify_options o = sl_identify_defaults();
    for (int person = 0; person < 5; person++) {
        sl_template *query = make_template(person, 5000 + (uint64_t)person, 1.2f);
        o.match.rerank = SL_RERANK_NONE;
        o.top = 5;
        check_against_slow(g, query, &o);
        o.match.rerank = SL_RERANK_EMD;
        const int ks[] = {1, 7, 30, FACES, 100000}; /* k below the people asked for, and above the gallery */
        for (int i = 0; i < 5; i++) {
            o.match.k = ks[i];
            check_against_slow(g, query, &o);
        }
        o.top = PEOPLE;
        o.match.k = 10;
        o.match.weighting = SL_WEIGHT_UNIFORM;
        check_against_slow(g, query, &o);
        sl_template_free(query);
    }
    sl_gallery_close(g);
}

static void threads_do_not_change_the_answer(void **state)
{
    (void)state;
    sl_gallery *g = make_gallery("threads", FACES);
    sl_template *query = make_template(3, 999, 1);
    sl_identify_options o = sl_identify_defaults();
    sl_answer one, four;
    o.match.threads = 1;
    assert_ok(sl_identify(&engine, g, query, &o, &one, &err));
    o.match.threads = 4;
    assert_ok(sl_identify(&engine, g, query, &o, &four, &err));
    assert_int_equal(one.count, four.count);
    for (size_t i = 0; i < one.count; i++) {
        assert_int_equal(one.candidates[i].entry, four.candidates[i].entry);
        assert_true(one.candidates[i].score == four.candidates[i].score);
    }
    sl_answer_free(&one);
    sl_answer_free(&four);
    sl_template_free(query);
    sl_gallery_close(g);
}

static void assert_same_answer(const sl_answer *a, const sl_answer *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->decision, b->decision);
    assert_int_equal(a->stage1_count, b->stage1_count);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->candidates[i].entry, b->candidates[i].entry);
        assert_true(a->candidates[i].score == b->candidates[i].score);
        assert_int_equal(a->stage1_candidates[i].entry, b->stage1_candidates[i].entry);
    }
}

/* Pruning changes no answer, for any solver and number of people; and prunes something. */
static void pruning_changes_nothing(void **state)
{
    (void)state;
    sl_gallery *g = make_gallery("spare", FACES);
    sl_identify_options o = sl_identify_defaults();
    size_t pairs = 0, calls = 0;
    for (int i = 0; i < 60; i++) {
        sl_template *query = make_template(i % PEOPLE, 7000 + (uint64_t)i, .8f + .1f * (float)(i % 7));
        sl_answer all, some;
        o.top = i % 4 == 3 ? PEOPLE + 1 : 1 + i % 4 * 2;
        o.match.solver = (sl_solver)(i % 3);
        o.match.threads = 1 + i % 3;
        o.match.no_pruning = 1;
        assert_ok(sl_identify(&engine, g, query, &o, &all, &err));
        o.match.no_pruning = 0;
        assert_ok(sl_identify(&engine, g, query, &o, &some, &err));
        assert_same_answer(&all, &some);
        assert_int_equal(all.pairs, FACES);
        assert_int_equal(all.solver_calls, FACES);
        assert_int_equal(some.pairs, FACES);
        assert_true(o.top <= PEOPLE || some.solver_calls == FACES);
        pairs += some.pairs;
        calls += some.solver_calls;
        sl_answer_free(&all);
        sl_answer_free(&some);
        sl_template_free(query);
    }
    assert_true(calls < pairs * 3 / 4);
    sl_gallery_close(g);
}

/* So many queries that the gallery's sketches are made: whom they prune could not have been among the
 * best, for any solver and number of people. */
static void pruning_by_sketches_changes_nothing(void **state)
{
    (void)state;
    enum { N = 240 };
    sl_gallery *g = make_gallery("sketches", FACES);
    sl_template *queries[N];
    sl_answer some[N], all[N];
    sl_identify_options o = sl_identify_defaults();
    size_t calls = 0;
    for (int i = 0; i < N; i++)
        queries[i] = make_template(i % PEOPLE, 9000 + (uint64_t)i, .8f + .1f * (float)(i % 7));
    for (int round = 0; round < 6; round++) {
        o.top = 1 + round % 3;
        o.match.solver = (sl_solver)(round % 3);
        o.match.weighting = round < 3 ? SL_WEIGHT_APC : SL_WEIGHT_UNIFORM;
        o.match.threads = 1 + round % 4;
        o.match.no_pruning = 0;
        assert_ok(sl_identify_all(&engine, g, (const sl_template *const *)queries, N, &o, some, &err));
        o.match.no_pruning = 1;
        assert_ok(sl_identify_all(&engine, g, (const sl_template *const *)queries, N, &o, all, &err));
        for (int i = 0; i < N; i++) {
            assert_same_answer(&some[i], &all[i]);
            calls += some[i].solver_calls;
            sl_answer_free(&some[i]);
            sl_answer_free(&all[i]);
        }
    }
    assert_true(calls < 6 * N * FACES / 2);
    for (int i = 0; i < N; i++)
        sl_template_free(queries[i]);
    sl_gallery_close(g);
}

static void many_queries_are_answered_as_one_by_one(void **state)
{
    (void)state;
    enum { N = 37 };
    sl_gallery *g = make_gallery("crowd", FACES);
    sl_template *queries[N];
    sl_answer answers[N], alone;
    sl_identify_options o = sl_identify_defaults();
    o.match = sl_match_defaults_of(SL_RERANK_EMD);
    o.match.k = 9; /* shorter than some need for five people */
    for (int i = 0; i < N; i++)
        queries[i] = make_template(i % PEOPLE, 8000 + (uint64_t)i, 1.1f);
    for (int threads = 1; threads <= 4; threads++) {
        o.match.threads = threads;
        assert_ok(sl_identify_all(&engine, g, (const sl_template *const *)queries, N, &o, answers, &err));
        for (int i = 0; i < N; i++) {
            assert_ok(sl_identify(&engine, g, queries[i], &o, &alone, &err));
            assert_same_answer(&alone, &answers[i]);
            assert_int_equal(alone.solver_calls, answers[i].solver_calls);
            sl_answer_free(&alone);
            sl_answer_free(&answers[i]);
        }
    }
    o.match.weighting = SL_WEIGHT_LMK; /* nobody has landmarks */
    assert_int_equal(sl_identify_all(&engine, g, (const sl_template *const *)queries, N, &o, answers, &err),
                     SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "query 0: "));
    for (int i = 0; i < N; i++)
        assert_null(answers[i].candidates);
    queries[20]->shape.fingerprint[0] = 9;
    assert_int_equal(sl_identify_all(&engine, g, (const sl_template *const *)queries, N, NULL, answers, &err),
                     SL_ERR_MISMATCH);
    assert_non_null(strstr(err.text, "query 20"));
    assert_ok(sl_identify_all(&engine, g, NULL, 0, NULL, NULL, &err));
    for (int i = 0; i < N; i++)
        sl_template_free(queries[i]);
    sl_gallery_close(g);
}

typedef struct {
    size_t calls, last, stop_at;
} watch;

static int watched(void *context, size_t done, size_t total)
{
    watch *w = context;
    assert_int_equal(total, FACES);
    assert_true(done <= total);
    w->calls++;
    w->last = done;
    return w->stop_at && done >= w->stop_at;
}

static void progress_is_told_and_stops(void **state)
{
    (void)state;
    sl_gallery *g = make_gallery("watched", FACES);
    const sl_template *queries[FACES];
    sl_answer answers[FACES];
    watch w = {0};
    sl_identify_options o = sl_identify_defaults();
    o.progress = watched;
    o.context = &w;
    for (int i = 0; i < FACES; i++)
        queries[i] = make_template(i % PEOPLE, 8000 + (uint64_t)i, .5f);
    o.match.threads = 1;
    assert_ok(sl_identify_all(&engine, g, queries, FACES, &o, answers, &err));
    assert_int_equal(w.calls, FACES);
    assert_int_equal(w.last, FACES);
    for (int i = 0; i < FACES; i++)
        sl_answer_free(&answers[i]);
    w = (watch){.stop_at = 7};
    assert_int_equal(sl_identify_all(&engine, g, queries, FACES, &o, answers, &err), SL_ERR_INTERRUPTED);
    assert_int_equal(w.last, 7);
    assert_null(answers[0].candidates);
    for (int i = 0; i < FACES; i++)
        sl_template_free((sl_template *)queries[i]);
    sl_gallery_close(g);
}

static void decisions_follow_the_threshold(void **state)
{
    (void)state;
    sl_gallery *g = make_gallery("decide", FACES);
    sl_template *query = make_template(4, 4, .5f); /* entry 4 itself */
    sl_identify_options o = sl_identify_defaults();
    sl_answer a;
    assert_ok(sl_identify(&engine, g, query, &o, &a, &err));
    assert_int_equal(a.decision, SL_MATCH);
    assert_true(a.threshold == .4f && !a.threshold_on_stage1);
    assert_string_equal(a.candidates[0].label, "p4");
    sl_answer_free(&a);
    o.match = sl_match_defaults_of(SL_RERANK_EMD);
    o.match.weighting = SL_WEIGHT_UNIFORM; /* not what the manifest was calibrated for */
    assert_ok(sl_identify(&engine, g, query, &o, &a, &err));
    assert_true(a.threshold == .5f && a.threshold_on_stage1);
    sl_answer_free(&a);
    sl_rule rule = sl_rule_given(1.5f, 0);
    o.rule = &rule;
    assert_ok(sl_identify(&engine, g, query, &o, &a, &err));
    assert_int_equal(a.decision, SL_UNKNOWN);
    sl_answer_free(&a);
    rule = sl_rule_given(INFINITY, 0);
    assert_int_equal(sl_identify(&engine, g, query, &o, &a, &err), SL_ERR_ARGUMENT);
    o = sl_identify_defaults();
    /* an uncalibrated model knows nobody */
    manifest.threshold[SL_RERANK_NONE] = manifest.threshold[SL_RERANK_EMD] = NAN;
    assert_ok(sl_identify(&engine, g, query, &o, &a, &err));
    assert_int_equal(a.decision, SL_UNKNOWN);
    manifest.threshold[SL_RERANK_NONE] = .5f;
    manifest.threshold[SL_RERANK_EMD] = .4f;
    sl_answer_free(&a);
    sl_template_free(query);
    sl_gallery_close(g);
}

static void odd_calls_get_clear_answers(void **state)
{
    (void)state;
    sl_gallery *empty = make_gallery("empty", 0), *g = make_gallery("odd", 3);
    sl_template *query = make_template(0, 1, 1);
    sl_identify_options o = sl_identify_defaults();
    sl_answer a;
    assert_ok(sl_identify(&engine, empty, query, &o, &a, &err));
    assert_int_equal(a.count, 0);
    assert_int_equal(a.decision, SL_UNKNOWN);
    assert_ok(sl_identify(&engine, g, query, NULL, &a, &err)); /* three faces, five asked for */
    assert_int_equal(a.count, 3);
    sl_answer_free(&a);
    o.match.k = 0;
    assert_int_equal(sl_identify(&engine, g, query, &o, &a, &err), SL_ERR_ARGUMENT);
    o.match = sl_match_defaults_of(SL_RERANK_EMD);
    o.match.alpha = -.1f;
    assert_int_equal(sl_identify(&engine, g, query, &o, &a, &err), SL_ERR_ARGUMENT);
    o.match = sl_match_defaults_of(SL_RERANK_EMD);
    o.match.weighting = SL_WEIGHT_LMK;
    assert_int_equal(sl_identify(&engine, g, query, &o, &a, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "landmarks"));
    query->shape.fingerprint[0] = 9;
    o = sl_identify_defaults();
    assert_int_equal(sl_identify(&engine, g, query, &o, &a, &err), SL_ERR_MISMATCH);
    assert_non_null(strstr(err.text, "made-up"));
    sl_template_free(query);
    sl_gallery_close(g);
    sl_gallery_close(empty);
}

/* More photos of one person than a byte counts. */
static void many_photos_are_one_candidate(void **state)
{
    (void)state;
    sl_gallery *g = make_gallery("many", 0);
    sl_template *t = make_template(0, 1, .5f);
    for (int i = 0; i < 600; i++) {
        char image[32];
        snprintf(image, sizeof image, "p/%d.jpg", i);
        sl_entry entry = {.label = "p", .image = image};
        assert_ok(sl_gallery_add(g, &entry, t, NULL, &err));
    }
    assert_ok(sl_gallery_commit(g, &err));
    sl_answer a;
    assert_ok(sl_identify(&engine, g, t, NULL, &a, &err));
    assert_int_equal(a.count, 1);
    assert_int_equal(a.stage1_count, 1);
    sl_answer_free(&a);
    sl_template_free(t);
    sl_gallery_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_that_of_a_slow_search),
        cmocka_unit_test(threads_do_not_change_the_answer),
        cmocka_unit_test(pruning_changes_nothing),
        cmocka_unit_test(pruning_by_sketches_changes_nothing),
        cmocka_unit_test(many_queries_are_answered_as_one_by_one),
        cmocka_unit_test(progress_is_told_and_stops),
        cmocka_unit_test(decisions_follow_the_threshold),
        cmocka_unit_test(odd_calls_get_clear_answers),
        cmocka_unit_test(many_photos_are_one_candidate),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
