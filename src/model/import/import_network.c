/* Networks that come whole, as ONNX or TFLite: what an architecture adds is how pictures are fed to them. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/import/import.h"
#include "model/network.h"
#include "model/suggest.h"

/* The outputs of a network, for one picture of the architecture's size. */
typedef struct {
    sl_graph *g; /* all shapes known */
    sl_tensor embedding, patch_map;
} outputs;

static bool has_shape(const sl_shape *s, int a, int b, int c)
{
    return s->rank == 4 && s->dim[1] == a && s->dim[2] == b && s->dim[3] == c;
}

static bool fits_arch(const sl_graph *file, const sl_arch *arch, outputs *out)
{
    const sl_shape picture = {4, {1, arch->channels, arch->height, arch->width}};
    *out = (outputs){.g = sl_with_shapes(file, &picture), .embedding = -1, .patch_map = -1};
    if (!out->g)
        return false;
    out->embedding = sl_suggest_embedding(file, out->g);
    out->patch_map = sl_suggest_patch_map(out->g);
    return has_shape(&out->g->tensors[out->g->inputs[0]].shape, arch->channels, arch->height, arch->width) &&
           out->embedding >= 0 && out->patch_map >= 0 &&
           sl_shape_elements(&out->g->tensors[out->embedding].shape) == arch->dim &&
           has_shape(&out->g->tensors[out->patch_map].shape, arch->patch_channels, arch->rows, arch->cols);
}

/* Numbers in the constants of a network, which is about what its architecture has: batch norms may be folded away. */
static bool has_size(const sl_graph *file, const sl_arch *arch, size_t *constants)
{
    sl_arch_tensor *tensors;
    size_t count;
    double here = 0, there = 0;
    *constants = 0;
    for (int i = 0; i < file->n_tensors; i++)
        if (file->tensors[i].data && file->tensors[i].type == SL_TYPE_F32) {
            here += (double)sl_shape_elements(&file->tensors[i].shape);
            ++*constants;
        }
    if (sl_arch_tensors(arch, &tensors, &count, NULL) != SL_OK)
        return false;
    for (size_t i = 0; i < count; i++)
        there += tensors[i].used ? (double)sl_shape_elements(&tensors[i].shape) : 0;
    sl_arch_tensors_free(tensors, count);
    return here > .8 * there && here < 1.2 * there;
}

static sl_status take_names(sl_import *m, const outputs *o, sl_error *err)
{
    m->embedding = sl_strdup(o->g->tensors[o->embedding].name);
    m->patch_map = sl_strdup(o->g->tensors[o->patch_map].name);
    return m->embedding && m->patch_map ? SL_OK
                                        : sl_no_memory(err, "for the names of outputs");
}

/* Of the layouts of that name the one whose sizes are the network's. */
static sl_status find_layout(sl_import *m, const sl_graph *file, const char *name, sl_error *err)
{
    const sl_state_dict nothing = {0};
    const sl_arch *first = sl_arch_choose(name, &nothing);
    size_t length = strlen(name);
    if (!first)
        return sl_arch_unknown(name, err);
    if (first->kind != SL_MODEL_RECOGNISER)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "%s is imported from checkpoints, this is a whole network", name);
    for (int i = 0; sl_arch_at(i) && !m->arch; i++) {
        const sl_arch *arch = sl_arch_at(i);
        outputs o = {0};
        if (strncmp(arch->name, name, length) || (arch->name[length] && arch->name[length] != '-'))
            continue;
        sl_status status = SL_OK;
        if (has_size(file, arch, &m->tensors) && fits_arch(file, arch, &o)) {
            m->arch = arch;
            m->preamble = sl_preamble_of(o.g);
            status = take_names(m, &o, err);
        }
        sl_graph_free(o.g);
        SL_TRY(status);
    }
    if (!m->arch)
        return sl_fail(
            err, SL_ERR_FORMAT,
            "its weights are not as many as those of %s, or it does not make an embedding of %d and a patch "
            "map of %dx%dx%d of a %dx%d picture; `secondlook models inspect` shows what it has, and a "
            "manifest of your own can say how to use it",
            name, first->dim, first->rows, first->cols, first->patch_channels, first->width, first->height);
    return SL_OK;
}

sl_status sl_import_network(sl_import *m, const char *arch, sl_error *err)
{
    sl_graph *file;
    uint8_t beside[32] = {0};
    const uint8_t nothing[32] = {0};
    m->format = sl_is_tflite(m->network.data, m->network.size) ? "tflite" : "onnx";
    if (sl_network_import(&m->network, m->file, beside, &file, err) != SL_OK)
        return sl_fail_in(err, SL_ERR_FORMAT, "it is no checkpoint (torch.save, safetensors), nor a network");
    sl_status status = find_layout(m, file, arch, err);
    if (status == SL_OK && memcmp(beside, nothing, sizeof beside) != 0)
        status = sl_fail(err, SL_ERR_UNSUPPORTED, "it keeps weights in other files, and would be imported without "
                         "them; a manifest beside it uses it where it is (docs/models.md)");
    sl_graph_free(file);
    return status;
}
