/* One model on its way out: its name, and the two files that make it. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/import/import.h"
#include "model/place.h"
#include "net/import/weights/safetensors.h"

sl_status sl_import_name(sl_import *m, const char *folder, const char *name, const char *ending, sl_error *err)
{
    if (asprintf(&m->name, "%s%s", name, ending) < 0)
        m->name = NULL;
    return m->name ? sl_model_paths(folder, m->name, m->format, &m->manifest, &m->weights, err)
                   : sl_no_memory(err, "for a model's name");
}

static sl_status write_weights(sl_import *m, sl_error *err)
{
    const char *const said[][2] = {
        {"architecture", m->arch->name}, {"checkpoint_sha256", m->checkpoint_sha256}, {"format", "pt"}};
    if (m->network.data)
        SL_TRY(sl_write_file(m->weights, m->network.data, m->network.size, err));
    else
        SL_TRY(sl_safetensors_write(m->weights, &m->used, said, sizeof said / sizeof *said, err));
    return sl_model_measure(m->weights, m->sha256, &m->bytes, err);
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
