/* base + template + match alone make a program that scores two templates: no networks, no codecs, no gallery. A
 * database extension is built so. cmake/tests.cmake links exactly these folders; the test fails to link when one of
 * them reaches further. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "secondlook.h"

enum { DIM = 8, ROWS = 3, COLS = 2, CHANNELS = 16 };

static sl_template *made_up(unsigned seed)
{
    float embedding[DIM], map[ROWS * COLS * CHANNELS];
    sl_template *t = NULL;
    sl_error err = {0};
    for (int i = 0; i < DIM; i++)
        embedding[i] = sinf((float)(seed + 1) * (float)(i + 1));
    for (int i = 0; i < ROWS * COLS * CHANNELS; i++)
        map[i] = cosf((float)(seed + 2) * (float)(i + 1));
    if (sl_template_of_arrays(embedding, DIM, map, ROWS, COLS, CHANNELS, &t, &err) != SL_OK)
        fprintf(stderr, "%s\n", err.text);
    return t;
}

static int score(const sl_template *a, const sl_template *b, sl_rerank look, sl_score *out)
{
    sl_match_options options = sl_match_defaults_of(look);
    sl_error err = {0};
    if (sl_compare(a, b, &options, out, &err) == SL_OK)
        return 1;
    fprintf(stderr, "%s\n", err.text);
    return 0;
}

int main(void)
{
    const sl_rerank looks[] = {SL_RERANK_EMD, SL_RERANK_MAXSIM, SL_RERANK_SAME_CELL};
    sl_template *a = made_up(0), *b = made_up(1);
    int fine = a && b;
    for (size_t i = 0; fine && i < sizeof looks / sizeof *looks; i++) {
        sl_score same, other;
        fine = score(a, a, looks[i], &same) && score(a, b, looks[i], &other) && fabsf(same.stage1 - 1) < 1e-5f &&
               other.score < same.score;
        if (fine)
            printf("look %d: itself %.4f, another %.4f\n", (int)looks[i], (double)same.score, (double)other.score);
    }
    sl_template_free(a);
    sl_template_free(b);
    return fine ? 0 : 1;
}
