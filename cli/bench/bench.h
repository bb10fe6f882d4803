/* What the benchmarks share: rounds, medians, structured data, and the machine's name. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include <jansson.h>

#include "common/cli.h"
#include "common/options.h"

/* One run of what is measured; SL_OK or the reason in err. */
typedef sl_status (*bench_fn)(void *context, sl_error *err);

/* Runs `work` until `seconds` have passed and at least five rounds are done, after one round of
 * warm-up, and gives the median round's seconds. */
sl_status bench_rounds(bench_fn work, void *context, double seconds, double *median, size_t *rounds,
                       sl_error *err);

/* The same for several ways of doing a thing, in turn within each round, so that all of them meet the same machine:
 * way 0 .. ways-1, median [ways <= BENCH_MAX_WAYS]. */
enum { BENCH_MAX_WAYS = 8 };
typedef sl_status (*bench_turn_fn)(void *context, int way, sl_error *err);
sl_status bench_in_turn(bench_turn_fn work, void *context, int ways, double seconds, double *median, sl_error *err);

/* CLI_OK, or a usage error after saying that sizes take too much memory. */
int bench_fits(double bytes);

/* Deterministic numbers in [-1, 1). */
float bench_random(uint64_t *state);

/* The processor's name from /proc/cpuinfo, malloc'd. */
char *bench_machine(void);

/* Adds what every result says: threads, isa, machine, seconds. */
void bench_stamp(json_t *result, int threads, double seconds);

/* As one JSON document, or as a line per value. Releases the result. */
int bench_print(json_t *result, bool json);

int bench_emd(int argc, char **argv);
int bench_h2l(int argc, char **argv);
int bench_stage1(int argc, char **argv);
int bench_search(int argc, char **argv);
int bench_backbone(int argc, char **argv);
int bench_train(int argc, char **argv);
int bench_enroll(int argc, char **argv);

#endif
