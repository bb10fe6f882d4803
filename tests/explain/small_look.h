/* Small looks with weights by formula, of the sizes that tests/torch/transformer_gradients.py has, and templates for
 * them. */
#ifndef SL_TESTS_SMALL_LOOK_H
#define SL_TESTS_SMALL_LOOK_H

#include "../model/formula_weights.h"

#include "base/mem.h"
#include "model/arch/arch.h"
#include "pipeline/look_network.h"
#include "template/template.h"

enum { SMALL_ROWS = 3, SMALL_COLS = 4, SMALL_CELLS = SMALL_ROWS * SMALL_COLS, SMALL_WIDTH = 64, SMALL_DIM = 40 };

static inline void small_dict(const sl_arch *arch, sl_state_dict *dict)
{
    sl_error err;
    sl_arch_tensor *tensors;
    size_t count;
    assert_ok(sl_arch_tensors(arch, &tensors, &count, &err));
    for (size_t i = 0; i < count; i++) {
        if (!tensors[i].used)
            continue;
        float *data = malloc((size_t)sl_shape_elements(&tensors[i].shape) * sizeof *data);
        formula_fill(tensors[i].name, &tensors[i].shape, data);
        assert_ok(sl_state_dict_add(dict, tensors[i].name, &tensors[i].shape, data, true, &err));
    }
    sl_arch_tensors_free(tensors, count);
}

static inline sl_arch small_arch_of(const char *name, int depth, int positions, bool single, sl_vit_form form)
{
    sl_arch own = *sl_arch_find(name);
    own.transformer = (sl_transformer){.depth = depth,
                                       .heads = 3,
                                       .hidden = 96,
                                       .width = SMALL_WIDTH,
                                       .cells = SMALL_CELLS,
                                       .positions = positions,
                                       .single = single,
                                       .form = form};
    own.dim = own.kind == SL_MODEL_LOOK ? SMALL_DIM : SMALL_WIDTH;
    own.patch_channels = SMALL_WIDTH;
    return own;
}

/* A look of this architecture for templates of arrays; dict: its weights, which it takes. */
static inline sl_look *small_look_of(const sl_arch *arch, sl_state_dict dict)
{
    sl_error err;
    sl_look_network *l;
    assert_ok(sl_look_network_new(SL_COMPUTE_F32, &l, &err));
    l->dict = dict;
    assert_ok(sl_arch_build(arch, &l->dict, &l->own, &err));
    sl_look_network_sized(l, l->own);
    l->look.rerank = (sl_rerank)sl_rerank_named(arch->name);
    l->look.name = sl_strdup("small");
    l->look.backbone_name = sl_strdup("arrays");
    return &l->look;
}

static inline sl_look *small_look(const sl_arch *arch)
{
    sl_state_dict dict = {0};
    small_dict(arch, &dict);
    return small_look_of(arch, dict);
}

static inline sl_match_options small_options(const sl_look *look)
{
    sl_match_options o = sl_match_defaults_of(sl_look_rerank(look));
    o.look = look;
    o.threads = 1;
    return o;
}

static inline sl_template *small_template(const float *patches)
{
    sl_error err;
    sl_template *t;
    assert_ok(sl_template_of_arrays(patches, SMALL_WIDTH, patches, SMALL_ROWS, SMALL_COLS, SMALL_WIDTH, &t, &err));
    return t;
}

#endif
