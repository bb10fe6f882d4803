/* What the benchmarks share: rounds, medians, made-up numbers, the machine, printing. */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>

#include "common/output.h"
#include "common/progress.h"

enum { MAX_ROUNDS = 10000 };

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

sl_status bench_in_turn(bench_turn_fn work, void *context, int ways, double seconds, double *median, sl_error *err)
{
    static double times[BENCH_MAX_WAYS][MAX_ROUNDS];
    size_t n = 0;
    sl_status status = SL_OK;
    for (int way = 0; way < ways && !status; way++) /* warm-up */
        status = work(context, way, err);
    for (double start = cli_now(), now = start; !status && n < MAX_ROUNDS && (n < 5 || now - start < seconds);
         n++) {
        for (int way = 0; way < ways && !status; way++) {
            status = work(context, way, err);
            double end = cli_now();
            times[way][n] = end - now;
            now = end;
        }
        if (!status && cli_interrupted)
            status = err->status = SL_ERR_INTERRUPTED;
    }
    for (int way = 0; way < ways && !status; way++) {
        qsort(times[way], n, sizeof *times[way], by_value);
        median[way] = times[way][n / 2];
    }
    return status;
}

sl_status bench_rounds(bench_fn work, void *context, double seconds, double *median, size_t *rounds, sl_error *err)
{
    static double times[MAX_ROUNDS];
    size_t n = 0;
    sl_status status = work(context, err);
    for (double start = cli_now(), now = start; !status && n < MAX_ROUNDS && (n < 5 || now - start < seconds);) {
        status = work(context, err);
        double end = cli_now();
        times[n++] = end - now;
        now = end;
        if (!status && cli_interrupted)
            status = err->status = SL_ERR_INTERRUPTED;
    }
    if (status)
        return status;
    qsort(times, n, sizeof *times, by_value);
    *median = times[n / 2];
    *rounds = n;
    return SL_OK;
}

int bench_fits(double bytes)
{
    if (bytes <= 8e9)
        return CLI_OK;
    cli_warn("these sizes take %.1f GB: ask for less", bytes / 1e9);
    return CLI_USAGE;
}

float bench_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (float)((double)(z >> 11) * 0x1p-52 - 1);
}

char *bench_machine(void)
{
    FILE *f = fopen("/proc/cpuinfo", "r");
    char *line = NULL, *name = NULL;
    size_t capacity = 0;
    while (f && !name && getline(&line, &capacity, f) > 0)
        if (!strncmp(line, "model name", 10) && strchr(line, ':')) {
            line[strcspn(line, "\n")] = 0;
            name = strdup(strchr(line, ':') + 2);
        }
    free(line);
    if (f)
        fclose(f);
    return name ? name : strdup("unknown");
}

void bench_stamp(json_t *result, int threads, double seconds)
{
    char *machine = bench_machine();
    json_object_set_new(result, "threads", json_integer(threads));
    json_object_set_new(result, "isa", json_string(sl_isa_in_use()));
    json_object_set_new(result, "machine", cli_json_text(machine));
    json_object_set_new(result, "seconds", cli_json_number(seconds));
    free(machine);
}

static void print_array(const char *key, const json_t *array)
{
    char *text = json_dumps(array, JSON_COMPACT | JSON_REAL_PRECISION(7));
    printf("%-18s %s\n", key, text ? text : "");
    free(text);
}

int bench_print(json_t *result, bool json)
{
    const char *key;
    json_t *value;
    if (json)
        return cli_print_json(result);
    json_object_foreach(result, key, value)
    {
        if (json_is_string(value))
            cli_say("%-18s %s", key, json_string_value(value));
        else if (json_is_boolean(value))
            printf("%-18s %s\n", key, json_is_true(value) ? "yes" : "no");
        else if (json_is_array(value))
            print_array(key, value);
        else if (json_is_integer(value))
            printf("%-18s %lld\n", key, (long long)json_integer_value(value));
        else
            printf("%-18s %.6g\n", key, json_number_value(value));
    }
    json_decref(result);
    return CLI_OK;
}
