/* Options that several commands take, as argp parsers to hang below a command's own, and numbers
 * that are checked before they are used. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <argp.h>
#include <stdbool.h>

#include "secondlook_eval.h"

/* Keys of long options: shared ones from 0x100, a command's own from CLI_KEY_OWN. */
enum {
    CLI_KEY_JSON = 0x100,
    CLI_KEY_ALIGNED,
    CLI_KEY_MODELS_DIR,
    CLI_KEY_REPLACE,
    CLI_KEY_CSV_SAFE,
    CLI_KEY_GALLERY,
    CLI_KEY_QUERIES,
    CLI_KEY_SHARED,
    CLI_KEY_OWN = 0x200
};

#define CLI_OPTION_JSON                                                                                           \
    {                                                                                                             \
        "json", CLI_KEY_JSON, 0, 0, "Print one JSON document", 0                                                 \
    }
#define CLI_OPTION_ALIGNED                                                                                        \
    {                                                                                                             \
        "aligned", CLI_KEY_ALIGNED, 0, 0, "Each picture is an aligned crop already", 0                            \
    }
#define CLI_OPTION_CSV_SAFE                                                                                       \
    {                                                                                                             \
        "csv-safe", CLI_KEY_CSV_SAFE, 0, 0,                                                                       \
            "In the CSV, put ' before texts that begin with = + - @, which spreadsheets would take for formulas", 0 \
    }
#define CLI_OPTION_MODELS_DIR                                                                                     \
    {                                                                                                             \
        "models-dir", CLI_KEY_MODELS_DIR, "DIR", 0,                                                               \
            "Where the networks are (default: $SECONDLOOK_MODELS, else the user's cache)", 0                      \
    }

/* --models-dir, --model, --detector, --landmarks, --detector-threshold, --as-is, --precision, --threads */
typedef struct {
    sl_engine_options engine;
    int threads; /* 0: all processors */
} cli_models;
extern const struct argp cli_models_argp;

/* --rerank, --look, -k, --alpha, --feature, --weighting, --grid, --solver, --patch-precision, --threshold */
typedef struct {
    sl_match_options match; /* its `threads` is cli_models' */
    float threshold;        /* NaN: the rule's */
    bool look_given;        /* by name; else it is what suits the templates */
    bool weighting_given, feature_given; /* else these are the second look's own; so is alpha, NaN where not given */
    const char *look_name; /* of a look that was learned; NULL: none */
    sl_look *look;         /* opened by cli_open_oae, closed by sl_look_close */
    const char *patch_option; /* the last option given that only looks at patches read; NULL: none */
} cli_match;
extern const struct argp cli_match_argp;

/* The looks that can be asked for by name: none, then all that look again; with those that were learned, which need a
 * model, or without. Returns their number. */
enum { CLI_MOST_LOOKS = 32 };
size_t cli_all_looks(sl_rerank looks[CLI_MOST_LOOKS], bool learned);

/* Whether the options have a second look, and whether one that compares patches. */
bool cli_looks_again(const sl_match_options *match);
bool cli_reads_patches(const sl_match_options *match);

/* What the library's defaults are: look and alpha are settled by cli_open_oae (look_needs.h). */
cli_match cli_match_defaults(void);

/* Compares contributions, where the user asked for no feature and the gallery (NULL: none) has nothing else: true where
 * that changed the options, which cli_tell_suited says. */
bool cli_match_suit(cli_match *match, const sl_gallery *gallery);

void cli_tell_suited(void);

/* Gives the weighting, where the user gave none, what suits the second look and the feature. */
void cli_match_own(cli_match *match);

/* Halves of the people: "all", "a", "b"; NULL behind the last. */
extern const char *const cli_people_names[];
sl_people cli_parse_people(struct argp_state *state, const char *text);
#define CLI_OPTION_PEOPLE(key)                                                                                         \
    {"people", key, "all|a|b", 0,                                                                                      \
     "Only queries of one half of the people, told apart by a hash of the label: choose by the one, report on the "    \
     "other", 0}

/* A command's own --encoder, which it keeps in its cli_models' engine options; `usual` is what it is without. */
#define CLI_OPTION_ENCODER(key, usual)                                                                                 \
    {"encoder", key, "NAME|auto|none", 0,                                                                              \
     "The query encoder, by name or a manifest's path: it sees through what covers a face; auto: the one that came "   \
     "with the library for this model, if any (default: " usual ")", 0}

/* Where the user named none, the encoder that came with the library: of commands that search. */
void cli_usual_encoder(cli_models *models);

/* "f32", "bf16", "int8": what a recogniser computes in. */
const char *cli_precision_name(sl_compute value);
int cli_precision_named(const char *name); /* -1: none */

/* A whole number in [low, high], a real one in [low, high] (NaN is refused), one of a list of names
 * that ends with NULL: anything else is a usage error, which ends the program. */
long long cli_parse_int(struct argp_state *state, const char *option, const char *text, long long low,
                        long long high);
double cli_parse_real(struct argp_state *state, const char *option, const char *text, double low, double high);
int cli_parse_name(struct argp_state *state, const char *option, const char *text, const char *const *names);

/* The one gallery that a command names as its argument: a second one is a usage error, and so is none at the end. */
void cli_take_gallery(struct argp_state *state, const char *arg, const char **dir);
void cli_need_gallery(struct argp_state *state, const char *dir);

/* The value of an enum of the library, by its own names: cli_parse_value(state, "--solver", arg, sl_solver_named,
 * sl_solver_name). */
int cli_parse_value(struct argp_state *state, const char *option, const char *text, int (*named)(const char *name),
                    const char *(*name)(unsigned value));

/* --patches: how a gallery stores them. */
sl_patch_format cli_parse_patches(struct argp_state *state, const char *text);

/* Appends to a NULL-terminated list of arguments. */
typedef struct {
    char **items;
    size_t count;
} cli_list;
void cli_list_add(struct argp_state *state, cli_list *list, char *item);

/* Processors that `threads` stands for (0: all this process may use). */
int cli_thread_count(int threads);

#endif
