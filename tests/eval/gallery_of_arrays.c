/* Makes a gallery of given arrays, for tests in other languages:
 *
 *     gallery_of_arrays DIR NAMES EMBEDDINGS PATCHES DIM ROWS COLS CHANNELS
 *
 * NAMES: lines "image<TAB>label"; EMBEDDINGS, PATCHES: raw float32, [faces, DIM] and [faces, ROWS * COLS, CHANNELS]. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gallery/gallery.h"

enum { COMMIT_EVERY = 4096 };

static void die(const char *what)
{
    fprintf(stderr, "gallery_of_arrays: %s\n", what);
    exit(1);
}

static FILE *open_or_die(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        die(path);
    return f;
}

int main(int argc, char **argv)
{
    sl_error err = {0};
    sl_gallery *gallery;
    char line[1024];
    if (argc != 9)
        die("eight arguments, please");
    const sl_template_shape shape = {.fingerprint = {7}, .dim = atoi(argv[5]), .rows = atoi(argv[6]),
                                     .cols = atoi(argv[7]), .channels = atoi(argv[8]), .format = SL_PATCHES_F32};
    size_t patches = (size_t)(shape.rows * shape.cols * shape.channels);
    float *e = malloc((size_t)shape.dim * sizeof *e), *p = malloc(patches * sizeof *p);
    FILE *names = open_or_die(argv[2]), *embeddings = open_or_die(argv[3]), *maps = open_or_die(argv[4]);
    if (!e || !p)
        die("no memory");
    if (sl_gallery_open_shape(argv[1], SL_GALLERY_CREATE, &shape, "arrays", &gallery, &err))
        die(err.text);
    for (size_t n = 1; fgets(line, sizeof line, names); n++) {
        char *image = strtok(line, "\t"), *label = strtok(NULL, "\n");
        sl_template *t;
        if (!image || !label || fread(e, sizeof *e, (size_t)shape.dim, embeddings) != (size_t)shape.dim ||
            fread(p, sizeof *p, patches, maps) != patches)
            die("names and arrays do not belong together");
        const sl_entry entry = {.image = image, .label = label};
        if (sl_template_make(&shape, e, p, &t, &err) || sl_gallery_add(gallery, &entry, t, NULL, &err))
            die(err.text);
        sl_template_free(t);
        if (n % COMMIT_EVERY == 0 && sl_gallery_commit(gallery, &err))
            die(err.text);
    }
    if (sl_gallery_commit(gallery, &err))
        die(err.text);
    sl_gallery_close(gallery);
    fclose(names);
    fclose(embeddings);
    fclose(maps);
    free(e);
    free(p);
    return 0;
}
