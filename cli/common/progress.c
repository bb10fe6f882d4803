/* The bar on stderr, and Ctrl-C. */
#define _GNU_SOURCE
#include "common/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

volatile sig_atomic_t cli_interrupted;

static struct {
    const char *unit; /* NULL: no bar */
    double start, drawn;
    int on_screen;
    char tail[40];
} bar;

double cli_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void on_signal(int number)
{
    static const char text[] = "\nsecondlook: stopping in order; once more stops at once\n";
    if (cli_interrupted)
        _exit(128 + number);
    cli_interrupted = number;
    if (isatty(STDERR_FILENO) && write(STDERR_FILENO, text, sizeof text - 1) < 0)
        return;
}

void cli_catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void cli_progress_start(const char *unit)
{
    double now = cli_now();
    bar.unit = isatty(STDERR_FILENO) ? unit : NULL;
    bar.start = now;
    bar.drawn = now + .4; /* so that the first one appears after half a second */
}

void cli_progress_tail(const char *text) { snprintf(bar.tail, sizeof bar.tail, "%s%s", *text ? "  " : "", text); }

void cli_progress_clear(void)
{
    if (!bar.on_screen)
        return;
    fputs("\r\x1b[K", stderr);
    fflush(stderr);
    bar.on_screen = 0;
}

void cli_progress_end(void)
{
    cli_progress_clear();
    bar.unit = NULL;
    bar.tail[0] = 0;
}

static void draw(size_t done, size_t total, double seconds)
{
    enum { WIDTH = 28 };
    char cells[WIDTH + 1];
    double rate = (double)done / seconds;
    fputs("\r\x1b[K", stderr);
    if (!total || done > total) {
        fprintf(stderr, "%zu %s  %.1f/s", done, bar.unit, rate);
    } else {
        size_t full = (size_t)((double)done / (double)total * WIDTH);
        memset(cells, '.', WIDTH);
        memset(cells, '#', full);
        cells[WIDTH] = 0;
        fprintf(stderr, "[%s] %zu/%zu %s", cells, done, total, bar.unit);
        if (done) {
            unsigned left = (unsigned)((double)(total - done) / rate + .5);
            fprintf(stderr, "  %.1f/s  ETA %u:%02u", rate, left / 60, left % 60);
        }
    }
    fputs(bar.tail, stderr);
    fflush(stderr);
    bar.on_screen = 1;
}

int cli_progress_step(void *context, size_t done, size_t total)
{
    (void)context;
    double now = cli_now();
    if (bar.unit && now - bar.drawn >= .1) {
        bar.drawn = now;
        draw(done, total, now - bar.start);
    }
    return cli_interrupted;
}
