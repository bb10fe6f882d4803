/* Answers out of files, figures into files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "study/study.h"

static const size_t file_max = (size_t)256 << 20;

static bool has_lines(const char *path)
{
    const size_t n = strlen(path);
    return n >= 6 && strcmp(path + n - 6, ".jsonl") == 0;
}

/* Whom a file's answers are told. */
typedef struct {
    sl_study *study;
    const char *path;
    sl_study_told_fn told;
    void *context;
} taking;

/* line 0: the whole file. Blank lines are passed over. */
static void take_one(const taking *t, const void *json, size_t size, size_t line)
{
    sl_study_sheet sheet;
    sl_error why = {0};
    char where[4200];
    const bool taken = sl_study_take(t->study, json, size, &sheet, &why) == SL_OK;
    if (line)
        snprintf(where, sizeof where, "%s, line %zu", t->path, line);
    else
        snprintf(where, sizeof where, "%s", t->path);
    if (t->told)
        t->told(t->context, where, taken ? &sheet : NULL, &why);
}

static bool is_blank(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!strchr(" \t\r", text[i]) || !text[i])
            return false;
    return true;
}

static void take_lines(const taking *t, const char *text, size_t size)
{
    const char *const all = text + size;
    for (size_t line = 1; text < all; line++) {
        const char *end = memchr(text, '\n', (size_t)(all - text));
        const size_t n = (size_t)((end ? end : all) - text);
        if (!is_blank(text, n))
            take_one(t, text, n, line);
        text += n + (end != NULL);
    }
}

sl_status sl_study_take_file(sl_study *study, const char *path, sl_study_told_fn told, void *context, sl_error *err)
{
    const taking t = {study, path, told, context};
    uint8_t *data;
    size_t size;
    SL_TRY(sl_read_file(path, file_max, &data, &size, err));
    if (has_lines(path))
        take_lines(&t, (const char *)data, size);
    else
        take_one(&t, data, size, 0);
    free(data);
    return SL_OK;
}

/* ---- figures ---- */

/* Writes a text, which is taken. */
static sl_status write_text(const char *path, char *text, sl_error *err)
{
    sl_status status = sl_write_file(path, text, strlen(text), err);
    free(text);
    return status;
}

sl_status sl_study_write_chart(const sl_study_result *result, const char *path, sl_error *err)
{
    char *svg;
    SL_TRY(sl_study_result_chart(result, &svg, err));
    return write_text(path, svg, err);
}

sl_status sl_study_write_csv(const sl_study *study, const char *path, sl_error *err)
{
    char *csv;
    SL_TRY(sl_study_csv(study, &csv, err));
    return write_text(path, csv, err);
}
