/* Arrays of faces as CSV (RFC 4180): label,image,e0,e1,.. with a first line that says so; and names alone. */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arrays/arrays.h"

/* ---- writing ---- */

static void put_text(FILE *f, const char *text)
{
    fputc('"', f);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', f);
        fputc(*text, f);
    }
    fputc('"', f);
}

static int put_names(FILE *f, const cli_array_source *s, size_t i)
{
    const char *label, *image;
    const int code = cli_interrupted ? CLI_INTERRUPTED : s->names(s->context, i, &label, &image);
    if (code)
        return code;
    put_text(f, label);
    fputc(',', f);
    put_text(f, image);
    return CLI_OK;
}

int cli_array_names_write(FILE *f, const cli_array_source *source)
{
    int code = CLI_OK;
    fputs("label,image\n", f);
    for (size_t i = 0; i < source->shape.faces && !code; i++) {
        code = put_names(f, source, i);
        fputc('\n', f);
    }
    return code;
}

/* Nine digits bring a float back to the bit. */
static int write_rows(FILE *f, const cli_array_source *s)
{
    const float *numbers;
    fputs("label,image", f);
    for (int d = 0; d < s->shape.dim; d++)
        fprintf(f, ",e%d", d);
    fputc('\n', f);
    for (size_t i = 0; i < s->shape.faces; i++) {
        int code = put_names(f, s, i);
        if (!code)
            code = s->embedding(s->context, i, &numbers);
        if (code)
            return code;
        for (int d = 0; d < s->shape.dim; d++)
            fprintf(f, ",%.9g", (double)numbers[d]);
        fputc('\n', f);
    }
    return CLI_OK;
}

int cli_array_csv_write(const char *path, const cli_array_source *source)
{
    return cli_array_write_file(path, write_rows, source);
}

/* ---- reading ---- */

typedef struct {
    FILE *f;
    const char *path;
    char *line;
    size_t room, number;
} csv_reader;

/* The next line that is not empty, without its end; false at the end. */
static bool next_line(csv_reader *r)
{
    ssize_t size;
    while ((size = getline(&r->line, &r->room, r->f)) >= 0) {
        r->number++;
        while (size > 0 && (r->line[size - 1] == '\n' || r->line[size - 1] == '\r'))
            r->line[--size] = 0;
        if (r->number == 1 && strncmp(r->line, "\xef\xbb\xbf", 3) == 0)
            memmove(r->line, r->line + 3, (size_t)size - 2);
        if (*r->line)
            return true;
    }
    return false;
}

/* Takes the field at *at out of its quotes, in place; *at is what follows, NULL behind the last. NULL: a quote has no
 * end. */
static char *next_field(char **at)
{
    char *field = *at, *to = field, *from = field;
    const bool quoted = *from == '"';
    if (!quoted) {
        from += strcspn(from, ",");
        to = from;
    } else {
        for (from++; *from && (*from != '"' || from[1] == '"'); from++) {
            from += *from == '"';
            *to++ = *from;
        }
        if (*from != '"' || (from[1] && from[1] != ','))
            return NULL;
        from++;
    }
    *at = *from == ',' ? from + 1 : NULL;
    *to = 0;
    return field;
}

static int bad_line(const csv_reader *r, const char *why)
{
    return cli_array_bad(r->path, "line %zu: %s", r->number, why);
}

/* label,image at the beginning of the line; *rest: what follows. */
static int read_names(csv_reader *r, cli_arrays *out, size_t i, char **rest)
{
    char *at = r->line;
    char *label = next_field(&at), *image = label && at ? next_field(&at) : NULL;
    if (!image || !*label || !*image)
        return bad_line(r, "label,image is wanted");
    out->labels[i] = strdup(label);
    out->images[i] = strdup(image);
    *rest = at;
    return out->labels[i] && out->images[i] ? CLI_OK : bad_line(r, "no memory");
}

static int open_csv(csv_reader *r, const char *path)
{
    *r = (csv_reader){.path = path, .f = fopen(path, "rb")};
    return r->f ? CLI_OK
                : cli_array_bad(path, "cannot open: %s (it says who each row is, label,image)", strerror(errno));
}

static void close_csv(csv_reader *r)
{
    if (r->f)
        fclose(r->f);
    free(r->line);
}

int cli_array_names_read(const char *path, cli_arrays *out)
{
    csv_reader r;
    char *rest;
    size_t i = 0;
    int code = open_csv(&r, path);
    while (!code && next_line(&r)) {
        if (r.number == 1 && strncmp(r.line, "label,image", 11) == 0)
            continue;
        code = i < out->shape.faces ? read_names(&r, out, i++, &rest) : bad_line(&r, "there are fewer embeddings");
    }
    if (!code && i < out->shape.faces)
        code = cli_array_bad(path, "names %zu of %zu faces", i, out->shape.faces);
    close_csv(&r);
    return code;
}

/* The first line says how many numbers a face has; the lines behind it are counted. */
static int measure(csv_reader *r, cli_array_shape *shape)
{
    *shape = (cli_array_shape){0};
    if (!next_line(r) || strncmp(r->line, "label,image,", 12) != 0)
        return bad_line(r, "the first line must be label,image,e0,e1,..");
    shape->dim = 1;
    for (const char *c = r->line + 12; *c; c++)
        shape->dim += *c == ',';
    while (next_line(r))
        shape->faces++;
    rewind(r->f);
    r->number = 0;
    return CLI_OK;
}

static int read_numbers(csv_reader *r, char *at, float *out, int dim)
{
    for (int d = 0; d < dim; d++) {
        char *end, *field = at ? next_field(&at) : NULL;
        out[d] = field ? strtof(field, &end) : 0;
        if (!field || end == field || *end || !isfinite(out[d]))
            return bad_line(r, "has a field that is no number, or too few");
    }
    return at ? bad_line(r, "has more numbers than the first line says") : CLI_OK;
}

int cli_array_csv_read(const char *path, const char *names, cli_arrays *out)
{
    csv_reader r;
    cli_array_shape shape;
    char *rest;
    int code = names ? cli_array_bad(path, "has the names itself: --names is for .npy files") : open_csv(&r, path);
    if (code)
        return code;
    code = measure(&r, &shape);
    if (!code)
        code = cli_array_allocate(path, &shape, out);
    if (!code)
        next_line(&r);
    for (size_t i = 0; i < shape.faces && !code && next_line(&r); i++) {
        code = read_names(&r, out, i, &rest);
        if (!code)
            code = read_numbers(&r, rest, out->embeddings + i * (size_t)shape.dim, shape.dim);
    }
    close_csv(&r);
    return code;
}
