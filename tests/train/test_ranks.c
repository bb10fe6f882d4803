/* Two ranks, here two threads that add up at a barrier, learn what one rank learns with twice the runs. */
#include "drawn_shapes.h"

#include <pthread.h>

enum { RANKS = 2, STEPS = 50 };

typedef struct {
    pthread_barrier_t barrier;
    float *parts[RANKS];
    sl_train_options options;
    char folder[RANKS][512];
    sl_status status[RANKS];
} meeting;

typedef struct {
    meeting *at;
    sl_train_ranks ranks;
} seat;

/* All see all parts, and add them up in one order: the same bits for each. Nothing is left for `finish`. */
static sl_status begin(void *context, float *x, size_t count, sl_error *err)
{
    seat *s = context;
    float *all = malloc(count * sizeof *all);
    (void)err;
    s->at->parts[s->ranks.rank] = x;
    pthread_barrier_wait(&s->at->barrier);
    for (size_t i = 0; i < count; i++)
        all[i] = s->at->parts[0][i] + s->at->parts[1][i];
    pthread_barrier_wait(&s->at->barrier);
    memcpy(x, all, count * sizeof *x);
    free(all);
    return SL_OK;
}

static sl_status finish(void *context, sl_error *err)
{
    (void)context;
    (void)err;
    return SL_OK;
}

static void *train_rank(void *context)
{
    seat *s = context;
    sl_error err;
    sl_trainer *t = NULL;
    sl_train_options o = s->at->options;
    o.ranks = &s->ranks;
    o.run = s->at->folder[s->ranks.rank];
    if (s->ranks.rank == 1 && o.seed == 99)
        o.rate *= 2; /* somebody has other settings */
    sl_status status = sl_trainer_open(&o, &shapes, NULL, NULL, &t, &err);
    if (status == SL_OK)
        status = sl_trainer_run(t, NULL, NULL, &err);
    sl_trainer_close(t);
    s->at->status[s->ranks.rank] = status;
    return NULL;
}

static void run_ranks(meeting *m)
{
    pthread_t threads[RANKS];
    seat seats[RANKS];
    assert_int_equal(pthread_barrier_init(&m->barrier, NULL, RANKS), 0);
    for (int i = 0; i < RANKS; i++) {
        seats[i] = (seat){m, {.rank = i, .ranks = RANKS, .begin = begin, .finish = finish, .context = &seats[i]}};
        assert_int_equal(pthread_create(&threads[i], NULL, train_rank, &seats[i]), 0);
    }
    for (int i = 0; i < RANKS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&m->barrier);
}

/* The header is the same, as settings are: the numbers behind it. */
static void assert_near(const char *a, const char *b)
{
    size_t n, k;
    uint8_t *x = file_of(a, "checkpoint.safetensors", &n), *y = file_of(b, "checkpoint.safetensors", &k);
    uint64_t header;
    memcpy(&header, x, sizeof header);
    assert_int_equal(n, k);
    double difference = 0, length = 0;
    const float *p = (const float *)(x + 8 + header), *q = (const float *)(y + 8 + header);
    for (size_t i = 0; i < (n - 8 - header) / sizeof *p; i++) {
        difference += ((double)p[i] - q[i]) * ((double)p[i] - q[i]);
        length += (double)p[i] * p[i];
    }
    if (!(sqrt(difference / length) < 1e-5))
        fail_msg("ranks differ by %g", sqrt(difference / length));
    free(x);
    free(y);
}

static void test_two_ranks(void **state)
{
    (void)state;
    sl_error err;
    char model[512], *folder = make_temp_dir();
    meeting m = {.options = options_for(folder, model, sizeof model)};
    snprintf(m.folder[0], sizeof m.folder[0], "%s/first", folder);
    snprintf(m.folder[1], sizeof m.folder[1], "%s/second", folder);
    m.options.accumulate = RANKS;
    m.options.steps = STEPS;
    m.options.every = STEPS;
    m.options.threads = 1;
    m.options.batch = 8;
    run_ranks(&m);
    assert_int_equal(m.status[0], SL_OK);
    assert_int_equal(m.status[1], SL_OK);
    char alone[512];
    snprintf(alone, sizeof alone, "%s/alone", folder);
    m.options.run = alone;
    sl_trainer *t;
    assert_ok(sl_trainer_open(&m.options, &shapes, NULL, NULL, &t, &err));
    assert_ok(sl_trainer_run(t, NULL, NULL, &err));
    sl_trainer_close(t);
    assert_near(alone, m.folder[0]);
    m.options.seed = 99;
    run_ranks(&m);
    assert_int_equal(m.status[0], SL_ERR_MISMATCH);
    assert_int_equal(m.status[1], SL_ERR_MISMATCH);
    remove_tree(folder);
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two_ranks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
