/* A client for the tests of PostgreSQL, about made-up faces that are known by their number alone:
 *
 *     pg_client add PLACE COUNT BATCH [FROM]    adds faces FROM (0) .. COUNT - 1 that are not there, and prints
 *                                               what is committed
 *     pg_client ask PLACE FACE                  who is face FACE? prints "LABEL IMAGE SCORE UNSEARCHED" of three
 *     pg_client hold PLACE                      keeps the gallery open for writing until its input ends */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "gallery/gallery.h"
#include "template/template.h"

enum { DIM = 64, CELLS = 4, CHANNELS = 8 };

static sl_error err;

static void check(sl_status status)
{
    if (status == SL_OK)
        return;
    fprintf(stderr, "pg_client: %s\n", err.text);
    exit(1);
}

static sl_template *face(int n)
{
    const sl_template_shape shape = {
        .fingerprint = {5}, .dim = DIM, .rows = 2, .cols = 2, .channels = CHANNELS, .format = SL_PATCHES_INT8};
    float embedding[DIM], patches[CELLS * CHANNELS];
    sl_rng person = sl_rng_seed((uint64_t)n / 3), photo = sl_rng_seed((uint64_t)n + 1000000);
    sl_template *t;
    for (int i = 0; i < DIM; i++)
        embedding[i] = (float)(sl_rng_uniform(&person) - .5 + .3 * (sl_rng_uniform(&photo) - .5));
    for (int i = 0; i < CELLS * CHANNELS; i++)
        patches[i] = (float)(sl_rng_uniform(&person) + .3 * sl_rng_uniform(&photo));
    check(sl_template_make(&shape, embedding, patches, &t, &err));
    return t;
}

static void add(const char *place, int count, int batch, int from)
{
    sl_template *t = face(0);
    sl_gallery *g;
    check(sl_gallery_open_shape(place, SL_GALLERY_CREATE, &t->shape, "made-up", &g, &err));
    sl_template_free(t);
    for (int n = from, safe = from; n < count; n++) {
        char image[64], label[64];
        size_t at;
        snprintf(image, sizeof image, "photo/%d.jpg", n);
        snprintf(label, sizeof label, "person-%d", n / 3);
        const sl_entry entry = {.image = image, .label = label};
        t = face(n);
        const sl_status found = sl_gallery_find(g, image, &at, &err);
        check(found == SL_ERR_NOT_FOUND ? sl_gallery_add(g, &entry, t, NULL, &err) : found);
        sl_template_free(t);
        if ((n + 1) % batch && n + 1 < count)
            continue;
        check(sl_gallery_commit(g, &err));
        for (; safe <= n; safe++)
            printf("%d\n", safe);
        fflush(stdout);
    }
    sl_gallery_close(g);
}

static void ask(const char *place, int n)
{
    const sl_rule rule = sl_rule_given(.5f, 0);
    sl_identify_options o = {.match = sl_match_defaults_of(SL_RERANK_EMD), .top = 3, .rule = &rule};
    sl_gallery *g;
    sl_answer answer;
    sl_template *t = face(n);
    check(sl_gallery_open_shape(place, SL_GALLERY_READ, NULL, NULL, &g, &err));
    check(sl_identify(NULL, g, t, &o, &answer, &err));
    for (size_t i = 0; i < answer.count; i++)
        printf("%s %s %.6f %zu\n", answer.candidates[i].label, answer.candidates[i].image,
               (double)answer.candidates[i].score, answer.unsearched);
    sl_answer_free(&answer);
    sl_template_free(t);
    sl_gallery_close(g);
}

static void hold(const char *place)
{
    sl_gallery *g;
    check(sl_gallery_open_shape(place, SL_GALLERY_WRITE, NULL, NULL, &g, &err));
    puts("open");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    sl_gallery_close(g);
}

int main(int argc, char **argv)
{
    if ((argc == 5 || argc == 6) && !strcmp(argv[1], "add"))
        add(argv[2], atoi(argv[3]), atoi(argv[4]), argc == 6 ? atoi(argv[5]) : 0);
    else if (argc == 4 && !strcmp(argv[1], "ask"))
        ask(argv[2], atoi(argv[3]));
    else if (argc == 3 && !strcmp(argv[1], "hold"))
        hold(argv[2]);
    else
        return 2;
    return 0;
}
