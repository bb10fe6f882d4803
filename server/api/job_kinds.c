/* What jobs do. */
#include <stdlib.h>
#include <string.h>

#include "api/jobs.h"
#include "secondlook_eval.h"
#include "server.h"
#include "store/durable.h"

enum { DUPLICATES_MAX = 1000 };

/* ---- the files ---- */

static sl_status compact(sv_job *j, json_t *result, sl_error *err)
{
    (void)result;
    sv_change change = {.kind = SV_COMPACT, .progress = sv_job_progress, .progress_context = j};
    return sv_hub_change_now(j->place, &change, err);
}

static sl_status verify(sv_job *j, json_t *result, sl_error *err)
{
    (void)result;
    return sl_gallery_verify(sv_place_dir(j->place), sv_job_progress, j, err);
}

static sl_status calibrate(sv_job *j, json_t *result, sl_error *err)
{
    const sv_view *view = sv_hub_view(j->place);
    const sl_gallery *set[] = {view->gallery};
    /* What hides more would be embedded otherwise by the query encoder: the model's rates go on deciding for it. */
    const float below = view->match.encoder ? sl_engine_encodes_from(j->server->engine) : 0;
    const sl_calibrate_options how = {.match = view->match, .hidden_below = below, .max_pairs = 1000000, .seed = 1,
                                      .progress = sv_job_progress, .context = j};
    sl_calibration out;
    sl_status status = sl_gallery_calibrate(view->gallery, set, 1, &how, &out, err);
    sv_view_release(view);
    if (status != SL_OK)
        return status;
    json_object_set_new(result, "searches", json_integer((json_int_t)out.searches));
    json_object_set_new(result, "pairs", json_integer((json_int_t)out.pairs));
    sv_change change = {.kind = SV_REFRESH};
    return sv_hub_change_now(j->place, &change, err);
}

typedef struct {
    uint8_t hash[32];
    size_t face;
} hashed_face;

static int by_hash(const void *a, const void *b)
{
    return memcmp(((const hashed_face *)a)->hash, ((const hashed_face *)b)->hash, 32);
}

/* Photos that are enrolled more than once. */
static void same_photos(const sl_gallery *g, json_t *list)
{
    const size_t faces = sl_gallery_size(g);
    hashed_face *all = malloc((faces + 1) * sizeof *all);
    size_t n = 0;
    sl_entry a, b;
    for (size_t i = 0; all && i < faces; i++)
        if (sl_gallery_entry(g, i, &a, NULL) == SL_OK && a.photo_sha256) {
            memcpy(all[n].hash, a.photo_sha256, 32);
            all[n++].face = i;
        }
    if (n)
        qsort(all, n, sizeof *all, by_hash);
    for (size_t i = 1; i < n && json_array_size(list) < DUPLICATES_MAX; i++)
        if (by_hash(&all[i - 1], &all[i]) == 0 && sl_gallery_entry(g, all[i - 1].face, &a, NULL) == SL_OK &&
            sl_gallery_entry(g, all[i].face, &b, NULL) == SL_OK)
            json_array_append_new(list, json_pack("{s:o,s:o,s:o,s:o}", "image", sv_text(a.image), "person",
                                                  sv_text(a.label), "other_image", sv_text(b.image), "other_person",
                                                  sv_text(b.label)));
    free(all);
}

/* Faces of the gallery ask it: they were not embedded as queries. */
static sl_match_options match_of_faces(const sv_view *view)
{
    sl_match_options match = view->match;
    match.encoder = 0;
    return match;
}

/* Somebody else whom the rule would take for this person. */
static sl_status search_twin(const sv_server *s, const sv_view *view, const sl_identify_options *how,
                             const sv_person *person, json_t *list, sl_error *err)
{
    sl_template *t;
    sl_answer a;
    sl_status status = sl_gallery_template(view->gallery, person->own[0], &t, err);
    if (status != SL_OK)
        return status;
    status = sl_identify(s->engine, view->gallery, t, how, &a, err);
    for (size_t i = 0; status == SL_OK && i < a.count; i++) {
        const sl_candidate *c = &a.candidates[i];
        if (strcmp(person->label, c->label) < 0 &&
            sl_rule_decide(&a.rule, c->score, c->stage1, a.hidden) == SL_MATCH)
            json_array_append_new(list, json_pack("{s:o,s:o,s:o}", "person", sv_text(person->label), "other_person",
                                                  sv_text(c->label), "score", sv_rounded(c->score, 6)));
    }
    sl_answer_free(&a);
    sl_template_free(t);
    return status;
}

static sl_status duplicates(sv_job *j, json_t *result, sl_error *err)
{
    const sv_view *view = sv_hub_view(j->place);
    size_t count;
    const sv_person *people = sv_view_people(view, &count);
    json_t *photos = json_array(), *persons = json_array();
    sl_rule rule;
    const sl_identify_options how = {.match = match_of_faces(view), .top = 2, .rule = &rule};
    sl_status status = sl_rule_default(j->server->engine, view->gallery, &how.match, &rule, err);
    same_photos(view->gallery, photos);
    for (size_t i = 0; i < count && status == SL_OK && json_array_size(persons) < DUPLICATES_MAX; i++) {
        status = search_twin(j->server, view, &how, &people[i], persons, err);
        if (status == SL_OK && sv_job_progress(j, i + 1, count))
            status = sv_fail(err, SL_ERR_INTERRUPTED, "cancelled");
    }
    json_object_set_new(result, "same_photo", photos);
    json_object_set_new(result, "same_person", persons);
    sv_view_release(view);
    return status;
}

/* ---- who is the same ---- */

static json_t *cluster_json(const sl_gallery *g, const sl_clusters *c)
{
    json_t *list = json_array();
    for (size_t k = 0; k < c->clusters; k++)
        json_array_append_new(list, json_pack("{s:[]}", "faces"));
    for (size_t i = 0; i < c->faces; i++) {
        char uuid[37];
        sl_entry entry;
        if (c->cluster[i] == UINT32_MAX || sl_gallery_entry(g, i, &entry, NULL) != SL_OK)
            continue;
        sv_face_uuid(entry.image, uuid);
        json_array_append_new(json_object_get(json_array_get(list, c->cluster[i]), "faces"),
                              json_pack("{s:s,s:o,s:b}", "face", uuid, "person", sv_text(entry.label), "crop",
                                        entry.has_crop));
    }
    return list;
}

static sl_status cluster(sv_job *j, json_t *result, sl_error *err)
{
    const double asked = json_number_value(json_object_get(j->asked, "far"));
    const double far = asked > 0 && asked <= 1 ? asked : SL_CLUSTER_FAR;
    const sv_view *view = sv_hub_view(j->place);
    sl_rule rule;
    sl_clusters c = {0};
    const sl_cluster_options how = {.match = match_of_faces(view), .rule = &rule, .progress = sv_job_progress,
                                    .context = j};
    sl_status status = sl_rule_for_far(j->server->engine, view->gallery, &how.match, far, &rule, err);
    if (status == SL_OK)
        status = sl_gallery_cluster(view->gallery, &how, &c, err);
    if (status == SL_OK) {
        size_t alone = 0;
        for (size_t i = 0; i < c.faces; i++)
            alone += c.cluster[i] == UINT32_MAX;
        json_object_set_new(result, "clusters", cluster_json(view->gallery, &c));
        json_object_set_new(result, "alone", json_integer((json_int_t)alone));
        json_object_set_new(result, "rule", sv_rule_json(&rule));
    }
    sl_clusters_free(&c);
    sv_view_release(view);
    return status;
}

/* What can be asked for by name. */
static const sv_job_kind kinds[] = {{"compact", compact, false},
                                    {"verify", verify, false},
                                    {"calibrate", calibrate, false},
                                    {"duplicates", duplicates, false},
                                    {"cluster", cluster, false},
                                    {"export", sv_job_export, false},
                                    {"import", sv_job_import_folder, false},
                                    {"study", sv_job_study, false},
                                    {NULL, NULL, false}};

void sv_own_job_begin(sv_request *r, sl_session *session)
{
    (void)session;
    char hold[512];
    sv_place *place = sv_named_gallery(r);
    const char *name = sv_ask(r, "kind", hold);
    const sv_job_kind *kind = kinds;
    while (name && kind->name && strcmp(kind->name, name) != 0)
        kind++;
    if (place && (!name || !kind->name))
        sv_refuse(r, 400, 0, "kind is compact, verify, calibrate, duplicates, cluster, export, import or study");
    else if (place && (kind->run != sv_job_study || sv_may_administer(r))) /* a study is the whole server's */
        sv_job_begin(r, place, kind);
}
