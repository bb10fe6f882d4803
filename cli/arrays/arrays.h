/* Embeddings and patches of many faces, in files that other programs read and write:
 *
 *     faces.npy, faces.csv [, faces.patches.npy]     NumPy; who each row is in the CSV, label,image
 *     faces.csv                                      label,image,e0,e1,..
 *     faces.safetensors                              all in one: tensors, and names in its metadata
 *
 * A format is a file with a row in the table of array_formats.c; what they share is in array_files.c. */
#ifndef CLI_ARRAYS_H
#define CLI_ARRAYS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/cli.h"
#include "common/progress.h"

typedef struct {
    size_t faces;
    int dim;
    int rows, cols, channels; /* of the patches; rows 0: there are none */
} cli_array_shape;

static inline size_t cli_patch_numbers(const cli_array_shape *s)
{
    return (size_t)s->rows * (size_t)s->cols * (size_t)s->channels;
}

/* What is written, asked for face by face. Each returns an exit code; what it gives is valid until it is called
 * again. */
typedef struct {
    cli_array_shape shape;
    const char *model, *fingerprint;
    const char *patches_are; /* "patches" or "contributions" */
    int (*embedding)(void *context, size_t i, const float **numbers);
    int (*patches)(void *context, size_t i, const float **numbers);
    int (*names)(void *context, size_t i, const char **label, const char **image);
    void *context;
} cli_array_source;

/* What is read, whole. Free it in any case. */
typedef struct {
    cli_array_shape shape;
    float *embeddings, *patches; /* [faces, dim], [faces, rows cols, channels] or NULL */
    char **labels, **images;     /* [faces] */
} cli_arrays;

/* NULL when a file of this name can be written and read, else which endings there are. */
const char *cli_arrays_unknown(const char *path);

/* Writes the file that the name's ending says, and those beside it, each complete or not at all; an exit code. */
int cli_arrays_write(const char *path, const cli_array_source *source);

/* The converse. names: the CSV of an .npy; NULL: beside it. An exit code, after saying what is wrong. */
int cli_arrays_read(const char *path, const char *names, cli_arrays *out);
void cli_arrays_free(cli_arrays *a);

/* ---- for the formats ---- */

/* "faces" of "faces.npy" with another ending behind it; malloc'd, NULL without memory. */
char *cli_array_sibling(const char *path, const char *ending);

/* Writes a file by a function: under a name of its own first, then renamed. An exit code. */
int cli_array_write_file(const char *path, int (*write)(FILE *f, const cli_array_source *source),
                         const cli_array_source *source);

/* All embeddings, or all patches, as little-endian floats. */
int cli_array_put_embeddings(FILE *f, const cli_array_source *source);
int cli_array_put_patches(FILE *f, const cli_array_source *source);

/* Room for the numbers of a shape, whose sizes are checked: 1 to 4096 numbers and channels, 1 to 256 patches. */
int cli_array_allocate(const char *path, const cli_array_shape *shape, cli_arrays *out);

/* Reads `count` little-endian floats; CLI_FAILED after saying that the file ends early. */
int cli_array_get(FILE *f, const char *path, float *out, size_t count);

int cli_array_bad(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));

int cli_npy_write(const char *path, const cli_array_source *source);
int cli_npy_read(const char *path, const char *names, cli_arrays *out);
int cli_array_csv_write(const char *path, const cli_array_source *source);
int cli_array_csv_read(const char *path, const char *names, cli_arrays *out);
int cli_array_safetensors_write(const char *path, const cli_array_source *source);
int cli_array_safetensors_read(const char *path, const char *names, cli_arrays *out);

/* A CSV of label,image alone. */
int cli_array_names_write(FILE *f, const cli_array_source *source);
int cli_array_names_read(const char *path, cli_arrays *out);

#endif
