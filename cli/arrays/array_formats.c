/* The formats of arrays of faces, by the ending of a file's name. */
#include <string.h>
#include <strings.h>

#include "arrays/arrays.h"

static const struct {
    const char *ending;
    int (*write)(const char *path, const cli_array_source *source);
    int (*read)(const char *path, const char *names, cli_arrays *out);
} formats[] = {
    {".npy", cli_npy_write, cli_npy_read},
    {".csv", cli_array_csv_write, cli_array_csv_read},
    {".safetensors", cli_array_safetensors_write, cli_array_safetensors_read},
};
enum { FORMATS = sizeof formats / sizeof *formats };

static int format_of(const char *path)
{
    const size_t size = strlen(path);
    for (int i = 0; i < FORMATS; i++) {
        const size_t ending = strlen(formats[i].ending);
        if (size > ending && strcasecmp(path + size - ending, formats[i].ending) == 0)
            return i;
    }
    return -1;
}

const char *cli_arrays_unknown(const char *path)
{
    return format_of(path) < 0 ? ".npy, .csv or .safetensors" : NULL;
}

int cli_arrays_write(const char *path, const cli_array_source *source)
{
    return formats[format_of(path)].write(path, source);
}

int cli_arrays_read(const char *path, const char *names, cli_arrays *out)
{
    *out = (cli_arrays){0};
    return formats[format_of(path)].read(path, names, out);
}
