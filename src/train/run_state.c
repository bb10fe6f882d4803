#define _GNU_SOURCE
#include "train/run_state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/import/weights/safetensors.h"
#include "train/settings.h"

#define FORM "secondlook checkpoint 1"

sl_status sl_states_add(sl_states *s, const char *kind, const char *name, const sl_shape *shape, float *data,
                        sl_error *err)
{
    sl_state *more = sl_with_room(s->states, s->count, &s->capacity, sizeof *more);
    if (!more)
        return sl_no_memory(err, "for the state of a run");
    s->states = more;
    char *text;
    if (asprintf(&text, "%s:%s", kind, name) < 0)
        return sl_no_memory(err, "for the state of a run");
    s->states[s->count++] = (sl_state){text, *shape, data};
    return SL_OK;
}

void sl_states_free(sl_states *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->states[i].name);
    free(s->states);
    *s = (sl_states){0};
}

/* ---- writing ---- */

/* A standing as hexadecimal digits, which bring numbers back to the bit. */
enum { STANDING_WORDS = 7, STANDING_TEXT = STANDING_WORDS * 17 + 1 };

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void write_standing(const sl_standing *s, char text[STANDING_TEXT])
{
    const uint64_t words[STANDING_WORDS] = {s->step,
                                            s->best_step,
                                            bits_of(s->start.clean),
                                            bits_of(s->start.covered),
                                            bits_of(s->best.clean),
                                            bits_of(s->best.covered),
                                            bits_of(s->first_loss)};
    for (int i = 0; i < STANDING_WORDS; i++)
        snprintf(text + 17 * i, 18, "%016llx ", (unsigned long long)words[i]);
}

static bool read_standing(const char *text, sl_standing *s)
{
    uint64_t words[STANDING_WORDS];
    bool sound = strlen(text) == 17 * STANDING_WORDS;
    for (int i = 0; sound && i < STANDING_WORDS; i++) {
        char *end;
        words[i] = strtoull(text + 17 * i, &end, 16);
        sound = end == text + 17 * i + 16;
    }
    if (!sound || words[0] > (uint64_t)1 << 40 || words[1] > words[0])
        return false;
    *s = (sl_standing){words[0],
                       words[1],
                       {of_bits(words[2]), of_bits(words[3])},
                       {of_bits(words[4]), of_bits(words[5])},
                       of_bits(words[6])};
    return true;
}

sl_status sl_checkpoint_write(const char *path, const sl_states *states, const sl_standing *standing,
                              const char *settings, sl_error *err)
{
    char standing_text[STANDING_TEXT];
    write_standing(standing, standing_text);
    const char *const notes[][2] = {{"form", FORM}, {"standing", standing_text}, {"settings", settings}};
    sl_state_dict dict = {0};
    sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && i < states->count; i++)
        status = sl_state_dict_add(&dict, states->states[i].name, &states->states[i].shape, states->states[i].data,
                                   false, err);
    if (status == SL_OK)
        status = sl_safetensors_write(path, &dict, notes, sizeof notes / sizeof *notes, err);
    sl_state_dict_free(&dict);
    return status;
}

/* ---- reading ---- */

static sl_status read_note(const sl_state_dict *dict, const char *key, char **out, sl_error *err)
{
    SL_TRY(sl_safetensors_note(dict->map.data, dict->map.size, key, out, err));
    return *out ? SL_OK
                : sl_fail(err, SL_ERR_FORMAT, "it is no checkpoint of a run: it does not tell its %s", key);
}

static sl_status check_notes(char *const notes[3], const char *settings, sl_standing *standing, sl_error *err)
{
    if (strcmp(notes[0], FORM) != 0)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "it is a checkpoint of another form, \"%.60s\"", notes[0]);
    if (!read_standing(notes[1], standing))
        return sl_fail(err, SL_ERR_FORMAT, "where the run stood cannot be read");
    return sl_settings_same(notes[2], settings, err);
}

static sl_status read_notes(const sl_state_dict *dict, const char *settings, sl_standing *standing, sl_error *err)
{
    static const char *const keys[3] = {"form", "standing", "settings"};
    char *notes[3] = {NULL};
    sl_status status = SL_OK;
    for (int i = 0; i < 3 && status == SL_OK; i++)
        status = read_note(dict, keys[i], &notes[i], err);
    if (status == SL_OK)
        status = check_notes(notes, settings, standing, err);
    for (int i = 0; i < 3; i++)
        free(notes[i]);
    return status;
}

static sl_status check_state(const sl_state_dict *dict, const sl_state *s, sl_error *err)
{
    const sl_weight *w = sl_state_dict_find(dict, s->name);
    if (!w || !sl_shape_equal(&w->shape, &s->shape))
        return sl_fail(err, SL_ERR_MISMATCH, "it %s %.200s: it is of another network, or other weights learned",
                       w ? "has another shape of" : "does not have", s->name);
    const int64_t n = sl_shape_elements(&w->shape);
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(w->data[i]))
            return sl_fail(err, SL_ERR_NUMERIC, "its %.200s is not all of numbers", s->name);
    return SL_OK;
}

static sl_status load(const sl_state_dict *dict, const sl_states *states, const char *settings,
                      sl_standing *standing, sl_error *err)
{
    SL_TRY(read_notes(dict, settings, standing, err));
    if (dict->count != states->count)
        return sl_fail(err, SL_ERR_MISMATCH, "it has %zu arrays, this run %zu", dict->count, states->count);
    for (size_t i = 0; i < states->count; i++)
        SL_TRY(check_state(dict, &states->states[i], err));
    for (size_t i = 0; i < states->count; i++) {
        const sl_weight *w = sl_state_dict_find(dict, states->states[i].name);
        memcpy(states->states[i].data, w->data, (size_t)sl_shape_elements(&w->shape) * sizeof *w->data);
    }
    return SL_OK;
}

sl_status sl_checkpoint_load(const char *path, const sl_states *states, const char *settings,
                             sl_standing *standing, sl_error *err)
{
    sl_state_dict dict;
    sl_standing read = {0};
    SL_TRY(sl_safetensors_read(path, &dict, err));
    sl_status status = load(&dict, states, settings, &read, err);
    sl_state_dict_free(&dict);
    if (status != SL_OK)
        return sl_fail_in(err, status, "%s", path);
    *standing = read;
    return SL_OK;
}
