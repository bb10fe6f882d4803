/* A learned look on raw patches: torch_look MANIFEST.json INPUT OUTPUT. INPUT holds a query's map and then candidates',
 * float32 [1 + n, cells, channels]; OUTPUT gets their n scores. For tests/torch/run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "match/learned/learned.h"

static sl_status score(const sl_look *look, void *worker, const float *maps, size_t n, const char *path, sl_error *err)
{
    const size_t numbers = (size_t)look->cells * (size_t)look->channels, batch = (size_t)look->batch;
    float *scores = malloc(n * sizeof *scores);
    sl_status status = scores ? SL_OK : SL_ERR_MEMORY;
    memcpy(look->query(worker), maps, numbers * sizeof *maps);
    for (size_t from = 0; from < n && status == SL_OK; from += batch) {
        const size_t count = n - from < batch ? n - from : batch;
        memcpy(look->candidate(worker, 0), maps + (1 + from) * numbers, count * numbers * sizeof *maps);
        status = look->run(worker, (int)count, scores + from, err);
    }
    if (status == SL_OK)
        status = sl_write_file(path, scores, n * sizeof *scores, err);
    free(scores);
    return status;
}

static sl_status score_file(const sl_look *look, const char *input, const char *output, sl_error *err)
{
    const size_t map = (size_t)look->cells * (size_t)look->channels * sizeof(float);
    uint8_t *data;
    size_t size;
    void *worker;
    SL_TRY(sl_read_file(input, (size_t)1 << 30, &data, &size, err));
    sl_status status = size >= 2 * map && size % map == 0 ? look->open(look, 1, &worker, err) : SL_ERR_FORMAT;
    if (status == SL_OK) {
        status = score(look, worker, (const float *)(const void *)data, size / map - 1, output, err);
        look->close(worker);
    }
    free(data);
    return status;
}

int main(int argc, char **argv)
{
    sl_error err = {0};
    sl_look *look;
    if (argc != 4) {
        fprintf(stderr, "usage: torch_look MANIFEST INPUT OUTPUT\n");
        return 2;
    }
    sl_status status = sl_look_open(NULL, argv[1], SL_COMPUTE_F32, &look, &err);
    if (status == SL_OK) {
        status = score_file(look, argv[2], argv[3], &err);
        sl_look_close(look);
    }
    if (status != SL_OK)
        fprintf(stderr, "torch_look: %s\n", err.text);
    return status == SL_OK ? 0 : 1;
}
