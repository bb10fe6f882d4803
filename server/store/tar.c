/* Blocks of 512 bytes: a header, then the file's bytes, filled up. */
#include "store/tar.h"

#include <string.h>

enum {
    BLOCK = 512,
    NAME = 0,
    MODE = 100,
    SIZE = 124,
    TIME = 136,
    SUM = 148,
    KIND = 156,
    MAGIC = 257,
    PREFIX = 345,
    NAME_ROOM = 100,
    PREFIX_ROOM = 155,
    NUMBER = 12
};

/* ---- reading ---- */

/* Digits to the base 8 between blanks; false for anything else. */
static bool read_octal(const uint8_t *field, size_t room, size_t *out)
{
    size_t i = 0, value = 0;
    while (i < room && field[i] == ' ')
        i++;
    for (; i < room && field[i] >= '0' && field[i] <= '7'; i++) {
        if (value >> 58)
            return false;
        value = value * 8 + (size_t)(field[i] - '0');
    }
    for (; i < room; i++)
        if (field[i] != ' ' && field[i] != 0)
            return false;
    *out = value;
    return true;
}

/* Of all bytes of the header, its own field taken for blanks. */
static bool sum_holds(const uint8_t *h)
{
    size_t said, sum = 0;
    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= SUM && i < SUM + 8 ? ' ' : h[i];
    return read_octal(h + SUM, 8, &said) && said == sum;
}

static bool is_zero(const uint8_t *h)
{
    for (size_t i = 0; i < BLOCK; i++)
        if (h[i])
            return false;
    return true;
}

static size_t field_length(const uint8_t *field, size_t room)
{
    const uint8_t *end = memchr(field, 0, room);
    return end ? (size_t)(end - field) : room;
}

static bool put_name(char out[SV_TAR_NAME], const uint8_t *text, size_t size)
{
    if (size >= SV_TAR_NAME || memchr(text, 0, size))
        return false;
    memcpy(out, text, size);
    out[size] = 0;
    return true;
}

/* prefix/name; ustar alone has a prefix. */
static void short_name(const uint8_t *h, char out[SV_TAR_NAME])
{
    const size_t prefix = memcmp(h + MAGIC, "ustar", 6) == 0 ? field_length(h + PREFIX, PREFIX_ROOM) : 0;
    const size_t name = field_length(h + NAME, NAME_ROOM);
    memcpy(out, h + PREFIX, prefix);
    if (prefix)
        out[prefix] = '/';
    memcpy(out + prefix + (prefix > 0), h + NAME, name);
    out[prefix + (prefix > 0) + name] = 0;
}

/* The path of a pax header: lines of "LENGTH path=NAME\n". */
static bool pax_path(const uint8_t *data, size_t size, char out[SV_TAR_NAME])
{
    for (size_t at = 0; at < size;) {
        size_t length = 0, i = at;
        while (i < size && data[i] >= '0' && data[i] <= '9' && length < size)
            length = length * 10 + (size_t)(data[i++] - '0');
        if (i == size || data[i] != ' ' || length <= i - at + 1 || length > size - at || data[at + length - 1] != '\n')
            return false;
        const uint8_t *key = data + i + 1, *end = data + at + length - 1;
        if (end - key >= 5 && memcmp(key, "path=", 5) == 0 && !put_name(out, key + 5, (size_t)(end - key) - 5))
            return false;
        at += length;
    }
    return true;
}

int sv_tar_next(sv_tar *tar, sv_tar_file *out, const char **wrong)
{
    char long_name[SV_TAR_NAME] = "";
    while (tar->size - tar->at >= BLOCK) {
        const uint8_t *h = tar->data + tar->at;
        size_t size;
        if (is_zero(h))
            return 0;
        *wrong = "a header of the archive is damaged, or it is no tar archive";
        if (!sum_holds(h) || !read_octal(h + SIZE, NUMBER, &size))
            return -1;
        *wrong = "the archive is cut";
        if (size > tar->size - tar->at - BLOCK)
            return -1;
        const uint8_t *data = h + BLOCK;
        const size_t filled = (size + BLOCK - 1) / BLOCK * BLOCK, left = tar->size - tar->at - BLOCK;
        tar->at += BLOCK + (filled < left ? filled : left);
        *wrong = "a name in the archive is too long or cannot be read";
        if (h[KIND] == 'L' && !put_name(long_name, data, size ? field_length(data, size) : 0))
            return -1;
        if (h[KIND] == 'x' && !pax_path(data, size, long_name))
            return -1;
        if (h[KIND] == '0' || h[KIND] == 0) {
            if (*long_name)
                strcpy(out->name, long_name);
            else
                short_name(h, out->name);
            out->data = data;
            out->size = size;
            return 1;
        }
        if (h[KIND] != 'L' && h[KIND] != 'x')
            *long_name = 0; /* it was that one's */
    }
    *wrong = "the archive is cut";
    return tar->at == tar->size && tar->size > 0 ? 0 : -1;
}

/* ---- writing ---- */

bool sv_tar_write(FILE *f, const char *name, const void *data, size_t size)
{
    static const char zeros[BLOCK];
    char h[BLOCK] = {0};
    unsigned sum = 0;
    const size_t rest = size % BLOCK;
    if (strlen(name) >= NAME_ROOM || size >> 33)
        return false;
    strcpy(h + NAME, name);
    strcpy(h + MODE, "0000644");
    strcpy(h + MODE + 8, "0000000");
    strcpy(h + MODE + 16, "0000000");
    snprintf(h + SIZE, NUMBER, "%011zo", size);
    strcpy(h + TIME, "00000000000");
    h[KIND] = '0';
    memcpy(h + MAGIC, "ustar\0" "00", 8);
    memset(h + SUM, ' ', 8);
    for (size_t i = 0; i < BLOCK; i++)
        sum += (unsigned char)h[i];
    snprintf(h + SUM, 8, "%06o", sum);
    return fwrite(h, 1, BLOCK, f) == BLOCK && (size == 0 || fwrite(data, 1, size, f) == size) &&
           (rest == 0 || fwrite(zeros, 1, BLOCK - rest, f) == BLOCK - rest);
}

bool sv_tar_end(FILE *f)
{
    static const char zeros[2 * BLOCK];
    return fwrite(zeros, 1, sizeof zeros, f) == sizeof zeros;
}
