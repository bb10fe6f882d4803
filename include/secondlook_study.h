/* secondlook: the user study. Do explanations help people to tell whether two faces are of one person? (dissertation
 * 5.3.3)
 *
 *     gallery -> sl_study_make -> FOLDER/site/    what participants see: static files
 *                                 FOLDER/key.json the truth about them, which must not be shown
 *     participants -> answers -> sl_study_open, sl_study_take, sl_study_score -> accuracies with intervals, tests
 *
 * The rules of secondlook.h hold here too. docs/study.md has the formats. */
#ifndef SECONDLOOK_STUDY_H
#define SECONDLOOK_STUDY_H

#ifndef SL_EXPERIMENTAL
#error "secondlook_study.h may change from one version to the next: define SL_EXPERIMENTAL before including it"
#endif

#include "secondlook.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is shown beside the two faces: an arm of the study. */
typedef enum {
    SL_STUDY_NONE = 0,  /* nothing */
    SL_STUDY_CC = 1,    /* the network alone: each patch against the mean of the other face's, as heat (SL_HEAT_CC) */
    SL_STUDY_FLOW = 2,  /* DeepFace-EMD: the first face put together from patches of the second */
    SL_STUDY_H2L = 3,   /* Hybrid-ViT: each patch after attention to both faces against the other face's mean */
    SL_STUDY_TRUST = 4, /* oae: how far each part of a face is believed */
    SL_STUDY_ARMS       /* their number, which grows */
} sl_study_arm;

/* "flow": as files spell it; NULL for a number that is none. And the arm of a name, -1 where it is no arm's. */
SL_API const char *sl_study_arm_name(sl_study_arm arm);
SL_API int sl_study_arm_named(const char *name);

/* ------------------------------------------------------------------ making */

/* Who the other person of a different pair is. */
typedef enum {
    SL_STUDY_NEAR = 0,  /* of the people left, the one whose photo stage 1 finds most like the first one's: what an
                           identification shows to a person who is to decide */
    SL_STUDY_RANDOM = 1 /* anybody */
} sl_study_strangers;

typedef struct {
    const sl_oae *oae;   /* with statistics, for the arm trust; NULL: it is left out */
    const sl_look *look; /* of the kind h2l, for the arm h2l; NULL: it is left out */
    int examples, pairs; /* of a set: shown with the answer, and asked. Examples 0 .. 50, pairs 2 .. 100 */
    int same;            /* of the pairs: of one person, 1 .. pairs - 1. Of the examples the same share, rounded */
    sl_study_strangers strangers;
    uint64_t seed;       /* the same seed, gallery and models give the same bytes */
    const char *consent; /* what participants agree to, UTF-8, paragraphs parted by blank lines, at most 64 KiB; NULL:
                            a text that comes with the library */
    sl_progress_fn progress; /* counts pairs */
    void *context;
} sl_study_options;

/* 5 examples, 15 pairs, 8 of them of one person (so that chance is 53.33 %), near, seed 1. */
SL_API sl_study_options sl_study_defaults(void);

typedef struct {
    char id[65]; /* SHA-256 of what participants see, 64 hex digits */
    int arm_count;
    sl_study_arm arms[SL_STUDY_ARMS];
    size_t pairs;   /* with examples */
    size_t files;   /* written below site/ */
    uint64_t bytes; /* of them */
} sl_study_made;

/* Draws pairs of faces from the gallery's crops, a mask or sunglasses onto each face (by 68 landmarks), embeds them
 * anew and writes the study. There are as many sets of pairs as arms, and every pair is drawn for every arm: a
 * participant sees each pair once, set s in the arm s + rotation, the rotation being the participant's own; so no arm
 * has the easier pairs. A person is in one pair, a photo is shown once.
 *   engine   the gallery's, with a landmark model
 *   folder   made where it is not there
 * SL_ERR_EXISTS where folder/key.json is there already: answers may belong to it. SL_ERR_ARGUMENT where the gallery has
 * too few people (the error says how many it takes), SL_ERR_NOT_FOUND without crops, SL_ERR_UNSUPPORTED without a
 * landmark model. The key is written last: a folder without one is no study. */
SL_API sl_status sl_study_make(const sl_engine *engine, const sl_gallery *gallery, const sl_study_options *options,
                               const char *folder, sl_study_made *out, sl_error *err);

/* ------------------------------------------------------------------ answers */

/* The key of a study, and the answers taken so far. Use from one thread at a time. */
typedef struct sl_study sl_study;

/* Reads folder/key.json. */
SL_API sl_status sl_study_open(const char *folder, sl_study **out, sl_error *err);
/* The same of its bytes. */
SL_API sl_status sl_study_of_key(const void *json, size_t size, sl_study **out, sl_error *err);
SL_API void sl_study_close(sl_study *study);
SL_API const char *sl_study_id(const sl_study *study); /* valid as long as the study */

/* One participant's answers, looked at. */
typedef struct {
    char participant[65];
    int repeated;       /* 1: these very answers were taken before */
    size_t answers, missing; /* pairs */
    size_t hasty, slow; /* answers after less than .2 s, more than 10 minutes: they count, their times do not */
} sl_study_sheet;

/* Looks at one participant's answers (a JSON document, docs/study.md), and takes nothing.
 *   SL_ERR_FORMAT    it is none: no JSON, a part missing or of another type, a pair unknown, asked twice or in an arm
 *                    that it does not belong to, a time below 0 or above a day
 *   SL_ERR_MISMATCH  it is of another study
 *   SL_ERR_EXISTS    the same participant has answered otherwise before
 *   SL_ERR_LIMIT     larger than 1 MiB; more than 4,096 participants */
SL_API sl_status sl_study_check(const sl_study *study, const void *json, size_t size, sl_study_sheet *out,
                                sl_error *err);

/* The same, and takes them; what is repeated changes nothing. On failure nothing is taken. */
SL_API sl_status sl_study_take(sl_study *study, const void *json, size_t size, sl_study_sheet *out, sl_error *err);

/* Told of each participant's answers in a file: `sheet` where they were taken, else NULL and why not. `where` is the
 * file's name, with the line behind it where it has several. */
typedef void (*sl_study_told_fn)(void *context, const char *where, const sl_study_sheet *sheet, const sl_error *why);

/* Takes the answers of a file (at most 256 MiB): one document, or, where its name ends with ".jsonl", one a line. What
 * is refused is told (told may be NULL) and passed over; only a file that cannot be read is an error. */
SL_API sl_status sl_study_take_file(sl_study *study, const char *path, sl_study_told_fn told, void *context,
                                    sl_error *err);

/* ------------------------------------------------------------------ scoring */

/* Of one arm. Percent, of the participants who answered all of its pairs. */
typedef struct {
    sl_study_arm arm;
    size_t participants, incomplete; /* incomplete: they left pairs of it out, and count in no figure of it */
    double mean, std;     /* of their accuracies; std of the sample (n - 1), NaN below two */
    double low, high;     /* 95 % interval of the mean: percentiles of 2,000 bootstrap resamples of the participants */
    double yes;           /* how often they said "the same person", whatever was right */
    double seconds;       /* median over all answers; NaN: none was timed */
} sl_study_arm_score;

/* Two arms in the same participants: those who answered all pairs of both. */
typedef struct {
    sl_study_arm a, b;
    size_t participants;
    double difference, low, high; /* of a less b, percent, interval as above */
    double p;      /* two-sided, by all 2^n changes of the differences' signs: exact, not drawn */
    double p_holm; /* the same after Holm's correction for all pairs of arms */
} sl_study_difference;

enum { SL_STUDY_DIFFERENCES = SL_STUDY_ARMS * (SL_STUDY_ARMS - 1) / 2 };

typedef struct {
    char id[65];
    size_t participants;
    size_t missing, hasty, slow; /* answers of all */
    int pairs, same;             /* of an arm */
    double chance;               /* percent: of always saying what is right more often */
    int arm_count, difference_count;
    sl_study_arm_score arms[SL_STUDY_ARMS];
    sl_study_difference differences[SL_STUDY_DIFFERENCES];
} sl_study_result;

/* The figures of all answers taken; seed: of the bootstrap. NaN where nobody has answered. */
SL_API sl_status sl_study_score(const sl_study *study, uint64_t seed, sl_study_result *out, sl_error *err);

/* As a JSON document; as a chart of bars with their intervals and the level of chance (SVG). SL_ERR_ARGUMENT for a
 * chart of nobody. free() them. */
SL_API sl_status sl_study_result_json(const sl_study_result *result, char **json, sl_error *err);
SL_API sl_status sl_study_result_chart(const sl_study_result *result, char **svg, sl_error *err);

/* The chart in a file, complete or not at all. */
SL_API sl_status sl_study_write_chart(const sl_study_result *result, const char *path, sl_error *err);

/* A line per participant and arm as CSV: participant, arm, place (of the arm in the order that he met them, from 1),
 * pairs, answered, right, yes, seconds (median). free() it. */
SL_API sl_status sl_study_csv(const sl_study *study, char **csv, sl_error *err);
SL_API sl_status sl_study_write_csv(const sl_study *study, const char *path, sl_error *err);

#ifdef __cplusplus
}
#endif

#endif
