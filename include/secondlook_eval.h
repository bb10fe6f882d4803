/* secondlook: what a gallery and a second look are worth, and what their scores mean.
 *
 *     pairs, query galleries -> sl_eval_verify, sl_eval_identify, sl_eval_openset -> rates with intervals
 *     a gallery's own faces  -> sl_gallery_calibrate -> thresholds by which sl_identify decides
 *                            -> sl_gallery_cluster   -> who is the same person, whatever they are called
 *
 * The rules of secondlook.h hold here too. */
#ifndef SECONDLOOK_EVAL_H
#define SECONDLOOK_EVAL_H

#ifndef SL_EXPERIMENTAL
#error "secondlook_eval.h may change from one version to the next: define SL_EXPERIMENTAL before including it"
#endif

#include "secondlook.h"
#include "secondlook_draw.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ evaluation */

/* How well one score tells same from different, by ten folds: each is decided at the threshold that is most accurate
 * on the other nine (the protocol of LFW's "View 2"). Percent, but for thresholds and curves. */
typedef struct {
    double accuracy, std; /* mean and standard deviation over the folds */
    double threshold;     /* mean over the folds */
    double best_accuracy, best_threshold; /* at the one threshold that is best over all pairs, as MLFW's authors
                                             count */
    double eer;           /* where false matches and false non-matches are equally frequent */
    double tar_at_far[4]; /* true matches at a false match rate of at most 10 %, 1 %, .1 %, .01 %; NaN where the pairs
                             of different people are too few for a single false match at that rate */
    size_t points;        /* of the curves, from the highest threshold down, thinned */
    double *thresholds, *far, *tar; /* [points] FAR and TAR in [0, 1] at score >= threshold */
} sl_verify_rates;

typedef struct {
    size_t pairs, same;
    size_t missing; /* pairs with a photo that is not in the gallery: they count as "different" at every threshold */
    sl_verify_rates stage1, stage2, score; /* stage2: zeros without a second look, when score is stage 1's */
} sl_verification;
SL_API void sl_verification_free(sl_verification *v);

typedef struct {
    sl_match_options match;
    const char *csv; /* a line per pair is written here, complete or not at all; NULL: none */
    int csv_safe;    /* 1: a ' goes before texts that begin with = + - @, tab or CR, which spreadsheets run as
                        formulas */
    void (*missing)(void *context, size_t line, const char *image); /* told every photo that is not there, or NULL */
    sl_progress_fn progress;
    void *context;
} sl_verify_options;

/* Pairs by image id. Two lines a pair, "image n" with n 0 of two people and 1 or more of one, are CALFW's and CPLFW's
 * form: each kind is cut in ten folds. Else one a line: LFW's own form ("folds pairs", then "person n m" and "person n
 * other m", for person/person_000n.jpg), or "image image 0|1", "0|1 image image" or "image image 0|1 id id", cut in ten
 * equal folds. Fields are parted by tabs, in lines without one by two or four commas, else by spaces; "quotes" may hold
 * spaces. Errors name the line. Scores are those of sl_compare. */
SL_API sl_status sl_eval_verify(const sl_gallery *gallery, const char *pairs_file, const sl_verify_options *options,
                                sl_verification *out, sl_error *err);

/* A mean over queries in percent, with its 95 % interval from 2,000 bootstrap resamples of the queries, the same ones
 * for everything that one call measures. */
typedef struct {
    double mean, low, high;
} sl_interval;

/* How well queries find their people (dissertation 5.1). R is the number of gallery photos of the query's person that
 * count. */
typedef enum {
    SL_P1 = 0,   /* precision at 1: is the first of the right person? */
    SL_RP = 1,   /* R-precision: the part of the first R that is */
    SL_MAPR = 2, /* mean average precision at R */
    SL_METRICS   /* their number, which grows */
} sl_metric;

/* "p1": as JSON and CSV spell it. */
SL_API const char *sl_metric_name(sl_metric metric);

/* Of a set of queries. */
typedef struct {
    sl_interval metric[SL_METRICS];
} sl_retrieval;

/* Halves of the people, by the lowest bit of the CRC-32C of the label: one to choose by, one to report on. */
typedef enum { SL_PEOPLE_ALL = 0, SL_PEOPLE_A = 1, SL_PEOPLE_B = 2 } sl_people;

/* One configuration of a sweep. */
typedef struct {
    sl_match_options match; /* of the second look; its threads are not used */
    sl_rerank first;        /* SL_RERANK_NONE: stage 1 is the cosine of the embeddings. Else the whole gallery is
                               ordered by this second look alone, with the match options' weighting, grid and so on */
    const char *name;       /* in the CSV; NULL: its number from 1 */
} sl_eval_config;

/* What one query came to in one configuration. Ranks are of the first right photo, from 1; 0: not among those ranked.
 * A query with nobody to be found has relevant 0, NaN for rates and SIZE_MAX for faces. */
typedef struct {
    size_t config, query; /* index of the configuration; of the query in its gallery */
    size_t relevant;      /* R */
    size_t stage1_rank, stage2_rank;
    double stage1[SL_METRICS], stage2[SL_METRICS]; /* in [0, 1] */
    size_t stage1_first, stage2_first; /* gallery index of the first candidate */
} sl_eval_line;

/* What of two ids tells that a query is, or was made of, a photo of the gallery. Endings do not count ("1.jpg",
 * "1.png"). A query to which two photos of the gallery fit is SL_ERR_ARGUMENT, which names them. */
typedef enum {
    SL_SAME_BY_PATH = 0,   /* the whole path, else the path below the folders that all ids of either gallery share (up
                              to the person's): masked/Ann/1.png is of photos/Ann/1.jpg */
    SL_SAME_BY_NAME = 1,   /* label and file name, whatever the folders */
    SL_SAME_BY_PATTERN = 2 /* the (group) of a POSIX extended regular expression in the ids */
} sl_same_by;

typedef struct {
    sl_same_by by;
    const char *pattern; /* NULL unless by pattern */
} sl_same_photo;

typedef struct {
    int exclude_same_photo; /* 1: the gallery photo that a query is or was made of is passed over: the honest protocol.
                               0: it counts, as in the dissertation's occluded sets */
    sl_same_photo same_photo; /* how it is found */
    int reference_metrics;  /* 1: where queries and gallery are the same folder, R counts the query itself, which
                               is never found, as the published code has it */
    sl_people people;       /* only queries of this half of the people count */
    size_t min_photos;      /* people with fewer photos in the gallery are left out of gallery and queries: 2 gives the
                               dissertation's list of 1,680 people. 0, 1: all */
    const char *only;       /* a file of labels or image ids, one a line: gallery and queries are these. NULL: all */
    size_t limit;           /* at most so many queries, evenly spaced among those that count; 0: all */
    uint64_t seed;          /* of the bootstrap */
    int threads;            /* 0: all processors. The results do not depend on it */
    const char *csv;        /* a line per configuration and query is written here, complete or not at all; NULL: none */
    int csv_safe;           /* 1: a ' goes before texts that begin with = + - @, tab or CR (formulas of spreadsheets) */
    void (*line)(void *context, const sl_eval_line *line); /* told all of them at the end; may be NULL */
    sl_progress_fn progress;
    void *context;
} sl_eval_options;

enum { SL_CMC_RANKS = 100 };

typedef struct {
    size_t queries;   /* counted: those with a photo to be found */
    size_t unmatched; /* not counted: nobody in the gallery (left) with their label */
    size_t own_photos, own_photos_of; /* queries whose own photo was found and passed over, of so many before the limit:
                                         with 0 the honest protocol passed over nothing */
    size_t gallery;   /* faces that may be found */
    sl_retrieval stage1, stage2;
    sl_retrieval max;        /* the best that any new order of the top k could reach */
    sl_retrieval difference; /* stage 2 - stage 1, paired */
    size_t won, lost;        /* queries whose first candidate became right, became wrong */
    double stage1_cmc[SL_CMC_RANKS], stage2_cmc[SL_CMC_RANKS]; /* [r]: percent of queries found at rank <= r + 1 */
    double seconds_stage1, seconds_stage2; /* of all threads, divided by their number. What configurations share is
                                              counted in each, such as a second look at the largest k */
} sl_evaluation;

/* Every face of the queries' gallery is identified in the other one (which may be the same handle: a query is
 * never its own candidate then) by each of `count` configurations; out [count]. Equal scores stand in stage 1's order,
 * equal cosines in that of the gallery. Stage 1 is scanned once, and each second look scores once, for the largest k,
 * whatever the alphas and ks. Without re-ranking stage2 repeats stage1. */
SL_API sl_status sl_eval_identify(const sl_gallery *gallery, const sl_gallery *queries, const sl_eval_config *configs,
                                  size_t count, const sl_eval_options *options, sl_evaluation *out, sl_error *err);

/* Whether a configuration is possible for the gallery's templates (landmarks are looked for in its first face); the
 * error says why not. */
SL_API sl_status sl_eval_check(const sl_gallery *gallery, const sl_eval_config *config, sl_error *err);

/* The answer to one query under these rules, for pictures: the best `top` photos (not people) of both stages, without a
 * threshold (NaN). Free with sl_answer_free. SL_ERR_NOT_FOUND when the query is not asked or has nobody to be found. */
SL_API sl_status sl_eval_answer(const sl_gallery *gallery, const sl_gallery *queries, const sl_eval_config *config,
                                const sl_eval_options *options, size_t query, int top, sl_answer *out, sl_error *err);

/* ---- open sets: most of those who pass a camera were never enrolled ---- */

/* FPIR: the part of the searches for somebody who is not there that find somebody (best score >= threshold). FNIR: the
 * part of the searches for somebody who is there that do not find him (another is best, or the score is below). */
typedef struct {
    double threshold;       /* NaN: cannot be told, fewer than ten false positives would be expected; or a rule of
                               several bins, which has no one threshold */
    sl_interval fpir, fnir; /* percent, at this threshold or by this rule, Clopper-Pearson 95 % (searches taken as
                               independent); NaN: cannot be told */
} sl_openset_point;

enum { SL_OPENSET_RATES = 3 };

typedef struct {
    sl_openset_point at[SL_OPENSET_RATES]; /* at the thresholds for FPIR 10 %, 1 %, .1 % */
    sl_interval rank1;                     /* percent of searches whose best is right, whatever the score */
    size_t points;                         /* of the curve (DET), from the highest threshold down, thinned */
    double *thresholds, *fpir, *fnir;      /* [points] in [0, 1]; fnir NaN without searches for people who are there */
} sl_openset_rates;

typedef struct {
    size_t mated, nonmated; /* searches for somebody who is there, who is not */
    size_t strangers;       /* of the latter, those by people who are not in the gallery at all */
    size_t faces, people;   /* in the gallery */
    size_t own_photos, own_photos_of; /* sl_eval_openset: queries whose own photo was found, of so many before the
                                         limit */
    sl_openset_rates stage1, score;
} sl_openset;
SL_API void sl_openset_free(sl_openset *o);

typedef struct {
    sl_match_options match;
    sl_people people; /* only queries of this half of the people search */
    size_t limit;     /* at most so many queries, evenly spaced; 0: all */
    sl_same_photo same_photo; /* how a query's own photo is found, which is no answer */
    const sl_rule *rules; /* [rule_count] rules to be measured too, into rule_points */
    size_t rule_count;
    sl_openset_point *rule_points;
    sl_progress_fn progress;
    void *context;
} sl_openset_options;

/* Every query is searched by the pipeline of sl_identify, best person's score: for himself, where he has a photo other
 * than the query's own in the gallery, and, with his person left out of the gallery, as somebody who was never
 * enrolled. queries may be the gallery itself. Does not depend on the number of threads. */
SL_API sl_status sl_eval_openset(const sl_gallery *gallery, const sl_gallery *queries,
                                 const sl_openset_options *options, sl_openset *out, sl_error *err);

/* ---- who is the same ---- */

/* The false match rate whose threshold (sl_rule_for_far) the programs group by where none is asked for: chosen on
 * people of LFW's half a (docs/lab/accuracy.md). */
#define SL_CLUSTER_FAR 1e-4

typedef struct {
    sl_match_options match; /* settled (sl_match_settle) */
    const sl_rule *rule;    /* from which score on two faces are one person, as hidden as the more hidden of them
                             * (sl_rule_for_far); bins without a threshold are SL_ERR_ARGUMENT. Must outlive the call */
    int neighbours;         /* of stage 1 that each face is compared with; 0: 32 */
    sl_progress_fn progress;
    void *context;
} sl_cluster_options;

typedef struct {
    size_t faces, clusters; /* in the gallery; of two faces and more */
    uint32_t *cluster;      /* [faces] of each face: 0 .. clusters - 1, the largest first; UINT32_MAX: like no other */
} sl_clusters;

/* Groups a gallery's faces by who they are, whatever they are called: of the people who are not known yet. m(a, b) is
 * the look's score of a pair less its threshold. Pairs with m >= 0 among each face's nearest are taken best first, and
 * the clusters of the two faces become one where mean m(a, b) >= 0 over a in the one, b in the other (of large ones
 * over eight faces of each, evenly drawn): one false match does not join two people. The same for any number of
 * threads. Free the result; there is none on failure. */
SL_API sl_status sl_gallery_cluster(const sl_gallery *gallery, const sl_cluster_options *options, sl_clusters *out,
                                    sl_error *err);
SL_API void sl_clusters_free(sl_clusters *clusters);

/* ---- which explanation holds ---- */

/* By what cells of the query are called important. The first three are sl_heat_kind's. */
typedef enum {
    SL_TOLD_CC = 0,        /* of looks that were learned, and of none: the maps' own (the dissertation's model C) */
    SL_TOLD_ATTENTION = 1, /* mean of all heads */
    SL_TOLD_RELEVANCE = 2,
    SL_TOLD_WEIGHTS = 3,   /* of looks that move patches: what a patch counts (sl_weighting) */
    SL_TOLD_FLOW = 4,      /* of the same: the largest flow of a patch, as the flow picture is bright */
    SL_TOLD_TRUST = 5,     /* of oae: how far a cell is believed */
    SL_TOLD_SHARES = 6,    /* of looks that were not learned: what a cell gives to the score (sl_attribute) */
    SL_TOLD_RANDOM = 7,    /* by chance, the mean of random orders: what the others are to be compared with */
    SL_TOLD_KINDS          /* their number, which grows */
} sl_told;

/* "cc", .., "random". */
SL_API const char *sl_told_name(unsigned kind);

/* Areas under the curves of one kind: the score while the cells called important are hidden one after the other
 * (deletion: the lower the better) and while they alone are shown (insertion: the higher the better), the part of the
 * cells going from 0 to 1. In units of the score, with 95 % intervals by 2,000 bootstrap resamples of the pairs. */
typedef struct {
    sl_told kind;
    sl_interval deletion, insertion;
    sl_interval deletion_gain, insertion_gain; /* random - deletion, insertion - random, paired; above 0: it beats
                                                  chance */
    double *hidden, *shown; /* [cells + 1] the mean curves */
} sl_told_rates;

typedef struct {
    size_t pairs;
    int cells;
    int count;
    sl_told_rates of[SL_TOLD_KINDS]; /* the kinds that this look has, random last */
} sl_explained;
SL_API void sl_explained_free(sl_explained *explained);

typedef struct {
    sl_match_options match; /* settled. The score is this look's own, stage 2; of none the cosine of stage 1, which
                               needs `oae`. alpha is not read */
    size_t pairs;           /* of one person each, another query in each; 0: 200 */
    sl_people people;       /* of this half of the people */
    sl_same_photo same_photo; /* how a query's own photo is found, which is no partner */
    uint64_t seed;          /* of the draw of pairs, the random orders and the bootstrap */
    int random_orders;      /* of each pair; 0: 4 */
    sl_progress_fn progress;
    void *context;
} sl_explain_options;

/* Measures every kind of explanation that the look has, on pairs of a query and a photo of its person that is in the
 * gallery. Hidden is a cell of the query: as in sl_hide_cells, by the look's own rule: none, an average face shows
 * there; those that move patches, it weighs nothing; oae, it is left out of both faces; those that were learned, the
 * mean of the query's patches stands there. So areas of different looks are not to be compared, but what each kind
 * gains on chance. Does not depend on the number of threads. SL_ERR_ARGUMENT where nothing can be told by cell, or
 * nobody has a partner. */
SL_API sl_status sl_eval_explain(const sl_gallery *gallery, const sl_gallery *queries,
                                 const sl_explain_options *options, sl_explained *out, sl_error *err);

/* ---- what scores mean ---- */

/* Of one bin of sl_rule. */
typedef struct {
    double hidden_to;
    size_t searches, pairs; /* measured by */
    double fpir_threshold[SL_OPENSET_RATES]; /* at FPIR 10 %, 1 %, .1 %; NaN: too few searches to tell */
    double fmr_threshold[4];                 /* at a false match rate of 1e-3, 1e-4, 1e-5, 1e-6; likewise */
} sl_calibrated_bin;

typedef struct {
    size_t faces, people;   /* in the gallery */
    size_t searches, pairs; /* of all bins */
    int bins;
    sl_calibrated_bin bin[SL_OCCLUSION_BINS];
} sl_calibration;

typedef struct {
    sl_match_options match; /* settled (sl_match_settle): with cells of statistics, by how much queries hide */
    sl_same_photo same_photo;
    float hidden_below;     /* queries that hide so much or more of their upper or lower half are left out: those that a
                               query encoder would embed otherwise (sl_engine_encodes_from); 0, 1: all are taken */
    size_t max_pairs;       /* about so many pairs are drawn for each set of queries, where there are more */
    uint64_t seed;          /* of the draw */
    sl_progress_fn progress;
    void *context;
} sl_calibrate_options;

enum { SL_CALIBRATE_LEAST = 100 }; /* searches: fewer cannot tell a rate of one in ten */

/* Measures what scores mean in this gallery, and keeps it with the gallery for sl_rule_default, _for_fpir and _for_far
 * with this look; what was there is replaced, complete or not at all. Every query of `sets` galleries (the gallery
 * itself may be one) searches as somebody who was never enrolled, his person left out, and pairs of different people
 * are compared, each by how much of the query is hidden. Covered queries are best drawn from the gallery's own crops
 * (sl_gallery_draw). SL_ERR_ARGUMENT, and nothing is kept, below SL_CALIBRATE_LEAST searches. The same numbers for any
 * number of threads. */
SL_API sl_status sl_gallery_calibrate(const sl_gallery *gallery, const sl_gallery *const *queries, size_t sets,
                                      const sl_calibrate_options *options, sl_calibration *out, sl_error *err);

/* Removes it. SL_ERR_NOT_FOUND when there is none for this look. */
SL_API sl_status sl_calibration_remove(const sl_gallery *gallery, const sl_match_options *match, sl_error *err);

/* What of a model is measured, and where it goes. */
typedef struct {
    const sl_match_options *looks; /* [count], settled */
    size_t count;
    const char *measured_on; /* whose faces they are, in words */
    const char *file;        /* written complete or not at all */
} sl_threshold_options;

/* Measures the false match rates of a model by pairs, as above, for each look, and writes them: as
 * models_dir/NAME.rates they are what sl_rule goes by where a gallery is not calibrated.
 *   queries  [sets] galleries
 *   options  how it is measured; its `match` is not read
 *   out      [what->count] */
SL_API sl_status sl_model_threshold(const sl_gallery *gallery, const sl_gallery *const *queries, size_t sets,
                                    const sl_threshold_options *what, const sl_calibrate_options *options,
                                    sl_calibration *out, sl_error *err);

/* Where the above belongs for an engine: models_dir/NAME.rates, NAME its query encoder's where it has one, else its
 * model's. free() it. */
SL_API sl_status sl_model_rates_file(const sl_engine *engine, char **path, sl_error *err);

typedef struct {
    sl_occlusion kind;
    const char *style; /* as in sl_occlude */
    uint64_t seed;
    size_t limit; /* at most so many faces, evenly spaced; 0: all */
    int threads;  /* 0: all processors */
    sl_progress_fn progress;
    void *context;
} sl_gallery_draw_options;

/* Draws an occluder on the crop of each of the gallery's faces (those without one are left out), embeds it as a query
 * (sl_queries_of_crops) and adds it to `out`, which is open for writing, with the same label and id. SL_ERR_NOT_FOUND
 * when no face has a crop, SL_ERR_UNSUPPORTED without a landmark model. */
SL_API sl_status sl_gallery_draw(const sl_engine *engine, const sl_gallery *gallery,
                                 const sl_gallery_draw_options *options, sl_gallery *out, sl_error *err);

/* The same with nothing drawn: the gallery's crops as queries of this engine, with its query encoder. `out` is for
 * searching other galleries with. */
SL_API sl_status sl_gallery_encode(const sl_engine *engine, const sl_gallery *gallery, int threads,
                                   sl_progress_fn progress, void *context, sl_gallery *out, sl_error *err);

/* ------------------------------------------------------------------ speed of learned looks */

/* A look with weights that are made up, over maps that are. */
typedef struct {
    sl_rerank rerank;    /* SL_RERANK_H2L or SL_RERANK_H2 */
    int depth, heads;    /* 1 to 64 */
    int cells, channels; /* of a patch map: 64 x 512, at most 256 x 4096 */
    sl_compute precision; /* f32, bf16 or int8, whose ranges are measured on the maps */
    int threads, pairs;  /* 1 or more; pairs: candidates of one query */
    double seconds;      /* to measure for, in five rounds, and products between them */
} sl_look_speed_options;

typedef struct {
    double pairs_per_s;    /* this and what follows: of the round whose share is the median of five */
    double query_ms;       /* all pairs of one query */
    double gflop_per_pair; /* of products, as they are done */
    double product_gflops; /* the machine's rate: a large dense layer, same precision and threads */
    double share;          /* pairs_per_s * gflop_per_pair / product_gflops */
} sl_look_speed;

SL_API sl_status sl_look_speed_measure(const sl_look_speed_options *options, sl_look_speed *out, sl_error *err);

#ifdef __cplusplus
}
#endif

#endif
