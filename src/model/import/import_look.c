/* A second look's checkpoint. The published ones have the network inside whose maps they read, with statistics of its
 * own: that becomes a recogniser beside the look. */
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "model/import/import.h"
#include "model/recogniser.h"

static const char prefix[] = "face_model.";
static const char inner_arch[] = "arcface-r18";

static bool is_inside(const sl_weight *w)
{
    return strncmp(w->name, prefix, sizeof prefix - 1) == 0;
}

/* Drops the lines of the network's own tensors. */
static void keep_unknown(sl_text *unknown)
{
    sl_text kept = {0};
    for (const char *line = unknown->data, *end; line && (end = strchr(line, '\n')); line = end + 1)
        if (strncmp(line, prefix, sizeof prefix - 1) != 0)
            sl_text_add(&kept, "%.*s\n", (int)(end - line), line);
    free(unknown->data);
    *unknown = kept;
}

/* The network inside the look's checkpoint, its weights still there. */
static sl_status take_network(const sl_import *look, sl_import *out, char **json, sl_error *err)
{
    *out = (sl_import){.file = strdup(look->file)};
    if (!out->file)
        return sl_no_memory(err, "for a file's name");
    memcpy(out->checkpoint_sha256, look->checkpoint_sha256, sizeof out->checkpoint_sha256);
    for (size_t i = 0; i < look->dict.count; i++) {
        const sl_weight *w = &look->dict.weights[i];
        if (is_inside(w))
            SL_TRY(sl_state_dict_add(&out->dict, w->name + sizeof prefix - 1, &w->shape, w->data, false, err));
    }
    return sl_import_check(out, inner_arch, json, err);
}

sl_status sl_import_look(const char *file, const sl_import_options *o, const char *folder, const char *name,
                         sl_import *backbone, sl_import *look, bool *inside, char **json, sl_error *err)
{
    SL_TRY(sl_import_read(file, o->arch, look, json, err));
    if (look->network.data)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "%s: a second look is made of a checkpoint, this is a network", file);
    *inside = false;
    for (size_t i = 0; i < look->dict.count; i++)
        *inside |= is_inside(&look->dict.weights[i]);
    SL_TRY(sl_import_name(look, folder, name, "", err));
    if (*inside && o->backbone)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s: has the network inside whose maps it reads, not %s", file,
                       o->backbone);
    if (!*inside && !o->backbone)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s: has no network inside: name the model whose maps it was trained on",
                       file);
    if (!*inside)
        return sl_import_look_at(look, o->models_dir, o->backbone, o->backbone, err);
    keep_unknown(&look->unknown);
    SL_TRY(take_network(look, backbone, json, err));
    return sl_import_name(backbone, folder, name, "-backbone", err);
}

sl_status sl_import_look_at(sl_import *look, const char *models_dir, const char *recogniser, const char *shown,
                            sl_error *err)
{
    sl_recogniser r;
    const sl_transformer *t = &look->arch->transformer;
    SL_TRY(sl_recogniser_open(models_dir, recogniser, &r, err));
    sl_hex32(r.fingerprint, look->fingerprint);
    look->backbone = shown;
    look->grid[0] = r.rows, look->grid[1] = r.cols, look->grid[2] = r.channels;
    const bool fits = r.rows * r.cols == t->cells && r.channels == t->width;
    sl_recogniser_close(&r);
    return fits ? SL_OK
                : sl_fail(err, SL_ERR_MISMATCH, "the look reads maps of %d cells and %d channels, %s makes %dx%dx%d",
                          t->cells, t->width, shown, look->grid[0], look->grid[1], look->grid[2]);
}
