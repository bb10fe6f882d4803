/* What all formats of arrays need: files that are whole or not there, numbers, room. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arrays/arrays.h"

void cli_arrays_free(cli_arrays *a)
{
    for (size_t i = 0; a->labels && a->images && i < a->shape.faces; i++) {
        free(a->labels[i]);
        free(a->images[i]);
    }
    free(a->labels);
    free(a->images);
    free(a->embeddings);
    free(a->patches);
    *a = (cli_arrays){0};
}

int cli_array_bad(const char *path, const char *format, ...)
{
    sl_error err = {.status = SL_ERR_FORMAT};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(err.text, sizeof err.text, format, arguments);
    va_end(arguments);
    return cli_fail(path, &err);
}

char *cli_array_sibling(const char *path, const char *ending)
{
    const char *dot = strrchr(path, '.');
    char *name;
    return asprintf(&name, "%.*s%s", (int)(dot - path), path, ending) < 0 ? NULL : name;
}

int cli_array_write_file(const char *path, int (*write)(FILE *f, const cli_array_source *source),
                         const cli_array_source *source)
{
    char *temp;
    if (asprintf(&temp, "%s.tmp-%ld", path, (long)getpid()) < 0)
        return cli_array_bad(path, "no memory for its name");
    FILE *f = fopen(temp, "wbx");
    int code = f ? write(f, source) : cli_array_bad(path, "cannot create: %s", strerror(errno));
    if (f) {
        const bool failed = ferror(f) != 0;
        if ((fclose(f) != 0 || failed) && !code)
            code = cli_array_bad(path, "cannot write: %s", strerror(errno));
        if (!code && rename(temp, path) != 0)
            code = cli_array_bad(path, "cannot rename to it: %s", strerror(errno));
        if (code)
            unlink(temp);
    }
    free(temp);
    return code;
}

static int put(FILE *f, const cli_array_source *s, int (*get)(void *, size_t, const float **), size_t numbers)
{
    const float *row;
    for (size_t i = 0; i < s->shape.faces; i++) {
        const int code = cli_interrupted ? CLI_INTERRUPTED : get(s->context, i, &row);
        if (code)
            return code;
        fwrite(row, sizeof *row, numbers, f); /* ferror is asked at the end */
    }
    return CLI_OK;
}

int cli_array_put_embeddings(FILE *f, const cli_array_source *source)
{
    return put(f, source, source->embedding, (size_t)source->shape.dim);
}

int cli_array_put_patches(FILE *f, const cli_array_source *source)
{
    return put(f, source, source->patches, cli_patch_numbers(&source->shape));
}

int cli_array_allocate(const char *path, const cli_array_shape *s, cli_arrays *out)
{
    if (s->dim < 1 || s->dim > 4096)
        return cli_array_bad(path, "embeddings of %d numbers: they may have 1 to 4096", s->dim);
    if (s->rows && (s->rows < 1 || s->cols < 1 || s->rows > 256 || s->cols > 256 || s->rows * s->cols > 256 ||
                    s->channels < 1 || s->channels > 4096))
        return cli_array_bad(path, "patches of %d x %d x %d: there may be 1 to 256 of 1 to 4096 numbers", s->rows,
                             s->cols, s->channels);
    out->shape = *s;
    out->embeddings = calloc(s->faces + 1, (size_t)s->dim * sizeof(float));
    out->patches = s->rows ? calloc(s->faces + 1, cli_patch_numbers(s) * sizeof(float)) : NULL;
    out->labels = out->labels ? out->labels : calloc(s->faces + 1, sizeof *out->labels);
    out->images = out->images ? out->images : calloc(s->faces + 1, sizeof *out->images);
    if (!out->embeddings || (s->rows && !out->patches) || !out->labels || !out->images)
        return cli_array_bad(path, "no memory for %zu faces", s->faces);
    return CLI_OK;
}

int cli_array_get(FILE *f, const char *path, float *out, size_t count)
{
    return fread(out, sizeof *out, count, f) == count ? CLI_OK : cli_array_bad(path, "ends before its numbers do");
}
