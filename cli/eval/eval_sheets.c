/* Contact sheets of the queries that the second look helped most, and of those that it harmed most. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "eval/eval_identify.h"
#include "common/output.h"
#include "common/photo_work.h"
#include "common/progress.h"
#include "secondlook_eval.h"

enum { SHOWN = 5 }; /* candidates of a sheet's row */

void cli_eval_keep_line(void *context, const sl_eval_line *line)
{
    eval_run *run = context;
    if (line->config != run->sheet_config || line->stage1[SL_P1] == line->stage2[SL_P1] || !line->relevant)
        return;
    if (run->line_count == run->line_capacity) {
        size_t capacity = run->line_capacity ? 2 * run->line_capacity : 256;
        sl_eval_line *lines = reallocarray(run->lines, capacity, sizeof *lines);
        if (!lines) {
            run->lines_failed = true;
            return;
        }
        run->lines = lines;
        run->line_capacity = capacity;
    }
    run->lines[run->line_count++] = *line;
}

static bool is_win(const sl_eval_line *line)
{
    return line->stage2[SL_P1] > line->stage1[SL_P1];
}

/* How far down the right person was, or came: 0, not among those ranked, is farthest. */
static size_t distance(const sl_eval_line *line)
{
    size_t rank = is_win(line) ? line->stage1_rank : line->stage2_rank;
    return rank ? rank : SIZE_MAX;
}

/* Wins before losses, the largest first, then in the queries' order. */
static int by_size(const void *a, const void *b)
{
    const sl_eval_line *x = a, *y = b;
    if (is_win(x) != is_win(y))
        return is_win(x) ? -1 : 1;
    if (distance(x) != distance(y))
        return distance(x) > distance(y) ? -1 : 1;
    return x->query < y->query ? -1 : x->query > y->query;
}

/* "DIR/win-01-Ann_0001.png" */
static sl_status write_sheet(const eval_run *run, const sl_eval_line *line, int number, const char *image,
                             const sl_image *sheet, sl_error *err)
{
    char name[200], file[240];
    cli_short_name(image, name);
    snprintf(file, sizeof file, "%s-%02d-%s.png", is_win(line) ? "win" : "loss", number, name);
    char *path = cli_output_in(run->sheets_dir, file, run->there, err);
    sl_status status = path ? sl_image_write(path, sheet, err) : err->status;
    free(path);
    return status;
}

static sl_status draw_sheet(const eval_run *run, const sl_eval_line *line, int number, sl_error *err)
{
    const sl_eval_config *config = &run->configs[run->sheet_config];
    sl_answer answer = {0};
    sl_template *query = NULL;
    sl_image crop = {0}, sheet = {0};
    sl_entry entry;
    sl_status status =
        sl_eval_answer(run->of.gallery, run->of.queries, config, &run->options, line->query, SHOWN, &answer, err);
    if (!status)
        status = sl_gallery_entry(run->of.queries, line->query, &entry, err);
    if (!status)
        status = sl_gallery_template(run->of.queries, line->query, &query, err);
    if (!status && entry.has_crop)
        status = sl_gallery_crop(run->of.queries, line->query, &crop, err);
    if (!status) {
        answer.match = config->match;
        const sl_case one = {.query_name = entry.image, .true_label = entry.label,
                             .query_crop = entry.has_crop ? &crop : NULL, .query = query, .gallery = run->of.gallery,
                             .answer = &answer};
        status = sl_draw_sheet(&one, &sheet, err);
    }
    if (!status)
        status = write_sheet(run, line, number, entry.image, &sheet, err);
    sl_image_free(&sheet);
    sl_image_free(&crop);
    sl_template_free(query);
    sl_answer_free(&answer);
    return status;
}

int cli_eval_draw_sheets(eval_run *run)
{
    sl_error err = {0};
    int drawn[2] = {0, 0}; /* losses, wins */
    if (run->lines_failed) {
        cli_warn("no memory for the sheets");
        return CLI_FAILED;
    }
    qsort(run->lines, run->line_count, sizeof *run->lines, by_size);
    cli_progress_start("queries looked through for sheets");
    sl_status status = SL_OK;
    for (size_t i = 0; i < run->line_count && !status && !cli_interrupted; i++) {
        int *number = &drawn[is_win(&run->lines[i])];
        if (*number < run->sheet_count)
            status = draw_sheet(run, &run->lines[i], ++*number, &err);
        cli_progress_step(NULL, i + 1, run->line_count);
    }
    cli_progress_end();
    if (status || cli_interrupted)
        return cli_fail(run->sheets_dir, &err);
    cli_note("%d sheets of queries won and %d of queries lost in %s", drawn[1], drawn[0], run->sheets_dir);
    return CLI_OK;
}
