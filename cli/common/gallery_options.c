/* The galleries that a command reads. */
#define _GNU_SOURCE
#include "common/gallery_options.h"

#include <stdlib.h>
#include <string.h>

#include "common/cli.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
    cli_galleries *g = state->input;
    switch (key) {
    case CLI_KEY_GALLERY: g->gallery_dir = arg; return 0;
    case CLI_KEY_QUERIES: g->queries_dir = arg; return 0;
    case ARGP_KEY_END:
        if (!g->gallery_dir)
            argp_error(state, "--gallery DIR is missing");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

#define OPTION_GALLERY                                                                                                 \
    {"gallery", CLI_KEY_GALLERY, "DIR", 0,                                                                             \
     "The gallery (required); or one in PostgreSQL, postgres://HOST/DATABASE?gallery=NAME; where a command can ask a " \
     "server: https://HOST/v1/galleries/NAME", 0}

static const struct argp_option gallery_option[] = {OPTION_GALLERY, {0}};
const struct argp cli_gallery_argp = {gallery_option, parse, 0, 0, 0, 0, 0};

static const struct argp_option galleries_options[] = {
    OPTION_GALLERY,
    {"queries", CLI_KEY_QUERIES, "DIR", 0,
     "A gallery of the faces that ask (default: the gallery's own, each left out in turn)", 0},
    {0}};
const struct argp cli_galleries_argp = {galleries_options, parse, 0, 0, 0, 0, 0};

static bool is_same_folder(const char *a, const char *b)
{
    char *x = realpath(a, NULL), *y = realpath(b, NULL);
    bool same = !strcmp(a, b) || (x && y && !strcmp(x, y));
    free(x);
    free(y);
    return same;
}

int cli_galleries_open(cli_galleries *g)
{
    sl_error err = {0};
    if (sl_gallery_open(g->gallery_dir, SL_GALLERY_READ, NULL, &g->gallery, &err))
        return cli_fail(g->gallery_dir, &err);
    g->queries = g->gallery;
    if (!g->queries_dir || is_same_folder(g->gallery_dir, g->queries_dir))
        return CLI_OK;
    g->queries = NULL;
    return sl_gallery_open(g->queries_dir, SL_GALLERY_READ, NULL, &g->queries, &err) ? cli_fail(g->queries_dir, &err)
                                                                                     : CLI_OK;
}

void cli_galleries_close(cli_galleries *g)
{
    if (g->queries != g->gallery)
        sl_gallery_close(g->queries);
    sl_gallery_close(g->gallery);
    g->gallery = g->queries = NULL;
}
