/* CRC-32C by the processor's instruction, or from tables, eight bytes at a time. */
#include "base/crc32c.h"

#include <pthread.h>
#include <string.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

static uint32_t table[8][256];

static void fill_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++)
            c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
        table[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int k = 1; k < 8; k++)
            table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 255];
}

static uint32_t crc_tables(uint32_t crc, const uint8_t *p, size_t size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill_table);
    for (; size >= 8; p += 8, size -= 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        v ^= crc;
        crc = 0;
        for (int k = 0; k < 8; k++)
            crc ^= table[7 - k][v >> 8 * k & 255];
    }
    for (; size; p++, size--)
        crc = crc >> 8 ^ table[0][(crc ^ *p) & 255];
    return crc;
}

#if defined(__x86_64__)
/* The instruction may begin three times as often as it ends, so three lanes of bytes go side by side. */
enum { LONG = 256, SHORT = 64 }; /* bytes of a lane: multiples of 8 */

/* [k][b]: what byte k of a checksum, b, becomes by the zeros of a lane behind it. Checksums are linear. */
typedef uint32_t shift_table[4][256];
static shift_table behind_long, behind_short;

static void fill_shift(shift_table shift, size_t lane)
{
    static const uint8_t zeros[LONG];
    for (int k = 0; k < 4; k++)
        for (uint32_t b = 0; b < 256; b++)
            shift[k][b] = crc_tables(b << 8 * k, zeros, lane);
}

static void fill_shifts(void)
{
    fill_shift(behind_long, LONG);
    fill_shift(behind_short, SHORT);
}

static inline uint32_t shifted(shift_table shift, uint32_t c)
{
    return shift[0][c & 255] ^ shift[1][c >> 8 & 255] ^ shift[2][c >> 16 & 255] ^ shift[3][c >> 24];
}

static inline uint64_t word_at(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

/* Of three lanes behind each other. */
__attribute__((target("sse4.2"))) static inline uint32_t crc_lanes(uint32_t crc, const uint8_t *p, size_t lane,
                                                                   shift_table shift)
{
    const uint8_t *q = p + lane, *r = q + lane, *end = q;
    uint64_t a = crc, b = 0, c = 0;
    for (; p < end; p += 8, q += 8, r += 8) {
        a = _mm_crc32_u64(a, word_at(p));
        b = _mm_crc32_u64(b, word_at(q));
        c = _mm_crc32_u64(c, word_at(r));
    }
    return shifted(shift, shifted(shift, (uint32_t)a) ^ (uint32_t)b) ^ (uint32_t)c;
}

__attribute__((target("sse4.2"))) static uint32_t crc_sse42(uint32_t crc, const uint8_t *p, size_t size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill_shifts);
    for (; size >= 3 * LONG; p += 3 * LONG, size -= 3 * LONG)
        crc = crc_lanes(crc, p, LONG, behind_long);
    for (; size >= 3 * SHORT; p += 3 * SHORT, size -= 3 * SHORT)
        crc = crc_lanes(crc, p, SHORT, behind_short);
    uint64_t c = crc;
    for (; size >= 8; p += 8, size -= 8)
        c = _mm_crc32_u64(c, word_at(p));
    for (; size; p++, size--)
        c = _mm_crc32_u8((uint32_t)c, *p);
    return (uint32_t)c;
}
#endif

uint32_t sl_crc32c(uint32_t crc, const void *data, size_t size)
{
    crc = ~crc;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc_sse42(crc, data, size);
#endif
    return ~crc_tables(crc, data, size);
}
