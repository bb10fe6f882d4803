/* Names and texts from outside, shown so that they cannot act on the terminal. */
#define _GNU_SOURCE
#include "common/printer.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/progress.h"

/* ------------------------------------------------------------------ columns */

static bool within(uint32_t code, const uint32_t (*ranges)[2], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (code >= ranges[i][0] && code <= ranges[i][1])
            return true;
    return false;
}

/* Marks that stand on the letter before them take no column, letters of East Asia and pictures two. */
static int columns_of(uint32_t code)
{
    static const uint32_t marks[][2] = {
        {0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x5bf, 0x5bf},   {0x5c1, 0x5c2},   {0x5c4, 0x5c5},
        {0x5c7, 0x5c7},   {0x610, 0x61a},   {0x64b, 0x65f},   {0x670, 0x670},   {0x6d6, 0x6dc},   {0x6df, 0x6e4},
        {0x900, 0x902},   {0x93a, 0x93a},   {0x93c, 0x93c},   {0x941, 0x948},   {0x94d, 0x94d},   {0x951, 0x957},
        {0xe31, 0xe31},   {0xe34, 0xe3a},   {0xe47, 0xe4e},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20f0},
        {0x302a, 0x302d}, {0x3099, 0x309a}, {0xfe20, 0xfe2f},
    };
    static const uint32_t wide[][2] = {
        {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97c}, {0xac00, 0xd7a3},
        {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff01, 0xff60},   {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
        {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
    };
    return within(code, marks, sizeof marks / sizeof *marks) ? 0
           : within(code, wide, sizeof wide / sizeof *wide)  ? 2
                                                             : 1;
}

/* The columns of the characters of shown text that fit into `most`; *bytes: what they take. */
static int fit(const char *shown, int most, size_t *bytes)
{
    int width = 0;
    uint32_t code;
    *bytes = 0;
    for (size_t left = strlen(shown), n; (n = sl_utf8_read(shown, left, &code)) > 0; shown += n, left -= n) {
        if (width + columns_of(code) > most)
            break;
        width += columns_of(code);
        *bytes += n;
    }
    return width;
}

/* ------------------------------------------------------------------ names */

/* malloc'd; without memory nothing of it is printed. */
static char *shown_of(const char *text)
{
    const size_t size = sl_show(NULL, 0, text) + 1;
    char *shown = malloc(size);
    if (shown)
        sl_show(shown, size, text);
    return shown;
}

int cli_name_width(const char *name)
{
    size_t bytes;
    char *shown = shown_of(name);
    int width = shown ? fit(shown, INT32_MAX, &bytes) : 0;
    free(shown);
    return width;
}

void cli_print_name(FILE *out, const char *name, int width)
{
    size_t bytes = 0;
    char *shown = shown_of(name);
    int used = shown ? fit(shown, INT32_MAX, &bytes) : 0;
    fwrite(shown ? shown : "", 1, bytes, out);
    fprintf(out, "%*s", width > used ? width - used : 0, "");
    free(shown);
}

void cli_print_cell(FILE *out, const char *name, int width)
{
    size_t bytes = 0;
    char *shown = shown_of(name);
    if (!shown || fit(shown, INT32_MAX, &bytes) <= width) {
        cli_print_name(out, name, width);
    } else {
        int used = fit(shown, width - 1, &bytes);
        fwrite(shown, 1, bytes, out);
        fprintf(out, "\u2026%*s", width - 1 - used, "");
    }
    free(shown);
}

/* ------------------------------------------------------------------ lines */

static char *format_text(const char *format, va_list args)
{
    char *text;
    return vasprintf(&text, format, args) < 0 ? NULL : text;
}

/* "secondlook: " goes before what is `text`, which is released. */
static void print_line(FILE *out, const char *before, char *text)
{
    if (out == stderr)
        cli_progress_clear();
    fputs(before, out);
    cli_print_name(out, text ? text : "no memory for a message", 0);
    fputc('\n', out);
    free(text);
}

void cli_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line(stdout, "", format_text(format, args));
    va_end(args);
}

void cli_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line(stderr, "", format_text(format, args));
    va_end(args);
}

void cli_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line(stderr, "secondlook: ", format_text(format, args));
    va_end(args);
}

void cli_usage(struct argp_state *state, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = format_text(format, args), *shown = text ? shown_of(text) : NULL;
    va_end(args);
    argp_error(state, "%s", shown ? shown : "no memory for a message");
    free(shown);
    free(text);
}
