/* secondlook: networks that learn, from galleries with crops, lists of crops, or pictures of your own.
 *
 *     crops of people -> drawn on, blurred -> network -> loss -> gradients -> optimiser -> weights -> a model
 *
 * The same settings, data, seed, instruction set and number of threads give the same weights, bit for bit, also
 * where the work was stopped at any moment and resumed. The rules of secondlook.h hold here too. */
#ifndef SECONDLOOK_TRAIN_H
#define SECONDLOOK_TRAIN_H

#ifndef SL_EXPERIMENTAL
#error "secondlook_train.h may change from one version to the next: define SL_EXPERIMENTAL before including it"
#endif

#include "secondlook.h"
#include "secondlook_eval.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ a network to begin with */

typedef struct {
    const char *arch;       /* one of docs/models.md; "tiny" is for trying things out */
    const char *output;     /* the model's NAME, or FOLDER/NAME, as in sl_import_options */
    const char *models_dir; /* NULL: as in sl_models_list */
    int depth, heads; /* of a transformer; 0: the architecture's own */
    uint64_t seed;
    int replace; /* 1: also when a model of that name is there */
} sl_new_model_options;

/* A recogniser with random weights: of variance 2 / fan-in (He et al. 2015) where rectifiers follow, in transformers 1
 * / (3 fan-in) and tokens of variance 1 (as PyTorch and the published code), norms at rest. The same seed gives the
 * same file. SL_ERR_EXISTS as in sl_model_import. */
SL_API sl_status sl_model_new(const sl_new_model_options *options, sl_error *err);

/* ------------------------------------------------------------------ what is learned from */

/* One of the three is set. */
typedef struct {
    const sl_gallery *gallery; /* enrolled with crops, or with patch maps (f32, int8) where a transformer learns from
                                  those; must stay open and unchanged */
    const char *list;          /* a file of lines "path,label" that name aligned crops, of SL_TRAIN_POINTS whole
                                  photos; .. */
    const char *root;          /* .. below this folder; NULL: the list's own */

    /* Pictures of your own: aligned crops, as crop(context, i) makes them; person(context, i) is a number from 0
     * to people - 1. Called from several threads at once. */
    size_t count;
    int people;
    int (*person)(void *context, size_t i);
    sl_status (*crop)(void *context, size_t i, sl_image *out, sl_error *err);
    void *context;
} sl_train_data;

/* ------------------------------------------------------------------ how it is learned */

/* What learns (Face-ViT's models: the dissertation, chapter 4; docs/training.md). */
typedef enum {
    SL_TRAIN_RECOGNISER = 0, /* a recogniser on crops: it goes on, or begins at random (sl_model_new) */
    SL_TRAIN_H1 = 1,  /* a transformer over stored maps whose class token is the embedding; with the network below it
                         one recogniser */
    SL_TRAIN_H2 = 2,  /* a second look at pairs of stored maps: one person or two, by cross entropy */
    SL_TRAIN_H2L = 3, /* a second look: each photo's feature, which has seen the other, tells its own person by a margin
                         loss over all features of a batch [2 batch, D] */
    SL_TRAIN_POINTS = 4 /* where a face's five points are when something hides them: what a detector says of uncovered
                           photos, learned with covers drawn on (the detector's manifest then names it: "points") */
} sl_train_task;

typedef enum {
    SL_LOSS_DISTILL = 0, /* mean of 1 - cos(s, T(clean)) + target_covered (1 - cos(s, T(covered))): s the embedding
                            of a covered crop, T what the network made at the start. No labels are read */
    SL_LOSS_ARCFACE = 1, /* softmax cross-entropy of scale cos(angle + margin) (Deng et al. 2019) */
    SL_LOSS_COSFACE = 2, /* of scale (cos - margin) (Wang et al. 2018) */
    SL_LOSS_SOFTMAX = 3  /* of scale cos */
} sl_train_loss;

typedef enum { SL_OPTIMISER_SGD = 0, SL_OPTIMISER_ADAMW = 1 } sl_optimiser_kind;
typedef enum { SL_SCHEDULE_CONSTANT = 0, SL_SCHEDULE_STEPS = 1, SL_SCHEDULE_COSINE = 2 } sl_schedule_kind;

/* Names as the command line spells them; NULL behind the last. The named value, or -1. */
SL_API const char *sl_train_task_name(unsigned task); /* "recogniser", "h1", "h2", "h2l", "points" */
SL_API const char *sl_train_loss_name(unsigned loss);
SL_API int sl_train_loss_named(const char *name);
SL_API const char *sl_optimiser_name(unsigned kind);
SL_API int sl_optimiser_named(const char *name);
SL_API const char *sl_schedule_name(unsigned kind);
SL_API int sl_schedule_named(const char *name);

/* Several processes that train together, each on its share of every step's runs: over MPI, say. Both functions
 * work on x [count], the same arrays in the same order on each. */
typedef struct {
    int rank, ranks; /* 0 .. ranks - 1 */
    /* Begins to add x up over all ranks, in place, and to give each the same bits; x stays untouched until
     * `finish`. */
    sl_status (*begin)(void *context, float *x, size_t count, sl_error *err);
    /* Waits until all that was begun is done. */
    sl_status (*finish)(void *context, sl_error *err);
    void *context;
} sl_train_ranks;

typedef struct {
    /* the network */
    sl_train_task task;
    const char *models_dir; /* NULL: as in sl_models_list */
    const char *model;      /* a recogniser; NULL: SL_DEFAULT_RECOGNISER. Of H1, H2, H2L: that whose maps they read;
                               NULL: the gallery's own. Of points: the detector; NULL: SL_DEFAULT_DETECTOR */
    const char *learn;    /* a POSIX extended regular expression: weights whose names match learn; NULL: all. What
                             lies before the first of them is run as in recognition, and is not differentiated */
    int batch_statistics; /* 1: batch norms use the batch's statistics and their running ones move; 0: they stay.
                             Networks that come whole (ONNX, TFLite) have them in their convolutions */

    /* a transformer; sizes 0: as the dissertation has them, H1 4 heads, H2 1, H2L 2, depth 1 */
    int depth, heads;
    const char *form;   /* "published", "pre-norm", "text" (docs/models.md); NULL: published */
    int features;       /* of H2L: numbers of a photo's feature; 0: 512 */
    int single;         /* of H2L: 1: both photos share the last dense layer and its norm */
    int no_positions;   /* 1: tokens do not know where they are */
    int begin_at_embedding; /* of H2L: 1: over a network whose head is linear each photo's feature begins as its
                               embedding, of its length, and training adds what the other photo tells; 0: at random */
    const char *start;  /* of H2, H2L: a look to go on from, whose size counts then; NULL: random weights */
    double dropout, embedding_dropout; /* of transformers: rates, [0, 1) */
    int replicas; /* of H2, H2L: pairs are mixed as the published code did with so many graphics cards, a batch a card's
                     share times their number (docs/training.md); 0: they are as they are meant */

    /* the loss; H2's is cross entropy */
    sl_train_loss loss;
    double target_covered; /* of SL_LOSS_DISTILL */
    double margin, scale;  /* of the margin losses */
    double focal;          /* L becomes (1 - exp(-L))^focal L, L the batch's mean; 0: not */
    int random_classes;    /* 1: the classes' vectors begin at random, 0: at the mean embedding of each person; over
                              maps they do where features begin as embeddings, else at random */

    /* the optimiser */
    sl_optimiser_kind optimiser;
    double rate;                  /* of learning, after the warm-up */
    double weight_decay;          /* of AdamW: of weights of rank 2 and more; of SGD: of all */
    double momentum;              /* of SGD */
    double beta1, beta2, epsilon; /* of AdamW */
    double clip;                  /* gradients longer than this, all together, are made as long; 0: never */
    sl_schedule_kind schedule;
    uint64_t warm_up; /* steps from warm_up_rate up to rate */
    double warm_up_rate;
    uint64_t decay_every; /* SL_SCHEDULE_STEPS: after each so many steps .. */
    double decay_by;      /* .. the rate is multiplied by this */
    double last_rate;     /* SL_SCHEDULE_COSINE: what it ends at */

    /* the work */
    int batch;      /* pictures, or pairs of maps, of one run */
    int accumulate; /* runs of one step, whose gradients are averaged */
    uint64_t steps; /* that the schedule is for */
    uint64_t until; /* sl_trainer_run ends after so many of them; 0: after all */
    uint64_t seed;
    const char *augmentation; /* a mix by name: docs/training.md */
    uint64_t pool;    /* so many pictures are drawn, once, and come again and again, so that nothing but the part that
                         learns runs in a step; memory for what lies before it. 0: each is drawn anew. Not of maps */
    double held_out;  /* the part of the people who are not learned from and judge, in [0, .5]; 0: nobody does */
    sl_people people; /* of the gallery's or list's people, those who are learned from or judge */
    int most_people;  /* of them no more than so many are learned from, chosen by hash; 0: all */
    uint64_t every;   /* steps between two judgements and checkpoints */
    double keep;      /* the part of the start's weights in the result, in [0, 1) */
    int threads;      /* 0: all processors */
    sl_compute precision; /* SL_COMPUTE_F32, or SL_COMPUTE_BF16: products in bf16, sums and weights in f32 */
    const char *run;      /* folder of checkpoint.safetensors, log.jsonl, loss.svg, accuracy.svg; NULL: none */
    /* NULL: this process alone. `accumulate` is what all ranks do together, a multiple of their number: N ranks learn
     * what one learns, but for rounding. Settings and data that differ between them are SL_ERR_MISMATCH; rank 0 alone
     * writes. */
    const sl_train_ranks *ranks;
    int resume; /* 1: go on from the checkpoint there; SL_ERR_MISMATCH for other settings, data, network */
} sl_train_options;

/* Weights of a recogniser that could learn, in the order that they are used: lines "NAME [shape]". free() the
 * text. */
SL_API sl_status sl_train_list_weights(const char *models_dir, const char *model, char **lines, sl_error *err);

/* Options by name: "distill" (the default, NULL), "dissertation" (its Table 5.8: ArcFace margin .5, scale 30, SGD
 * at 1e-3), "upstream" (the published training code's: rate .1, focal 2), "face-vit" (the dissertation's section 5.3.1:
 * ArcFace on pairs, AdamW at 1e-6 rising to 1e-5, 2 million pairs 50 times over), "face-vit-short" (the same loss in
 * some hundred steps at 3e-4), "points" (for SL_TRAIN_POINTS). SL_ERR_ARGUMENT names those that there are. */
SL_API sl_status sl_train_recipe(const char *name, sl_train_options *out, sl_error *err);

/* ------------------------------------------------------------------ the trainer */

typedef struct sl_trainer sl_trainer; /* of one thread */

/* Precision at 1 of the people held out, of their untouched and of their covered photos: each searches all others'
 * untouched ones. Of H2 and H2L `clean` is the part of 2,000 pairs of theirs (half of one person, half of two) that the
 * best threshold tells right. Of points the part that is told to within
 * a tenth of the eye distance. NaN where nobody judges; covered also where maps are learned from. */
typedef struct {
    double clean, covered;
} sl_train_judgement;

/* One step. */
typedef struct {
    uint64_t step; /* done so far */
    double loss;
    double rate;   /* of learning */
    double length; /* of the gradient, before it was clipped */
    double seconds;
    size_t pictures;           /* that were looked at */
    sl_train_judgement judged; /* NaN where this step was not */
} sl_train_report;

/* Where a run stands. The best is that of the highest mean of both; the start counts, so it is never worse than
 * that. */
typedef struct {
    uint64_t step, steps; /* done, and in all */
    uint64_t best_step;
    sl_train_judgement start, best;
    size_t pictures, judging; /* that are learned from, that judge (of H2 and H2L: pairs) */
    int people;               /* who are learned from */
    size_t weights, frozen;   /* numbers that learn, and those of the network that do not */
    double flop; /* floating-point operations that a picture takes in a step: 2 for each multiplication summed */
} sl_train_standing;

/* Opens the network, the data and, with `resume`, the checkpoint. progress (may be NULL) is called while the
 * network looks at every picture once, and while a pool is drawn. Data must outlive the trainer. SL_ERR_INTERRUPTED
 * once progress returns other than 0; SL_ERR_NOT_FOUND: no weights match; SL_ERR_UNSUPPORTED: no crops in the gallery,
 * bf16 on this processor; SL_ERR_MEMORY with the figure, where a step does not fit into what is free: take a smaller
 * batch, and accumulate. */
SL_API sl_status sl_trainer_open(const sl_train_options *options, const sl_train_data *data,
                                 sl_progress_fn progress, void *context, sl_trainer **out, sl_error *err);
SL_API void sl_trainer_close(sl_trainer *trainer);

SL_API sl_train_standing sl_trainer_standing(const sl_trainer *trainer);

/* One step; at every options.every-th, and at the last, it judges, keeps the best, and writes the checkpoint.
 * Every step is a line of the log. SL_ERR_NUMERIC where the loss is no number or has run away; the error names the
 * last good checkpoint. */
SL_API sl_status sl_trainer_step(sl_trainer *trainer, sl_train_report *report, sl_error *err);

/* All steps that are left. `tell` (may be NULL) gets each report; when it returns non-zero a checkpoint is written
 * and the call returns SL_ERR_INTERRUPTED. */
typedef int (*sl_train_tell)(void *context, const sl_train_report *report, uint64_t steps);
SL_API sl_status sl_trainer_run(sl_trainer *trainer, sl_train_tell tell, void *context, sl_error *err);

/* Writes the first `count` pairs that H2 or H2L learn from, in the order they come, as lines "img1 img2 same id1 id2"
 * of the published form. SL_ERR_ARGUMENT for other tasks. */
SL_API sl_status sl_trainer_write_pairs(const sl_trainer *trainer, size_t count, const char *path, sl_error *err);

/* Writes the checkpoint now, by temp + fsync + rename. SL_ERR_ARGUMENT without a folder of the run. */
SL_API sl_status sl_trainer_checkpoint(sl_trainer *trainer, sl_error *err);

/* Floating-point operations a second of a large matrix product here, with these threads (0: all) and precision:
 * what a step could reach at best. */
SL_API sl_status sl_train_products(int threads, sl_compute precision, double *flop_per_second, sl_error *err);

typedef struct {
    const char *output;  /* the model's NAME, in the trainer's models_dir; or FOLDER/NAME */
    const char *licence; /* of the weights, in words; NULL: that of the network it began as */
    int replace;         /* 1: also when a model of that name is there */
    int last;            /* 1: the last weights, 0: the best where any were judged */
    int encoder;         /* 1: a query encoder of the network it began as (docs/training.md): NAME.safetensors holds
                            what was learned, 8 bits a number. Of SL_TRAIN_RECOGNISER alone */
    const char *eyes;    /* sl_train_average: the encoder, by name or a manifest's path, that embeds faces whose eyes
                            alone are hidden in place of the new one; NULL: none */
    double share;        /* sl_train_average: how much of an embedding is the new one's where all is covered, up to 2;
                            0: .8. More than 1 takes away what the recogniser makes of the cover (docs/training.md) */
} sl_train_output;

/* Makes a model of the weights: NAME.safetensors, or NAME.onnx of a network that came whole and of H1, and the manifest
 * NAME.json. It has a fingerprint of its own; thresholds are for `models threshold` to find. */
SL_API sl_status sl_trainer_save(sl_trainer *trainer, const sl_train_output *output, sl_error *err);

/* ------------------------------------------------------------------ query encoders averaged */

typedef struct {
    const char *encoder; /* by name, or a manifest's path */
    double part;         /* above 0, up to 1 */
} sl_encoder_part;

/* Makes a query encoder whose weights are the mean of others' by their parts, which are 1 together at most: what is
 * left is the recogniser's own. All are of one recogniser. models_dir: NULL, or as in sl_engine_options; model: the
 * recogniser, NULL the one that the first encoder names. Of output `output`, `licence`, `replace`,
 * `eyes` and `share` are read. The files are those of sl_trainer_save's encoders. Any thread. SL_ERR_ARGUMENT for parts
 * or a share that are none, SL_ERR_MISMATCH for an encoder of another recogniser, SL_ERR_NOT_FOUND where one is not there. */
SL_API sl_status sl_train_average(const char *models_dir, const char *model, const sl_encoder_part *parts, int count,
                                  const sl_train_output *output, sl_error *err);

#ifdef __cplusplus
}
#endif

#endif
