/* A recogniser on raw inputs: forward MANIFEST.json INPUT OUTPUT. INPUT holds two pictures as the network takes
 * them, float32 [2, channels, height, width]; OUTPUT gets the embeddings, then the patch maps. For
 * tests/torch/run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "model/recogniser.h"

enum { BATCH = 2 };

static sl_status write_outputs(const sl_plan *plan, const char *path, sl_error *err)
{
    FILE *f = fopen(path, "wb");
    if (!f)
        return sl_fail(err, SL_ERR_IO, "%s: cannot be written", path);
    size_t written = 0, count = 0;
    for (int i = 0; i < 2; i++) {
        sl_shape shape;
        const float *y = sl_plan_output(plan, i, &shape);
        count += (size_t)sl_shape_elements(&shape);
        written += fwrite(y, sizeof *y, (size_t)sl_shape_elements(&shape), f);
    }
    return fclose(f) == 0 && written == count ? SL_OK : sl_fail(err, SL_ERR_IO, "%s: cannot be written", path);
}

static sl_status forward(sl_plan *plan, const char *input, const char *output, sl_error *err)
{
    sl_shape shape;
    uint8_t *data;
    size_t size;
    float *x = sl_plan_input(plan, 0, &shape);
    SL_TRY(sl_read_file(input, (size_t)1 << 30, &data, &size, err));
    bool fits = size == (size_t)sl_shape_elements(&shape) * sizeof *x;
    if (fits)
        memcpy(x, data, size);
    free(data);
    if (!fits)
        return sl_fail(err, SL_ERR_FORMAT, "%s has %zu bytes, which are not two pictures", input, size);
    SL_TRY(sl_plan_run(plan, err));
    return write_outputs(plan, output, err);
}

int main(int argc, char **argv)
{
    sl_error err = {0};
    sl_recogniser r;
    sl_plan *plan = NULL;
    if (argc != 4) {
        fprintf(stderr, "usage: forward MANIFEST.json INPUT OUTPUT\n");
        return 2;
    }
    sl_status status = sl_recogniser_open(NULL, argv[1], &r, &err);
    if (status == SL_OK) {
        status = sl_recogniser_compile(&r, BATCH, &(sl_plan_options){.threads = 1}, &plan, &err);
        if (status == SL_OK)
            status = forward(plan, argv[2], argv[3], &err);
        sl_plan_free(plan);
        sl_recogniser_close(&r);
    }
    if (status != SL_OK)
        fprintf(stderr, "forward: %s\n", err.text);
    return status == SL_OK ? 0 : 1;
}
