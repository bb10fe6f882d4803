/* A manifest read key by key; errors name the key and what it must be. */
#include "model/manifest.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "model/fetch/npm_spec.h"

enum { MAX_TEXT = 4096 };

const char *const sl_model_kind_names[SL_MODEL_KINDS] = {"recogniser", "detector", "landmarks", "look", "encoder",
                                                           "points"};
const char *const sl_manifest_forms[SL_MANIFEST_FORMS] = {"published", "pre-norm", "text"};
const char *const sl_colour_names[3] = {"rgb", "bgr", "grey"};

/* What is being read, for messages. */
typedef struct {
    const char *name;
    sl_error *err;
} context;

static sl_status no_manifest_memory(const context *c)
{
    return sl_fail(c->err, SL_ERR_MEMORY, "manifest %s: no memory", c->name);
}

static sl_status missing_key(const context *c, const char *key)
{
    return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"%s\" is missing", c->name, key);
}

static sl_status copy_text(const context *c, const json_t *object, const char *key, bool required, char **out)
{
    const json_t *value = json_object_get(object, key);
    if (!value && !required)
        return SL_OK;
    if (!value)
        return missing_key(c, key);
    if (!json_is_string(value))
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"%s\" must be a text", c->name, key);
    if (json_string_length(value) > MAX_TEXT || strlen(json_string_value(value)) != json_string_length(value))
        return sl_fail(c->err, SL_ERR_LIMIT, "manifest %s: \"%s\" is longer than %d bytes or holds a NUL", c->name,
                       key, MAX_TEXT);
    *out = sl_strdup(json_string_value(value));
    return *out ? SL_OK : no_manifest_memory(c);
}

/* An integer in [low, high]; absent leaves *out alone. */
static sl_status read_int(const context *c, const json_t *value, const char *key, int low, int high, int *out)
{
    if (!value)
        return SL_OK;
    if (!json_is_integer(value) || json_integer_value(value) < low || json_integer_value(value) > high)
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"%s\" must be a whole number from %d to %d", c->name,
                       key, low, high);
    *out = (int)json_integer_value(value);
    return SL_OK;
}

static sl_status read_number(const context *c, const json_t *value, const char *key, float *out)
{
    if (!value)
        return SL_OK;
    double v = json_number_value(value);
    if (!json_is_number(value) || !isfinite(v) || fabs(v) > 1e6)
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"%s\" must be a number", c->name, key);
    *out = (float)v;
    return SL_OK;
}

/* One number for all channels, or one for each. */
static sl_status read_per_channel(const context *c, const json_t *value, const char *key, float out[3])
{
    size_t n = json_array_size(value);
    if (!value)
        return missing_key(c, key);
    if (n != 1 && n != 3)
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"%s\" must be a list of one or three numbers", c->name,
                       key);
    for (size_t i = 0; i < 3; i++)
        SL_TRY(read_number(c, json_array_get(value, n == 1 ? 0 : i), key, &out[i]));
    return SL_OK;
}

static sl_status read_source(const context *c, const json_t *root, sl_manifest *m)
{
    const json_t *source = json_object_get(root, "source");
    if (!source)
        return (m->source = sl_strdup("not stated")) ? SL_OK : no_manifest_memory(c);
    SL_TRY(copy_text(c, source, "npm", false, &m->npm));
    SL_TRY(copy_text(c, source, "path", m->npm != NULL, &m->npm_path));
    if (!m->npm)
        return copy_text(c, source, "text", true, &m->source);
    /* These become arguments of programs. */
    if (!sl_npm_spec(m->npm))
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"npm\" must be package@version or @scope/package@version, "
                       "in lower case and with one version such as 1.0.2", c->name);
    if (m->npm_path[0] == '\0' || m->npm_path[0] == '-' || m->npm_path[0] == '/' || strstr(m->npm_path, ".."))
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"path\" must be a file in the package", c->name);
    size_t size = strlen(m->npm) + 8;
    m->source = malloc(size);
    if (!m->source)
        return no_manifest_memory(c);
    snprintf(m->source, size, "npm %s", m->npm);
    return SL_OK;
}

/* What is fetched is written under this name: no folder, nothing hidden, and nothing but a network. */
static sl_status check_fetched_name(const context *c, const sl_manifest *m)
{
    size_t ending = strlen(m->format), length = strlen(m->file);
    bool plain = sl_manifest_name(m->file) && length > ending + 1 && m->file[length - ending - 1] == '.' &&
                 strcmp(m->file + length - ending, m->format) == 0;
    return !m->npm || plain ? SL_OK
                            : sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"file\" of a model that npm has must be a "
                                      "plain name that ends in .%s, not \"%.100s\"", c->name, m->format, m->file);
}

static sl_status read_resize(const context *c, const json_t *value, sl_manifest *m)
{
    const char *word = json_string_value(value);
    if (value && (!word || (strcmp(word, "8-bit") != 0 && strcmp(word, "float") != 0)))
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"resize\" must be 8-bit or float", c->name);
    m->float_crops = word && strcmp(word, "float") == 0;
    return SL_OK;
}

static sl_status read_input(const context *c, const json_t *root, sl_manifest *m)
{
    const json_t *input = json_object_get(root, "input");
    if (!json_is_object(input))
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: a recogniser needs \"input\": {\"width\", \"height\", "
                       "\"colour\", \"mean\", \"std\"}", c->name);
    SL_TRY(read_int(c, json_object_get(input, "width"), "width", 16, SL_MAX_INPUT_SIDE, &m->input_width));
    SL_TRY(read_int(c, json_object_get(input, "height"), "height", 16, SL_MAX_INPUT_SIDE, &m->input_height));
    if (!m->input_width || !m->input_height)
        return missing_key(c, m->input_width ? "height" : "width");
    SL_TRY(read_per_channel(c, json_object_get(input, "mean"), "mean", m->mean));
    SL_TRY(read_per_channel(c, json_object_get(input, "std"), "std", m->std));
    for (int i = 0; i < 3; i++)
        if (!(fabsf(m->std[i]) > 1e-6f))
            return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"std\" must not be zero", c->name);
    SL_TRY(read_resize(c, json_object_get(input, "resize"), m));
    const char *colour = json_string_value(json_object_get(input, "colour"));
    if (!json_object_get(input, "colour"))
        return missing_key(c, "colour");
    for (int i = 0; i < 3; i++)
        if (colour && strcmp(colour, sl_colour_names[i]) == 0) {
            m->colour = (sl_colour_order)i;
            return SL_OK;
        }
    return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"colour\" must be rgb, bgr or grey", c->name);
}

/* [[rate, threshold], ...], rates falling, thresholds rising; absent leaves the curve empty. */
static sl_status read_false_match_rates(const context *c, const json_t *value, const char *key, sl_rate_curve *out)
{
    if (!value)
        return SL_OK;
    size_t n = json_array_size(value);
    bool sound = n >= 1 && n <= SL_RATE_POINTS;
    for (size_t i = 0; sound && i < n; i++) {
        const json_t *point = json_array_get(value, i), *rate = json_array_get(point, 0), *t = json_array_get(point, 1);
        sound = json_array_size(point) == 2 && json_is_number(rate) && json_is_number(t);
        out->rate[i] = json_number_value(rate);
        out->threshold[i] = json_number_value(t);
        sound = sound && out->rate[i] > 0 && out->rate[i] <= 1 && fabs(out->threshold[i]) < 1e6 &&
                (i == 0 || (out->rate[i] < out->rate[i - 1] && out->threshold[i] >= out->threshold[i - 1]));
    }
    if (!sound)
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"false_match_rates\": \"%s\" must be 1 to %d pairs [rate, "
                       "threshold], rates falling from at most 1, thresholds never falling",
                       c->name, key, SL_RATE_POINTS);
    out->count = (uint32_t)n;
    return SL_OK;
}

static sl_status read_looks(const context *c, const json_t *root, sl_manifest *m)
{
    static const char *const names[SL_MANIFEST_LOOKS] = {
        [SL_RERANK_NONE] = "none", [SL_RERANK_EMD] = "emd", [SL_RERANK_OAE] = "oae"};
    const json_t *thresholds = json_object_get(root, "thresholds"), *rates = json_object_get(root, "false_match_rates");
    for (int look = 0; look < SL_MANIFEST_LOOKS; look++) {
        char key[32];
        snprintf(key, sizeof key, "thresholds.%s", names[look]);
        SL_TRY(read_number(c, json_object_get(thresholds, names[look]), key, &m->threshold[look]));
    }
    for (int look = 0; look < SL_MANIFEST_LOOKS; look++)
        SL_TRY(read_false_match_rates(c, json_object_get(rates, names[look]), names[look], &m->false_match_rate[look]));
    return SL_OK;
}

static sl_status read_grid(const context *c, const json_t *root, sl_manifest *m)
{
    const json_t *grid = json_object_get(root, "patch_grid");
    if (grid && json_array_size(grid) != 3)
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"patch_grid\" must be [rows, columns, channels]", c->name);
    for (size_t i = 0; grid && i < 3; i++)
        SL_TRY(read_int(c, json_array_get(grid, i), "patch_grid", 1, 4096, &m->patch_grid[i]));
    return SL_OK;
}

static sl_status read_recogniser(const context *c, const json_t *root, sl_manifest *m)
{
    SL_TRY(read_input(c, root, m));
    SL_TRY(copy_text(c, root, "alignment", true, &m->alignment));
    SL_TRY(copy_text(c, root, "embedding", true, &m->embedding));
    SL_TRY(copy_text(c, root, "patch_map", true, &m->patch_map));
    SL_TRY(read_int(c, json_object_get(root, "embedding_dim"), "embedding_dim", 1, 4096, &m->embedding_dim));
    SL_TRY(read_grid(c, root, m));
    return read_looks(c, root, m);
}

/* Which kind of detector it is. Manifests that are older than this key do not say so: what has stages is MTCNN, what
 * has none RetinaFace, and both take a face from .8 on where they say nothing else. */
static sl_status read_detector_kind(const context *c, const json_t *root, sl_manifest *m)
{
    const json_t *given = json_object_get(root, "detector");
    const char *name = given                              ? json_string_value(given)
                       : json_object_get(root, "stages") ? "mtcnn"
                                                          : "retinaface";
    m->detector = name ? sl_detector_kind_find(name) : NULL;
    m->detector_threshold = given && m->detector ? m->detector->threshold : .8f;
    if (m->detector)
        return SL_OK;
    sl_text names = {0};
    for (int i = 0; sl_detector_kind_at(i); i++)
        sl_text_add(&names, "%s%s", i ? ", " : "", sl_detector_kind_at(i)->name);
    sl_status status = sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"detector\": no kind of detector is named "
                               "\"%.100s\"; there are %s", c->name, name ? name : "", names.data ? names.data : "");
    free(names.data);
    return status;
}

static sl_status copy_stage(const context *c, const json_t *name, char **out)
{
    if (!json_is_string(name) || json_string_length(name) == 0 || json_string_length(name) > MAX_TEXT)
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"stages\" must be names of models", c->name);
    *out = sl_strdup(json_string_value(name));
    return *out ? SL_OK : no_manifest_memory(c);
}

static sl_status read_stages(const context *c, const json_t *stages, sl_manifest *m)
{
    const int before = m->detector->networks - 1;
    if (!stages)
        return SL_OK;
    if (!before)
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"stages\" are for detectors of several networks; %s is "
                       "one", c->name, m->detector->name);
    if (json_array_size(stages) != (size_t)before)
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"stages\" must be a list of %d: the models that look "
                       "before this one", c->name, before);
    for (int i = 0; i < before; i++)
        SL_TRY(copy_stage(c, json_array_get(stages, (size_t)i), &m->stages[i]));
    return SL_OK;
}

static sl_status read_detector(const context *c, const json_t *root, sl_manifest *m)
{
    const json_t *transposed = json_object_get(root, "transposed");
    SL_TRY(read_detector_kind(c, root, m));
    SL_TRY(read_number(c, json_object_get(root, "score_threshold"), "score_threshold", &m->detector_threshold));
    if (transposed && !json_is_boolean(transposed))
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"transposed\" must be true or false", c->name);
    m->transposed = json_is_true(transposed);
    SL_TRY(copy_text(c, root, "points", false, &m->points));
    return read_stages(c, json_object_get(root, "stages"), m);
}

static bool is_digest(const char *hex)
{
    return strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64;
}

static sl_status read_backbone(const context *c, const json_t *root, sl_manifest *m)
{
    SL_TRY(copy_text(c, root, "backbone", true, &m->backbone));
    SL_TRY(copy_text(c, root, "backbone_fingerprint", true, &m->backbone_fingerprint));
    if (is_digest(m->backbone_fingerprint))
        return SL_OK;
    return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"backbone_fingerprint\" must be 64 lower-case hex digits",
                   c->name);
}

static sl_status read_look(const context *c, const json_t *root, sl_manifest *m)
{
    SL_TRY(read_backbone(c, root, m));
    return read_grid(c, root, m);
}

static sl_status read_encoder(const context *c, const json_t *root, sl_manifest *m)
{
    const json_t *covered = json_object_get(root, "covered");
    SL_TRY(read_backbone(c, root, m));
    for (size_t i = 0; i < 2; i++)
        SL_TRY(read_number(c, json_array_get(covered, i), "covered", &m->covered[i]));
    SL_TRY(read_number(c, json_object_get(root, "share"), "share", &m->share));
    SL_TRY(copy_text(c, root, "eyes", false, &m->eyes));
    if (json_array_size(covered) == 2 && m->covered[0] >= 0 && m->covered[0] <= m->covered[1] && m->covered[1] <= 1 &&
        m->share > 0 && m->share <= SL_MOST_SHARE)
        return SL_OK;
    return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: an encoder needs \"covered\": [from, to], rising from 0 to 1, "
                   "and a \"share\" above 0 and at most %d", c->name, SL_MOST_SHARE);
}

static sl_status read_transformer(const context *c, const json_t *root, sl_manifest *m)
{
    const json_t *form = json_object_get(root, "form");
    SL_TRY(read_int(c, json_object_get(root, "depth"), "depth", 1, 64, &m->depth));
    SL_TRY(read_int(c, json_object_get(root, "heads"), "heads", 1, 64, &m->heads));
    for (int i = 0; i < SL_MANIFEST_FORMS; i++)
        if (json_is_string(form) && strcmp(json_string_value(form), sl_manifest_forms[i]) == 0)
            m->form = i;
    return !form || m->form >= 0 ? SL_OK
                                 : sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"form\" must be published, pre-norm "
                                           "or text", c->name);
}

static sl_status read_kind(const context *c, const json_t *root, sl_manifest *m)
{
    const char *kind = json_string_value(json_object_get(root, "kind"));
    for (int i = 0; i < SL_MODEL_KINDS; i++)
        if (kind && strcmp(kind, sl_model_kind_names[i]) == 0) {
            m->kind = (sl_model_kind)i;
            return SL_OK;
        }
    return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"kind\" must be recogniser, detector, landmarks, look, "
                   "encoder or points", c->name);
}

static sl_status read_digest(const context *c, const json_t *root, sl_manifest *m)
{
    SL_TRY(copy_text(c, root, "sha256", false, &m->sha256));
    if (!m->sha256 && !(m->sha256 = sl_strdup("")))
        return no_manifest_memory(c);
    if (m->sha256[0] && !is_digest(m->sha256))
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"sha256\" must be 64 lower-case hex digits", c->name);
    const json_t *bytes = json_object_get(root, "bytes");
    if (bytes && (!json_is_integer(bytes) || json_integer_value(bytes) < 0))
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"bytes\" must be a whole number", c->name);
    m->bytes = (uint64_t)json_integer_value(bytes);
    return SL_OK;
}

bool sl_manifest_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t length = strlen(name);
    return length > 0 && length < 64 && strspn(name, letters) == length && name[0] != '.' && name[0] != '-';
}

static sl_status read_manifest(const context *c, const json_t *root, sl_manifest *m)
{
    if (!json_is_object(root))
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: must be a JSON object", c->name);
    SL_TRY(copy_text(c, root, "name", true, &m->name));
    if (!sl_manifest_name(m->name))
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"name\" must be 1-63 letters, digits, '-', '_' or '.'",
                       c->name);
    SL_TRY(read_kind(c, root, m));
    SL_TRY(read_source(c, root, m));
    SL_TRY(copy_text(c, root, "licence", true, &m->licence));
    SL_TRY(copy_text(c, root, "provenance", true, &m->provenance));
    SL_TRY(copy_text(c, root, "file", true, &m->file));
    SL_TRY(copy_text(c, root, "format", true, &m->format));
    if (strcmp(m->format, "onnx") && strcmp(m->format, "tflite") && strcmp(m->format, "safetensors") &&
        strcmp(m->format, "dlib"))
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: \"format\" must be onnx, tflite, safetensors or dlib",
                       c->name);
    SL_TRY(check_fetched_name(c, m));
    SL_TRY(copy_text(c, root, "arch", false, &m->arch));
    if ((strcmp(m->format, "safetensors") == 0 && m->kind != SL_MODEL_ENCODER) != (m->arch != NULL))
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: safetensors need \"arch\", the architecture that their "
                       "weights are for; other formats and encoders have none", c->name);
    if (m->kind == SL_MODEL_ENCODER && strcmp(m->format, "safetensors") != 0)
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: an encoder's \"format\" must be safetensors", c->name);
    if ((strcmp(m->format, "dlib") == 0) != (m->kind == SL_MODEL_LANDMARKS))
        return sl_fail(c->err, SL_ERR_FORMAT, "manifest %s: landmarks are of format dlib, other models are not",
                       c->name);
    SL_TRY(read_digest(c, root, m));
    SL_TRY(read_transformer(c, root, m));
    return m->kind == SL_MODEL_RECOGNISER ? read_recogniser(c, root, m)
           : m->kind == SL_MODEL_DETECTOR ? read_detector(c, root, m)
           : m->kind == SL_MODEL_LOOK     ? read_look(c, root, m)
           : m->kind == SL_MODEL_ENCODER  ? read_encoder(c, root, m)
                                          : SL_OK;
}

sl_status sl_manifest_parse(const char *text, size_t size, const char *name, sl_manifest **out, sl_error *err)
{
    json_error_t at;
    *out = NULL;
    if (size > 1 << 20)
        return sl_fail(err, SL_ERR_LIMIT, "manifest %s: longer than 1 MiB", name);
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &at);
    if (!root)
        return sl_fail(err, SL_ERR_FORMAT, "manifest %s: line %d, column %d: %s", name, at.line, at.column, at.text);
    sl_manifest *m = calloc(1, sizeof *m);
    if (!m) {
        json_decref(root);
        return sl_fail(err, SL_ERR_MEMORY, "manifest %s: no memory", name);
    }
    for (int look = 0; look < SL_MANIFEST_LOOKS; look++)
        m->threshold[look] = NAN;
    m->form = -1;
    context c = {name, err};
    sl_status status = read_manifest(&c, root, m);
    json_decref(root);
    if (status != SL_OK)
        sl_manifest_free(m);
    else
        *out = m;
    return status;
}

void sl_manifest_free(sl_manifest *m)
{
    if (!m)
        return;
    char *const texts[] = {m->name,     m->npm,    m->npm_path, m->source,    m->licence,   m->provenance,
                           m->file,     m->format, m->arch, m->sha256,   m->alignment, m->embedding, m->patch_map,
                           m->backbone, m->backbone_fingerprint, m->points, m->eyes};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    for (int i = 0; i < SL_MAX_STAGES; i++)
        free(m->stages[i]);
    free(m);
}
