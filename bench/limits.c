/* What one core can do, and where a pair's time goes: limits [ROWS COLS CHANNELS [i8|f32|bf16]] (8 8 512 i8).
 *
 * The peaks are measured by loops of nothing but the instruction, in 24 registers: fused multiply-adds, products of
 * bf16 (multiply-adds where there are none) and of bytes at the kernels' width, and reading 256 MiB. Then the EMD
 * kernels, a stage at a time on faces as `secondlook bench emd` makes them, beside what their arithmetic takes at those
 * peaks. CPU time of this thread, the median of rounds. One JSON line. x86-64 only. */
#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "match/kernels/match_kernels.h"
#include "match/patch/weighting.h"

enum { ROUNDS = 21, FACES = 256, READ_BYTES = 256 << 20, STAGES = 4 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *times)
{
    qsort(times, ROUNDS, sizeof *times, by_value);
    return times[ROUNDS / 2];
}

static void die(const char *what)
{
    fprintf(stderr, "limits: %s\n", what);
    exit(1);
}

/* ---- peaks ---- */

enum { REPEATS = 200000 };

/* 24 (AVX2: 12) independent sums by one instruction, so that neither its latency nor a load can be the limit. */
#define PEAK_LOOP(name, isa, instruction, registers, count)                                                       \
    __attribute__((target(isa))) static double name(void)                                                        \
    {                                                                                                             \
        double times[ROUNDS];                                                                                     \
        __asm__ volatile("vzeroall" ::: registers);                                                               \
        for (int round = 0; round < ROUNDS; round++) {                                                            \
            double start = now();                                                                                 \
            for (long i = 0; i < REPEATS; i++)                                                                    \
                __asm__ volatile(instruction ::: registers);                                                      \
            times[round] = now() - start;                                                                         \
        }                                                                                                         \
        return (double)(count) * REPEATS / median(times);                                                         \
    }
#define X4(op, r, a, b, c, d) \
    op " %%" r "15, %%" r "14, %%" r #a "\n" op " %%" r "15, %%" r "14, %%" r #b "\n" op " %%" r "15, %%" r       \
       "14, %%" r #c "\n" op " %%" r "15, %%" r "14, %%" r #d "\n"
#define X12(op, r) X4(op, r, 0, 1, 2, 3) X4(op, r, 4, 5, 6, 7) X4(op, r, 8, 9, 10, 11)
#define X24(op, r) X12(op, r) X4(op, r, 16, 17, 18, 19) X4(op, r, 20, 21, 22, 23) X4(op, r, 24, 25, 26, 27)
#define LOW                                                                                                       \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm14",    \
        "xmm15"
#define HIGH                                                                                                      \
    LOW, "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27"

PEAK_LOOP(fma_avx2, "avx2,fma", X12("vfmadd231ps", "ymm"), LOW, 12)
PEAK_LOOP(madd_avx2, "avx2", X12("vpmaddwd", "ymm"), LOW, 12)
PEAK_LOOP(fma_avx512, "avx512f", X24("vfmadd231ps", "zmm"), HIGH, 24)
PEAK_LOOP(vnni_avx512, "avx512f,avx512vnni", X24("vpdpbusd", "zmm"), HIGH, 24)
PEAK_LOOP(bf16_avx512, "avx512f", X24("vdpbf16ps", "zmm"), HIGH, 24)

static double read_bytes_per_s(void)
{
    uint64_t *data = sl_alloc_aligned(READ_BYTES), sum = 0;
    double times[ROUNDS];
    if (!data)
        die("no memory");
    memset(data, 1, READ_BYTES);
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        for (size_t i = 0; i < READ_BYTES / sizeof *data; i += 8)
            sum += data[i] + data[i + 1] + data[i + 2] + data[i + 3] + data[i + 4] + data[i + 5] + data[i + 6] +
                   data[i + 7];
        __asm__ volatile("" ::"r"(sum));
        times[round] = now() - start;
    }
    free(data);
    return READ_BYTES / median(times);
}

/* ---- faces ---- */

static float next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (float)((double)(z >> 11) * 0x1p-52 - 1);
}

static int moved(int i, int n, uint64_t *seed)
{
    i += (int)(1.5f * next(seed));
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

typedef struct {
    sl_match_layout layout;
    sl_patch_set query, candidates[FACES];
} faces;

static void make_faces(faces *f, int rows, int cols, int channels, sl_patch_compute precision)
{
    sl_error err = {0};
    sl_match_options o = sl_match_defaults_of(SL_RERANK_EMD);
    uint64_t seed = 1;
    const size_t map = (size_t)rows * (size_t)cols * (size_t)channels, width = (size_t)channels;
    float *query = malloc(map * sizeof *query), *other = malloc(map * sizeof *other);
    o.patch_compute = precision;
    if (!query || !other || sl_match_layout_make(&o, rows, cols, channels, 0, &f->layout, &err))
        die(err.text);
    for (size_t i = 0; i < map; i++)
        query[i] = .35f + next(&seed);
    const size_t each = sl_patch_set_bytes(&f->layout, SL_ROLE_CANDIDATE);
    char *memory = sl_alloc_aligned(FACES * each),
         *own = sl_alloc_aligned(sl_patch_set_bytes(&f->layout, SL_ROLE_QUERY));
    sl_patch_source source = {.patches_f32 = query};
    if (!memory || !own || sl_patch_set_init(&f->query, &f->layout, SL_ROLE_QUERY, own, &source, &err))
        die(err.text);
    source.patches_f32 = other;
    for (size_t i = 0; i < FACES; i++) {
        const float noise = .7f + .35f * next(&seed);
        for (int cell = 0; cell < rows * cols; cell++) {
            const int row = moved(cell / cols, rows, &seed), col = moved(cell % cols, cols, &seed);
            for (size_t c = 0; c < width; c++)
                other[(size_t)cell * width + c] = query[(size_t)(row * cols + col) * width + c] + noise * next(&seed);
        }
        if (sl_patch_set_init(&f->candidates[i], &f->layout, SL_ROLE_CANDIDATE, memory + i * each, &source, &err))
            die(err.text);
    }
    free(query), free(other);
}

/* ---- stages ---- */

/* Seconds a pair: of the products, with the weights, with Sinkhorn and score; iterations. */
static void measure(const faces *f, double *seconds, double *iterations)
{
    const sl_emd_kernels *k = sl_emd_kernels_now();
    const size_t stride = (size_t)f->layout.stride, square = (stride + 8) * stride * sizeof(float);
    float *S = sl_calloc_aligned(1, square), *K = sl_calloc_aligned(1, square), *w = sl_calloc_aligned(4, square);
    static double times[STAGES][ROUNDS];
    const sl_sinkhorn_work work = {.u = w, .v = w + stride, .K = K, .r = w + 2 * stride, .c = w + 3 * stride,
                                   .patches = f->layout.patches, .stride = f->layout.stride};
    long total = 0;
    float score;
    for (int round = 0; round < ROUNDS; round++)
        for (int stages = 1; stages < STAGES; stages++) {
            double start = now();
            for (size_t i = 0; i < FACES; i++) {
                k->similarities(&f->query, &f->candidates[i], i + 1 < FACES ? f->candidates[i + 1].rows : NULL, S);
                if (stages > 1)
                    sl_pair_weights(&f->query, &f->candidates[i], S, w, w + stride);
                if (stages > 2)
                    total += k->sinkhorn(S, &f->layout.sinkhorn, &work, &score);
            }
            times[stages][round] = (now() - start) / FACES;
        }
    for (int stages = 1; stages < STAGES; stages++)
        seconds[stages] = median(times[stages]);
    *iterations = (double)total / (ROUNDS * FACES);
    free(S), free(K), free(w);
}

static const char *const names[] = {"int8", "f32", "bf16"};

static sl_patch_compute precision_named(const char *name)
{
    for (int i = SL_COMPARE_F32; i <= SL_COMPARE_BF16; i++)
        if (!strcmp(name, names[i]))
            return (sl_patch_compute)i;
    return SL_COMPARE_INT8;
}

int main(int argc, char **argv)
{
    static faces f;
    const int rows = argc > 3 ? atoi(argv[1]) : 8, cols = argc > 3 ? atoi(argv[2]) : 8;
    const int channels = argc > 3 ? atoi(argv[3]) : 512;
    const sl_patch_compute precision = argc <= 4 ? SL_COMPARE_INT8 : precision_named(argv[4]);
    const int wide = sl_isa_active() == SL_ISA_AVX512;
    double seconds[STAGES], iterations;
    if (argc > 5 || argc == 2 || argc == 3)
        die("usage: limits [ROWS COLS CHANNELS [i8|f32|bf16]]");
    if (sl_isa_active() == SL_ISA_SCALAR)
        die("needs AVX2");
    make_faces(&f, rows, cols, channels, precision);
    measure(&f, seconds, &iterations);
    const double fma = (wide ? fma_avx512() * 16 : fma_avx2() * 8),
                 bytes = wide ? vnni_avx512() * 64 : madd_avx2() * 16;
    const double pairs = wide && sl_cpu_has_bf16() ? bf16_avx512() * 32 : fma;
    const double products = (double)(rows * cols) * (rows * cols) * channels;
    const double peak = (const double[]){bytes, fma, pairs}[precision];
    printf("{\"isa\": \"%s\", \"patches\": %d, \"channels\": %d, \"precision\": \"%s\", \"peak_gflops\": %.1f, "
           "\"peak_bf16_gflops\": %.1f, \"peak_int8_gops\": %.1f, \"read_gb_per_s\": %.2f, \"us_at_peak\": %.3f, "
           "\"us_products\": %.3f, \"us_weights\": %.3f, \"us_sinkhorn\": %.3f, \"iterations\": %.2f, \"us_pair\": "
           "%.3f, \"products_of_peak\": %.3f}\n",
           sl_isa_name(sl_isa_active()), rows * cols, channels, names[precision], 2e-9 * fma, 2e-9 * pairs,
           2e-9 * bytes, 1e-9 * read_bytes_per_s(), 1e6 * products / peak, 1e6 * seconds[1],
           1e6 * (seconds[2] - seconds[1]), 1e6 * (seconds[3] - seconds[2]), iterations, 1e6 * seconds[3],
           products / peak / seconds[1]);
    return 0;
}
