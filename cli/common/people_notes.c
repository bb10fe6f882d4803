#include "common/people_notes.h"

static void collect(void *notes, const char *label, const char *json)
{
    json_object_set_new(notes, label, json_loads(json, JSON_DECODE_ANY, NULL));
}

sl_status cli_person_notes(const sl_gallery *gallery, json_t **out, sl_error *err)
{
    *out = json_object();
    sl_status status = sl_gallery_person_notes(gallery, collect, *out, err);
    if (status == SL_ERR_UNSUPPORTED)
        status = SL_OK;
    if (status != SL_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

void cli_add_notes(json_t *answer, const json_t *notes)
{
    size_t i;
    json_t *candidate;
    json_array_foreach(json_object_get(answer, "candidates"), i, candidate)
    {
        json_t *note = json_object_get(notes, json_string_value(json_object_get(candidate, "label")));
        if (note)
            json_object_set(candidate, "note", note);
    }
}
