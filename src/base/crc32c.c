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
enum {
    LANE = 256
}; /* bytes that one of three lanes takes: the instruction may begin three times as often as it ends */

/* crc_behind[k][b]: what byte k of a checksum, b, becomes by LANE zeros behind it. Checksums are linear. */
static uint32_t crc_behind[4][256];

static void fill_lanes(void)
{
    static const uint8_t zeros[LANE];
    for (int k = 0; k < 4; k++)
        for (uint32_t b = 0; b < 256; b++)
            crc_behind[k][b] = crc_tables(b << 8 * k, zeros, LANE);
}

static inline uint32_t behind_lane(uint32_t c)
{
    return crc_behind[0][c & 255] ^ crc_behind[1][c >> 8 & 255] ^ crc_behind[2][c >> 16 & 255] ^ crc_behind[3][c >> 24];
}

/* Three lanes side by side, as long as there are so many bytes. */
__attribute__((target("sse4.2"))) static uint32_t crc_lanes(uint32_t crc, const uint8_t **p, size_t *size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill_lanes);
    for (; *size >= 3 * LANE; *p += 3 * LANE, *size -= 3 * LANE) {
        uint64_t c[3] = {crc, 0, 0};
        for (size_t i = 0; i < LANE; i += 8)
            for (int lane = 0; lane < 3; lane++) {
                uint64_t v;
                memcpy(&v, *p + lane * LANE + i, 8);
                c[lane] = _mm_crc32_u64(c[lane], v);
            }
        crc = behind_lane(behind_lane((uint32_t)c[0]) ^ (uint32_t)c[1]) ^ (uint32_t)c[2];
    }
    return crc;
}

__attribute__((target("sse4.2"))) static uint32_t crc_sse42(uint32_t crc, const uint8_t *p, size_t size)
{
    uint64_t c = size >= 3 * LANE ? crc_lanes(crc, &p, &size) : crc;
    for (; size >= 8; p += 8, size -= 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        c = _mm_crc32_u64(c, v);
    }
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
