/* The HTML report's parts. The page runs nothing and asks nothing of the network. */
#ifndef SL_EXPLAIN_REPORT_H
#define SL_EXPLAIN_REPORT_H

#include <jansson.h>

#include "base/text.h"
#include "explain/heat.h"

/* Of a look that was learned, by sl_heat_kind; rows 0 where it has none of a kind. */
typedef struct {
    sl_heat of[3];
    sl_tiles flow; /* of attention */
} sl_told_heats;

/* A case with what is worked out for it: why its best candidate got its score, and whether that holds. */
typedef struct {
    const sl_case *one;
    size_t number;      /* from 1 */
    bool told;          /* the score could be taken apart by cell */
    sl_attribution why; /* rows 0 where it could not */
    sl_told_heats heats;
    sl_hiding hiding; /* by shares, or of a look that was learned by relevance; cells 0 where neither was told */
} sl_told_case;

enum { SL_REPORT_SEED = 1 }; /* of the random orders of every case */

/* report_style.c: the page's style sheet. */
extern const char sl_report_css[];

/* ---- report_words.c: sentences ---- */

/* Escaped, kept apart from the text's direction, and free to break behind _ and /. */
void sl_report_name(sl_text *page, const char *name);
const char *sl_report_query_name(const sl_case *one);

/* "0.5968", or "-" for NaN; whatever the locale. Returns `text`. */
const char *sl_report_number(char text[32], double value);

/* How the answer came about and what the threshold promises. */
void sl_report_story(sl_text *page, const sl_case *one);
void sl_report_how_to_read(sl_text *page, const sl_told_case *cases, size_t count);

/* What a rule promises, in one sentence; `source`: where its threshold comes from. */
void sl_report_promise(sl_text *page, const sl_rule *rule);
void sl_report_source(sl_text *page, const sl_rule *rule, int bin);

/* The answer as a badge has it. */
const char *sl_report_decision(const sl_answer *answer);

/* "40 to 50 %" */
void sl_report_bin(sl_text *page, const sl_rule *rule, int bin);

/* ---- report_facts.c: lists and tables of facts ---- */

void sl_report_fact(sl_text *page, const char *name);
void sl_report_fact_end(sl_text *page);

/* Program, model, gallery, command: `first` names the gallery. */
void sl_report_provenance(sl_text *page, const sl_provenance *from, const sl_case *first);

/* The look that decided and its options, and the rule. */
void sl_report_settings(sl_text *page, const sl_case *one);

/* What the query's photo is. */
void sl_report_photo(sl_text *page, const sl_case *one);

/* ---- report_case.c: one case's section ---- */

sl_status sl_report_case(sl_text *page, const sl_told_case *told, size_t count, bool settings, sl_error *err);

/* ---- report_picture.c ---- */

/* An <img> with the picture inside as JPEG. `alt` is plain text. */
sl_status sl_report_picture(sl_text *page, const sl_image *picture, const char *alt, sl_error *err);

/* The same of a crop, at most `side` pixels; "picture not kept" where it is NULL. */
sl_status sl_report_crop(sl_text *page, const sl_image *crop, int side, const char *alt, sl_error *err);

/* ---- report_why.c: why this score ---- */

/* Pictures of query and best candidate (NULL: not kept) with what their parts gave. */
sl_status sl_report_why(sl_text *page, const sl_told_case *told, const sl_image *best, sl_error *err);

/* The score cell by cell, and the curves of hiding. */
sl_status sl_report_cells(sl_text *page, const sl_told_case *told, sl_error *err);

/* ---- report_heats.c: what a look that was learned went by ---- */

sl_status sl_report_lay_open(const sl_case *one, const sl_template *other, sl_told_heats *out, sl_error *err);
void sl_told_heats_free(sl_told_heats *heats);
sl_status sl_report_heats(sl_text *page, const sl_told_case *told, const sl_image *best, sl_error *err);

/* ---- report_data.c: everything that the page tells, for programs ---- */

/* One line of JSON without < > &; free() it. page: SHA-256 of what stands above it. */
sl_status sl_report_data(const sl_provenance *from, const char *title, const sl_told_case *cases, size_t count,
                         const char page[65], char **out, sl_error *err);

#endif
