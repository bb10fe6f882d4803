/* Notes about people: read whole, changed, and written whole, complete or not at all. */
#include "gallery/person_notes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "gallery/kind.h"
#include "gallery/naming.h"

enum { HEAD = 29 }; /* bytes of the first line */

static const char head[] = "secondlook people 1 ";

/* ---- bytes ---- */

static bool notes_sound(const json_t *notes)
{
    const char *label;
    json_t *value;
    json_object_foreach((json_t *)notes, label, value)
        if (!sl_name_sound(label, strlen(label)) || !json_is_string(value) ||
            json_string_length(value) > SL_PERSON_NOTE_MOST)
            return false;
    return true;
}

sl_status sl_person_notes_parse(const uint8_t *bytes, size_t size, json_t **out, sl_error *err)
{
    char line[HEAD + 1];
    *out = NULL;
    if (size > HEAD && memcmp(bytes, head, sizeof head - 1) == 0) {
        snprintf(line, sizeof line, "%s%08" PRIx32 "\n", head, sl_crc32c(0, bytes + HEAD, size - HEAD));
        if (memcmp(line, bytes, HEAD) == 0)
            *out = json_loadb((const char *)bytes + HEAD, size - HEAD, JSON_REJECT_DUPLICATES, NULL);
    }
    if (*out && json_is_object(*out) && notes_sound(*out))
        return SL_OK;
    json_decref(*out);
    *out = NULL;
    return sl_fail(err, SL_ERR_CORRUPT,
                   "the notes about people are damaged: restore the file from a copy, or delete it");
}

char *sl_person_notes_text(const json_t *notes)
{
    char *object = json_dumps(notes, JSON_COMPACT | JSON_SORT_KEYS), *text = NULL;
    const size_t size = object ? strlen(object) : 0;
    if (object && (text = malloc(HEAD + size + 1))) {
        snprintf(text, HEAD + 1, "%s%08" PRIx32 "\n", head, sl_crc32c(0, object, size));
        memcpy(text + HEAD, object, size + 1);
    }
    free(object);
    return text;
}

/* ---- the file ---- */

static sl_status keeps_none(const sl_gallery *g, sl_error *err)
{
    return sl_fail(err, SL_ERR_UNSUPPORTED, "%s: such a gallery keeps no notes about people: use one in a folder (in "
                   "PostgreSQL, a table of your own, by label)", g->place);
}

/* An empty object where there is no file. */
static sl_status load(const sl_gallery *g, json_t **out, sl_error *err)
{
    uint8_t *bytes = NULL;
    size_t size;
    if (!g->kind->person_notes)
        return keeps_none(g, err);
    sl_status status = g->kind->read_note(g, g->kind->person_notes, SL_PERSON_NOTES_MOST, &bytes, &size, err);
    if (status == SL_ERR_NOT_FOUND) {
        *out = json_object();
        return *out ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "%s: no memory", g->place);
    }
    if (status == SL_OK && (status = sl_person_notes_parse(bytes, size, out, err)) != SL_OK)
        sl_fail_in(err, status, "%s/%s", g->place, g->kind->person_notes);
    free(bytes);
    return status;
}

static sl_status store(const sl_gallery *g, const json_t *notes, sl_error *err)
{
    if (json_object_size(notes) == 0) {
        const sl_status status = g->kind->write_note(g, g->kind->person_notes, NULL, 0, err);
        return status == SL_ERR_NOT_FOUND ? SL_OK : status;
    }
    char *text = sl_person_notes_text(notes);
    const size_t size = text ? strlen(text) : 0;
    sl_status status = !text ? sl_fail(err, SL_ERR_MEMORY, "%s: no memory for notes about people", g->place)
                       : size > SL_PERSON_NOTES_MOST
                           ? sl_fail(err, SL_ERR_LIMIT, "%s: notes about people would have %zu bytes, %d is the most",
                                     g->place, size, SL_PERSON_NOTES_MOST)
                           : g->kind->write_note(g, g->kind->person_notes, text, size, err);
    free(text);
    return status;
}

/* ---- who is there ---- */

/* The label as the gallery has it: as it is asked for, or in form C. NULL: nobody is called so. */
static const char *label_of(const sl_gallery *g, const char *label)
{
    char *composed = sl_composed(label);
    const char *found = NULL;
    for (size_t i = 0; i < g->faces && !found; i++) {
        const char *has = sl_gallery_label(g, i);
        if (strcmp(has, label) == 0 || (composed && strcmp(has, composed) == 0))
            found = has;
    }
    free(composed);
    return found;
}

/* Which of these labels are of people who are there: true beside each. */
static sl_status find_present(const sl_gallery *g, const json_t *labels, json_t **out, sl_error *err)
{
    bool failed = !(*out = json_object());
    for (size_t i = 0; i < g->faces && !failed; i++) {
        const char *label = sl_gallery_label(g, i);
        failed = json_object_get(labels, label) && json_object_set_new(*out, label, json_true()) != 0;
    }
    return failed ? sl_fail(err, SL_ERR_MEMORY, "%s: no memory for notes about people", g->place) : SL_OK;
}

/* ---- setting ---- */

static sl_status check_json(const char *json, sl_error *err)
{
    json_error_t why;
    const size_t size = strlen(json);
    if (size > SL_PERSON_NOTE_MOST)
        return sl_fail(err, SL_ERR_LIMIT, "a note about a person of %zu bytes: %d is the most", size,
                       SL_PERSON_NOTE_MOST);
    json_t *value = json_loads(json, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
    json_decref(value);
    return value ? SL_OK
                 : sl_fail(err, SL_ERR_FORMAT, "a note about a person must be JSON: %s (line %d)", why.text, why.line);
}

/* Those of the people asked for who are there, as they are asked for and in form C: one look at all faces. */
static sl_status find_asked(const sl_gallery *g, const sl_person_note *asked, size_t count, json_t **present,
                            sl_error *err)
{
    json_t *labels = json_object();
    bool failed = !labels;
    for (size_t i = 0; i < count && !failed; i++) {
        char *composed = asked[i].label ? sl_composed(asked[i].label) : NULL;
        failed = asked[i].label && (json_object_set_new(labels, asked[i].label, json_true()) != 0 || !composed ||
                                    json_object_set_new(labels, composed, json_true()) != 0);
        free(composed);
    }
    sl_status status = failed ? sl_fail(err, SL_ERR_MEMORY, "%s: no memory for notes about people", g->place)
                              : find_present(g, labels, present, err);
    json_decref(labels);
    return status;
}

/* One of them, in the object. */
static sl_status set(const sl_gallery *g, const json_t *present, json_t *notes, const sl_person_note *one,
                     sl_error *err)
{
    if (!one->label)
        return sl_fail(err, SL_ERR_ARGUMENT, "a note about a person needs their label");
    if (one->json)
        SL_TRY(check_json(one->json, err));
    char *composed = sl_composed(one->label);
    const char *has = json_object_get(present, one->label) ? one->label : composed;
    sl_status status = SL_OK;
    if (!composed || !json_object_get(present, has))
        status = sl_fail(err, SL_ERR_NOT_FOUND, "%s: nobody is called %.200s", g->place, one->label);
    else if (!one->json)
        json_object_del(notes, has);
    else if (json_object_set_new(notes, has, json_string(one->json)) != 0)
        status = sl_fail(err, SL_ERR_MEMORY, "%s: no memory for a note", g->place);
    free(composed);
    return status;
}

static sl_status check_settable(const sl_gallery *g, sl_error *err)
{
    if (!g->kind->person_notes)
        return keeps_none(g, err);
    return g->writable ? SL_OK : sl_fail(err, SL_ERR_ARGUMENT, "%s: was opened for reading", g->place);
}

sl_status sl_gallery_set_person_notes(sl_gallery *g, const sl_person_note *notes, size_t count,
                                      void (*refused)(void *context, size_t i, const sl_error *why), void *context,
                                      sl_error *err)
{
    json_t *kept = NULL, *present = NULL;
    if (!g || (count && !notes))
        return sl_fail(err, SL_ERR_ARGUMENT, "sl_gallery_set_person_notes needs a gallery and notes");
    SL_TRY(check_settable(g, err));
    SL_TRY(load(g, &kept, err));
    sl_status status = find_asked(g, notes, count, &present, err);
    size_t done = 0;
    for (size_t i = 0; i < count && status == SL_OK; i++) {
        sl_error why = {0};
        if (set(g, present, kept, &notes[i], &why) == SL_OK)
            done++;
        else if (refused)
            refused(context, i, &why);
    }
    if (status == SL_OK && done)
        status = store(g, kept, err);
    json_decref(present);
    json_decref(kept);
    return status;
}

static void keep_why(void *context, size_t i, const sl_error *why)
{
    (void)i;
    *(sl_error *)context = *why;
}

sl_status sl_gallery_set_person_note(sl_gallery *g, const char *label, const char *json, sl_error *err)
{
    sl_error why = {0};
    if (!g || !label)
        return sl_fail(err, SL_ERR_ARGUMENT, "sl_gallery_set_person_note needs a gallery and a label");
    SL_TRY(sl_gallery_set_person_notes(g, &(sl_person_note){label, json}, 1, keep_why, &why, err));
    return why.status ? sl_fail(err, why.status, "%s", why.text) : SL_OK;
}

/* ---- reading ---- */

sl_status sl_gallery_person_note(const sl_gallery *g, const char *label, char **json, sl_error *err)
{
    json_t *notes = NULL;
    if (!g || !label || !json)
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "sl_gallery_person_note needs a gallery, a label and where to put the note");
    *json = NULL;
    SL_TRY(load(g, &notes, err));
    const char *has = label_of(g, label);
    const char *text = has ? json_string_value(json_object_get(notes, has)) : NULL;
    sl_status status =
        text ? SL_OK : sl_fail(err, SL_ERR_NOT_FOUND, "%s: there is no note about %.200s", g->place, label);
    if (text && !(*json = sl_strdup(text)))
        status = sl_fail(err, SL_ERR_MEMORY, "%s: no memory for a note", g->place);
    json_decref(notes);
    return status;
}

sl_status sl_gallery_person_notes(const sl_gallery *g, void (*told)(void *context, const char *label, const char *json),
                                  void *context, sl_error *err)
{
    json_t *notes = NULL, *present = NULL, *value;
    const char *label;
    if (!g || !told)
        return sl_fail(err, SL_ERR_ARGUMENT, "sl_gallery_person_notes needs a gallery and whom to tell");
    SL_TRY(load(g, &notes, err));
    sl_status status = json_object_size(notes) ? find_present(g, notes, &present, err) : SL_OK;
    if (status == SL_OK)
        json_object_foreach(present, label, value)
            told(context, label, json_string_value(json_object_get(notes, label)));
    json_decref(present);
    json_decref(notes);
    return status;
}

sl_status sl_person_notes_check(const sl_gallery *g, sl_error *err)
{
    json_t *notes = NULL;
    SL_TRY(load(g, &notes, err));
    json_decref(notes);
    return SL_OK;
}

/* ---- when people change ---- */

sl_status sl_person_notes_copy(sl_gallery *g, const char *from, const char *to, bool *copied, sl_error *err)
{
    json_t *notes = NULL;
    *copied = false;
    if (!g->kind->person_notes)
        return SL_OK;
    SL_TRY(load(g, &notes, err));
    const char *text = label_of(g, from) ? json_string_value(json_object_get(notes, from)) : NULL;
    sl_status status = SL_OK;
    if (text && !label_of(g, to)) /* a note of somebody who was called so before is nobody's */
        json_object_del(notes, to);
    if (text && !json_object_get(notes, to)) {
        *copied = json_object_set_new(notes, to, json_string(text)) == 0;
        status = *copied ? store(g, notes, err) : sl_fail(err, SL_ERR_MEMORY, "%s: no memory for a note", g->place);
        *copied = status == SL_OK;
    }
    json_decref(notes);
    return status;
}

sl_status sl_person_notes_drop(sl_gallery *g, const char *label, sl_error *err)
{
    json_t *notes = NULL;
    if (!g->kind->person_notes || label_of(g, label))
        return SL_OK;
    SL_TRY(load(g, &notes, err));
    sl_status status = json_object_del(notes, label) == 0 ? store(g, notes, err) : SL_OK;
    json_decref(notes);
    return status;
}

/* ---- when names are taken back ---- */

sl_status sl_person_notes_return(sl_gallery *g, const json_t *names, sl_error *err)
{
    const char *label;
    json_t *before, *notes = NULL;
    if (!json_object_size(names) || !g->kind->person_notes)
        return SL_OK;
    SL_TRY(load(g, &notes, err));
    bool changed = false;
    json_object_foreach((json_t *)names, label, before)
    {
        json_t *note = json_object_get(notes, json_string_value(before));
        if (note && !label_of(g, json_string_value(before)) && json_object_set(notes, label, note) == 0)
            changed = json_object_del(notes, json_string_value(before)) == 0;
    }
    sl_status status = changed ? store(g, notes, err) : SL_OK;
    json_decref(notes);
    return status;
}

sl_status sl_person_notes_prune(sl_gallery *g, sl_error *err)
{
    json_t *notes = NULL, *present = NULL, *value;
    const char *label;
    void *next;
    SL_TRY(load(g, &notes, err));
    const size_t had = json_object_size(notes);
    sl_status status = had ? find_present(g, notes, &present, err) : SL_OK;
    if (status == SL_OK && had)
        json_object_foreach_safe(notes, next, label, value)
            if (!json_object_get(present, label))
                json_object_del(notes, label);
    if (status == SL_OK && json_object_size(notes) < had)
        status = store(g, notes, err);
    json_decref(present);
    json_decref(notes);
    return status;
}
