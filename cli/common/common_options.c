/* The options that many commands take: networks, the second look, and how their values are read. */
#define _GNU_SOURCE
#include "common/options.h"
#include "common/printer.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"

enum {
    KEY_MODELS_DIR = CLI_KEY_SHARED,
    KEY_MODEL,
    KEY_DETECTOR,
    KEY_LANDMARKS,
    KEY_POINTS,
    KEY_DETECTOR_THRESHOLD,
    KEY_AS_IS,
    KEY_MIN_FACE,
    KEY_MAX_FACES,
    KEY_PRECISION,
    KEY_THREADS,
    KEY_RERANK, KEY_LOOK,
    KEY_ALPHA,
    KEY_FEATURE,
    KEY_WEIGHTING,
    KEY_GRID,
    KEY_SOLVER,
    KEY_PATCH_PRECISION,
    KEY_THRESHOLD,
};

enum { LARGEST_VALUE = 31 }; /* of an enum that has names */

static const char *const precision_names[] = {"f32", "bf16", "int8", NULL};
static const char *const points_names[] = {"corrected", "detector", NULL};

sl_patch_format cli_parse_patches(struct argp_state *state, const char *text)
{
    return (sl_patch_format)cli_parse_value(state, "--patches", text, sl_patches_named, sl_patches_name);
}

const char *const cli_people_names[] = {"all", "a", "b", NULL};

sl_people cli_parse_people(struct argp_state *state, const char *text)
{
    return (sl_people)cli_parse_name(state, "--people", text, cli_people_names);
}

int cli_precision_named(const char *name)
{
    for (int i = 0; precision_names[i]; i++)
        if (strcmp(precision_names[i], name) == 0)
            return i;
    return -1;
}

const char *cli_precision_name(sl_compute value)
{
    return precision_names[value];
}

long long cli_parse_int(struct argp_state *state, const char *option, const char *text, long long low,
                        long long high)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno || value < low || value > high) {
        if (high >= INT_MAX)
            cli_usage(state, "%s takes a whole number of at least %lld, not '%s'", option, low, text);
        else
            cli_usage(state, "%s takes a whole number from %lld to %lld, not '%s'", option, low, high, text);
    }
    return value;
}

double cli_parse_real(struct argp_state *state, const char *option, const char *text, double low, double high)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end || errno || !(value >= low && value <= high))
        cli_usage(state, "%s takes a number from %g to %g, not '%s'", option, low, high, text);
    return value;
}

void cli_take_gallery(struct argp_state *state, const char *arg, const char **dir)
{
    if (*dir)
        cli_usage(state, "one gallery at a time, not '%s' too", arg);
    *dir = arg;
}

void cli_need_gallery(struct argp_state *state, const char *dir)
{
    if (!dir)
        argp_error(state, "the gallery's DIR is missing");
}

/* Spellings of the version before, which are understood for one more version. */
static const char *now_spelled(const char *option, const char *text)
{
    static const char *const former[][2] = {{"cells", "same-cell"}};
    for (size_t i = 0; i < sizeof former / sizeof *former; i++)
        if (!strcmp(text, former[i][0])) {
            cli_note("%s %s is spelled '%s' now", option, text, former[i][1]);
            return former[i][1];
        }
    return text;
}

int cli_parse_name(struct argp_state *state, const char *option, const char *text, const char *const *names)
{
    text = now_spelled(option, text);
    char list[128] = "";
    for (int i = 0; names[i]; i++) {
        if (!strcmp(names[i], text))
            return i;
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
    }
    cli_usage(state, "%s takes one of %s, not '%s'", option, list, text);
    return 0;
}

int cli_parse_value(struct argp_state *state, const char *option, const char *text, int (*named)(const char *name),
                    const char *(*name)(unsigned value))
{
    const char *names[LARGEST_VALUE + 2];
    int count = 0, value;
    text = now_spelled(option, text);
    if ((value = named(text)) >= 0)
        return value;
    for (unsigned i = 0; i <= LARGEST_VALUE; i++)
        if (name(i))
            names[count++] = name(i);
    names[count] = NULL;
    return cli_parse_name(state, option, text, names); /* which names those that there are */
}

void cli_list_add(struct argp_state *state, cli_list *list, char *item)
{
    char **items = reallocarray(list->items, list->count + 1, sizeof *items);
    if (!items)
        argp_failure(state, 1, ENOMEM, "arguments");
    list->items = items;
    list->items[list->count++] = item;
}

int cli_thread_count(int threads)
{
    cpu_set_t set;
    if (threads > 0)
        return threads;
    return sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
}

static const struct argp_option models_options[] = {
    {"models-dir", KEY_MODELS_DIR, "DIR", 0,
     "Where the networks are (default: $SECONDLOOK_MODELS, else the user's cache)", 0},
    {"model", KEY_MODEL, "NAME", 0,
     "Recogniser, by name or a manifest's path (default: the gallery's, where one is asked, "
     "else " SL_DEFAULT_RECOGNISER ")", 0},
    {"detector", KEY_DETECTOR, "NAME", 0,
     "Face detector, by name or a manifest's path: " SL_DEFAULT_DETECTOR " (default), mtcnn or your own", 0},
    {"points", KEY_POINTS, "corrected|detector", 0,
     "What sets the five points that a face is aligned by: the detector, corrected where a scarf or a mask hides nose "
     "or mouth (default), or the detector alone", 0},
    {"landmarks", KEY_LANDMARKS, "NAME", 0, "68-point model (default: dlib-68 where it is; 'none' for none)", 0},
    {"detector-threshold", KEY_DETECTOR_THRESHOLD, "T", 0, "Least score of a face, 0 to 1", 0},
    {"min-face", KEY_MIN_FACE, "PX", 0, "Height of the smallest faces looked for where all faces are wanted, or none "
     "was found (default: 20, in large photos a 56th of the root of their area, in those below 480 x 480 what the "
     "first look sees). Half of it takes four times as long", 0},
    {"max-faces", KEY_MAX_FACES, "N", 0, "Of a photo with more faces take the N surest (default: any number)", 0},
    {"as-is", KEY_AS_IS, 0, 0, "Never look at a photo turned, also where no face in it convinces", 0},
    {"precision", KEY_PRECISION, "f32|bf16|int8", 0,
     "What the recogniser computes in (default: f32). bf16 is quicker and needs AVX-512 with BF16; int8 needs AVX-512 "
     "and 'models quantise' once", 0},
    {"threads", KEY_THREADS, "N", 0, "Threads (default: all processors)", 0},
    {0},
};

static error_t parse_models(int key, char *arg, struct argp_state *state)
{
    cli_models *m = state->input;
    switch (key) {
    case KEY_MODELS_DIR: m->engine.models_dir = arg; return 0;
    case KEY_MODEL: m->engine.model = arg; return 0;
    case KEY_DETECTOR: m->engine.detector = arg; return 0;
    case KEY_POINTS:
        m->engine.points = (sl_points_source)cli_parse_name(state, "--points", arg, points_names);
        return 0;
    case KEY_LANDMARKS: m->engine.landmarks = arg; return 0;
    case KEY_DETECTOR_THRESHOLD:
        m->engine.detector_threshold = (float)cli_parse_real(state, "--detector-threshold", arg, 0.001, 1);
        return 0;
    case KEY_MIN_FACE: m->engine.min_face = (int)cli_parse_int(state, "--min-face", arg, 8, 65535); return 0;
    case KEY_MAX_FACES: m->engine.max_faces = (int)cli_parse_int(state, "--max-faces", arg, 1, 1000000); return 0;
    case KEY_AS_IS: m->engine.as_is = 1; return 0;
    case KEY_PRECISION:
        m->engine.precision = (sl_compute)cli_parse_name(state, "--precision", arg, precision_names);
        return 0;
    case KEY_THREADS: m->threads = (int)cli_parse_int(state, "--threads", arg, 1, 1024); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp cli_models_argp = {models_options, parse_models, 0, 0, 0, 0, 0};

static const struct argp_option match_options[] = {
    {"rerank", KEY_RERANK, "none|emd|oae|maxsim|same-cell|h2l|h2|auto", 0,
     "How the candidates are looked at again: patch by patch (emd), without the cells that the query hides (oae), each "
     "patch of the query with the one most like it (maxsim), or with the one in its place (same-cell), or both faces "
     "by a network that was trained for that (h2l, h2, with --look). Default: auto, which is oae where the model has "
     "statistics per cell, else emd",
     0},
    {"look", KEY_LOOK, "NAME[:P]", 0,
     "The model of --rerank h2l or h2, by name or a manifest's path; P: f32 (the default), bf16 or int8", 0},
    {"candidates", 'k', "K", 0, "Stage 1 candidates that are looked at again (default: 100)", 0},
    {"alpha", KEY_ALPHA, "A", 0,
     "score = A * stage 2 + (1 - A) * stage 1, 0 to 1 (default: 0.7; oae 0.6, 0.3 where a query encoder takes part). "
     "-1 is 0.5: it ranks as the published code's sum", 0},
    {"feature", KEY_FEATURE, "map|contributions", 0,
     "What emd, maxsim and same-cell compare: the network's patch map (the default), or what each of its cells gives "
     "to the embedding (the default where that is all that a gallery holds)", 0},
    {"weighting", KEY_WEIGHTING, "NAME", 0,
     "What each patch counts: uniform, apc, cc, sc, sc-text, lmk, trust or uew (default: apc; uniform for maxsim, "
     "same-cell and contributions)", 0},
    {"grid", KEY_GRID, "native|RxC", 0, "Pool the patch map to R rows and C columns, e.g. 4x4", 0},
    {"solver", KEY_SOLVER, "NAME", 0, "sinkhorn, converged, exact, or published: sinkhorn that stops for all "
     "candidates at once (default: sinkhorn)", 0},
    {"patch-precision", KEY_PATCH_PRECISION, "int8|f32|bf16", 0, "Of the patch similarities (default: int8)", 0},
    {"threshold", KEY_THRESHOLD, "T", 0,
     "Least score of a match, -1 to 1, whatever is hidden (default: by the rates of the gallery or the model)", 0},
    {0},
};

static void parse_grid(struct argp_state *state, const char *text, sl_match_options *match)
{
    char rest;
    int rows = 0, cols = 0;
    if (strcmp(text, "native") && (sscanf(text, "%3dx%3d%c", &rows, &cols, &rest) != 2 || rows < 1 || cols < 1))
        cli_usage(state, "--grid takes 'native' or rows x columns such as 4x4, not '%s'", text);
    match->grid_rows = rows;
    match->grid_cols = cols;
}

void cli_usual_encoder(cli_models *models)
{
    if (!models->engine.encoder)
        models->engine.encoder = "auto";
}

void cli_match_own(cli_match *m)
{
    const sl_match_options own = sl_match_defaults_of(m->match.rerank);
    if (!m->weighting_given)
        m->match.weighting = m->match.feature == SL_FEATURE_CONTRIBUTIONS ? SL_WEIGHT_UNIFORM : own.weighting;
}

size_t cli_all_looks(sl_rerank looks[CLI_MOST_LOOKS], bool learned)
{
    size_t n = 0;
    for (sl_rerank look = SL_RERANK_NONE; sl_rerank_name(look) && n < CLI_MOST_LOOKS; look++)
        if (look != SL_RERANK_AUTO && (learned || !(sl_rerank_reads(look) & SL_READS_LEARNED)))
            looks[n++] = look;
    return n;
}

bool cli_looks_again(const sl_match_options *match)
{
    return (sl_rerank_reads(match->rerank) & SL_READS_LOOK) != 0;
}

bool cli_reads_patches(const sl_match_options *match)
{
    return (sl_rerank_reads(match->rerank) & SL_READS_PATCHES) != 0;
}

bool cli_match_suit(cli_match *m, const sl_gallery *gallery)
{
    sl_gallery_info info = {0};
    if (gallery)
        sl_gallery_get_info(gallery, &info);
    if (m->feature_given || info.patches != SL_PATCHES_COMPACT || !cli_reads_patches(&m->match))
        return false;
    m->match.feature = SL_FEATURE_CONTRIBUTIONS;
    cli_match_own(m);
    return true;
}

void cli_tell_suited(void)
{
    cli_warn("the gallery keeps compact patches: contributions are compared, weighted alike where no weighting was "
             "asked for; the dissertation's patch maps need a gallery of --patches int8");
}

/* The name of an option that none and oae do not read; NULL: they do. */
static const char *patch_option(int key)
{
    switch (key) {
    case KEY_FEATURE: return "--feature";
    case KEY_WEIGHTING: return "--weighting";
    case KEY_GRID: return "--grid";
    case KEY_SOLVER: return "--solver";
    case KEY_PATCH_PRECISION: return "--patch-precision";
    default: return NULL;
    }
}

static error_t parse_match(int key, char *arg, struct argp_state *state)
{
    cli_match *m = state->input;
    sl_match_options *match = &m->match;
    m->patch_option = patch_option(key) ? patch_option(key) : m->patch_option;
    switch (key) {
    case KEY_RERANK:
        match->rerank = (sl_rerank)cli_parse_value(state, "--rerank", arg, sl_rerank_named, sl_rerank_name);
        m->look_given = match->rerank != SL_RERANK_AUTO;
        cli_match_own(m);
        return 0;
    case KEY_FEATURE:
        match->feature = (sl_feature)cli_parse_value(state, "--feature", arg, sl_feature_named, sl_feature_name);
        m->feature_given = true;
        cli_match_own(m);
        return 0;
    case 'k': match->k = (int)cli_parse_int(state, "-k", arg, 1, INT_MAX); return 0;
    case KEY_ALPHA:
        match->alpha = strcmp(arg, "-1") == 0 ? .5f : (float)cli_parse_real(state, "--alpha", arg, 0, 1);
        return 0;
    case KEY_WEIGHTING:
        match->weighting =
            (sl_weighting)cli_parse_value(state, "--weighting", arg, sl_weighting_named, sl_weighting_name);
        m->weighting_given = true;
        return 0;
    case KEY_LOOK: m->look_name = arg; return 0;
    case KEY_GRID: parse_grid(state, arg, match); return 0;
    case KEY_SOLVER: 
        match->solver = (sl_solver)cli_parse_value(state, "--solver", arg, sl_solver_named, sl_solver_name);
        return 0;
    case KEY_PATCH_PRECISION:
        match->patch_compute = (sl_patch_compute)cli_parse_value(state, "--patch-precision", arg,
                                                                 sl_patch_compute_named, sl_patch_compute_name);
        return 0;
    case KEY_THRESHOLD: m->threshold = (float)cli_parse_real(state, "--threshold", arg, -1, 1); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp cli_match_argp = {match_options, parse_match, 0, 0, 0, 0, 0};

cli_match cli_match_defaults(void)
{
    cli_match match = {.match = sl_match_defaults(), .threshold = NAN};
    match.match.alpha = NAN;
    return match;
}
