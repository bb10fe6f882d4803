/* secondlook gallery duplicates: people who may be one, and photos that are there twice. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/options.h"
#include "common/output.h"
#include "common/progress.h"

enum { KEY_FAR = CLI_KEY_OWN, KEY_THRESHOLD, KEY_TOP, NEIGHBOURS = 32, BLOCK = 64 };

typedef struct {
    uint32_t first, second; /* faces, first < second by label, then by number */
    float cosine;
    bool same_photo;
} twin;

typedef struct {
    cli_models models;
    const char *dir;
    double far;
    float threshold; /* NaN: by far */
    int top;
    bool json;

    sl_gallery *gallery;
    sl_entry *entries; /* [faces] */
    size_t faces;
    twin *twins;
    size_t count, room;
} duplicates_run;

static const struct argp_option options[] = {
    {"far", KEY_FAR, "RATE", 0,
     "Two faces are alike from the cosine on that this part of pairs of different people passes (default: 0.000001)",
     0},
    {"threshold", KEY_THRESHOLD, "T", 0, "Or from this cosine on, -1 to 1: no network is needed then", 0},
    {"top", KEY_TOP, "N", 0, "Tell the N most alike (default: 50)", 0},
    CLI_OPTION_JSON,
    {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    duplicates_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &run->models; return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_FAR: run->far = cli_parse_real(state, "--far", arg, 1e-12, 1); return 0;
    case KEY_THRESHOLD: run->threshold = (float)cli_parse_real(state, "--threshold", arg, -1, 1); return 0;
    case KEY_TOP: run->top = (int)cli_parse_int(state, "--top", arg, 1, 1000000); return 0;
    case ARGP_KEY_ARG: cli_take_gallery(state, arg, &run->dir); return 0;
    case ARGP_KEY_END:
        cli_need_gallery(state, run->dir);
        if (run->far > 0 && !isnan(run->threshold))
            argp_error(state, "--far and --threshold exclude each other");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cli_models_argp, 0, "Networks:", 1}, {0}};
static const struct argp parser = {
    options, parse, "DIR",
    "People of a gallery who may be one person: each pair of names with its two most alike faces, the most alike "
    "first. Photos whose file is there twice, under whatever names, are told as that. Nothing is changed: 'gallery "
    "merge', 'move' and 'remove' do.\v"
    "Examples:\n"
    "  secondlook gallery duplicates staff\n"
    "  secondlook gallery duplicates --threshold 0.6 --json staff",
    children, 0, 0};

/* ------------------------------------------------------------------ finding */

static bool same_photo(const sl_entry *a, const sl_entry *b)
{
    return a->photo_sha256 && b->photo_sha256 && memcmp(a->photo_sha256, b->photo_sha256, 32) == 0;
}

/* Are two faces worth telling? Those of one person only where their photo is there twice. */
static bool is_twin(const duplicates_run *run, uint32_t i, uint32_t j, float cosine, bool photo)
{
    const bool one_person = strcmp(run->entries[i].label, run->entries[j].label) == 0;
    return cosine >= run->threshold && (one_person ? photo && cosine > .999f : true);
}

static int keep(duplicates_run *run, uint32_t i, uint32_t j, float cosine)
{
    const bool photo = same_photo(&run->entries[i], &run->entries[j]);
    if (i == j || !is_twin(run, i, j, cosine, photo))
        return CLI_OK;
    const int order = strcmp(run->entries[i].label, run->entries[j].label);
    const bool swap = order > 0 || (order == 0 && i > j);
    if (run->count == run->room) {
        const size_t room = run->room ? 2 * run->room : 1024;
        twin *larger = realloc(run->twins, room * sizeof *larger);
        if (!larger)
            return cli_fail(run->dir, &(sl_error){SL_ERR_MEMORY, "no memory for so many pairs: raise --threshold"});
        run->twins = larger;
        run->room = room;
    }
    run->twins[run->count++] = (twin){swap ? j : i, swap ? i : j, cosine, photo};
    return CLI_OK;
}

/* The nearest faces of a block of them. */
static int search(duplicates_run *run, const sl_cosine_bank *bank, const sl_vectors *all, size_t from)
{
    static uint32_t index[BLOCK * NEIGHBOURS];
    static float cosine[BLOCK * NEIGHBOURS];
    sl_error err = {0};
    const size_t count = run->faces - from < BLOCK ? run->faces - from : BLOCK;
    const sl_vectors block = {all->data + from * (size_t)all->dim, count, all->dim};
    if (sl_cosine_bank_top(bank, &block, NEIGHBOURS, run->models.threads, index, cosine, &err))
        return cli_fail(run->dir, &err);
    int code = CLI_OK;
    for (size_t n = 0; n < count * NEIGHBOURS && !code; n++)
        if (index[n] != UINT32_MAX)
            code = keep(run, (uint32_t)(from + n / NEIGHBOURS), index[n], cosine[n]);
    return code;
}

static int search_all(duplicates_run *run)
{
    sl_error err = {0};
    sl_gallery_info info;
    sl_cosine_bank *bank;
    sl_gallery_get_info(run->gallery, &info);
    sl_vectors all = {.count = run->faces, .dim = info.dim};
    if (sl_gallery_embeddings(run->gallery, &all.data, &err) ||
        sl_cosine_bank_open(&all, run->models.threads, &bank, &err))
        return cli_fail(run->dir, &err);
    int code = CLI_OK;
    for (size_t i = 0; i < run->faces && !code; i += BLOCK)
        code = cli_interrupted ? CLI_INTERRUPTED : search(run, bank, &all, i);
    sl_cosine_bank_close(bank);
    return code;
}

/* ------------------------------------------------------------------ one line for each pair of names */

static const sl_entry *sorted_entries; /* qsort has no context */

static int by_names(const void *a, const void *b)
{
    const twin *x = a, *y = b;
    int order = strcmp(sorted_entries[x->first].label, sorted_entries[y->first].label);
    if (!order)
        order = strcmp(sorted_entries[x->second].label, sorted_entries[y->second].label);
    return order ? order : (x->cosine < y->cosine) - (x->cosine > y->cosine);
}

static int by_likeness(const void *a, const void *b)
{
    const twin *x = a, *y = b;
    const int order = (x->cosine < y->cosine) - (x->cosine > y->cosine);
    return order ? order : x->first != y->first ? (x->first > y->first) - (x->first < y->first)
                                                : (x->second > y->second) - (x->second < y->second);
}

static void settle(duplicates_run *run)
{
    size_t kept = 0;
    sorted_entries = run->entries;
    if (run->count)
        qsort(run->twins, run->count, sizeof *run->twins, by_names);
    for (size_t n = 0; n < run->count; n++) {
        const twin *t = &run->twins[n], *last = kept ? &run->twins[kept - 1] : NULL;
        const bool again = last && strcmp(run->entries[t->first].label, run->entries[last->first].label) == 0 &&
                           strcmp(run->entries[t->second].label, run->entries[last->second].label) == 0;
        if (again)
            run->twins[kept - 1].same_photo |= t->same_photo && t->cosine > .999f;
        else
            run->twins[kept++] = *t;
    }
    run->count = kept;
    if (kept)
        qsort(run->twins, kept, sizeof *run->twins, by_likeness);
}

/* ------------------------------------------------------------------ results */

static json_t *face_json(const sl_entry *e)
{
    return json_pack("{s:o,s:o}", "label", cli_json_text(e->label), "image", cli_json_text(e->image));
}

static void print_face(const sl_entry *e)
{
    cli_print_name(stdout, e->label, 24);
    printf("  ");
    cli_print_name(stdout, e->image, 0);
}

static int report(const duplicates_run *run)
{
    const size_t told = run->count < (size_t)run->top ? run->count : (size_t)run->top;
    json_t *list = json_array();
    for (size_t n = 0; n < told; n++) {
        const twin *t = &run->twins[n];
        const sl_entry *a = &run->entries[t->first], *b = &run->entries[t->second];
        if (run->json) {
            json_array_append_new(list, json_pack("{s:o,s:b,s:[o,o]}", "cosine", cli_json_number((double)t->cosine),
                                                  "same_photo", t->same_photo, "faces", face_json(a), face_json(b)));
            continue;
        }
        printf("%.4f  %s  ", (double)t->cosine, t->same_photo ? "one photo" : "alike    ");
        print_face(a);
        printf("\n                   ");
        print_face(b);
        putchar('\n');
    }
    if (run->json)
        return cli_print_json(json_pack("{s:o,s:I,s:o}", "duplicates", list, "pairs", (json_int_t)run->count,
                                        "threshold", cli_json_number((double)run->threshold)));
    json_decref(list);
    cli_say("%zu pairs from a cosine of %.4f on%s", run->count, (double)run->threshold,
            told < run->count ? " (--top tells more)" : "");
    return CLI_OK;
}

/* ------------------------------------------------------------------ the run */

/* The cosine that so few pairs of different people reach, uncovered both. */
static int find_threshold(duplicates_run *run)
{
    sl_error err = {0};
    sl_engine *engine = NULL;
    sl_gallery_info info;
    sl_rule rule;
    const sl_match_options match = sl_match_defaults_of(SL_RERANK_NONE);
    if (!isnan(run->threshold))
        return CLI_OK;
    sl_gallery_get_info(run->gallery, &info);
    if (!run->models.engine.model)
        run->models.engine.model = info.model;
    int code = sl_engine_open(&run->models.engine, &engine, &err) ? cli_fail(NULL, &err) : CLI_OK;
    if (!code && sl_rule_for_far(engine, run->gallery, &match, run->far > 0 ? run->far : 1e-6, &rule, &err))
        code = cli_fail(run->dir, &err);
    if (!code)
        run->threshold = rule.threshold[0];
    sl_engine_close(engine);
    if (!code && isnan(run->threshold))
        code = cli_fail(run->dir,
                        &(sl_error){SL_ERR_NOT_FOUND, "nothing is known of its model's cosines: give a --threshold"});
    return code;
}

static int read_entries(duplicates_run *run)
{
    sl_error err = {0};
    run->faces = sl_gallery_size(run->gallery);
    run->entries = calloc(run->faces + 1, sizeof *run->entries);
    if (!run->entries)
        return cli_fail(run->dir, &(sl_error){SL_ERR_MEMORY, "no memory for its faces"});
    for (size_t i = 0; i < run->faces; i++)
        if (sl_gallery_entry(run->gallery, i, &run->entries[i], &err))
            return cli_fail(run->dir, &err);
    return CLI_OK;
}

int cmd_gallery_duplicates(int argc, char **argv)
{
    duplicates_run run = {.threshold = NAN, .top = 50};
    sl_error err = {0};
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    if (sl_gallery_open(run.dir, SL_GALLERY_READ, NULL, &run.gallery, &err))
        return cli_fail(run.dir, &err);
    int code = find_threshold(&run);
    if (!code)
        code = read_entries(&run);
    if (!code && run.faces)
        code = search_all(&run);
    if (!code) {
        settle(&run);
        code = report(&run);
    }
    free(run.entries);
    free(run.twins);
    sl_gallery_close(run.gallery);
    return code;
}
