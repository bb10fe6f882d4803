/* The options of the second look with comma lists in them, and every combination that they make. */
#ifndef CLI_SWEEP_OPTIONS_H
#define CLI_SWEEP_OPTIONS_H

#include "common/options.h"
#include "secondlook_eval.h"

enum { SWEEP_LISTS = 16 };

/* What an option was given: its values, cut at commas. */
typedef struct {
    int key;
    char **items;
    size_t count;
} sweep_list;

typedef struct {
    sweep_list lists[SWEEP_LISTS]; /* key 0 ends them */
    sl_rerank *first;              /* --stage1 */
    size_t first_count;
    sl_look **looks;         /* what --look names, opened, */
    const char **look_items; /* and the options' words for them */
    size_t look_count;
} cli_sweep;

/* Takes the options of cli_match_argp; its input is a cli_sweep. */
const struct argp *cli_sweep_argp(void);

/* --stage1: embedding or second looks, a comma list. */
void cli_sweep_first(struct argp_state *state, cli_sweep *sweep, const char *text);

/* Opens the looks that --look names; before cli_sweep_expand. */
sl_status cli_sweep_open_looks(cli_sweep *sweep, const char *models_dir, sl_error *err);

/* Every combination, each once, for the faces of a gallery (whose patches may have a feature of their own): what means
 * nothing to a second look (a solver to oae) makes no difference. usual: what identify would do, for what no option
 * gives. The number left out as such goes to *repeated. free() it. NULL: no memory. */
sl_eval_config *cli_sweep_expand(const cli_sweep *sweep, const sl_gallery *gallery, const sl_match_options *usual,
                                 size_t *count, size_t *repeated, bool *suited);

/* Whether no option of a second look or of stage 1 was given. */
bool cli_sweep_is_empty(const cli_sweep *sweep);
void cli_sweep_free(cli_sweep *sweep);

/* ---- what a configuration is called ---- */

typedef enum {
    SWEEP_FIRST,
    SWEEP_RERANK,
    SWEEP_LOOK,
    SWEEP_FEATURE,
    SWEEP_WEIGHTING,
    SWEEP_GRID,
    SWEEP_SOLVER,
    SWEEP_PRECISION,
    SWEEP_K,
    SWEEP_ALPHA,
    SWEEP_FIELDS
} sweep_field;

/* "stage 1", "rerank", ... */
const char *cli_sweep_heading(sweep_field field);

/* The field's value in words, "-" where it means nothing to this configuration. */
enum { SWEEP_VALUE = 80 };
const char *cli_sweep_value(const sl_eval_config *config, sweep_field field, char buffer[SWEEP_VALUE]);

/* The fields that differ among those configurations that they mean something to. */
void cli_sweep_differing(const sl_eval_config *configs, size_t count, bool differ[SWEEP_FIELDS]);

/* "emd apc 4x4 alpha 0.7": those fields of a configuration that are wanted and mean something. */
void cli_sweep_name(const sl_eval_config *config, const bool wanted[SWEEP_FIELDS], char *buffer, size_t size);

/* "stage 1", or "stage 1: cells contributions uniform" where it is a second look at the whole gallery. */
void cli_sweep_first_name(const sl_eval_config *config, const bool wanted[SWEEP_FIELDS], char *buffer, size_t size);

#endif
