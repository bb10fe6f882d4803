/* One run of `identify`, and the pictures of --explain that it may be asked for. */
#ifndef CLI_CMD_IDENTIFY_H
#define CLI_CMD_IDENTIFY_H

#include <jansson.h>

#include "common/cli.h"
#include "common/gallery_options.h"
#include "common/photo_work.h"
#include "common/rule_options.h"

/* A face with its answer, kept for the report: an sl_case and all that it points to. */
typedef struct {
    char *query_name, *truth;
    char photo_sha256[65]; /* "" where it could not be had (a pipe, say) */
    cli_face face;
    sl_answer answer;
} cli_case;

typedef struct {
    cli_galleries of;
    cli_models models;
    cli_match match;
    cli_list paths;
    cli_photos found;
    const char *explain_dir; /* explain_dir NULL: no pictures */
    cli_there there; /* explain_dir's files that are there */
    int top;
    double fpir;     /* asked for; 0: the default */
    sl_rule rule;
    bool json, aligned, main_face, truth;

    sl_engine *engine;
    sl_oae *oae; /* where the second look needs them */
    json_t *queries; /* of the JSON result */
    json_t *notes; /* of the gallery's people, for JSON */
    size_t photos, faces, matched, failed, right, right_stage1;

    cli_case *cases;
    size_t case_count, cases_left_out;
    char *command, *report, report_sha256[65]; /* of the page; report NULL: none was written */
} identify_run;

/* Draws a face's contact sheet and the picture of its best pair into --explain's folder and keeps the
 * case for the report. Takes over the face's and the answer's content, which are empty afterwards. */
sl_status cli_case_add(identify_run *run, const sl_photo *photo, size_t index, size_t count, cli_face *face,
                       sl_answer *answer, const char *truth, sl_error *err);

/* Writes report.html over all cases. CLI_OK or an exit code. */
int cli_case_report(identify_run *run);

void cli_cases_free(identify_run *run);

#endif
