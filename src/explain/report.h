/* The HTML report's parts. The page needs no script and asks nothing of the network. */
#ifndef SL_EXPLAIN_REPORT_H
#define SL_EXPLAIN_REPORT_H

#include "base/text.h"
#include "explain/explain.h"

/* report_style.c: the page's style sheet. */
extern const char sl_report_css[];

/* report_words.c: sentences. */
/* Escaped, kept apart from the text's direction, and free to break behind _ and /. */
void sl_report_name(sl_text *page, const char *name);
void sl_report_story(sl_text *page, const sl_case *one);
void sl_report_settings(sl_text *page, const sl_case *one);
void sl_report_how_to_read(sl_text *page);

/* report_case.c: one case's section, `number` from 1. */
sl_status sl_report_case(sl_text *page, const sl_case *one, size_t number, size_t count, bool settings,
                         sl_error *err);

/* An <img> with the picture inside as JPEG. `alt` is plain text. */
sl_status sl_report_picture(sl_text *page, const sl_image *picture, const char *alt, sl_error *err);

/* The same of a crop, at most `side` pixels; "picture not kept" where it is NULL. */
sl_status sl_report_crop(sl_text *page, const sl_image *crop, int side, const char *alt, sl_error *err);

const char *sl_report_query_name(const sl_case *one);

#endif
