/* Photos out of LFW's tar beside the checkout. */
#ifndef SL_TESTS_LFW_H
#define SL_TESTS_LFW_H

#include <stdbool.h>

#include "support.h"

/* NULL, and the test says that it is skipped, when it is not there. */
static inline FILE *lfw_open(void)
{
    char *tar = shared_path("data/lfw-deepfunneled.tar");
    FILE *f = tar ? fopen(tar, "rb") : NULL;
    free(tar);
    if (!f)
        print_message("skipped: ../shared/data/lfw-deepfunneled.tar is not here\n");
    return f;
}

/* The next person's first photo; false at the end. */
static inline bool lfw_next(FILE *f, sl_image *photo)
{
    sl_error err;
    uint8_t header[512];
    while (fread(header, 1, 512, f) == 512) {
        long size = strtol((char *)header + 124, NULL, 8), whole = (size + 511) / 512 * 512;
        if (!strstr((char *)header, "_0001.jpg")) {
            fseek(f, whole, SEEK_CUR);
            continue;
        }
        uint8_t *data = malloc((size_t)whole);
        assert_int_equal(fread(data, 1, (size_t)whole, f), whole);
        assert_ok(sl_image_decode(data, (size_t)size, photo, &err));
        free(data);
        return true;
    }
    return false;
}

#endif
