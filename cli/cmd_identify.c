/* secondlook identify: who is on these photos? */
#define _GNU_SOURCE
#include "cmd_identify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/look_needs.h"
#include "common/gallery_model.h"
#include "common/identify_answer.h"
#include "common/people_notes.h"
#include "common/output.h"
#include "common/progress.h"
#include "common/provenance.h"
#include "remote/remote.h"

enum { KEY_TOP = CLI_KEY_OWN, KEY_MAIN_FACE, KEY_EXPLAIN, KEY_TRUTH, KEY_FPIR, KEY_EXACT_ORDER, KEY_ENCODER };

static const struct argp_option options[] = {
    CLI_OPTION_JSON,
    {"top", KEY_TOP, "N", 0, "People to list for each face (default: 5)", 0},
    {"fpir", KEY_FPIR, "RATE", 0,
     "Choose the threshold so that this part of the searches for people who are not in the gallery (0.01: one in a "
     "hundred) is answered with somebody all the same; best after 'secondlook calibrate'", 0},
    {"exact-order", KEY_EXACT_ORDER, 0, 0,
     "Run emd's solver for all k candidates; with --top 1, or the exact solver, it runs only for those that can reach "
     "the top N otherwise. The answer is the same", 0},
    CLI_OPTION_ENCODER(KEY_ENCODER, "auto"),
    {"main-face", KEY_MAIN_FACE, 0, 0, "Only the main face of each photo", 0},
    CLI_OPTION_ALIGNED,
    {"explain", KEY_EXPLAIN, "DIR", 0, "Write pictures and report.html that show why", 0},
    CLI_OPTION_REPLACE,
    {"truth", KEY_TRUTH, "folder", 0,
     "Each photo's folder is named after the person: count right answers, frame pictures; implies --main-face", 0},
    {0},
};

/* What a server can be asked for. */
static void check_remote(struct argp_state *state, const identify_run *run)
{
    const cli_match *m = &run->match;
    cli_remote_check_models(state, &run->models);
    if (run->explain_dir || run->truth || m->look_name || m->patch_option || m->feature_given || m->weighting_given)
        argp_error(state, "of a server can be asked: --top, --fpir, --threshold, --rerank, -k, --alpha, --main-face, "
                   "--aligned, --json");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    static const char *const truths[] = {"folder", NULL};
    identify_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &run->match;
        state->child_inputs[1] = &run->models;
        state->child_inputs[2] = &run->of;
        return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case CLI_KEY_ALIGNED: run->aligned = true; return 0;
    case KEY_TOP: run->top = (int)cli_parse_int(state, "--top", arg, 1, 1000); return 0;
    case KEY_FPIR: run->fpir = cli_parse_real(state, "--fpir", arg, 1e-9, 1); return 0;
    case KEY_EXACT_ORDER: run->match.match.no_pruning = 1; return 0;
    case KEY_MAIN_FACE: run->main_face = true; return 0;
    case KEY_ENCODER: run->models.engine.encoder = arg; return 0;
    case KEY_EXPLAIN: run->explain_dir = arg; return 0;
    case CLI_KEY_REPLACE: run->there = CLI_THERE_REPLACED; return 0;
    case KEY_TRUTH:
        cli_parse_name(state, "--truth", arg, truths);
        run->truth = run->main_face = true;
        return 0;
    case ARGP_KEY_ARG: cli_list_add(state, &run->paths, arg); return 0;
    case ARGP_KEY_END:
        if (!run->paths.count)
            argp_error(state, "an IMAGE or a folder is missing");
        if (cli_is_remote(run->of.gallery_dir))
            check_remote(state, run);
        if (run->fpir > 0 && !isnan(run->match.threshold))
            argp_error(state, "--fpir and --threshold exclude each other");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&cli_match_argp, 0, "The second look:", 1},
    {&cli_models_argp, 0, "Networks:", 2},
    {&cli_gallery_argp, 0, 0, 0},
    {0}};
static const struct argp parser = {
    options,
    parse,
    "--gallery DIR IMAGE|DIR...",
    "Ranks the gallery's people for every face of the photos: first by the cosine of the embeddings, then the "
    "best candidates again by the second look. Each face is decided: a match, or unknown. - is a photo on stdin.\v"
    "Examples:\n"
    "  secondlook identify --gallery staff query.jpg\n"
    "  secondlook identify --gallery staff --top 3 --json *.jpg\n"
    "  secondlook identify --gallery staff --fpir 0.01 visitor.jpg\n"
    "  secondlook identify --gallery staff --explain why masked.jpg   (open why/report.html)\n"
    "  secondlook identify --gallery lfw --truth folder --rerank none masked/\n\n"
    "Exit code 0 when a face was matched, 4 when none was, 3 when there was no face on any photo.",
    children,
    0,
    0};

/* ------------------------------------------------------------------ JSON */

static json_t *document_of(const identify_run *run, const sl_engine *engine)
{
    const sl_match_options *m = &run->match.match;
    const unsigned reads = sl_rerank_reads(m->rerank);
    json_t *document = json_pack("{s:o,s:s*,s:s}", "model", cli_json_text(sl_engine_model(engine)->name), "encoder",
                                 sl_engine_encoder(engine), "rerank", sl_rerank_name(m->rerank));
    if (document && reads & SL_READS_LOOK) {
        json_object_set_new(document, "k", json_integer(m->k));
        json_object_set_new(document, "alpha", cli_json_number(m->alpha));
    }
    if (document && reads & SL_READS_PATCHES) {
        json_object_set_new(document, "feature", json_string(sl_feature_name(m->feature)));
        json_object_set_new(document, "weighting", json_string(sl_weighting_name(m->weighting)));
        if (reads & SL_READS_SOLVER)
            json_object_set_new(document, "solver", json_string(sl_solver_name(m->solver)));
    }
    if (document && run->truth)
        json_object_set_new(document, "truth",
                            json_pack("{s:I,s:I,s:I}", "photos", (json_int_t)run->photos, "right_at_stage1",
                                      (json_int_t)run->right_stage1, "right", (json_int_t)run->right));
    json_object_set_new(document, "rule", cli_rule_json(&run->rule));
    json_object_set(document, "queries", run->queries);
    if (run->report)
        json_object_set_new(document, "report", json_pack("{s:o,s:s}", "file", cli_json_text(run->report),
                                                          "data_sha256", run->report_sha256));
    cli_photos_json(document, &run->found);
    return document;
}

/* ------------------------------------------------------------------ the run */

/* Who is on a photo by --truth folder: what enrolment would take for its label, for a photo that is given by itself or
 * lies directly in the folder given the name of its folder. malloc'd. */
static char *true_label(const sl_photo *photo)
{
    const char *path = photo->path, *end = strrchr(path, '/');
    if (strchr(photo->image, '/'))
        return strdup(photo->label);
    if (!end)
        return strdup("");
    const char *start = end;
    while (start > path && start[-1] != '/')
        start--;
    return strndup(start, (size_t)(end - start));
}

static void count_truth(identify_run *run, const char *truth, const sl_answer *answer)
{
    run->right += answer->count && !strcmp(answer->candidates[0].label, truth);
    run->right_stage1 += answer->stage1_count && !strcmp(answer->stage1_candidates[0].label, truth);
}

/* Answers one face; faces[index] is taken over when pictures are wanted. */
static sl_status answer_face(identify_run *run, const sl_photo *photo, cli_face *faces, size_t index, size_t count,
                             json_t *list, sl_error *err)
{
    const sl_identify_options how = {.match = run->match.match, .top = run->top, .rule = &run->rule};
    sl_answer answer;
    sl_status status = sl_identify(run->engine, run->of.gallery, faces[index].t, &how, &answer, err);
    if (status)
        return status;
    run->faces++;
    run->matched += answer.decision == SL_MATCH;
    char *truth = run->truth ? true_label(photo) : NULL;
    if (truth)
        count_truth(run, truth, &answer);
    if (run->json) {
        json_t *told = cli_answer_json(&faces[index], &answer);
        cli_add_notes(told, run->notes);
        json_array_append_new(list, told);
    } else {
        cli_print_answer(&faces[index], index, count, &answer);
    }
    if (run->explain_dir)
        status = cli_case_add(run, photo, index, count, &faces[index], &answer, truth, err);
    sl_answer_free(&answer);
    free(truth);
    return status;
}

/* The faces of one photo, until its turn to be answered. */
typedef struct {
    cli_face *faces;
    size_t count;
} query_faces;

static sl_status find_query(void *context, sl_session *session, const sl_photo *photo, void **made, sl_error *err)
{
    const identify_run *run = context;
    query_faces *query = calloc(1, sizeof *query);
    if (!query) {
        *err = (sl_error){SL_ERR_MEMORY, "no memory"};
        return err->status;
    }
    *made = query;
    return cli_faces_of(session, photo, run->aligned, run->main_face, &query->faces, &query->count, err);
}

static sl_status answer_faces(identify_run *run, const sl_photo *photo, query_faces *query, json_t *list, sl_error *err)
{
    sl_status status = SL_OK;
    run->photos++;
    if (!run->json) {
        cli_print_name(stdout, photo->path, 0);
        puts(query->count ? "" : ": no face found");
    }
    for (size_t i = 0; !status && i < query->count; i++)
        status = answer_face(run, photo, query->faces, i, query->count, list, err);
    return status;
}

static void answer_query(void *context, const sl_photo *photo, void *made, const sl_error *why)
{
    identify_run *run = context;
    query_faces *query = made;
    sl_error err = *why;
    json_t *list = json_array();
    json_t *entry = json_pack("{s:o,s:O}", "image", cli_json_text(photo->path), "faces", list);
    cli_warn_of(photo->path, &err);
    if (!err.status && *err.text)
        json_object_set_new(entry, "warning", cli_json_text(err.text));
    if (!err.status)
        err.status = answer_faces(run, photo, query, list, &err);
    if (err.status) {
        cli_fail(photo->path, &err);
        json_object_set_new(entry, "error", cli_json_text(err.text));
        run->failed++;
    }
    json_array_append_new(run->queries, entry);
    json_decref(list);
    if (query)
        cli_faces_free(query->faces, query->count);
    free(query);
}

static int identify_code(const identify_run *run)
{
    int code = cli_photos_code(CLI_OK, run->failed + run->found.failed, run->faces);
    return code || run->matched ? code : CLI_UNKNOWN;
}

static int identify_all(identify_run *run)
{
    run->match.match.threads = run->models.threads;
    const sl_photo_loop loop = {.threads = run->models.threads, .work = find_query, .finish = answer_query,
                                .progress = cli_progress_step, .context = run};
    sl_error err = {0};
    cli_progress_start("photos");
    sl_status status = sl_each_photo(run->engine, run->found.photos, run->found.count, &loop, &err);
    cli_progress_end();
    if (status && status != SL_ERR_INTERRUPTED)
        return cli_fail(NULL, &err);
    int code = run->explain_dir && !cli_interrupted ? cli_case_report(run) : CLI_OK;
    if (run->json) {
        int printed = cli_print_json(document_of(run, run->engine));
        code = code ? code : printed;
    } else if (run->truth && run->photos) {
        double percent = 100 / (double)run->photos;
        printf("right in first place: %zu of %zu photos (%.1f %%) by stage 1, %zu (%.1f %%) in the end\n",
               run->right_stage1, run->photos, percent * (double)run->right_stage1, run->right,
               percent * (double)run->right);
    }
    return code ? code : identify_code(run);
}

/* The rule that was asked for. */
static int find_rule(identify_run *run)
{
    sl_error err = {0};
    sl_status status = SL_OK;
    if (!isnan(run->match.threshold))
        run->rule = sl_rule_given(run->match.threshold, 0);
    else if (run->fpir > 0)
        status = sl_rule_for_fpir(run->engine, run->of.gallery, &run->match.match, run->fpir, &run->rule, &err);
    else
        status = sl_rule_default(run->engine, run->of.gallery, &run->match.match, &run->rule, &err);
    if (status)
        return cli_fail(run->of.gallery_dir, &err);
    if (run->fpir > 0 && !run->json)
        cli_print_rule(&run->rule);
    return CLI_OK;
}

static int identify_remotely(const identify_run *run)
{
    const cli_remote_search how = {.match = &run->match, .fpir = run->fpir, .top = run->top,
                                   .main_face = run->main_face, .aligned = run->aligned, .json = run->json};
    return cli_remote_identify(run->of.gallery_dir, &run->found, &how);
}

static int find_notes(identify_run *run)
{
    sl_error err = {0};
    return run->json && cli_person_notes(run->of.gallery, &run->notes, &err) ? cli_fail(NULL, &err) : CLI_OK;
}

static int identify_here(identify_run *run)
{
    int code = cli_open_with_gallery(&run->models, run->of.gallery_dir, &run->engine, NULL, &run->of.gallery);
    if (!code)
        code = cli_open_oae(&run->match, &run->models, run->engine, run->of.gallery, &run->oae);
    if (!code)
        code = find_rule(run);
    if (!code)
        code = find_notes(run);
    return code ? code : identify_all(run);
}

int cmd_identify(int argc, char **argv)
{
    identify_run run = {.match = cli_match_defaults(), .top = 5, .queries = json_array()};
    run.command = cli_command_line(argc, argv);
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_usual_encoder(&run.models);
    cli_catch_interrupts();
    const char *const inputs[] = {run.of.gallery_dir};
    int code = run.explain_dir ? cli_check_folder(run.explain_dir, "report.html", run.there, inputs, 1) : CLI_OK;
    if (!code)
        code = cli_photos_of(&run.paths, NULL, &run.found);
    if (!code)
        code = cli_is_remote(run.of.gallery_dir) ? identify_remotely(&run) : identify_here(&run);
    cli_cases_free(&run);
    sl_oae_close(run.oae);
    sl_look_close(run.match.look);
    cli_galleries_close(&run.of);
    sl_engine_close(run.engine);
    cli_photos_free(&run.found);
    json_decref(run.queries);
    json_decref(run.notes);
    free(run.paths.items);
    return code;
}
