/* Tar headers, of regular files alone. */
#define _GNU_SOURCE
#include "gallery/folder/tar_header.h"

#include <stdio.h>
#include <string.h>

enum { MODE = 100, OWNER = 108, GROUP = 116, SIZE = 124, TIME = 136, SUM = 148, TYPE = 156, MAGIC = 257 };

/* The sum of all bytes, those of the sum itself taken for blanks. */
static unsigned sum_of(const uint8_t block[SL_TAR_BLOCK])
{
    unsigned sum = 8 * ' ';
    for (int i = 0; i < SL_TAR_BLOCK; i++)
        sum += i >= SUM && i < SUM + 8 ? 0 : block[i];
    return sum;
}

static void put_octal(uint8_t *at, int digits, uint64_t value)
{
    for (int i = digits - 1; i >= 0; i--, value /= 8)
        at[i] = (uint8_t)('0' + value % 8);
}

/* Digits up to a NUL or a blank; false for anything else. */
static bool get_octal(const uint8_t *at, int room, uint64_t *value)
{
    int i = 0;
    *value = 0;
    for (; i < room && at[i] >= '0' && at[i] <= '7'; i++)
        *value = *value * 8 + (uint64_t)(at[i] - '0');
    return i > 0 && (i == room || at[i] == 0 || at[i] == ' ');
}

static void put_size(uint8_t *at, uint64_t size)
{
    if (size < (uint64_t)1 << 33) {
        put_octal(at, 11, size);
        return;
    }
    at[0] = 0x80; /* GNU: a binary number follows */
    for (int i = 11; i > 3; i--, size >>= 8)
        at[i] = (uint8_t)size;
}

static bool get_size(const uint8_t *at, uint64_t *size)
{
    if (at[0] != 0x80)
        return get_octal(at, 12, size);
    *size = 0;
    for (int i = 4; i < 12; i++)
        *size = *size << 8 | at[i];
    return !at[1] && !at[2] && !at[3];
}

void sl_tar_header_encode(const char *name, uint64_t size, uint8_t out[SL_TAR_BLOCK])
{
    memset(out, 0, SL_TAR_BLOCK);
    memcpy(out, name, strnlen(name, SL_TAR_NAME - 1));
    put_octal(out + MODE, 7, 0644);
    put_octal(out + OWNER, 7, 0);
    put_octal(out + GROUP, 7, 0);
    put_size(out + SIZE, size);
    put_octal(out + TIME, 11, 0);
    out[TYPE] = '0';
    memcpy(out + MAGIC, "ustar\00000", 8);
    put_octal(out + SUM, 6, sum_of(out));
    out[SUM + 7] = ' ';
}

bool sl_tar_header_decode(const uint8_t block[SL_TAR_BLOCK], char name[SL_TAR_NAME], uint64_t *size)
{
    uint64_t sum;
    if (!get_octal(block + SUM, 8, &sum) || sum != sum_of(block) || memcmp(block + MAGIC, "ustar", 5) != 0 ||
        (block[TYPE] != '0' && block[TYPE] != 0) || !memchr(block, 0, SL_TAR_NAME) || !block[0])
        return false;
    memcpy(name, block, SL_TAR_NAME);
    return get_size(block + SIZE, size) && *size <= INT64_MAX;
}
