/* What `identify --explain` writes: a contact sheet and a pair picture for each face, and one page. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "cmd_identify.h"
#include "common/output.h"
#include "common/provenance.h"

/* The report holds its pictures: beyond this many faces it would be too large to open. */
enum { MAX_CASES = 200 };

static sl_case case_of(const identify_run *run, const cli_case *c)
{
    return (sl_case){
        .query_name = c->query_name,
        .photo_sha256 = *c->photo_sha256 ? c->photo_sha256 : NULL,
        .true_label = c->truth,
        .query_crop = &c->face.crop,
        .query = c->face.t,
        .gallery = run->of.gallery,
        .answer = &c->answer,
    };
}

static void case_free(cli_case *c)
{
    free(c->query_name);
    free(c->truth);
    sl_image_free(&c->face.crop);
    sl_template_free(c->face.t);
    sl_answer_free(&c->answer);
}

/* "DIR/0007-name.sheet.png" for the seventh face. */
static sl_status write_picture(const identify_run *run, const sl_photo *photo, const char *ending,
                               const sl_image *picture, sl_error *err)
{
    char name[200], file[240];
    cli_short_name(photo->image, name);
    snprintf(file, sizeof file, "%04zu-%s%s", run->case_count + 1, name, ending);
    char *path = cli_output_in(run->explain_dir, file, run->there, err);
    sl_status status = path ? sl_image_write(path, picture, err) : err->status;
    free(path);
    return status;
}

static sl_status write_sheet(const identify_run *run, const sl_photo *photo, const cli_case *c, sl_error *err)
{
    sl_image sheet = {0};
    sl_case one = case_of(run, c);
    sl_status status = sl_draw_sheet(&one, &sheet, err);
    if (!status)
        status = write_picture(run, photo, ".sheet.png", &sheet, err);
    sl_image_free(&sheet);
    return status;
}

static sl_status write_pair(const identify_run *run, const sl_photo *photo, const cli_case *c, sl_error *err)
{
    const sl_candidate *best = c->answer.candidates;
    sl_template *t = NULL;
    sl_image crop = {0}, picture = {0};
    sl_status status = sl_gallery_template(run->of.gallery, best->entry, &t, err);
    if (!status) {
        status = sl_gallery_crop(run->of.gallery, best->entry, &crop, err);
        sl_pair pair = {
            .query = c->face.t,
            .other = t,
            .query_crop = &c->face.crop,
            .other_crop = status ? NULL : &crop,
            .query_name = c->query_name,
            .other_name = best->label,
        };
        if (!status || status == SL_ERR_NOT_FOUND) /* crops are kept only when asked for */
            status = sl_draw_pair(&pair, &c->answer.match, &picture, err);
    }
    if (!status)
        status = write_picture(run, photo, ".pair.png", &picture, err);
    sl_image_free(&picture);
    sl_image_free(&crop);
    sl_template_free(t);
    return status;
}

sl_status cli_case_add(identify_run *run, const sl_photo *photo, size_t index, size_t count, cli_face *face,
                       sl_answer *answer, const char *truth, sl_error *err)
{
    if (run->case_count == MAX_CASES) {
        run->cases_left_out++;
        return SL_OK;
    }
    cli_case c = {.face = *face, .answer = *answer, .truth = truth ? strdup(truth) : NULL};
    *face = (cli_face){.box = face->box};
    *answer = (sl_answer){0};
    /* The path, as photos of different folders may have one name. */
    int named = count > 1 ? asprintf(&c.query_name, "%s, face %zu", photo->path, index + 1)
                          : asprintf(&c.query_name, "%s", photo->path);
    sl_file_sha256(photo->path, c.photo_sha256, NULL);
    cli_case *cases = reallocarray(run->cases, run->case_count + 1, sizeof *cases);
    if (cases)
        run->cases = cases;
    if (named < 0 || !cases) {
        c.query_name = named < 0 ? NULL : c.query_name;
        case_free(&c);
        err->status = SL_ERR_MEMORY;
        snprintf(err->text, sizeof err->text, "no memory for the pictures");
        return err->status;
    }
    sl_status status = write_sheet(run, photo, &c, err);
    if (!status && c.answer.count)
        status = write_pair(run, photo, &c, err);
    run->cases[run->case_count++] = c;
    return status;
}

int cli_case_report(identify_run *run)
{
    sl_error err = {0};
    char now[32], *path = cli_output_in(run->explain_dir, "report.html", run->there, &err);
    sl_case *cases = calloc(run->case_count + 1, sizeof *cases);
    int code = CLI_FAILED;
    cli_time_now(now);
    const sl_provenance from = {.time = now, .command = run->command, .engine = run->engine};
    for (size_t i = 0; cases && i < run->case_count; i++)
        cases[i] = case_of(run, &run->cases[i]);
    if (!path)
        code = cli_fail(run->explain_dir, &err);
    else if (!cases)
        cli_warn("no memory for the report");
    else if (sl_write_report(path, "secondlook: who, and why", &from, cases, run->case_count, run->report_sha256, &err))
        code = cli_fail(path, &err);
    else {
        code = CLI_OK;
        cli_note("pictures of %zu face%s and %s written; SHA-256 of the report's data: %s", run->case_count,
                 run->case_count == 1 ? "" : "s", path, run->report_sha256);
        if (run->cases_left_out)
            cli_warn("%zu further faces have no pictures: a report holds %d", run->cases_left_out, MAX_CASES);
        run->report = path;
        path = NULL;
    }
    free(cases);
    free(path);
    return code;
}

void cli_cases_free(identify_run *run)
{
    for (size_t i = 0; i < run->case_count; i++)
        case_free(&run->cases[i]);
    free(run->cases);
    free(run->command);
    free(run->report);
}
