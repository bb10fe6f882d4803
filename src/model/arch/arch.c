/* The table of architectures, and the three uses of a description: to list, to check and to build. */
#include "model/arch/arch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/arch/arch_all.h"

static const sl_arch *const archs[] = {
    &sl_arch_arcface_r18, &sl_arch_cosface_s20, &sl_arch_facenet_ir1, &sl_arch_mobilefacenet,
    &sl_arch_mobilefacenet_prelu, &sl_arch_iresnet18, &sl_arch_iresnet50, &sl_arch_iresnet100,
    &sl_arch_ir50, &sl_arch_ir101, &sl_arch_ir152, &sl_arch_irse50, &sl_arch_ir50_plain, &sl_arch_ir101_plain,
    &sl_arch_mtcnn_pnet, &sl_arch_mtcnn_rnet, &sl_arch_mtcnn_onet, &sl_arch_tiny, &sl_arch_vit,
    &sl_arch_h1, &sl_arch_h2, &sl_arch_h2l, &sl_arch_points,
};

const sl_arch *sl_arch_at(int i)
{
    return i >= 0 && (size_t)i < sizeof archs / sizeof *archs ? archs[i] : NULL;
}

const sl_arch *sl_arch_find(const char *name)
{
    for (int i = 0; sl_arch_at(i); i++)
        if (strcmp(sl_arch_at(i)->name, name) == 0)
            return sl_arch_at(i);
    return NULL;
}

sl_status sl_arch_unknown(const char *name, sl_error *err)
{
    sl_text names = {0};
    for (int i = 0; sl_arch_at(i); i++)
        sl_text_add(&names, "%s%s", i ? ", " : "", sl_arch_at(i)->name);
    sl_status status = sl_fail(err, SL_ERR_ARGUMENT, "no architecture is named \"%s\"; there are %s", name,
                               names.data ? names.data : "");
    free(names.data);
    return status;
}

/* ---- walking a description ---- */

static void free_net(sl_net *n)
{
    sl_graph_free(n->graph);
    sl_arch_tensors_free(n->tensors, n->n_tensors);
}

sl_arch sl_arch_fit(const sl_arch *arch, const sl_state_dict *dict)
{
    sl_arch own = *arch;
    if (arch->fit)
        arch->fit(&own, dict);
    return own;
}

static sl_status walk_description(sl_net *n, const sl_arch *arch, sl_error *err)
{
    const sl_arch own = n->dict ? sl_arch_fit(arch, n->dict) : *arch;
    n->arch = &own;
    n->err = err;
    n->epsilon = 1e-5f;
    arch->describe(n);
    n->arch = arch;
    return n->status;
}

sl_status sl_arch_tensors(const sl_arch *arch, sl_arch_tensor **out, size_t *count, sl_error *err)
{
    sl_net n = {0};
    *out = NULL;
    *count = 0;
    sl_status status = walk_description(&n, arch, err);
    if (status != SL_OK) {
        free_net(&n);
        return status;
    }
    *out = n.tensors;
    *count = n.n_tensors;
    return SL_OK;
}

void sl_arch_tensors_free(sl_arch_tensor *tensors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(tensors[i].name);
    free(tensors);
}

/* ---- checking ---- */

/* "a is missing, b is ...": the lines of `problems`, as many as fit into an error's text. */
static sl_status refuse_dict(const sl_net *n, const sl_text *problems, sl_error *err)
{
    enum { ROOM = 700 };
    char list[ROOM + 1];
    size_t at = 0;
    int shown = 0;
    for (const char *line = problems->data, *end; line && (end = strchr(line, '\n')); line = end + 1, shown++) {
        size_t length = (size_t)(end - line);
        if (at + length + 2 > ROOM)
            break;
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%.*s", at ? ", " : "", (int)length, line);
    }
    list[at] = 0;
    char more[32] = "";
    if (shown < n->n_problems)
        snprintf(more, sizeof more, " and %d more", n->n_problems - shown);
    return sl_fail(err, SL_ERR_FORMAT, "not a state dict of %s, %d of its tensors are missing or have another shape: "
                   "%s%s", n->arch->name, n->n_problems, list, more);
}

static int by_tensor_name(const void *a, const void *b)
{
    return strcmp(((const sl_arch_tensor *)a)->name, ((const sl_arch_tensor *)b)->name);
}

/* The names of `dict` that the description did not mention. Sorts the list. */
static void list_unknown(sl_net *n, sl_text *unknown)
{
    qsort(n->tensors, n->n_tensors, sizeof *n->tensors, by_tensor_name);
    for (size_t i = 0; i < n->dict->count; i++) {
        const sl_arch_tensor key = {.name = (char *)n->dict->weights[i].name};
        if (!bsearch(&key, n->tensors, n->n_tensors, sizeof *n->tensors, by_tensor_name))
            sl_text_add(unknown, "%s\n", key.name);
    }
}

sl_status sl_arch_check(const sl_arch *arch, const sl_state_dict *dict, sl_text *problems, sl_text *unknown,
                        sl_error *err)
{
    sl_text own = {0};
    sl_net n = {.dict = dict, .problems = problems ? problems : &own};
    sl_status status = walk_description(&n, arch, err);
    if (status == SL_OK && unknown)
        list_unknown(&n, unknown);
    if (status == SL_OK && n.n_problems)
        status = refuse_dict(&n, n.problems, err);
    free_net(&n);
    free(own.data);
    return status;
}

const sl_arch *sl_arch_choose(const char *name, const sl_state_dict *dict)
{
    const sl_arch *best = NULL;
    size_t length = strlen(name);
    int fewest = 0;
    for (int i = 0; sl_arch_at(i); i++) {
        const sl_arch *arch = sl_arch_at(i);
        if (strncmp(arch->name, name, length) || (arch->name[length] && arch->name[length] != '-'))
            continue;
        sl_net n = {.dict = dict};
        walk_description(&n, arch, NULL);
        if (!best || n.n_problems < fewest) {
            best = arch;
            fewest = n.n_problems;
        }
        free_net(&n);
    }
    return best;
}

const sl_arch *sl_arch_fitting(const sl_state_dict *dict)
{
    for (int i = 0; sl_arch_at(i); i++)
        if (sl_arch_check(sl_arch_at(i), dict, NULL, NULL, NULL) == SL_OK)
            return sl_arch_at(i);
    return NULL;
}

/* ---- building ---- */

sl_status sl_arch_build(const sl_arch *arch, const sl_state_dict *dict, sl_graph **out, sl_error *err)
{
    *out = NULL;
    sl_text problems = {0};
    sl_net n = {.dict = dict, .problems = &problems, .graph = sl_graph_new()};
    sl_status status = n.graph ? walk_description(&n, arch, err) : sl_no_memory(err, "for the network");
    if (status == SL_OK && n.n_problems)
        status = refuse_dict(&n, &problems, err);
    if (status == SL_OK) {
        *out = n.graph;
        n.graph = NULL;
    }
    free_net(&n);
    free(problems.data);
    return status;
}
