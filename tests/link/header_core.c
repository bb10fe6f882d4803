/* secondlook.h alone, as C99 and as C++: two templates are compared, and an error says what was wrong. */
#include <secondlook.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    float embedding[2] = {1, 2}, patches[2 * 3] = {1, 2, 3, 3, 2, 1};
    sl_match_options options = sl_match_defaults_of(SL_RERANK_EMD);
    sl_template *face = NULL;
    sl_score score;
    sl_error err;
    if (sl_template_of_arrays(embedding, 2, patches, 2, 1, 3, &face, &err) ||
        sl_compare(face, face, &options, &score, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    sl_template_free(face);
    if (sl_template_of_arrays(embedding, 0, patches, 2, 1, 3, &face, &err) != SL_ERR_ARGUMENT || !strlen(err.text))
        return 1;
    printf("secondlook %s: stage 1 %.2f, %s\n", sl_version(), (double)score.stage1, err.text);
    return fabsf(score.stage1 - 1) < 1e-5f ? 0 : 1;
}
