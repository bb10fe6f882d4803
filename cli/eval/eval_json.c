/* The JSON document of eval identify: shared facts, and one object for each configuration. Where there is only
 * one, its members stand at the top as well. */
#include "eval/eval_identify.h"
#include "common/output.h"
#include "common/same_photo.h"
#include "secondlook_eval.h"

static json_t *range_json(const sl_interval *i)
{
    return json_pack("[f,f]", i->low, i->high);
}

/* {p1, rp, mapr, interval: {p1: [low, high], ...}} */
static json_t *retrieval_json(const sl_retrieval *r)
{
    json_t *object = json_object(), *intervals = json_object();
    for (int m = 0; m < SL_METRICS; m++) {
        json_object_set_new(object, sl_metric_name((sl_metric)m), json_real(r->metric[m].mean));
        json_object_set_new(intervals, sl_metric_name((sl_metric)m), range_json(&r->metric[m]));
    }
    json_object_set_new(object, "interval", intervals);
    return object;
}

static json_t *cmc_json(const double cmc[SL_CMC_RANKS])
{
    json_t *list = json_array();
    for (int r = 0; r < SL_CMC_RANKS; r++)
        json_array_append_new(list, json_real(cmc[r]));
    return list;
}

/* Settings that mean nothing to a configuration are null. */
static json_t *config_json(const sl_eval_config *c)
{
    static const struct {
        const char *key;
        sweep_field field;
    } words[] = {{"first", SWEEP_FIRST},         {"rerank", SWEEP_RERANK},
                 {"look", SWEEP_LOOK},           {"feature", SWEEP_FEATURE},
                 {"weighting", SWEEP_WEIGHTING}, {"grid", SWEEP_GRID},
                 {"solver", SWEEP_SOLVER},       {"patch_precision", SWEEP_PRECISION}};
    json_t *object = json_object();
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char buffer[SWEEP_VALUE];
        const char *value = cli_sweep_value(c, words[i].field, buffer);
        json_object_set_new(object, words[i].key, *value == '-' ? json_null() : json_string(value));
    }
    json_object_set_new(object, "k", json_integer(c->match.k));
    json_object_set_new(object, "alpha",
                        cli_looks_again(&c->match) ? json_real((double)c->match.alpha) : json_null());
    return object;
}

static json_t *result_json(const sl_eval_config *c, const sl_evaluation *e)
{
    json_t *object = config_json(c);
    json_object_set_new(object, "stage1", retrieval_json(&e->stage1));
    json_object_set_new(object, "stage2", retrieval_json(&e->stage2));
    json_object_set_new(object, "max", retrieval_json(&e->max));
    json_object_set_new(object, "difference", retrieval_json(&e->difference));
    json_object_set_new(object, "won", json_integer((json_int_t)e->won));
    json_object_set_new(object, "lost", json_integer((json_int_t)e->lost));
    json_object_set_new(object, "seconds",
                        json_pack("{s:f,s:f}", "stage1", e->seconds_stage1, "stage2", e->seconds_stage2));
    json_object_set_new(
        object, "cmc",
        json_pack("{s:o,s:o}", "stage1", cmc_json(e->stage1_cmc), "stage2", cmc_json(e->stage2_cmc)));
    return object;
}

int cli_eval_print_json(const eval_run *run)
{
    const sl_evaluation *any = &run->results[0];
    sl_gallery_info info;
    sl_gallery_get_info(run->of.gallery, &info);
    json_t *document = json_pack("{s:o,s:I,s:I,s:I,s:s,s:s,s:b,s:I}", "model", cli_json_text(info.model),
                                 "gallery", (json_int_t)any->gallery, "queries", (json_int_t)any->queries,
                                 "unmatched", (json_int_t)any->unmatched, "same_photo",
                                 run->options.exclude_same_photo ? "exclude" : "include", "people",
                                 cli_people_names[run->options.people], "reference_metrics",
                                 run->options.reference_metrics, "min_photos", (json_int_t)run->options.min_photos);
    cli_own_photos_json(document, any->own_photos, any->own_photos_of);
    json_t *results = json_array();
    for (size_t c = 0; c < run->count; c++)
        json_array_append_new(results, result_json(&run->configs[c], &run->results[c]));
    if (run->count == 1)
        json_object_update(document, json_array_get(results, 0));
    json_object_set_new(document, "results", results);
    return cli_print_json(document);
}
