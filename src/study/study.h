/* The user study from inside: its key, its participants, and what the files that make and score it share. */
#ifndef SL_STUDY_STUDY_H
#define SL_STUDY_STUDY_H

#include <jansson.h>
#include <stdbool.h>

#include "base/status.h"
#include "secondlook_study.h"

enum {
    SL_STUDY_VERSION = 1, /* of all three documents */
    SL_STUDY_NAME = 16,   /* hex digits that name a pair: the beginning of the hash of its pictures */
    SL_STUDY_PAIRS_MAX = 100,
    SL_STUDY_EXAMPLES_MAX = 50,
    SL_STUDY_PEOPLE_MAX = 4096
};

/* "format" of the documents. */
#define SL_STUDY_FORMAT "secondlook-study"
#define SL_STUDY_KEY_FORMAT "secondlook-study-key"
#define SL_STUDY_ANSWERS_FORMAT "secondlook-study-answers"
#define SL_STUDY_KEY_FILE "key.json"

/* A pair that is asked about. */
typedef struct {
    char name[SL_STUDY_NAME + 1];
    bool same;
    int set;
} sl_study_pair;

/* What one participant did in one arm. */
typedef struct {
    int place; /* of the arm in the order that he met them, from 1; 0: never */
    int answered, right, yes;
} sl_study_part;

typedef struct {
    sl_study_sheet sheet;
    uint8_t digest[32]; /* of the answers, however their document was written */
    sl_study_part parts[SL_STUDY_ARMS]; /* [arm_count] */
    float *seconds; /* [arm_count, pairs] in the order of the answers; NaN behind them and where none is told */
} sl_participant;

struct sl_study {
    char id[65];
    int arm_count;
    sl_study_arm arms[SL_STUDY_ARMS];
    int pairs, same; /* of each set */
    sl_study_pair *all; /* [arm_count * pairs], by name */
    sl_participant *people;
    size_t count, capacity;
};

/* ---- study_json.c: documents from outside ---- */

/* Parses a document of this format and version; `what` names it in errors. free by json_decref. */
sl_status sl_study_parse(const void *json, size_t size, const char *format, const char *what, json_t **out,
                         sl_error *err);

/* A text of `least` to `most` bytes; a whole number in [low, high]; an array. NULL, -1, NULL after an error. */
const char *sl_study_text(const json_t *object, const char *name, size_t least, size_t most, sl_error *err);
long long sl_study_int(const json_t *object, const char *name, long long low, long long high, sl_error *err);
const json_t *sl_study_array(const json_t *object, const char *name, size_t least, size_t most, sl_error *err);

/* A NaN becomes null. */
json_t *sl_study_number(double value);

/* ---- answers.c ---- */

/* The median of the numbers that are no NaN, which are sorted to the front; NaN of none. */
double sl_study_median(float *values, size_t count);

void sl_participant_free(sl_participant *p);

/* ---- sign_flips.c ---- */

/* How often a sum of differences, each with its sign drawn anew, is as far from 0 as theirs: exact, over all 2^n draws.
 * NaN for none, or without memory. */
double sl_sign_flip_p(const int *differences, size_t count);

/* Holm's correction: out [count] of p [count] (NaN stays, and is not counted). */
void sl_holm(const double *p, size_t count, double *out);

#endif
