/* What is in a network file, a checkpoint or a model, as JSON: for whoever writes a manifest or imports weights. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "model/arch/arch.h"
#include "model/network.h"
#include "model/preamble.h"
#include "model/self_check.h"
#include "model/suggest.h"
#include "net/import/weights/checkpoint.h"

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

/* What a manifest's "input" can know from the file; null: what the network was trained with. */
static json_t *suggested_input_json(const sl_graph *file, const sl_preamble *p, bool tflite)
{
    static const char *const keys[] = {"channels", "height", "width"};
    const sl_shape *s = file->n_inputs == 1 ? &file->tensors[file->inputs[0]].shape : NULL;
    float mean, std;
    json_t *input = json_object();
    for (int i = 0; i < 3; i++)
        json_object_set_new(input, keys[i], s && s->rank == 4 && s->dim[i + 1] > 0 ? json_integer(s->dim[i + 1])
                                                                                   : json_null());
    json_object_set_new(input, "layout", json_string(tflite || p->channels_last ? "NHWC" : "NCHW"));
    bool known = p->normalises && sl_preamble_suggest(p, &mean, &std);
    json_object_set_new(input, "mean", known ? json_pack("[f]", (double)mean) : json_null());
    json_object_set_new(input, "std", known ? json_pack("[f]", (double)std) : json_null());
    return input;
}

/* What the network does to its pixels itself. */
static json_t *normalisation_json(const sl_preamble *p)
{
    char text[160];
    if (!p->normalises)
        return json_null();
    sl_preamble_text(p, text);
    return json_string(text);
}

/* The manifest by which the file can be used, but for what its user knows. */
static json_t *detector_manifest(const sl_detector_kind *kind, const char *path, bool tflite, const char *hex)
{
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    json_t *m = json_pack("{s:s+, s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:s}", "name", kind->name, "-mine", "kind",
                          "detector", "detector", kind->name, "licence", "?", "provenance", "?", "file", file, "format",
                          tflite ? "tflite" : "onnx", "score_threshold", round(1000 * (double)kind->threshold) / 1000,
                          "sha256", hex);
    if (kind->networks > 1)
        json_object_set_new(m, "stages", json_pack("[s,s]", "?", "?"));
    return m;
}

static json_t *document(const sl_graph *file, const sl_graph *g, const char *path, bool tflite,
                        const uint8_t digest[32])
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
    const sl_preamble preamble = g ? sl_preamble_of(g) : (sl_preamble){0};
    json_object_set_new(suggestion, "input", suggested_input_json(file, &preamble, tflite));
    const sl_detector_kind *kind = sl_detector_kind_of(file);
    if (kind)
        json_object_set_new(suggestion, "manifest", detector_manifest(kind, path, tflite, hex));
    json_object_set_new(root, "suggestion", suggestion);
    json_object_set_new(root, "normalisation", normalisation_json(&preamble));
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

static json_t *inspect_graph(const sl_graph *file, const char *path, bool tflite, const uint8_t digest[32])
{
    sl_graph *g = sl_with_shapes(file, &(sl_shape){4, {1, 3, 112, 112}});
    json_t *root = document(file, g, path, tflite, digest);
    sl_graph_free(g);
    return root;
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
    sl_graph *graph = NULL;
    sl_state_dict dict = {0};
    bool weights = sl_checkpoint_is(map->data, map->size);
    sl_status status = weights ? sl_checkpoint_parse(map->data, map->size, &dict, err)
                               : sl_network_import(map, path, NULL, &graph, err);
    if (status != SL_OK)
        return sl_fail_in(err, status, "%s", path);
    sl_sha256_of(map->data, map->size, digest);
    status = weights ? give(checkpoint_json(&dict, path, digest), path, json, err)
                     : give(inspect_graph(graph, path, sl_is_tflite(map->data, map->size), digest), path, json, err);
    sl_state_dict_free(&dict);
    sl_graph_free(graph);
    return status;
}

/* Of a recogniser: what keeps it from being used, and whether it tells made-up pictures apart. */
static void add_check(json_t *root, const char *models_dir, const char *name)
{
    sl_recogniser r;
    sl_self_check check;
    sl_error err = {0};
    json_t *problems = json_array();
    sl_status status = sl_recogniser_open(models_dir, name, &r, &err);
    if (status == SL_OK) {
        status = sl_recogniser_self_check(&r, &check, &err);
        sl_recogniser_close(&r);
    }
    if (status != SL_OK)
        json_array_append_new(problems, json_string(err.text));
    else if (!check.sound)
        json_array_append_new(problems, json_string(check.finite ? "it gives four very different made-up pictures much "
                                                                   "the same embedding: are mean and std those that it "
                                                                   "was trained with?"
                                                                 : "its embeddings are not numbers, or zero"));
    if (status == SL_OK && check.finite)
        json_object_set_new(root, "self_check", json_pack("{s:i, s:f, s:f}", "pictures", SL_SELF_CHECK_PICTURES,
                                                          "least_cosine", (double)check.least, "greatest_cosine",
                                                          (double)check.most));
    json_object_set_new(root, "problems", problems);
}

/* Of a second look: what it is, and whose maps it reads. */
static void add_look(json_t *root, const sl_manifest *m)
{
    json_object_set_new(root, "look", json_string(m->arch));
    json_object_set_new(root, "backbone", json_string(m->backbone));
    json_object_set_new(root, "backbone_fingerprint", json_string(m->backbone_fingerprint));
    json_object_set_new(root, "problems", json_array());
}

static sl_status inspect_model(const char *models_dir, const char *name, sl_model_kind kind, char **json, sl_error *err)
{
    sl_network n;
    if (kind == SL_MODEL_LANDMARKS)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "%s is a forest of regression trees, not a network", name);
    if (kind == SL_MODEL_ENCODER)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "%s is a query encoder, a difference to the weights of a network: "
                       "inspect that one", name);
    SL_TRY(sl_network_open(models_dir, name, kind, &n, err));
    json_t *root = inspect_graph(n.graph, n.path, sl_is_tflite(n.map.data, n.map.size), n.digest);
    if (root && kind == SL_MODEL_RECOGNISER)
        add_check(root, models_dir, name);
    else if (root && kind == SL_MODEL_LOOK)
        add_look(root, n.manifest);
    else if (root && kind == SL_MODEL_DETECTOR)
        json_object_set_new(root, "detector", json_string(n.manifest->detector->name));
    sl_status status = give(root, n.path, json, err);
    sl_network_close(&n);
    return status;
}

static sl_status inspect_named(const char *models_dir, const char *name, char **json, sl_error *err)
{
    sl_manifest *m;
    char *path;
    sl_status found = sl_catalogue_find(models_dir, name, &m, &path, err);
    if (found != SL_OK)
        return sl_arch_find(name) ? sl_arch_inspect(sl_arch_find(name), json, err) : found;
    sl_model_kind kind = m->kind;
    free(path);
    sl_manifest_free(m);
    return inspect_model(models_dir, name, kind, json, err);
}

sl_status sl_model_inspect(const char *models_dir, const char *file, char **json, sl_error *err)
{
    sl_mapping map;
    *json = NULL;
    if (sl_is_manifest_path(file))
        return inspect_named(models_dir, file, json, err);
    sl_status status = sl_map_file(file, SL_MAX_MODEL_BYTES, &map, err);
    if (status != SL_OK) /* what has a folder was a path, not a name */
        return strchr(file, '/') ? status : inspect_named(models_dir, file, json, err);
    status = inspect_file(&map, file, json, err);
    sl_unmap_file(&map);
    return status;
}
