/* Comma lists of options, and every combination of their values. */
#define _GNU_SOURCE
#include "eval/sweep_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/look_needs.h"
#include "secondlook_eval.h"

/* ------------------------------------------------------------------ options */

/* Whether an option is one of the second look's. */
static bool is_match_key(int key)
{
    for (const struct argp_option *o = cli_match_argp.options; o->name || o->key; o++)
        if (o->key == key)
            return true;
    return false;
}

/* One value is given to the options that it stands among; a bad one is a usage error. */
static void apply(struct argp_state *state, int key, char *item, cli_match *match)
{
    struct argp_state own = *state;
    own.input = match;
    cli_match_argp.parser(key, item, &own);
}

static void add_item(struct argp_state *state, sweep_list *list, char *item)
{
    char **items = reallocarray(list->items, list->count + 1, sizeof *items);
    if (!items)
        argp_failure(state, 1, ENOMEM, "arguments");
    list->items = items;
    list->items[list->count++] = item;
}

/* Cuts `text`, an argument, in place. */
static void cut_list(struct argp_state *state, sweep_list *list, char *text)
{
    list->count = 0; /* the last one counts, as everywhere */
    for (char *item; (item = strsep(&text, ",")) != NULL;) {
        cli_match scratch = cli_match_defaults();
        apply(state, list->key, item, &scratch);
        add_item(state, list, item);
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    cli_sweep *sweep = state->input;
    if (!is_match_key(key))
        return ARGP_ERR_UNKNOWN;
    size_t i = 0;
    while (sweep->lists[i].key && sweep->lists[i].key != key)
        i++;
    if (i == SWEEP_LISTS)
        return ARGP_ERR_UNKNOWN;
    sweep->lists[i].key = key;
    cut_list(state, &sweep->lists[i], arg);
    return 0;
}

const struct argp *cli_sweep_argp(void)
{
    static struct argp parser;
    parser = (struct argp){.options = cli_match_argp.options, .parser = parse};
    return &parser;
}

void cli_sweep_first(struct argp_state *state, cli_sweep *sweep, const char *text)
{
    sl_rerank looks[CLI_MOST_LOOKS];
    const char *names[CLI_MOST_LOOKS + 1] = {NULL};
    const size_t count = cli_all_looks(looks, true);
    for (size_t i = 0; i < count; i++)
        names[i] = i ? sl_rerank_name(looks[i]) : "embedding";
    char *copy = strdup(text), *rest = copy;
    sweep->first_count = 0;
    for (char *item; copy && (item = strsep(&rest, ",")) != NULL;) {
        sl_rerank value = looks[cli_parse_name(state, "--stage1", item, names)];
        sl_rerank *first = reallocarray(sweep->first, sweep->first_count + 1, sizeof *first);
        if (!first)
            argp_failure(state, 1, ENOMEM, "arguments");
        sweep->first = first;
        sweep->first[sweep->first_count++] = value;
    }
    free(copy);
}

bool cli_sweep_is_empty(const cli_sweep *sweep)
{
    return !sweep->lists[0].key && !sweep->first_count;
}

void cli_sweep_free(cli_sweep *sweep)
{
    for (size_t i = 0; i < SWEEP_LISTS; i++)
        free(sweep->lists[i].items);
    for (size_t i = 0; i < sweep->look_count; i++)
        sl_look_close(sweep->looks[i]);
    free(sweep->looks);
    free(sweep->look_items);
    free(sweep->first);
    *sweep = (cli_sweep){0};
}

/* ------------------------------------------------------------------ combinations */

/* Which options the second look reads, or the one that ranks the whole gallery. */
static unsigned reads_of(const sl_eval_config *c)
{
    return sl_rerank_reads(c->match.rerank) | sl_rerank_reads(c->first);
}

/* Whether the whole gallery is ranked by a second look. */
static bool ranks_by_look(const sl_eval_config *c)
{
    return sl_rerank_reads(c->first) != SL_READS_NOTHING;
}

/* What means nothing to this second look is made equal, so that equal configurations look so. */
static void simplify(sl_eval_config *c)
{
    const sl_match_options defaults = sl_match_defaults();
    sl_match_options *m = &c->match;
    if (c->first == m->rerank)
        m->rerank = SL_RERANK_NONE; /* the same look again changes nothing */
    if (!cli_looks_again(m))
        m->alpha = defaults.alpha;
    if (!(reads_of(c) & SL_READS_LEARNED))
        m->look = NULL;
    if (!(reads_of(c) & SL_READS_SOLVER))
        m->solver = defaults.solver;
    if (!(reads_of(c) & SL_READS_PATCHES)) {
        m->feature = defaults.feature;
        m->weighting = defaults.weighting;
        m->patch_compute = defaults.patch_compute;
        m->grid_rows = m->grid_cols = 0;
    }
}

static bool is_same(const sl_eval_config *a, const sl_eval_config *b)
{
    const sl_match_options *x = &a->match, *y = &b->match;
    return a->first == b->first && x->rerank == y->rerank && x->feature == y->feature &&
           x->weighting == y->weighting && x->solver == y->solver && x->patch_compute == y->patch_compute &&
           x->grid_rows == y->grid_rows && x->grid_cols == y->grid_cols && x->alpha == y->alpha && x->look == y->look &&
           (x->k == y->k || !cli_looks_again(x));
}

sl_status cli_sweep_open_looks(cli_sweep *sweep, const char *models_dir, sl_error *err)
{
    struct argp_state state = {0};
    for (size_t l = 0; l < SWEEP_LISTS && sweep->lists[l].key; l++)
        for (size_t i = 0; i < sweep->lists[l].count; i++) {
            cli_match scratch = cli_match_defaults();
            apply(&state, sweep->lists[l].key, sweep->lists[l].items[i], &scratch);
            if (!scratch.look_name)
                break;
            sl_look **looks = reallocarray(sweep->looks, sweep->look_count + 1, sizeof *looks);
            sweep->looks = looks ? looks : sweep->looks;
            const char **items = reallocarray(sweep->look_items, sweep->look_count + 1, sizeof *items);
            sweep->look_items = items ? items : sweep->look_items;
            sl_status status =
                looks && items ? cli_look_open(models_dir, scratch.look_name, &looks[sweep->look_count], err)
                               : SL_ERR_MEMORY;
            if (status != SL_OK)
                return status;
            items[sweep->look_count++] = scratch.look_name;
        }
    return SL_OK;
}

/* The look that an option named, NULL for none. */
static const sl_look *look_named(const cli_sweep *sweep, const char *item)
{
    for (size_t i = 0; item && i < sweep->look_count; i++)
        if (sweep->look_items[i] == item)
            return sweep->looks[i];
    return NULL;
}

/* The look's own where none was given, as the library settles it by what `usual` was settled by. A look that it refuses
 * has one, too: it is named when it is left out. */
static void settle_alpha(sl_match_options *m, const sl_match_options *usual, const sl_gallery *gallery)
{
    sl_match_options settled = *m;
    settled.oae = usual->oae;
    settled.encoder = usual->encoder;
    sl_match_settle(NULL, gallery, &settled, NULL);
    m->alpha = settled.alpha;
}

/* Combination number n: the last option turns fastest. The rerank comes first in the options, as it sets others'
 * defaults. */
static sl_eval_config combination(const cli_sweep *sweep, const sl_gallery *gallery, const sl_match_options *usual,
                                  size_t n, bool *suited)
{
    struct argp_state state = {0}; /* its values were checked when they were given */
    cli_match match = cli_match_defaults();
    size_t which[SWEEP_LISTS] = {0}, lists = 0;
    while (lists < SWEEP_LISTS && sweep->lists[lists].key)
        lists++;
    for (size_t i = lists; i-- > 0;) {
        which[i] = n % sweep->lists[i].count;
        n /= sweep->lists[i].count;
    }
    for (const struct argp_option *o = cli_match_argp.options; o->name || o->key; o++)
        for (size_t i = 0; i < lists; i++)
            if (sweep->lists[i].key == o->key)
                apply(&state, o->key, sweep->lists[i].items[which[i]], &match);
    if (!match.look_given) {
        match.match.rerank = usual->rerank;
        cli_match_own(&match);
    }
    match.match.look = look_named(sweep, match.look_name);
    *suited |= cli_match_suit(&match, gallery);
    settle_alpha(&match.match, usual, gallery);
    sl_eval_config config = {.match = match.match, .first = sweep->first_count ? sweep->first[n] : SL_RERANK_NONE};
    if (ranks_by_look(&config)) { /* both looks have one weighting: where none is given, the first's own */
        match.match.rerank = config.first;
        cli_match_own(&match);
        config.match.weighting = match.match.weighting;
    }
    return config;
}

sl_eval_config *cli_sweep_expand(const cli_sweep *sweep, const sl_gallery *gallery, const sl_match_options *usual,
                                 size_t *count, size_t *repeated, bool *suited)
{
    size_t all = sweep->first_count ? sweep->first_count : 1;
    *count = *repeated = 0;
    *suited = false;
    for (size_t i = 0; i < SWEEP_LISTS && sweep->lists[i].key; i++)
        if (__builtin_mul_overflow(all, sweep->lists[i].count, &all))
            return NULL;
    sl_eval_config *configs = calloc(all, sizeof *configs);
    for (size_t n = 0; configs && n < all; n++) {
        sl_eval_config one = combination(sweep, gallery, usual, n, suited);
        size_t i = 0;
        simplify(&one);
        while (i < *count && !is_same(&configs[i], &one))
            i++;
        if (i == *count)
            configs[(*count)++] = one;
        else
            ++*repeated;
    }
    return configs;
}

/* ------------------------------------------------------------------ names */

const char *cli_sweep_heading(sweep_field field)
{
    static const char *const headings[] = {"stage 1", "rerank", "look",      "feature", "weighting",
                                           "grid",    "solver", "precision", "k",       "alpha"};
    return headings[field];
}

/* Whether a field means something to a configuration. */
static bool applies(const sl_eval_config *c, sweep_field field)
{
    switch (field) {
    case SWEEP_FIRST:
    case SWEEP_RERANK:
    case SWEEP_K: return true;
    case SWEEP_ALPHA: return cli_looks_again(&c->match);
    case SWEEP_LOOK: return c->match.look != NULL;
    case SWEEP_SOLVER: return (reads_of(c) & SL_READS_SOLVER) != 0;
    default: return (reads_of(c) & SL_READS_PATCHES) != 0;
    }
}

const char *cli_sweep_value(const sl_eval_config *c, sweep_field field, char buffer[SWEEP_VALUE])
{
    const sl_match_options *m = &c->match;
    if (!applies(c, field))
        return "-";
    switch (field) {
    case SWEEP_FIRST: return ranks_by_look(c) ? sl_rerank_name(c->first) : "embedding";
    case SWEEP_RERANK: return sl_rerank_name(m->rerank);
    case SWEEP_LOOK:
        snprintf(buffer, SWEEP_VALUE, "%.63s:%s", sl_look_name(m->look),
                 cli_precision_name(sl_look_precision(m->look)));
        return buffer;
    case SWEEP_FEATURE: return sl_feature_name(m->feature);
    case SWEEP_WEIGHTING: return sl_weighting_name(m->weighting);
    case SWEEP_SOLVER: return sl_solver_name(m->solver);
    case SWEEP_PRECISION: return sl_patch_compute_name(m->patch_compute);
    case SWEEP_GRID:
        if (!m->grid_rows)
            return "native";
        snprintf(buffer, SWEEP_VALUE, "%dx%d", m->grid_rows, m->grid_cols);
        return buffer;
    case SWEEP_K: snprintf(buffer, SWEEP_VALUE, "%d", m->k); return buffer;
    case SWEEP_ALPHA: snprintf(buffer, SWEEP_VALUE, "%g", (double)m->alpha); return buffer;
    default: return "-";
    }
}

void cli_sweep_differing(const sl_eval_config *configs, size_t count, bool differ[SWEEP_FIELDS])
{
    for (sweep_field f = 0; f < SWEEP_FIELDS; f++) {
        char a[SWEEP_VALUE], b[SWEEP_VALUE];
        const char *known = NULL;
        differ[f] = false;
        for (size_t c = 0; c < count; c++) {
            if (!applies(&configs[c], f))
                continue;
            const char *value = cli_sweep_value(&configs[c], f, known ? b : a);
            differ[f] |= known && strcmp(known, value);
            known = known ? known : value;
        }
    }
}

void cli_sweep_name(const sl_eval_config *config, const bool wanted[SWEEP_FIELDS], char *buffer, size_t size)
{
    static const char *const before[SWEEP_FIELDS] = {
        [SWEEP_FIRST] = "upon ", [SWEEP_K] = "k ", [SWEEP_ALPHA] = "alpha "};
    size_t used = 0;
    buffer[0] = 0;
    for (sweep_field f = 0; f < SWEEP_FIELDS && used < size; f++) {
        char value[SWEEP_VALUE];
        if (!wanted[f] || !applies(config, f) || (f == SWEEP_FIRST && !ranks_by_look(config)))
            continue;
        used += (size_t)snprintf(buffer + used, size - used, "%s%s%s", used ? " " : "", before[f] ? before[f] : "",
                                 cli_sweep_value(config, f, value));
    }
}

void cli_sweep_first_name(const sl_eval_config *config, const bool wanted[SWEEP_FIELDS], char *buffer, size_t size)
{
    sl_eval_config first = *config;
    bool own[SWEEP_FIELDS] = {false};
    first.match.rerank = first.first; /* told as a second look is */
    first.first = SL_RERANK_NONE;
    for (sweep_field f = SWEEP_LOOK; f < SWEEP_K; f++)
        own[f] = wanted[f];
    own[SWEEP_RERANK] = true;
    int used = snprintf(buffer, size, first.match.rerank ? "stage 1: " : "stage 1");
    if (first.match.rerank)
        cli_sweep_name(&first, own, buffer + used, size - (size_t)used);
}
