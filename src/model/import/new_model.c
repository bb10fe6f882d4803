/* Recognisers with random weights: a state dict is drawn, and imported as any other. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "model/arch/arch.h"
#include "net/import/weights/safetensors.h"
#include "secondlook_train.h"

static sl_status write_random(const sl_arch *arch, uint64_t seed, const char *path, sl_error *err)
{
    sl_state_dict dict = {0};
    sl_status status = sl_arch_draw(arch, seed, &dict, err);
    if (status == SL_OK)
        status = sl_safetensors_write(path, &dict, NULL, 0, err);
    sl_state_dict_free(&dict);
    return status;
}

/* A file of the system's temporary folder, told by architecture and seed: it is what the manifest names as its
 * source. */
static sl_status import_random(const sl_arch *arch, const sl_new_model_options *o, const char *folder,
                               sl_error *err)
{
    char *path, *json = NULL;
    if (asprintf(&path, "%s/%s-random-%llu.safetensors", folder, arch->name, (unsigned long long)o->seed) < 0)
        return sl_no_memory(err, "for a file's name");
    const char *const files[] = {path};
    const sl_import_options import = {.arch = arch->name,
                                      .output = o->output,
                                      .models_dir = o->models_dir,
                                      .licence = "random numbers",
                                      .replace = o->replace};
    sl_arch own = *arch;
    own.transformer.depth = o->depth ? o->depth : own.transformer.depth;
    own.transformer.heads = o->heads ? o->heads : own.transformer.heads;
    sl_status status = write_random(&own, o->seed, path, err);
    if (status == SL_OK)
        status = sl_model_import(files, 1, &import, &json, err);
    remove(path);
    free(path);
    free(json);
    return status;
}

sl_status sl_model_new(const sl_new_model_options *o, sl_error *err)
{
    char folder[] = "/tmp/secondlook-new-XXXXXX";
    if (!o || !o->arch || !o->output)
        return sl_fail(err, SL_ERR_ARGUMENT, "a new model needs an architecture and a name");
    const sl_arch *arch = sl_arch_find(o->arch);
    if (!arch)
        return sl_arch_unknown(o->arch, err);
    if (arch->kind != SL_MODEL_RECOGNISER)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "%s is no recogniser", o->arch);
    if ((o->depth || o->heads) && !arch->transformer.depth)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s has no layers and heads to choose", o->arch);
    if (o->depth < 0 || o->depth > 64 || o->heads < 0 || o->heads > 64)
        return sl_fail(err, SL_ERR_ARGUMENT, "a transformer has 1 to 64 layers and heads");
    if (!mkdtemp(folder))
        return sl_fail(err, SL_ERR_IO, "%s: no folder can be made there", folder);
    sl_status status = import_random(arch, o, folder, err);
    remove(folder);
    return status;
}
