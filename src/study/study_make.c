/* Making a study: draw pairs, cover the faces, embed them anew, draw what each arm shows, write it all down. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/sha256.h"
#include "image/image.h"
#include "pipeline/engine.h"
#include "study/study_make.h"

enum { QUALITY = 92, CONSENT_MAX = 65536 };

typedef struct {
    const sl_engine *engine;
    const sl_gallery *gallery;
    const sl_study_options *options;
    sl_session *session;
    char *site, *tiles; /* folders */
    sl_sha256 seen;     /* of all that participants see */
    sl_study_made *made;
} making;

/* ---- files ---- */

static sl_status write_in(making *m, const char *folder, const char *name, const void *data, size_t size, sl_error *err)
{
    char *path = sl_path_join(folder, name);
    if (!path)
        return sl_no_memory(err, "for a file's name");
    sl_status status = sl_write_file(path, data, size, err);
    free(path);
    m->made->files++;
    m->made->bytes += size;
    return status;
}

static sl_status write_tile(making *m, const char *pair, int arm, int which, const uint8_t *data, size_t size,
                            sl_error *err)
{
    char name[64];
    sl_study_file_name(name, pair, arm, which);
    sl_sha256_update(&m->seen, name, strlen(name));
    sl_sha256_update(&m->seen, data, size);
    return write_in(m, m->tiles, name, data, size, err);
}

/* ---- a pair ---- */

/* A face of a pair: its crop with the occluder, and what the network makes of it. */
typedef struct {
    sl_image crop;
    sl_template *face;
    uint8_t *jpeg; /* as it is shown */
    size_t size;
} covered_face;

static void covered_free(covered_face *c)
{
    sl_image_free(&c->crop);
    sl_template_free(c->face);
    free(c->jpeg);
}

static sl_status encode(const sl_image *image, uint8_t **data, size_t *size, sl_error *err)
{
    return sl_image_encode_jpeg(image, QUALITY, data, size, err);
}

static sl_status cover_crop(const making *m, const sl_study_face *face, sl_image *out, sl_error *err)
{
    sl_point landmarks[68];
    sl_image crop = {0};
    SL_TRY(sl_gallery_crop(m->gallery, face->face, &crop, err));
    sl_status status = sl_landmarks_of_crop(m->session, &crop, landmarks, err);
    if (status == SL_OK)
        status = sl_occlude(&crop, landmarks, face->covered, NULL, face->seed, out, err);
    sl_image_free(&crop);
    return status;
}

static sl_status cover_face(const making *m, const sl_study_face *face, covered_face *out, sl_error *err)
{
    sl_image picture = {0};
    sl_entry entry;
    *out = (covered_face){0};
    sl_status status = cover_crop(m, face, &out->crop, err);
    if (status == SL_OK)
        status = sl_templates_of_crops(m->session, &out->crop, 1, &out->face, err);
    if (status == SL_OK)
        status = sl_study_face_picture(&out->crop, &picture, err);
    if (status == SL_OK)
        status = encode(&picture, &out->jpeg, &out->size, err);
    sl_image_free(&picture);
    if (status != SL_OK && sl_gallery_entry(m->gallery, face->face, &entry, NULL) == SL_OK)
        sl_fail_in(err, status, "%s", entry.image);
    return status;
}

static sl_status write_arm(making *m, sl_study_arm arm, const char *name, const sl_pair *pair, sl_error *err)
{
    sl_image shown[SL_STUDY_SHOWN_MAX] = {{0}};
    SL_TRY(sl_study_arm_pictures(arm, pair, m->options, shown, err));
    sl_status status = SL_OK;
    for (int k = 0; k < sl_study_shown(arm); k++) {
        uint8_t *data = NULL;
        size_t size;
        if (status == SL_OK)
            status = encode(&shown[k], &data, &size, err);
        if (status == SL_OK)
            status = write_tile(m, name, (int)arm, k, data, size, err);
        free(data);
        sl_image_free(&shown[k]);
    }
    return status;
}

/* A pair is named after its pictures: neither its name nor, as pairs are listed by name, its place says who it is. */
static void name_pair(const covered_face faces[2], char name[SL_STUDY_NAME + 1])
{
    sl_sha256 hash;
    uint8_t digest[32];
    char hex[65];
    sl_sha256_init(&hash);
    for (int i = 0; i < 2; i++)
        sl_sha256_update(&hash, faces[i].jpeg, faces[i].size);
    sl_sha256_final(&hash, digest);
    sl_hex32(digest, hex);
    memcpy(name, hex, SL_STUDY_NAME);
    name[SL_STUDY_NAME] = 0;
}

static sl_status write_pair(making *m, sl_drawn_pair *drawn, const covered_face faces[2], sl_error *err)
{
    const sl_pair pair = {.query = faces[0].face,
                          .other = faces[1].face,
                          .query_crop = &faces[0].crop,
                          .other_crop = &faces[1].crop};
    name_pair(faces, drawn->name);
    for (int i = 0; i < 2; i++)
        SL_TRY(write_tile(m, drawn->name, -1, i, faces[i].jpeg, faces[i].size, err));
    for (int i = 0; i < m->made->arm_count; i++)
        SL_TRY(write_arm(m, m->made->arms[i], drawn->name, &pair, err));
    return SL_OK;
}

static sl_status make_pair(making *m, sl_drawn_pair *drawn, sl_error *err)
{
    covered_face faces[2] = {{.size = 0}};
    sl_status status = cover_face(m, &drawn->first, &faces[0], err);
    if (status == SL_OK)
        status = cover_face(m, &drawn->second, &faces[1], err);
    if (status == SL_OK)
        status = write_pair(m, drawn, faces, err);
    covered_free(&faces[0]);
    covered_free(&faces[1]);
    return status;
}

/* ---- all of it ---- */

static int by_set_and_name(const void *a, const void *b)
{
    const sl_drawn_pair *x = a, *y = b;
    if (x->set != y->set)
        return x->set < y->set ? -1 : 1;
    return strcmp(x->name, y->name);
}

static sl_status make_pairs(making *m, sl_drawn_pair *pairs, size_t count, sl_error *err)
{
    const sl_study_options *o = m->options;
    for (size_t i = 0; i < count; i++) {
        SL_TRY(make_pair(m, &pairs[i], err));
        if (o->progress && o->progress(o->context, i + 1, count))
            return sl_fail(err, SL_ERR_INTERRUPTED, "interrupted after %zu of %zu pairs: there is no study", i + 1,
                           count);
    }
    qsort(pairs, count, sizeof *pairs, by_set_and_name);
    return SL_OK;
}

static sl_status write_document(making *m, const char *folder, const char *name, const char *before, json_t *document,
                                const char *after, sl_error *err)
{
    char *text = document ? json_dumps(document, JSON_INDENT(1)) : NULL, *whole = NULL;
    json_decref(document);
    if (text) {
        const size_t size = strlen(before) + strlen(text) + strlen(after) + 1;
        if ((whole = malloc(size)))
            snprintf(whole, size, "%s%s%s", before, text, after);
    }
    free(text);
    sl_status status = whole ? write_in(m, folder, name, whole, strlen(whole), err)
                             : sl_no_memory(err, "for the documents of a study");
    free(whole);
    return status;
}

/* Pages that lie in a file system may read scripts, but no JSON: the document is there in both forms. */
static sl_status write_site(making *m, const sl_study_sheets *of, sl_error *err)
{
    for (const sl_study_page_file *f = sl_study_page_files; f->name; f++)
        if (strcmp(f->name, "consent.txt") != 0)
            SL_TRY(write_in(m, m->site, f->name, f->data, f->size, err));
    SL_TRY(write_document(m, m->site, "study.json", "", sl_study_site_document(of), "\n", err));
    return write_document(m, m->site, "study_data.js", "const study = ", sl_study_site_document(of), ";\n", err);
}

static sl_status write_all(making *m, const char *folder, sl_drawn_pair *pairs, size_t count, sl_error *err)
{
    uint8_t digest[32];
    SL_TRY(make_pairs(m, pairs, count, err));
    sl_sha256_update(&m->seen, m->options->consent, strlen(m->options->consent));
    sl_sha256_final(&m->seen, digest);
    sl_hex32(digest, m->made->id);
    const sl_study_sheets of = {.gallery = m->gallery,
                                .options = m->options,
                                .model = sl_engine_model(m->engine)->name,
                                .fingerprint = sl_engine_fingerprint(m->engine),
                                .made = m->made,
                                .pairs = pairs,
                                .count = count};
    SL_TRY(write_site(m, &of, err));
    const sl_study_made site = *m->made; /* the key is no file of it */
    sl_status status = write_document(m, folder, SL_STUDY_KEY_FILE, "", sl_study_key_document(&of), "\n", err);
    *m->made = site;
    return status;
}

/* ---- what is asked for ---- */

sl_study_options sl_study_defaults(void)
{
    return (sl_study_options){.examples = 5, .pairs = 15, .same = 8, .strangers = SL_STUDY_NEAR, .seed = 1};
}

static bool is_utf8(const char *text)
{
    size_t n = 1;
    uint32_t code;
    for (size_t left = strlen(text); left && n; left -= n, text += n)
        n = sl_utf8_read(text, left, &code);
    return n > 0;
}

static sl_status check_options(const sl_study_options *o, sl_error *err)
{
    if (o->examples < 0 || o->examples > SL_STUDY_EXAMPLES_MAX || o->pairs < 2 || o->pairs > SL_STUDY_PAIRS_MAX)
        return sl_fail(err, SL_ERR_ARGUMENT, "a study has 0 to %d examples and 2 to %d pairs of each arm",
                       SL_STUDY_EXAMPLES_MAX, SL_STUDY_PAIRS_MAX);
    if (o->same < 1 || o->same >= o->pairs)
        return sl_fail(err, SL_ERR_ARGUMENT, "of %d pairs 1 to %d can be of one person, not %d", o->pairs, o->pairs - 1,
                       o->same);
    if (o->seed > INT64_MAX)
        return sl_fail(err, SL_ERR_ARGUMENT, "a study's seed is below 2^63");
    if (o->consent && (strlen(o->consent) > CONSENT_MAX || !is_utf8(o->consent)))
        return sl_fail(err, SL_ERR_ARGUMENT, "the text that participants agree to is not UTF-8, or above 64 KiB");
    if (o->look && sl_look_rerank(o->look) != SL_RERANK_H2L)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s is no look of the kind h2l", sl_look_name(o->look));
    return SL_OK;
}

static sl_status check_folder(const char *folder, sl_error *err)
{
    struct stat st;
    char *path = sl_path_join(folder, SL_STUDY_KEY_FILE);
    if (!path)
        return sl_no_memory(err, "for a study");
    const bool there = lstat(path, &st) == 0;
    free(path);
    if (there)
        return sl_fail(err, SL_ERR_EXISTS, "%s: there is a study already, to which answers may belong: choose another "
                       "folder", folder);
    return SL_OK;
}

/* The text that comes with the library; free() it. */
static char *own_consent(void)
{
    for (const sl_study_page_file *f = sl_study_page_files; f->name; f++)
        if (strcmp(f->name, "consent.txt") == 0)
            return strndup((const char *)f->data, f->size);
    return NULL;
}

static sl_status open_and_make(making *m, const char *folder, sl_error *err)
{
    sl_drawn_pair *pairs = NULL;
    size_t count;
    m->site = sl_path_join(folder, "site");
    m->tiles = m->site ? sl_path_join(m->site, "tiles") : NULL;
    sl_status status = m->tiles ? SL_OK : sl_no_memory(err, "for a study");
    if (status == SL_OK)
        status = sl_study_draw_pairs(m->gallery, m->options, m->made->arm_count, &pairs, &count, err);
    if (status == SL_OK)
        status = sl_session_open(m->engine, 1, &m->session, err);
    if (status == SL_OK)
        status = sl_make_dirs(m->tiles, err);
    if (status == SL_OK) {
        m->made->pairs = count;
        status = write_all(m, folder, pairs, count, err);
    }
    free(pairs);
    sl_session_close(m->session);
    free(m->site);
    free(m->tiles);
    return status;
}

sl_status sl_study_make(const sl_engine *engine, const sl_gallery *gallery, const sl_study_options *options,
                        const char *folder, sl_study_made *out, sl_error *err)
{
    sl_study_options o = *options;
    making m = {.engine = engine, .gallery = gallery, .options = &o, .made = out};
    *out = (sl_study_made){0};
    SL_TRY(check_options(&o, err));
    SL_TRY(check_folder(folder, err));
    if (!engine->landmarks)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "occluders are drawn by 68 landmarks: install libdlib-data");
    char *consent = o.consent ? NULL : own_consent();
    o.consent = o.consent ? o.consent : consent;
    for (int arm = 0; arm < SL_STUDY_ARMS; arm++)
        if (sl_study_can_show((sl_study_arm)arm, &o))
            out->arms[out->arm_count++] = (sl_study_arm)arm;
    sl_sha256_init(&m.seen);
    sl_status status = o.consent ? open_and_make(&m, folder, err) : sl_no_memory(err, "for a study");
    free(consent);
    if (status != SL_OK)
        *out = (sl_study_made){0};
    return status;
}
