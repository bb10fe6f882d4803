/* One model on its way out: its name, and the two files that make it. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "model/import/import.h"
#include "net/import/weights/safetensors.h"

sl_status sl_import_name(sl_import *m, const char *folder, const char *name, const char *ending, sl_error *err)
{
    const char *slash = folder[0] && folder[strlen(folder) - 1] == '/' ? "" : "/";
    if (asprintf(&m->name, "%s%s", name, ending) < 0)
        m->name = NULL;
    if (!m->name || asprintf(&m->manifest, "%s%s%s.json", folder, slash, m->name) < 0)
        m->manifest = NULL;
    if (!m->manifest || asprintf(&m->weights, "%s%s%s.%s", folder, slash, m->name, m->format) < 0)
        m->weights = NULL;
    if (!m->weights)
        return sl_no_memory(err, "for a model's name");
    if (!sl_manifest_name(m->name))
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "a model cannot be named \"%s\": 1 to 63 letters, digits, '-', '_' or '.' can", m->name);
    return SL_OK;
}

static sl_status write_weights(sl_import *m, sl_error *err)
{
    const char *const said[][2] = {
        {"architecture", m->arch->name}, {"checkpoint_sha256", m->checkpoint_sha256}, {"format", "pt"}};
    sl_mapping map;
    if (m->network.data)
        SL_TRY(sl_write_file(m->weights, m->network.data, m->network.size, err));
    else
        SL_TRY(sl_safetensors_write(m->weights, &m->used, said, sizeof said / sizeof *said, err));
    SL_TRY(sl_map_file(m->weights, SL_MAX_MODEL_BYTES, &map, err));
    sl_sha256_hex(map.data, map.size, m->sha256);
    m->bytes = map.size;
    sl_unmap_file(&map);
    return SL_OK;
}

sl_status sl_import_write(sl_import *m, const sl_import_options *options, sl_error *err)
{
    char *json;
    SL_TRY(write_weights(m, err));
    SL_TRY(sl_import_manifest(m, options, &json, err));
    sl_status status = sl_write_file(m->manifest, json, strlen(json), err);
    free(json);
    return status;
}
