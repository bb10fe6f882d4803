/* secondlook bench: which benchmark. */
#include <stddef.h>

#include "bench/bench.h"

int cmd_bench(int argc, char **argv)
{
    static const cli_command commands[] = {
        {"emd", "stage 2: patch-wise Earth Mover's Distance, pairs/s", bench_emd},
        {"h2l", "stage 2: two photos' maps through a transformer, pairs/s", bench_h2l},
        {"stage1", "stage 1: cosine against the whole gallery, faces/s", bench_stage1},
        {"search", "both stages, the queries and the gallery at hand, queries/s", bench_search},
        {"backbone", "the recogniser's network, ms a photo", bench_backbone},
        {"train", "a step of training, pictures/s", bench_train},
        {"enroll", "photos of a folder into a gallery, photos/s", bench_enroll},
        {NULL, NULL, NULL},
    };
    return cli_dispatch(argv[0], "Measures this machine.", commands, "Example: secondlook bench emd --json\n",
                        argc, argv);
}
