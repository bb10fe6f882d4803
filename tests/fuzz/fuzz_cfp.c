// module: eval
/* CFP's protocol: a list of numbered images, and lines of two numbers. */
#include "eval/pairs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *ids[3] = {"a", NULL, "c"};
    const sl_cfp_images three = {ids, 3};
    sl_cfp_images images;
    sl_pair_list list = {0};
    if (sl_cfp_images_parse((const char *)data, size, "fuzz", &images, NULL) == SL_OK)
        sl_cfp_images_free(&images);
    sl_cfp_pairs_parse((const char *)data, size, "fuzz", &three, &three, 1, 0, &list, NULL);
    sl_pairs_free(&list);
    return 0;
}
