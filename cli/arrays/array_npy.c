/* NumPy's files of one array: little-endian float32 in C order. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arrays/arrays.h"

enum { MOST_HEADER = 1 << 16, MOST_DIMENSIONS = 4 };

/* ---- writing ---- */

/* The header of version 1.0, whose data begin at a multiple of 64. */
static int put_header(FILE *f, const char *shape)
{
    char text[512];
    const int used = snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", shape);
    const int padded = (10 + used + 1 + 63) / 64 * 64 - 10;
    fwrite("\x93NUMPY\x01\x00", 1, 8, f);
    fputc(padded & 255, f);
    fputc(padded >> 8, f);
    fprintf(f, "%-*s\n", padded - 1, text);
    return CLI_OK;
}

static int write_embeddings(FILE *f, const cli_array_source *s)
{
    char shape[64];
    snprintf(shape, sizeof shape, "%zu, %d", s->shape.faces, s->shape.dim);
    put_header(f, shape);
    return cli_array_put_embeddings(f, s);
}

static int write_patches(FILE *f, const cli_array_source *s)
{
    char shape[96];
    snprintf(shape, sizeof shape, "%zu, %d, %d, %d", s->shape.faces, s->shape.rows, s->shape.cols, s->shape.channels);
    put_header(f, shape);
    return cli_array_put_patches(f, s);
}

int cli_npy_write(const char *path, const cli_array_source *source)
{
    char *names = cli_array_sibling(path, ".csv"), *patches = cli_array_sibling(path, ".patches.npy");
    int code = names && patches ? CLI_OK : cli_array_bad(path, "no memory for a name");
    if (!code)
        code = cli_array_write_file(path, write_embeddings, source);
    if (!code)
        code = cli_array_write_file(names, cli_array_names_write, source);
    if (!code && source->shape.rows)
        code = cli_array_write_file(patches, write_patches, source);
    free(names);
    free(patches);
    return code;
}

/* ---- reading ---- */

static bool has(const char *header, const char *part)
{
    return strstr(header, part) != NULL;
}

/* The numbers between the brackets behind 'shape'. Returns how many, 0 for what is none. */
static int shape_of(const char *header, unsigned long long dimension[MOST_DIMENSIONS])
{
    const char *at = strstr(header, "'shape'");
    int count = 0;
    at = at ? strchr(at, '(') : NULL;
    while (at && *++at && count < MOST_DIMENSIONS) {
        char *end;
        at += strspn(at, " ");
        if (*at < '0' || *at > '9')
            break;
        errno = 0;
        dimension[count++] = strtoull(at, &end, 10);
        at = end + strspn(end, " ");
        if (errno || (*at != ',' && *at != ')'))
            return 0;
        if (*at == ')')
            break;
    }
    return count;
}

/* Reads up to the data. */
static int read_header(FILE *f, const char *path, int *dimensions, unsigned long long dimension[MOST_DIMENSIONS])
{
    unsigned char begin[12];
    if (fread(begin, 1, 10, f) != 10 || memcmp(begin, "\x93NUMPY", 6) != 0 || begin[6] < 1 || begin[6] > 3)
        return cli_array_bad(path, "is no file of NumPy's");
    size_t size = begin[8] | (size_t)begin[9] << 8;
    if (begin[6] > 1) {
        if (fread(begin + 10, 1, 2, f) != 2)
            return cli_array_bad(path, "is no file of NumPy's");
        size |= (size_t)begin[10] << 16 | (size_t)begin[11] << 24;
    }
    char *header = size <= MOST_HEADER ? calloc(1, size + 1) : NULL;
    int code = CLI_OK;
    if (!header || fread(header, 1, size, f) != size)
        code = cli_array_bad(path, "its header is damaged");
    else if (!has(header, "'<f4'") || !has(header, "'fortran_order': False"))
        code = cli_array_bad(path, "must hold float32 in C order: numpy.save(FILE, numpy.ascontiguousarray(a, "
                                   "dtype='float32'))");
    else if (!(*dimensions = shape_of(header, dimension)))
        code = cli_array_bad(path, "its header has no shape");
    free(header);
    return code;
}

static int read_embeddings(FILE *f, const char *path, cli_array_shape *shape)
{
    unsigned long long d[MOST_DIMENSIONS];
    int n;
    const int code = read_header(f, path, &n, d);
    if (code)
        return code;
    if (n != 2 || d[1] > 4096 || d[0] > INT32_MAX)
        return cli_array_bad(path, "embeddings have two dimensions, faces and up to 4096 numbers");
    *shape = (cli_array_shape){.faces = (size_t)d[0], .dim = (int)d[1]};
    return CLI_OK;
}

static int read_patches(FILE *f, const char *path, cli_array_shape *shape)
{
    unsigned long long d[MOST_DIMENSIONS];
    int n;
    const int code = read_header(f, path, &n, d);
    if (code)
        return code;
    if (n != 4 || d[0] != shape->faces || d[1] > 256 || d[2] > 256 || d[3] > 4096 || d[1] == 0)
        return cli_array_bad(path, "patches have four dimensions: %zu faces, rows, columns, channels", shape->faces);
    shape->rows = (int)d[1];
    shape->cols = (int)d[2];
    shape->channels = (int)d[3];
    return CLI_OK;
}

/* f: at the embeddings' header; patches: NULL where there are none. */
static int read_arrays(FILE *f, const char *path, FILE *patches, const char *patches_path, cli_arrays *out)
{
    cli_array_shape shape;
    int code = read_embeddings(f, path, &shape);
    if (!code && patches)
        code = read_patches(patches, patches_path, &shape);
    if (!code)
        code = cli_array_allocate(path, &shape, out);
    if (!code)
        code = cli_array_get(f, path, out->embeddings, shape.faces * (size_t)shape.dim);
    if (!code && patches)
        code = cli_array_get(patches, patches_path, out->patches, shape.faces * cli_patch_numbers(&shape));
    return code;
}

int cli_npy_read(const char *path, const char *names, cli_arrays *out)
{
    char *beside = cli_array_sibling(path, ".csv"), *patches_path = cli_array_sibling(path, ".patches.npy");
    FILE *f = fopen(path, "rb"), *patches = patches_path ? fopen(patches_path, "rb") : NULL;
    int code = !f                        ? cli_array_bad(path, "cannot open: %s", strerror(errno))
               : beside && patches_path ? read_arrays(f, path, patches, patches_path, out)
                                         : cli_array_bad(path, "no memory for a name");
    if (!code)
        code = cli_array_names_read(names ? names : beside, out);
    if (f)
        fclose(f);
    if (patches)
        fclose(patches);
    free(beside);
    free(patches_path);
    return code;
}
