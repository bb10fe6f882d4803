/* Exit codes, JSON, figures. */
#define _GNU_SOURCE
#include "common/output.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/progress.h"

int cli_exit_code(sl_status status)
{
    switch (status) {
    case SL_OK: return CLI_OK;
    case SL_ERR_NO_FACE: return CLI_NO_FACE;
    case SL_ERR_INTERRUPTED: return CLI_INTERRUPTED;
    default: return CLI_FAILED;
    }
}

/* Whether an error's text has the path in it. */
static bool names(const char *text, const char *path)
{
    char name[sizeof ((sl_error *)NULL)->text], whole[sizeof name];
    sl_show(name, sizeof name, path);
    sl_show(whole, sizeof whole, text);
    return strstr(whole, name) != NULL;
}

/* The path is said once. */
static void warn_of_path(const char *path, const char *text)
{
    if (path && !names(text, path))
        cli_warn("%s: %s", path, text);
    else
        cli_warn("%s", text);
}

void cli_warn_of(const char *path, const sl_error *err)
{
    if (err->status == SL_OK && *err->text)
        warn_of_path(path, err->text);
}

int cli_fail(const char *path, const sl_error *err)
{
    /* npm and the file system report a Ctrl-C as their own failure. */
    if (err->status == SL_ERR_INTERRUPTED || cli_interrupted) {
        cli_warn("interrupted");
        return CLI_INTERRUPTED;
    }
    warn_of_path(path, err->text);
    return cli_exit_code(err->status);
}

int cli_photos_code(int code, size_t failed, size_t with_face)
{
    if (code)
        return code;
    return cli_interrupted ? CLI_INTERRUPTED : failed ? CLI_FAILED : with_face ? CLI_OK : CLI_NO_FACE;
}

/* One character as JSON's escape: a pair of surrogates where it needs one. */
static void put_escape(uint32_t code)
{
    if (code > 0xffff)
        printf("\\u%04x\\u%04x", 0xd800 + ((unsigned)code - 0x10000) / 0x400, 0xdc00 + (unsigned)code % 0x400);
    else
        printf("\\u%04x", (unsigned)code);
}

int cli_print_json_text(const char *text)
{
    const char *plain = text; /* from here on nothing was written yet */
    uint32_t code;
    for (size_t left = strlen(text), n; (n = sl_utf8_read(text, left, &code)) > 0; text += n, left -= n) {
        if (sl_visible(code) || code == '\n')
            continue;
        fwrite(plain, 1, (size_t)(text - plain), stdout);
        put_escape(code);
        plain = text + n;
    }
    fwrite(plain, 1, (size_t)(text - plain), stdout);
    if (putchar('\n') == EOF || ferror(stdout)) {
        cli_warn("the results could not be written to stdout: %s", strerror(errno));
        return CLI_FAILED;
    }
    return CLI_OK;
}

int cli_print_json(json_t *document)
{
    char *text = document ? json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(7)) : NULL;
    json_decref(document);
    if (!text) {
        cli_warn("no memory for the JSON document");
        return CLI_FAILED;
    }
    int code = cli_print_json_text(text);
    free(text);
    return code;
}

const char *cli_threshold_text(float value, float threshold, char buffer[64])
{
    if (isnan(threshold))
        return "; the model has no threshold, give --threshold";
    snprintf(buffer, 64, "%s threshold %.4f", value >= threshold ? " >=" : " <", threshold);
    return buffer;
}

const char *cli_bytes_text(uint64_t bytes, char buffer[32])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    int unit = 0;
    for (; value >= 1000 && unit < 4; unit++)
        value /= 1000;
    snprintf(buffer, 32, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return buffer;
}
