/* What is in a network file, a checkpoint or a model, as JSON: for whoever writes a manifest or imports weights. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "model/arch.h"
#include "model/network.h"
#include "model/suggest.h"
#include "net/import/checkpoint.h"

static json_t *shape_json(const sl_shape *shape)
{
    if (shape->rank < 0)
        return json_null();
    json_t *list = json_array();
    for (int i = 0; i < shape->rank; i++)
        json_array_append_new(list, shape->dim[i] < 0 ? json_null() : json_integer(shape->dim[i]));
    return list;
}

static json_t *tensor_json(const sl_graph *g, sl_tensor t)
{
    return json_pack("{s:s, s:s, s:o}", "name", g->tensors[t].name, "type",
                     g->tensors[t].type == SL_TYPE_F32 ? "f32" : "i64", "shape", shape_json(&g->tensors[t].shape));
}

static json_t *tensor_list(const sl_graph *g, const sl_tensor *tensors, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, tensor_json(g, tensors[i]));
    return list;
}

static json_t *nodes_json(const sl_graph *g)
{
    json_t *list = json_array();
    for (int i = 0; i < g->n_nodes; i++) {
        const sl_node *node = &g->nodes[i];
        json_t *inputs = json_array();
        for (int k = 0; k < node->n_inputs; k++)
            if (node->inputs[k] >= 0 && !g->tensors[node->inputs[k]].data)
                json_array_append_new(inputs, json_string(g->tensors[node->inputs[k]].name));
        json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o}", "name", node->name, "op", sl_op_name(node->op),
                                              "inputs", inputs, "outputs",
                                              tensor_list(g, node->outputs, node->n_outputs)));
    }
    return list;
}

static json_t *document(const sl_graph *file, const sl_graph *g, const char *path, const uint8_t digest[32])
{
    char hex[65];
    sl_hex32(digest, hex);
    json_t *root = json_pack("{s:s, s:s, s:o, s:o}", "file", path, "sha256", hex, "inputs",
                             tensor_list(file, file->inputs, file->n_inputs), "outputs",
                             tensor_list(file, file->outputs, file->n_outputs));
    json_t *suggestion = json_object();
    sl_tensor embedding = g ? sl_suggest_embedding(file, g) : -1, map = g ? sl_suggest_patch_map(g) : -1;
    json_object_set_new(suggestion, "embedding", embedding >= 0 ? tensor_json(g, embedding) : json_null());
    json_object_set_new(suggestion, "patch_map", map >= 0 ? tensor_json(g, map) : json_null());
    json_object_set_new(root, "suggestion", suggestion);
    json_object_set_new(root, "nodes", nodes_json(g ? g : file));
    return root;
}

/* Releases the document. */
static sl_status give(json_t *root, const char *path, char **json, sl_error *err)
{
    *json = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    return *json ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "%s: no memory for its description", path);
}

static sl_status inspect_graph(const sl_graph *file, const char *path, const uint8_t digest[32], char **json,
                               sl_error *err)
{
    sl_graph *g = sl_with_shapes(file, &(sl_shape){4, {1, 3, 112, 112}});
    sl_status status = give(document(file, g, path, digest), path, json, err);
    sl_graph_free(g);
    return status;
}

/* ---- checkpoints: their weights, and what they are for ---- */

static json_t *checkpoint_json(const sl_state_dict *dict, const char *path, const uint8_t digest[32])
{
    char hex[65];
    sl_hex32(digest, hex);
    const sl_arch *arch = sl_arch_fitting(dict);
    json_t *tensors = json_array();
    for (size_t i = 0; i < dict->count; i++)
        json_array_append_new(tensors, json_pack("{s:s, s:o}", "name", dict->weights[i].name, "shape",
                                                 shape_json(&dict->weights[i].shape)));
    return json_pack("{s:s, s:s, s:s?, s:o}", "file", path, "sha256", hex, "architecture", arch ? arch->name : NULL,
                     "tensors", tensors);
}

/* ---- files and models ---- */

static sl_status inspect_file(const sl_mapping *map, const char *path, char **json, sl_error *err)
{
    uint8_t digest[32];
    sl_sha256 s;
    sl_graph *graph = NULL;
    sl_state_dict dict = {0};
    bool weights = sl_checkpoint_is(map->data, map->size);
    sl_status status = weights ? sl_checkpoint_parse(map->data, map->size, &dict, err)
                               : sl_network_import(map->data, map->size, &graph, err);
    if (status != SL_OK)
        return sl_fail_in(err, status, "%s", path);
    sl_sha256_init(&s);
    sl_sha256_update(&s, map->data, map->size);
    sl_sha256_final(&s, digest);
    status = weights ? give(checkpoint_json(&dict, path, digest), path, json, err)
                     : inspect_graph(graph, path, digest, json, err);
    sl_state_dict_free(&dict);
    sl_graph_free(graph);
    return status;
}

static sl_status inspect_model(const char *models_dir, const char *name, sl_model_kind kind, char **json, sl_error *err)
{
    sl_network n;
    if (kind == SL_MODEL_LANDMARKS)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "%s is a forest of regression trees, not a network", name);
    SL_TRY(sl_network_open(models_dir, name, kind, &n, err));
    sl_status status = inspect_graph(n.graph, n.path, n.digest, json, err);
    sl_network_close(&n);
    return status;
}

sl_status sl_model_inspect(const char *models_dir, const char *file, char **json, sl_error *err)
{
    sl_mapping map;
    *json = NULL;
    if (sl_map_file(file, SL_MAX_MODEL_BYTES, &map, err) == SL_OK) {
        sl_status status = inspect_file(&map, file, json, err);
        sl_unmap_file(&map);
        return status;
    }
    sl_error first = {0};
    sl_manifest *m;
    char *path;
    if (err)
        first = *err;
    sl_status found = sl_catalogue_find(models_dir, file, &m, &path, err);
    if (found != SL_OK && sl_arch_find(file))
        return sl_arch_inspect(sl_arch_find(file), json, err);
    if (found != SL_OK) {
        if (err && strchr(file, '/'))
            *err = first; /* it was a path, not a name */
        return strchr(file, '/') && first.status ? first.status : found;
    }
    sl_model_kind kind = m->kind;
    free(path);
    sl_manifest_free(m);
    return inspect_model(models_dir, file, kind, json, err);
}
