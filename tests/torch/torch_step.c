/* torch_step ARCH train|frozen BATCH THREADS ROUNDS: a step's forward and backward, timed; the loss. For tests/torch/steps.py. */
#include "../model/formula_net.h"

#include <time.h>

/* The processor's time: what else runs on the machine does not count. */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    sl_error err;
    if (argc != 6) {
        fprintf(stderr, "usage: torch_step ARCH train|frozen BATCH THREADS ROUNDS\n");
        return 2;
    }
    sl_stats stats = strcmp(argv[2], "train") == 0 ? SL_STATS_BATCH : SL_STATS_FIXED;
    formula_net f = formula_open(argv[1], atoi(argv[3]), stats, atoi(argv[4]), false);
    assert_ok(sl_plan_run(f.plan, &err));
    double best = 1e9;
    for (int i = 0; i < atoi(argv[5]); i++) {
        double start = now();
        assert_ok(sl_plan_run(f.plan, &err));
        double took = now() - start;
        best = took < best ? took : best;
    }
    printf("%.3f ms, loss %.9g\n", best * 1e3, (double)sl_plan_output(f.plan, 0, NULL)[0]);
    formula_close(&f);
    return 0;
}
