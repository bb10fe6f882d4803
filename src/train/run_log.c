#include "train/run_log.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "secondlook_draw.h"

enum { MOST_POINTS = 400 };
#define MOST_LOG_BYTES ((size_t)1 << 30)

static sl_status keep_point(sl_run_log *log, sl_log_point p, sl_error *err)
{
    sl_log_point *more = sl_with_room(log->points, log->count, &log->capacity, sizeof *more);
    if (!more)
        return sl_no_memory(err, "for the log of a run");
    log->points = more;
    log->points[log->count++] = p;
    return SL_OK;
}

/* ---- going on with a log ---- */

static double number_of(const json_t *line, const char *key)
{
    const json_t *x = json_object_get(line, key);
    return json_is_number(x) ? json_number_value(x) : NAN;
}

/* Keeps a line that tells of a step up to `steps`; a line that was cut short is left out, as are all that follow. */
static sl_status read_line(sl_run_log *log, const char *text, size_t length, uint64_t steps, sl_text *kept,
                           bool *go_on, sl_error *err)
{
    json_t *line = json_loadb(text, length, 0, NULL);
    const sl_log_point p = {number_of(line, "step"), number_of(line, "loss"), number_of(line, "clean"),
                            number_of(line, "covered")};
    json_decref(line);
    *go_on = p.step >= 0 && p.step <= (double)steps;
    if (!*go_on)
        return SL_OK;
    sl_text_add_bytes(kept, text, length);
    return keep_point(log, p, err);
}

static sl_status read_back(sl_run_log *log, uint64_t steps, sl_text *kept, sl_error *err)
{
    uint8_t *data;
    size_t size;
    sl_status status = sl_read_file(log->path, MOST_LOG_BYTES, &data, &size, err);
    if (status != SL_OK)
        return status == SL_ERR_NOT_FOUND ? SL_OK : status;
    bool go_on = true;
    for (char *at = (char *)data, *end; status == SL_OK && go_on && (end = strchr(at, '\n')); at = end + 1)
        status = read_line(log, at, (size_t)(end - at) + 1, steps, kept, &go_on, err);
    free(data);
    return status;
}

static sl_status open_log(const char *folder, bool go_on, uint64_t steps, sl_run_log *log, sl_error *err)
{
    sl_text kept = {0};
    log->folder = sl_strdup(folder);
    log->path = sl_path_join(folder, "log.jsonl");
    if (!log->folder || !log->path)
        return sl_no_memory(err, "for the log of a run");
    sl_status status = go_on ? read_back(log, steps, &kept, err) : SL_OK;
    if (status == SL_OK && kept.failed)
        status = sl_no_memory(err, "for the log of a run");
    if (status == SL_OK)
        status = sl_write_file(log->path, kept.data ? kept.data : "", kept.size, err);
    free(kept.data);
    SL_TRY(status);
    log->file = fopen(log->path, "ae");
    return log->file ? SL_OK : sl_fail(err, SL_ERR_IO, "%s: cannot be written: %s", log->path, strerror(errno));
}

sl_status sl_run_log_open(const char *folder, bool go_on, uint64_t steps, sl_run_log *out, sl_error *err)
{
    *out = (sl_run_log){0};
    sl_status status = open_log(folder, go_on, steps, out, err);
    if (status != SL_OK)
        sl_run_log_close(out);
    return status;
}

void sl_run_log_close(sl_run_log *log)
{
    if (log->file)
        fclose(log->file);
    free(log->points);
    free(log->path);
    free(log->folder);
    *log = (sl_run_log){0};
}

/* ---- a line ---- */

static void set_real(json_t *line, const char *key, double x)
{
    if (isfinite(x))
        json_object_set_new(line, key, json_real(x));
}

sl_status sl_run_log_add(sl_run_log *log, const sl_train_report *r, sl_error *err)
{
    json_t *line = json_pack("{s:I, s:I}", "step", (json_int_t)r->step, "pictures", (json_int_t)r->pictures);
    set_real(line, "loss", r->loss);
    set_real(line, "rate", r->rate);
    set_real(line, "length", r->length);
    set_real(line, "seconds", r->seconds);
    set_real(line, "clean", r->judged.clean);
    set_real(line, "covered", r->judged.covered);
    char *text = line ? json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(line);
    if (!text)
        return sl_no_memory(err, "for the log of a run");
    const bool written = fprintf(log->file, "%s\n", text) > 0 && fflush(log->file) == 0;
    free(text);
    if (!written)
        return sl_fail(err, SL_ERR_IO, "%s: cannot be written: %s", log->path, strerror(errno));
    return keep_point(log, (sl_log_point){(double)r->step, r->loss, r->judged.clean, r->judged.covered}, err);
}

/* ---- charts ---- */

/* Means of equal stretches of steps; the start has no loss. */
static size_t smooth_losses(const sl_run_log *log, double *x, double *y)
{
    const size_t each = (log->count + MOST_POINTS - 1) / MOST_POINTS;
    size_t count = 0, within = 0;
    double steps = 0, losses = 0;
    for (size_t i = 0; i < log->count; i++) {
        if (!isnan(log->points[i].loss)) {
            steps += log->points[i].step;
            losses += log->points[i].loss;
            within++;
        }
        if (within == each || (within && i + 1 == log->count)) {
            x[count] = steps / (double)within;
            y[count++] = losses / (double)within;
            steps = losses = 0;
            within = 0;
        }
    }
    return count;
}

static sl_status draw(const sl_run_log *log, const char *name, const char *title, const char *label,
                      const sl_chart_series *series, size_t count, sl_error *err)
{
    const sl_chart chart = {.kind = SL_CHART_LINES,
                            .title = title,
                            .x = {.label = "step", .low = NAN, .high = NAN},
                            .y = {.label = label, .low = NAN, .high = NAN},
                            .series = series,
                            .series_count = count};
    char *path = sl_path_join(log->folder, name);
    if (!path)
        return sl_no_memory(err, "for a chart");
    sl_status status = sl_write_chart(path, &chart, err);
    free(path);
    return status;
}

static sl_status draw_judged(const sl_run_log *log, double *x, double *clean, double *covered, sl_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < log->count; i++)
        if (!isnan(log->points[i].clean)) {
            x[n] = log->points[i].step;
            clean[n] = 100 * log->points[i].clean;
            covered[n++] = 100 * log->points[i].covered;
        }
    const sl_chart_series both[] = {{.name = "untouched", .x = x, .y = clean, .count = n, .markers = 1},
                                    {.name = "covered", .x = x, .y = covered, .count = n, .markers = 1}};
    return n ? draw(log, "accuracy.svg", "People held out", "precision at 1, %", both, 2, err) : SL_OK;
}

sl_status sl_run_log_draw(const sl_run_log *log, sl_error *err)
{
    const size_t room = log->count > MOST_POINTS ? log->count : MOST_POINTS;
    double *numbers = sl_realloc_array(NULL, 3 * room, sizeof *numbers);
    if (!numbers)
        return sl_no_memory(err, "for a chart");
    const size_t n = smooth_losses(log, numbers, numbers + room);
    const sl_chart_series loss = {.x = numbers, .y = numbers + room, .count = n};
    sl_status status = n ? draw(log, "loss.svg", "Training", "loss", &loss, 1, err) : SL_OK;
    if (status == SL_OK)
        status = draw_judged(log, numbers, numbers + room, numbers + 2 * room, err);
    free(numbers);
    return status;
}
