/* The query galleries of a calibration: those given, and those drawn from the gallery's own crops. */
#define _GNU_SOURCE
#include "common/query_sets.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cli.h"
#include "common/encoded.h"
#include "common/progress.h"
#include "secondlook_eval.h"

enum { KEY_QUERIES = 0x400, KEY_DRAW, KEY_DRAW_LIMIT };

static const char *const kinds[] = {"mask", "sunglasses", "crop", "scarf", "block", NULL};
static const char usual_kinds[] = "mask,sunglasses,scarf,block";

/* Number of the kind that `text` begins with, its length in *length; -1: none. */
static int kind_of(const char *text, size_t *length)
{
    *length = strcspn(text, ",");
    for (int i = 0; kinds[i]; i++)
        if (i != SL_OCCLUDE_CROP && strlen(kinds[i]) == *length && !strncmp(kinds[i], text, *length))
            return i;
    return -1;
}

static void check_kinds(struct argp_state *state, const char *list)
{
    size_t length;
    if (!strcmp(list, "none"))
        return;
    for (const char *at = list; *at; at += length + (at[length] == ','))
        if (kind_of(at, &length) < 0)
            argp_error(state, "--draw takes none, or some of %s, not '%s'", usual_kinds, list);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    cli_query_sets *sets = state->input;
    switch (key) {
    case KEY_QUERIES:
        if (sets->dir_count == CLI_QUERY_SETS - 6)
            argp_error(state, "at most %d --queries", CLI_QUERY_SETS - 6);
        sets->dirs[sets->dir_count++] = arg;
        return 0;
    case KEY_DRAW:
        check_kinds(state, arg);
        sets->draw = arg;
        return 0;
    case KEY_DRAW_LIMIT: sets->draw_limit = cli_parse_int(state, "--draw-limit", arg, 1, 1000000000); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"queries", KEY_QUERIES, "DIR", 0,
     "A gallery of the faces that search, in place of the gallery itself; may be given more than once", 0},
    {"draw", KEY_DRAW, "none|KIND,...", 0,
     "Occluders to draw on the gallery's crops, for more queries: mask, sunglasses, scarf, block (default: all four, "
     "where the gallery keeps crops)", 0},
    {"draw-limit", KEY_DRAW_LIMIT, "N", 0, "Draw on at most N faces, evenly spaced (default: 5000)", 0},
    {0}};
const struct argp cli_query_sets_argp = {options, parse, 0, 0, 0, 0, 0};

/* ------------------------------------------------------------------ drawing */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static int make_folder(cli_query_sets *sets)
{
    const char *tmp = getenv("TMPDIR");
    if (sets->folder[0])
        return CLI_OK;
    snprintf(sets->folder, sizeof sets->folder, "%s/secondlook-drawn-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (mkdtemp(sets->folder))
        return CLI_OK;
    cli_warn("no folder for drawn queries can be made in %s", tmp && *tmp ? tmp : "/tmp");
    sets->folder[0] = 0;
    return CLI_FAILED;
}

static int draw_kind(cli_query_sets *sets, const sl_engine *engine, const sl_gallery *gallery, int kind, uint64_t seed)
{
    sl_error err = {0};
    sl_gallery_info info;
    char dir[300], bar[64];
    sl_gallery **out = &sets->opened[sets->opened_count];
    sl_gallery_get_info(gallery, &info);
    snprintf(dir, sizeof dir, "%s/%s", sets->folder, kinds[kind]);
    const sl_gallery_options made = {.engine = engine, .patches = info.patches};
    if (sl_gallery_open(dir, SL_GALLERY_CREATE, &made, out, &err))
        return cli_fail(dir, &err);
    sets->opened_count++;
    snprintf(bar, sizeof bar, "drawing: %s", kinds[kind]);
    cli_progress_start(bar);
    const sl_gallery_draw_options o = {.kind = (sl_occlusion)kind, .style = "any", .seed = seed,
                                       .limit = sets->draw_limit ? (size_t)sets->draw_limit : 5000,
                                       .progress = cli_progress_step};
    sl_status status = sl_gallery_draw(engine, gallery, &o, *out, &err);
    cli_progress_end();
    return status ? cli_fail(NULL, &err) : CLI_OK;
}

static int draw_all(cli_query_sets *sets, const sl_engine *engine, const sl_gallery *gallery, const char *list,
                    uint64_t seed)
{
    size_t length;
    int code = make_folder(sets);
    for (const char *at = list; !code && *at; at += length + (at[length] == ','))
        code = draw_kind(sets, engine, gallery, kind_of(at, &length), seed);
    return code;
}

/* ------------------------------------------------------------------ the sets */

/* A set that searches as it is embedded now, or embedded anew where the engine embeds queries otherwise than faces that
 * are enrolled. Without crops nothing is embedded anew: then what hides too little to change has to do. */
static int take_set(cli_query_sets *sets, const sl_engine *engine, const sl_gallery *set, const char *place,
                    const sl_gallery **out)
{
    char dir[300];
    sl_gallery_info info;
    *out = set;
    if (!engine || !sl_engine_encoder(engine))
        return CLI_OK;
    if (!cli_keeps_crops(set)) {
        sets->hidden_below = sl_engine_encodes_from(engine);
        cli_warn("%s keeps no crops for the query encoder: queries that hide %.0f %% and more are left out", place,
                 100 * (double)sets->hidden_below);
        return CLI_OK;
    }
    int code = make_folder(sets);
    if (code)
        return code;
    sl_gallery_get_info(set, &info);
    snprintf(dir, sizeof dir, "%s/encoded-%zu", sets->folder, sets->opened_count);
    code = cli_encode(engine, set, place, dir, info.patches, 0, &sets->opened[sets->opened_count]);
    if (code)
        return code;
    *out = sets->opened[sets->opened_count++];
    return CLI_OK;
}

/* The gallery itself, or the galleries that were named. */
static int take_sets(cli_query_sets *sets, const sl_engine *engine, const sl_gallery *gallery, const char *gallery_dir,
                     const sl_gallery *queries[CLI_QUERY_SETS], size_t *count)
{
    int code = CLI_OK;
    if (!sets->dir_count)
        return take_set(sets, engine, gallery, gallery_dir, &queries[(*count)++]);
    for (size_t i = 0; !code && i < sets->dir_count; i++) {
        sl_error err = {0};
        sl_gallery **named = &sets->named[i];
        if (sl_gallery_open(sets->dirs[i], SL_GALLERY_READ, NULL, named, &err))
            return cli_fail(sets->dirs[i], &err);
        code = take_set(sets, engine, *named, sets->dirs[i], &queries[(*count)++]);
    }
    return code;
}

int cli_query_sets_open(cli_query_sets *sets, const sl_engine *engine, const sl_gallery *gallery,
                        const char *gallery_dir, uint64_t seed, const sl_gallery *queries[CLI_QUERY_SETS],
                        size_t *count)
{
    *count = 0;
    int code = take_sets(sets, engine, gallery, gallery_dir, queries, count);
    const size_t drawn = sets->opened_count;
    const char *list = sets->draw ? sets->draw : usual_kinds;
    const bool wanted = strcmp(list, "none") && (sets->draw || !sets->dir_count);
    if (code || !wanted)
        return code;
    if (engine && cli_keeps_crops(gallery))
        code = draw_all(sets, engine, gallery, list, seed);
    else if (sets->draw) {
        cli_warn("nothing can be drawn: %s", engine ? "the gallery keeps no crops: enrol with --keep-crops"
                                                    : "the gallery's model is not there");
        code = CLI_FAILED;
    } else
        cli_warn("covered queries are not measured, as %s: the model's rates go on deciding for them",
                 engine ? "the gallery keeps no crops to draw on (enroll --keep-crops)" : "its model is not there");
    for (size_t i = drawn; i < sets->opened_count; i++)
        queries[(*count)++] = sets->opened[i];
    return code;
}

void cli_query_sets_close(cli_query_sets *sets)
{
    for (size_t i = 0; i < sets->opened_count; i++)
        sl_gallery_close(sets->opened[i]);
    for (size_t i = 0; i < sets->dir_count; i++)
        sl_gallery_close(sets->named[i]);
    if (sets->folder[0])
        nftw(sets->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
