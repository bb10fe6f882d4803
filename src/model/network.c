/* A network opened: manifest, file, graph. */
#include "model/network.h"

#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "model/arch/arch.h"
#include "model/file_kind.h"
#include "net/import/weights/safetensors.h"

bool sl_is_tflite(const void *data, size_t size)
{
    return size >= 8 && memcmp((const char *)data + 4, "TFL3", 4) == 0;
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, slash > path ? (size_t)(slash - path) : 1) : strdup(".");
}

sl_status sl_network_import(const sl_mapping *map, const char *path, uint8_t digest[32], sl_graph **out, sl_error *err)
{
    const char *other = sl_not_a_network(map->data, map->size);
    if (other)
        return sl_fail(err, SL_ERR_FORMAT, "it is no network but %s", other);
    if (sl_is_tflite(map->data, map->size))
        return sl_import_tflite(map->data, map->size, out, err);
    char *folder = folder_of(path);
    if (!folder)
        return sl_no_memory(err, "for a path");
    sl_status status = sl_import_onnx_in(map->data, map->size, folder, digest, out, err);
    free(folder);
    return status;
}

/* Layers and heads that the manifest states are those of the weights. */
static sl_status check_size(const sl_manifest *m, const sl_arch *arch, const sl_state_dict *weights, sl_error *err)
{
    const sl_transformer found = sl_arch_fit(arch, weights).transformer;
    const int depth = m->depth ? m->depth : found.depth, heads = m->heads ? m->heads : found.heads;
    if (depth == found.depth && heads == found.heads)
        return SL_OK;
    return sl_fail(err, SL_ERR_MISMATCH, "the manifest states a depth of %d and %d heads, the weights have %d and %d",
                   depth, heads, found.depth, found.heads);
}

/* The architecture that the manifest names, over weights that stay where they are. */
static sl_status build_arch(sl_network *n, const uint8_t *data, size_t size, sl_error *err)
{
    const sl_arch *arch = sl_arch_find(n->manifest->arch);
    if (!arch || arch->kind != n->manifest->kind)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "no architecture of that kind is named \"%s\"; docs/models.md lists "
                       "them", n->manifest->arch);
    SL_TRY(sl_safetensors_parse(data, size, &n->weights, err));
    sl_arch own = *arch;
    if (n->manifest->form >= 0)
        own.transformer.form = (sl_vit_form)n->manifest->form;
    if (n->manifest->kind == SL_MODEL_LOOK && n->manifest->patch_grid[0]) /* where no weights tell */
        own.transformer.cells = n->manifest->patch_grid[0] * n->manifest->patch_grid[1];
    SL_TRY(check_size(n->manifest, &own, &n->weights, err));
    return sl_arch_build(&own, &n->weights, &n->graph, err);
}

static sl_status open_found(const char *models_dir, const char *name, sl_model_kind kind, sl_network *n,
                            sl_error *err)
{
    static const char *const kinds[] = {"a recogniser", "a detector", "a landmark model", "a second look",
                                        "a query encoder", "a corrector of points"};
    SL_TRY(sl_catalogue_find(models_dir, name, &n->manifest, &n->path, err));
    if (n->manifest->kind != kind)
        return sl_fail(err, SL_ERR_ARGUMENT, "model %s is %s, %s was asked for", n->manifest->name,
                       kinds[n->manifest->kind], kinds[kind]);
    const sl_builtin_file *own = n->manifest->arch ? sl_catalogue_builtin(n->manifest) : NULL;
    if (own) {
        sl_sha256_of(own->data, own->size, n->digest);
        return build_arch(n, own->data, own->size, err);
    }
    SL_TRY(sl_catalogue_map(n->manifest, n->path, &n->map, n->digest, err));
    if (kind == SL_MODEL_LANDMARKS)
        return SL_OK;
    sl_status status = n->manifest->arch ? build_arch(n, n->map.data, n->map.size, err)
                                         : sl_network_import(&n->map, n->path, n->digest, &n->graph, err);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "model %s: %s", n->manifest->name, n->path);
}

sl_status sl_network_open(const char *models_dir, const char *name, sl_model_kind kind, sl_network *out, sl_error *err)
{
    *out = (sl_network){0};
    sl_status status = open_found(models_dir, name, kind, out, err);
    if (status != SL_OK)
        sl_network_close(out);
    return status;
}

void sl_network_close(sl_network *n)
{
    sl_graph_free(n->graph);
    sl_state_dict_free(&n->weights);
    sl_unmap_file(&n->map);
    sl_manifest_free(n->manifest);
    free(n->path);
    *n = (sl_network){0};
}
