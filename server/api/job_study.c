/* A user study, made of a gallery and served from then on. */
#include <stdlib.h>
#include <string.h>

#include "api/jobs.h"
#include "secondlook_study.h"
#include "server.h"
#include "store/durable.h"
#include "store/study_store.h"

static int whole(const json_t *asked, const char *name, int otherwise)
{
    const json_t *value = json_object_get(asked, name);
    return json_is_integer(value) ? (int)json_integer_value(value) : otherwise;
}

/* What cannot be is told by sl_study_make. */
static sl_study_options options_of(sv_job *j)
{
    sl_study_options o = sl_study_defaults();
    const char *strangers = json_string_value(json_object_get(j->asked, "strangers"));
    o.pairs = whole(j->asked, "pairs", o.pairs);
    o.same = whole(j->asked, "same", o.same);
    o.examples = whole(j->asked, "examples", o.examples);
    o.seed = (uint64_t)whole(j->asked, "seed", (int)o.seed);
    o.strangers = strangers && strcmp(strangers, "random") == 0 ? SL_STUDY_RANDOM : SL_STUDY_NEAR;
    o.consent = json_string_value(json_object_get(j->asked, "consent"));
    o.progress = sv_job_progress;
    o.context = j;
    return o;
}

/* With a landmark model, which what is drawn onto faces needs and searches do without. */
static sl_status make(sv_job *j, const char *folder, sl_study_made *made, sl_error *err)
{
    sl_engine_options with_landmarks = j->server->config.engine;
    with_landmarks.landmarks = NULL;
    sl_study_options o = options_of(j);
    sl_engine *engine = NULL;
    sl_oae *oae = NULL;
    sl_status status = sl_engine_open(&with_landmarks, &engine, err);
    if (status != SL_OK)
        return status;
    const sv_view *view = sv_hub_view(j->place);
    if (sl_oae_of_engine(engine, SL_NEEDS_STATISTICS, view->gallery, 1, &oae, NULL) == SL_OK)
        o.oae = oae; /* else the arm trust is left out */
    status = sl_study_make(engine, view->gallery, &o, folder, made, err);
    sv_view_release(view);
    sl_oae_close(oae);
    sl_engine_close(engine);
    return status;
}

/* Serves it; one that is served already stays. */
static sl_status serve(sv_server *s, const char *folder, sl_error *err)
{
    struct sv_study *fresh, *none = NULL;
    size_t refused;
    sl_status status = sv_study_open(folder, &fresh, &refused, err);
    if (status != SL_OK || atomic_compare_exchange_strong(&s->study, &none, fresh))
        return status;
    sv_study_close(fresh);
    return sv_fail(err, SL_ERR_EXISTS, "another study is served since");
}

static void tell(json_t *result, const sl_study_made *made)
{
    json_t *arms = json_array();
    for (int i = 0; i < made->arm_count; i++)
        json_array_append_new(arms, json_string(sl_study_arm_name(made->arms[i])));
    json_object_set_new(result, "study", json_string(made->id));
    json_object_set_new(result, "address", json_sprintf("/study/%s/", made->id));
    json_object_set_new(result, "pairs", json_integer((json_int_t)made->pairs));
    json_object_set_new(result, "arms", arms);
}

sl_status sv_job_study(sv_job *j, json_t *result, sl_error *err)
{
    sl_study_made made;
    if (atomic_load(&j->server->study))
        return sv_fail(err, SL_ERR_EXISTS,
                       "a study is served already: end the server, and move the folder study of its data away");
    char *folder = sv_join(j->server->config.data, "study");
    sl_status status = folder ? make(j, folder, &made, err) : sv_fail(err, SL_ERR_MEMORY, "no memory");
    if (status == SL_OK)
        status = serve(j->server, folder, err);
    if (status == SL_OK)
        tell(result, &made);
    free(folder);
    return status;
}
