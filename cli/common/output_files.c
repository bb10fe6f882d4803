/* Where pictures go: names that differ, files that are there, inputs that are never written to. */
#define _GNU_SOURCE
#include "common/output_files.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "common/cli.h"
#include "common/photo_work.h"

enum { TAIL = 24 }; /* bytes that a number and an ending may add to a name */

static sl_status fail(sl_error *err, sl_status status, const char *path, const char *what, const char *why)
{
    err->status = status;
    snprintf(err->text, sizeof err->text, "%s: %s%s%s", path, what, why ? ": " : "", why ? why : "");
    return status;
}

uint64_t cli_hash(uint64_t start, const char *text, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u ^ start;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    return hash;
}

uint64_t cli_seed_of(uint64_t seed, const char *id)
{
    const char *slash = strrchr(id, '/'), *dot = strrchr(slash ? slash : id, '.');
    return cli_hash(seed, id, dot ? (size_t)(dot - id) : strlen(id));
}

/* ------------------------------------------------------------------ names */

/* The ending's dot; the end where there is none. */
static const char *ending_of(const char *id)
{
    const char *name = cli_base_name(id), *dot = strrchr(name, '.');
    return dot && dot > name ? dot : id + strlen(id);
}

/* Whether sl_image_write takes a name of this ending. */
static bool is_written(const char *ending)
{
    return !strcasecmp(ending, ".png") || !strcasecmp(ending, ".jpg") || !strcasecmp(ending, ".jpeg");
}

/* The bytes of whole characters that fit. */
static int cut_length(const char *text, size_t length, size_t most)
{
    if (length <= most)
        return (int)length;
    while (most > 0 && ((unsigned char)text[most] & 0xc0) == 0x80)
        most--;
    return (int)most;
}

void cli_short_name(const char *name, char out[200])
{
    const char *base = cli_base_name(name);
    snprintf(out, 200, "%.*s", cut_length(base, (size_t)(ending_of(base) - base), 199), base);
}

/* "folders/name~0123456789abcdef.ending" of an id; malloc'd. */
static char *marked_name(const char *id, uint64_t hash)
{
    const char *base = cli_base_name(id), *dot = ending_of(id);
    char *name;
    int kept = cut_length(base, (size_t)(dot - base), 200);
    return asprintf(&name, "%.*s%.*s~%016" PRIx64 "%.*s", (int)(base - id), id, kept, base, hash, TAIL - 8, dot) <
                   0
               ? NULL
               : name;
}

/* What must be unique: of an id whose ending is replaced, what stands before it. malloc'd. */
static char *key_of(const cli_outputs *o, const char *name)
{
    return o->naming == CLI_NAMES_WHOLE ? strdup(name) : strndup(name, (size_t)(ending_of(name) - name));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Keys in use, and those that the photos would have by their ids. */
typedef struct {
    void *used, *plain;
} key_sets;

/* Whether a key is that of another photo's further output: "photo-2" beside "photo". */
static bool is_numbered(const cli_outputs *o, const key_sets *keys, const char *key)
{
    const char *dash = strrchr(key, '-');
    if (o->naming != CLI_NAMES_NUMBERED || !dash || !dash[1] || dash[1 + strspn(dash + 1, "0123456789")])
        return false;
    char *before = strndup(key, (size_t)(dash - key));
    bool found = before && tfind(before, &keys->plain, by_text);
    free(before);
    return found;
}

/* Puts a key into a set, which takes it over. 1 when it is new, 0 when it was there, -1 without memory. */
static int add_key(void **set, char *key)
{
    char **there = key ? tsearch(key, set, by_text) : NULL;
    const int result = !there ? -1 : *there == key;
    if (result != 1)
        free(key);
    return result;
}

/* Gives a photo the first name that is free and fits: its id, else one with a hash. */
static char *choose_name(const cli_outputs *o, key_sets *keys, const sl_photo *photo)
{
    const size_t room = o->naming == CLI_NAMES_WHOLE ? NAME_MAX : NAME_MAX - TAIL;
    char *name = strdup(photo->image);
    bool marked = strlen(cli_base_name(photo->image)) > room;
    for (uint64_t hash = 0; name; marked = true) {
        if (marked) {
            hash = cli_hash(hash, photo->path, strlen(photo->path));
            free(name);
            if (!(name = marked_name(photo->image, hash)))
                return NULL;
        }
        char *key = key_of(o, name);
        const bool numbered = key && is_numbered(o, keys, key);
        const int added = add_key(&keys->used, key);
        if (added > 0 && !numbered)
            return name;
        if (added < 0)
            break;
    }
    free(name);
    return NULL;
}

/* ------------------------------------------------------------------ inputs */

static int by_file(const void *a, const void *b)
{
    const cli_file_id *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static bool file_id(const char *path, cli_file_id *out)
{
    struct stat st;
    if (stat(path, &st))
        return false;
    *out = (cli_file_id){st.st_dev, st.st_ino};
    return true;
}

bool cli_outputs_reads(const cli_outputs *o, const char *path)
{
    cli_file_id id;
    return o->input_count && file_id(path, &id) && bsearch(&id, o->inputs, o->input_count, sizeof id, by_file);
}

sl_status cli_outputs_plan(cli_outputs *o, const sl_photo *photos, size_t count, sl_error *err)
{
    key_sets keys = {0};
    o->photos = photos;
    o->count = count;
    o->names = calloc(count + 1, sizeof *o->names);
    o->inputs = calloc(count + 1, sizeof *o->inputs);
    bool good = o->names && o->inputs;
    for (size_t i = 0; good && i < count && o->naming == CLI_NAMES_NUMBERED; i++)
        good = add_key(&keys.plain, key_of(o, photos[i].image)) >= 0;
    for (size_t i = 0; good && i < count; i++) {
        o->input_count += file_id(photos[i].path, &o->inputs[o->input_count]);
        good = (o->names[i] = choose_name(o, &keys, &photos[i])) != NULL;
    }
    tdestroy(keys.used, free);
    tdestroy(keys.plain, free);
    if (!good)
        return fail(err, SL_ERR_MEMORY, o->dir, "no memory for the names of its files", NULL);
    qsort(o->inputs, o->input_count, sizeof *o->inputs, by_file);
    return SL_OK;
}

void cli_outputs_free(cli_outputs *o)
{
    for (size_t i = 0; o->names && i < o->count; i++)
        free(o->names[i]);
    free(o->names);
    free(o->inputs);
}

/* ------------------------------------------------------------------ paths */

/* Creates the folders that lead to `path`. */
static bool make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int failed = mkdir(path, 0777) && errno != EEXIST;
        *slash = '/';
        if (failed)
            return false;
    }
    return true;
}

/* An id comes from a walk or a file's name; one that climbs out of the folder is refused all the same. */
static bool climbs(const char *id)
{
    return *id == '/' || !strcmp(id, "..") || !strncmp(id, "../", 3) || strstr(id, "/../");
}

/* Whether a file may be written; takes over and gives back `path`, NULL when it may not. */
static char *admit(char *path, cli_there there, const cli_outputs *o, sl_error *err)
{
    struct stat st;
    if (!make_parents(path))
        fail(err, SL_ERR_IO, path, "its folder cannot be created", strerror(errno));
    else if (o && cli_outputs_reads(o, path))
        fail(err, SL_ERR_ARGUMENT, path, "the output would overwrite a photo: choose another folder", NULL);
    else if (there == CLI_THERE_REFUSED && !lstat(path, &st))
        fail(err, SL_ERR_EXISTS, path, "is there already: choose another folder, or give --replace", NULL);
    else
        return path;
    free(path);
    return NULL;
}

char *cli_output_in(const char *dir, const char *name, cli_there there, sl_error *err)
{
    char *path;
    if (asprintf(&path, "%s/%s", dir, name) < 0) {
        fail(err, SL_ERR_MEMORY, name, "no memory for its path", NULL);
        return NULL;
    }
    return admit(path, there, NULL, err);
}

char *cli_output_of(const cli_outputs *o, const sl_photo *photo, const char *folder, const char *ending,
                    sl_error *err)
{
    const char *name = o->names[photo - o->photos];
    const int stem = (int)(ending ? (size_t)(ending_of(name) - name) : strlen(name));
    char *path;
    if (!ending)
        ending = is_written(ending_of(name)) ? "" : ".png"; /* of "a.heic" and of stdin, "a.heic.png" and "stdin.png" */
    if (climbs(name)) {
        fail(err, SL_ERR_ARGUMENT, name, "would be written outside the output folder", NULL);
        return NULL;
    }
    if (asprintf(&path, "%s%s%s/%.*s%s", o->dir, folder ? "/" : "", folder ? folder : "", stem, name, ending) < 0) {
        fail(err, SL_ERR_MEMORY, name, "no memory for its path", NULL);
        return NULL;
    }
    return admit(path, o->there, o, err);
}

int cli_check_output(const char *output, const char *const *inputs, size_t count)
{
    cli_file_id file = {0}, folder = {0}, input;
    const char *slash = strrchr(output, '/');
    char *parent = !slash            ? strdup(".")
                   : slash == output ? strdup("/")
                                     : strndup(output, (size_t)(slash - output));
    const bool there = file_id(output, &file), inside = parent && file_id(parent, &folder);
    free(parent);
    for (size_t i = 0; i < count; i++) {
        if (!inputs[i] || !file_id(inputs[i], &input))
            continue;
        if ((there && !by_file(&file, &input)) || (inside && !by_file(&folder, &input))) {
            cli_warn("%s: would overwrite what is read, or lie among it (%s): choose another place", output,
                     inputs[i]);
            return CLI_FAILED;
        }
    }
    return CLI_OK;
}

int cli_check_folder(const char *dir, const char *file, cli_there there, const char *const *inputs, size_t count)
{
    sl_error err = {0};
    char *path = cli_output_in(dir, file, there, &err);
    int code = path ? cli_check_output(path, inputs, count) : cli_fail(dir, &err);
    free(path);
    return code;
}
