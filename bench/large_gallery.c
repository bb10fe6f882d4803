/* What a large gallery costs those who open it: large_gallery DIR FACES DIM [PHOTOS] [make].
 *
 * `make` writes FACES made-up faces of DIM numbers, PHOTOS (1) a person, without patches, in commits of 256. Then the
 * gallery is opened and asked, each step timed once, as a process that starts meets it: open, the first search, the
 * second, a hundred at once, one more. One JSON line; times in ms, of the clock and of the processors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "gallery/gallery.h"
#include "secondlook.h"

enum { COMMIT = 256, TOP = 100, MANY = 100 };

static sl_error err;

static void check(sl_status status)
{
    if (status == SL_OK)
        return;
    fprintf(stderr, "large_gallery: %s\n", err.text);
    exit(1);
}

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

/* Numbers of face n, out of n alone. */
static void numbers(size_t n, int dim, float *out)
{
    uint64_t state = 2 + n * 0x2545f4914f6cdd1du;
    for (int d = 0; d < dim; d++) {
        uint64_t z = state += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        out[d] = (float)((double)((z ^ z >> 31) >> 11) * 0x1p-52 - 1);
    }
}

static void make(const char *dir, size_t faces, int dim, size_t photos)
{
    sl_gallery *g;
    float x[4096];
    const double start = now(CLOCK_MONOTONIC);
    check(sl_gallery_open_arrays(dir, SL_GALLERY_CREATE, dim, 1, 1, 1, SL_PATCHES_NONE, &g, &err));
    for (size_t n = sl_gallery_size(g); n < faces; n++) {
        char label[48], image[160];
        snprintf(label, sizeof label, "Person_%07zu", n / photos);
        snprintf(image, sizeof image, "photos/%s/%s_%04zu.jpg", label, label, n % photos + 1);
        sl_entry entry = {.label = label, .image = image};
        sl_template *t;
        numbers(n, dim, x);
        check(sl_template_of_arrays(x, dim, NULL, 1, 1, 1, &t, &err));
        check(sl_gallery_add(g, &entry, t, NULL, &err));
        sl_template_free(t);
        if ((n + 1) % COMMIT == 0)
            check(sl_gallery_commit(g, &err));
    }
    check(sl_gallery_commit(g, &err));
    sl_gallery_close(g);
    printf("{\"make_ms\": %.0f}\n", now(CLOCK_MONOTONIC) - start);
}

static void search(const sl_gallery *g, size_t first, size_t count, int dim)
{
    static float asked[MANY * 4096], score[MANY * TOP];
    static uint32_t index[MANY * TOP];
    for (size_t i = 0; i < count; i++) { /* a face that is there, a little off */
        float noise[4096], length = 0;
        numbers(first + i, dim, asked + i * (size_t)dim);
        numbers(first + i + 1000000007, dim, noise);
        for (int d = 0; d < dim; d++)
            asked[i * (size_t)dim + (size_t)d] += .5f * noise[d];
        for (int d = 0; d < dim; d++)
            length += asked[i * (size_t)dim + (size_t)d] * asked[i * (size_t)dim + (size_t)d];
        for (int d = 0; d < dim; d++)
            asked[i * (size_t)dim + (size_t)d] /= __builtin_sqrtf(length);
    }
    const sl_vectors queries = {asked, count, dim};
    check(sl_gallery_expect(g, count, 0, &err));
    check(sl_gallery_top(g, &queries, TOP, 0, index, score, &err));
    for (size_t i = 0; i < count; i++)
        if (index[i * TOP] != first + i)
            fprintf(stderr, "large_gallery: query %zu found face %u\n", first + i, index[i * TOP]);
}

static double wall, cpu;

static void begin(void)
{
    wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
}

static void tell(const char *what)
{
    printf("\"%s\": %.1f, \"%s_cpu\": %.1f, ", what, now(CLOCK_MONOTONIC) - wall, what,
           now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    begin();
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    const size_t faces = strtoull(argv[2], NULL, 10), photos = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
    const int dim = atoi(argv[3]);
    sl_gallery *g;
    if (argc > 5)
        make(argv[1], faces, dim, photos);
    printf("{\"faces\": %zu, \"dim\": %d, ", faces, dim);
    begin();
    check(sl_gallery_open(argv[1], SL_GALLERY_READ, NULL, &g, &err));
    tell("open");
    search(g, faces / 3, 1, dim);
    tell("first");
    search(g, faces / 2, 1, dim);
    tell("second");
    search(g, faces / 5, MANY, dim);
    tell("hundred");
    search(g, faces / 7, 1, dim);
    tell("one_more");
    sl_gallery_close(g);
    tell("close");
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("\"rss_mb\": %ld}\n", used.ru_maxrss >> 10);
    return 0;
}
