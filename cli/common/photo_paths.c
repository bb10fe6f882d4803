/* From the arguments to the photos: files, folders, pipes, and what is passed over. */
#define _GNU_SOURCE
#include "common/photo_paths.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cli.h"
#include "common/output.h"
#include "common/stream.h"

enum { MOST_TOLD = 20, MOST_KINDS = 50, KINDS_ON_A_LINE = 8 };

/* ------------------------------------------------------------------ what is passed over */

static void fail_path(cli_photos *p, const char *path, const char *reason)
{
    json_array_append_new(p->passed_over,
                          json_pack("{s:o,s:o}", "path", cli_json_text(path), "reason", cli_json_text(reason)));
    if (p->failed++ >= MOST_TOLD)
        return;
    if (strstr(reason, path))
        cli_warn("passed over %s", reason);
    else
        cli_warn("passed over %s: %s", path, reason);
}

/* ".mov" of "a/IMG_1.MOV"; "none" and "other" where there is none, or none that a program would write. */
static void kind_of(const char *path, char kind[16])
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    size_t length = dot ? strlen(dot) : 0;
    strcpy(kind, dot && dot > name ? "other" : "none");
    if (length < 2 || length > 11 || dot == name)
        return;
    for (size_t i = 1; i < length; i++)
        if (!isalnum((unsigned char)dot[i]))
            return;
    for (size_t i = 0; i <= length; i++)
        kind[i] = (char)tolower((unsigned char)dot[i]);
}

static void count_kind(cli_photos *p, const char *path)
{
    char kind[16];
    kind_of(path, kind);
    if (!json_object_get(p->not_pictures, kind) && json_object_size(p->not_pictures) >= MOST_KINDS)
        strcpy(kind, "other");
    json_int_t before = json_integer_value(json_object_get(p->not_pictures, kind));
    json_object_set_new(p->not_pictures, kind, json_integer(before + 1));
}

static void passed_over(void *context, sl_passed kind, const char *path, const sl_error *why)
{
    cli_photos *p = context;
    switch (kind) {
    case SL_PASSED_SYSTEM: p->system++; return;
    case SL_PASSED_NO_PICTURE: count_kind(p, path); return;
    case SL_PASSED_FAILED: fail_path(p, path, why->text); return;
    }
}

static void tell_kinds(const cli_photos *p)
{
    char list[KINDS_ON_A_LINE * 32 + 8] = "";
    const char *kind;
    json_t *count;
    size_t used = 0, n = 0;
    json_int_t all = 0;
    json_object_foreach(p->not_pictures, kind, count)
    {
        all += json_integer_value(count);
        if (n++ < KINDS_ON_A_LINE)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s %lld", n > 1 ? ", " : "", kind,
                                     (long long)json_integer_value(count));
    }
    if (n > KINDS_ON_A_LINE)
        strcpy(list + used, ", ...");
    if (all)
        cli_warn("passed over %lld file%s that %s: %s", (long long)all, all == 1 ? "" : "s",
                 all == 1 ? "is no picture" : "are no pictures", list);
}

static void tell_passed(const cli_photos *p)
{
    if (p->failed > MOST_TOLD)
        cli_warn("passed over %zu more such paths; --json lists them", p->failed - MOST_TOLD);
    tell_kinds(p);
    if (p->system)
        cli_warn("passed over %zu file%s or folder%s of the system (thumbnails, bins, dot files)", p->system,
                 p->system == 1 ? "" : "s", p->system == 1 ? "" : "s");
}

void cli_photos_json(json_t *document, const cli_photos *p)
{
    json_object_set(document, "passed_over", p->passed_over);
    json_object_set(document, "not_pictures", p->not_pictures);
    json_object_set_new(document, "system_files", json_integer((json_int_t)p->system));
}

/* ------------------------------------------------------------------ photos */

sl_status cli_photo_at(const char *path, const cli_photo_rules *rules, sl_photo **out, sl_error *err)
{
    struct stat st;
    bool from_stdin = !strcmp(path, "-"), stream = from_stdin || (!stat(path, &st) && S_ISFIFO(st.st_mode));
    sl_status status = sl_photo_of_file(from_stdin ? "stdin" : path, rules ? rules->id : NULL,
                                        rules ? &rules->people : NULL, out, err);
    if (!status && stream)
        status = cli_stream_read(path, &(*out)->data, &(*out)->size, err);
    if (status) {
        sl_photos_free(*out, *out ? 1 : 0);
        *out = NULL;
    }
    return status;
}

static sl_status photos_of_path(cli_photos *p, const char *path, const cli_photo_rules *rules, sl_photo **photos,
                                size_t *count, sl_error *err)
{
    struct stat st;
    sl_photos_options people = rules ? rules->people : (sl_photos_options){0};
    people.passed_over = passed_over;
    people.context = p;
    *count = 1;
    if (!strcmp(path, "-") || stat(path, &st) || !S_ISDIR(st.st_mode))
        return cli_photo_at(path, rules, photos, err);
    sl_status status = sl_photos_in_folder(path, &people, photos, count, err);
    size_t flat = 0;
    while (flat < *count && !strchr((*photos)[flat].image, '/'))
        flat++;
    if (flat > 1 && flat == *count && !p->flat) {
        p->flat = path;
        p->flat_count = flat;
    }
    return status;
}

/* Appends photos, taking them over. */
static bool append(cli_photos *p, sl_photo *more, size_t count)
{
    sl_photo *all = reallocarray(p->photos, p->count + count + 1, sizeof *all);
    if (!all) {
        sl_photos_free(more, count);
        return false;
    }
    if (count)
        memcpy(all + p->count, more, count * sizeof *all);
    free(more);
    p->photos = all;
    p->count += count;
    return true;
}

/* ends [paths]: how many photos there are after each path. */
static int take_paths(const cli_list *paths, const cli_photo_rules *rules, cli_photos *p, size_t *ends)
{
    for (size_t i = 0; i < paths->count; i++) {
        sl_error err = {0};
        sl_photo *more = NULL;
        size_t n = 0;
        sl_status status = photos_of_path(p, paths->items[i], rules, &more, &n, &err);
        if (!status && !append(p, more, n))
            status = err.status = SL_ERR_MEMORY, snprintf(err.text, sizeof err.text, "no memory for the photos");
        if (status == SL_ERR_MEMORY || status == SL_ERR_INTERRUPTED || status == SL_ERR_ARGUMENT)
            return cli_fail(NULL, &err);
        if (status)
            fail_path(p, paths->items[i], err.text);
        ends[i] = p->count;
    }
    return CLI_OK;
}

int cli_photos_of(const cli_list *paths, const cli_photo_rules *rules, cli_photos *p)
{
    const sl_error no_memory = {SL_ERR_MEMORY, "no memory for the photos"};
    size_t *ends = calloc(paths->count + 1, sizeof *ends);
    *p = (cli_photos){.passed_over = json_array(), .not_pictures = json_object()};
    int code = ends ? take_paths(paths, rules, p, ends) : cli_fail(NULL, &no_memory);
    if (!code && !cli_part_ids(paths, ends, p->photos, p->count))
        code = cli_fail(NULL, &no_memory);
    free(ends);
    if (code)
        return code;
    tell_passed(p);
    if (p->count)
        return CLI_OK;
    cli_warn("no pictures (%s) in %s", sl_image_formats(), paths->items[0]);
    return CLI_FAILED;
}

void cli_photos_free(cli_photos *p)
{
    sl_photos_free(p->photos, p->count);
    json_decref(p->passed_over);
    json_decref(p->not_pictures);
    *p = (cli_photos){0};
}
