/* secondlook_eval.h alone, as C99 and as C++: every face of a gallery searches among the others. header_eval GALLERY */
#define SL_EXPERIMENTAL
#include <secondlook_eval.h>

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    sl_gallery *gallery = NULL;
    sl_eval_config config;
    sl_eval_options options;
    sl_evaluation result;
    sl_error err;
    if (argc != 2)
        return 2;
    memset(&config, 0, sizeof config);
    memset(&options, 0, sizeof options);
    config.match = sl_match_defaults_of(SL_RERANK_EMD);
    config.match.k = 5;
    options.exclude_same_photo = 1;
    options.seed = 1;
    if (sl_gallery_open(argv[1], SL_GALLERY_READ, NULL, &gallery, &err) ||
        sl_eval_identify(gallery, gallery, &config, 1, &options, &result, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("%zu queries, P@1 %.1f, again %.1f\n", result.queries, result.stage1.metric[SL_P1].mean,
           result.stage2.metric[SL_P1].mean);
    sl_gallery_close(gallery);
    return result.stage1.metric[SL_P1].mean == 100 ? 0 : 1;
}
