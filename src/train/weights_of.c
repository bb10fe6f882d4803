#include "train/weights_of.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

/* ---- what learns ---- */

/* Whether input k of a node is for weights. */
static bool is_weight(const sl_node *n, int k)
{
    switch (n->op) {
    case SL_OP_CONV:
    case SL_OP_DENSE:
    case SL_OP_BATCHNORM:
    case SL_OP_LAYERNORM: return k == 1 || k == 2;
    case SL_OP_PRELU: return k == 1;
    case SL_OP_MATMUL: return k < 2;
    case SL_OP_GATHER: return k == 0;
    default: return false;
    }
}

/* The statistics of batch norms do not. */
static bool is_statistic(const sl_node *n, int k)
{
    return n->op == SL_OP_BATCHNORM && k > 2;
}

/* A state dict may name more than layers have: tokens, positions. */
static void mark_weights(const sl_graph *g, const sl_state_dict *dict, bool *weight)
{
    for (size_t i = 0; i < dict->count; i++) {
        sl_tensor t = sl_graph_find(g, dict->weights[i].name);
        if (t >= 0)
            weight[t] = true;
    }
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_inputs; k++)
            if (g->nodes[i].inputs[k] >= 0 && is_weight(&g->nodes[i], k))
                weight[g->nodes[i].inputs[k]] = true;
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_inputs; k++)
            if (g->nodes[i].inputs[k] >= 0 && is_statistic(&g->nodes[i], k))
                weight[g->nodes[i].inputs[k]] = false;
}

static sl_status compile_pattern(const char *learn, regex_t *out, sl_error *err)
{
    char why[160];
    int code = regcomp(out, learn, REG_EXTENDED | REG_NOSUB);
    if (!code)
        return SL_OK;
    regerror(code, out, why, sizeof why);
    return sl_fail(err, SL_ERR_ARGUMENT, "what learns, \"%.200s\", is no regular expression: %s", learn, why);
}

/* Leaves in `learns` those that match. */
static int choose(const sl_graph *g, const regex_t *pattern, bool *learns, const char **names, int *count)
{
    int all = 0;
    *count = 0;
    for (int t = 0; t < g->n_tensors; t++) {
        learns[t] = learns[t] && g->tensors[t].data && g->tensors[t].type == SL_TYPE_F32;
        all += learns[t];
        if (learns[t] && pattern)
            learns[t] = regexec(pattern, g->tensors[t].name, 0, NULL, 0) == 0;
        if (learns[t])
            names[(*count)++] = g->tensors[t].name;
    }
    return all;
}

sl_status sl_learning_weights(const sl_graph *g, const sl_state_dict *dict, const char *learn, const char *model,
                              bool *learns, const char **names, int *count, sl_error *err)
{
    regex_t pattern;
    if (learn)
        SL_TRY(compile_pattern(learn, &pattern, err));
    memset(learns, 0, (size_t)g->n_tensors * sizeof *learns);
    mark_weights(g, dict, learns);
    const int all = choose(g, learn ? &pattern : NULL, learns, names, count);
    if (learn)
        regfree(&pattern);
    if (*count)
        return SL_OK;
    return sl_fail(err, SL_ERR_NOT_FOUND,
                   "none of the %d weights of %s matches \"%.200s\"; `secondlook train finetune --list-weights` "
                   "lists their names",
                   all, model, learn ? learn : "");
}
