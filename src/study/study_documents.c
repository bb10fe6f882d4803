/* study.json, which participants get, and key.json, which they do not. */
#include <stdio.h>
#include <string.h>

#include "gallery/gallery.h"
#include "study/study_make.h"

/* ---- for participants ---- */

static json_t *tile_path(const char *pair, int arm, int which)
{
    char name[64], path[80];
    sl_study_file_name(name, pair, arm, which);
    snprintf(path, sizeof path, "tiles/%s", name);
    return json_string(path);
}

/* {"pair", "faces": [path, path], "shown": {"flow": [path], ..}}, of an example also "same". */
static json_t *site_pair(const sl_study_sheets *of, const sl_drawn_pair *pair)
{
    json_t *shown = json_object();
    for (int i = 0; i < of->made->arm_count; i++) {
        const sl_study_arm arm = of->made->arms[i];
        json_t *paths = json_array();
        for (int k = 0; k < sl_study_shown(arm); k++)
            json_array_append_new(paths, tile_path(pair->name, (int)arm, k));
        json_object_set_new(shown, sl_study_arm_name(arm), paths);
    }
    json_t *object = json_pack("{s:s,s:[o,o],s:o}", "pair", pair->name, "faces", tile_path(pair->name, -1, 0),
                               tile_path(pair->name, -1, 1), "shown", shown);
    if (pair->example)
        json_object_set_new(object, "same", json_boolean(pair->same));
    return object;
}

/* ---- for who scores ---- */

static json_t *key_face(const sl_study_sheets *of, const sl_study_face *face)
{
    return json_pack("{s:s,s:s,s:s}", "image", sl_gallery_image(of->gallery, face->face), "person",
                     sl_gallery_label(of->gallery, face->face), "covered",
                     face->covered == SL_OCCLUDE_MASK ? "mask" : "sunglasses");
}

static json_t *key_pair(const sl_study_sheets *of, const sl_drawn_pair *pair)
{
    return json_pack("{s:s,s:b,s:[o,o]}", "pair", pair->name, "same", pair->same, "faces", key_face(of, &pair->first),
                     key_face(of, &pair->second));
}

/* ---- both ---- */

static json_t *arms_json(const sl_study_sheets *of)
{
    json_t *list = json_array();
    for (int i = 0; i < of->made->arm_count; i++)
        json_array_append_new(list, json_string(sl_study_arm_name(of->made->arms[i])));
    return list;
}

static json_t *sets_json(const sl_study_sheets *of, json_t *(*one)(const sl_study_sheets *, const sl_drawn_pair *))
{
    json_t *sets = json_array();
    for (int i = 0; i < of->made->arm_count; i++)
        json_array_append_new(sets, json_pack("{s:[],s:[]}", "examples", "pairs"));
    for (size_t i = 0; i < of->count; i++) {
        const sl_drawn_pair *pair = &of->pairs[i];
        json_t *set = json_array_get(sets, (size_t)pair->set);
        json_array_append_new(json_object_get(set, pair->example ? "examples" : "pairs"), one(of, pair));
    }
    return sets;
}

/* Where the first blank line begins; the end where there is none. */
static size_t paragraph_size(const char *text)
{
    size_t n = 0;
    while (text[n] && !(text[n] == '\n' && text[n + 1 + (text[n + 1] == '\r')] == '\n'))
        n++;
    return n;
}

/* Paragraphs, parted by blank lines. */
static json_t *paragraphs(const char *text)
{
    json_t *list = json_array();
    while (*(text += strspn(text, "\r\n"))) {
        const size_t size = paragraph_size(text);
        size_t kept = size;
        while (kept && strchr("\r\n", text[kept - 1]))
            kept--;
        json_array_append_new(list, json_stringn(text, kept));
        text += size;
    }
    return list;
}

json_t *sl_study_site_document(const sl_study_sheets *of)
{
    return json_pack("{s:s,s:i,s:s,s:o,s:o,s:o}", "format", SL_STUDY_FORMAT, "version", SL_STUDY_VERSION, "study",
                     of->made->id, "consent", paragraphs(of->options->consent), "arms", arms_json(of), "sets",
                     sets_json(of, site_pair));
}

json_t *sl_study_key_document(const sl_study_sheets *of)
{
    const sl_study_options *o = of->options;
    return json_pack("{s:s,s:i,s:s,s:s,s:s,s:s,s:I,s:s,s:o,s:o}", "format", SL_STUDY_KEY_FORMAT, "version",
                     SL_STUDY_VERSION, "study", of->made->id, "made_by", sl_version(), "model", of->model,
                     "fingerprint", of->fingerprint, "seed", (json_int_t)o->seed, "strangers",
                     o->strangers == SL_STUDY_NEAR ? "near" : "random", "arms", arms_json(of), "sets",
                     sets_json(of, key_pair));
}
