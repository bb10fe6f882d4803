/* secondlook: photos changed, by little, so that networks take a face for somebody else. For tests of your own system:
 * what of it gives way, and by how much.
 *
 *     photo -> crop -> network -> embedding -> cosine to another embedding
 *       ^                                           |
 *       `------ a step within the bound <----- its slope by every pixel of the photo, summed over networks
 *
 * Pixels of the photo are changed, not of a crop: whoever tries the attack detects, aligns and embeds it as any photo.
 * The rules of secondlook.h hold here too. */
#ifndef SECONDLOOK_ATTACK_H
#define SECONDLOOK_ATTACK_H

#ifndef SL_EXPERIMENTAL
#error "secondlook_attack.h may change from one version to the next: define SL_EXPERIMENTAL before including it"
#endif

#include "secondlook.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How steps are taken; g: the slope of the sum of the networks' cosines, with the sign of where the attack wants to.
 *   fgsm      one step along the sign of g (Goodfellow et al. 2015)
 *   iterated  several, each followed by the way back into the bound (Kurakin et al. 2017; with a random start PGD,
 *             Madry et al. 2018)
 *   momentum  along m <- momentum m + g / |g|_1 (MI-FGSM, Dong et al. 2018), which carries over to other networks
 *             better */
typedef enum { SL_ATTACK_FGSM = 0, SL_ATTACK_ITERATED = 1, SL_ATTACK_MOMENTUM = 2 } sl_attack_method;

/* What is bounded, and which way a step goes.
 *   linf  the change of every sample; steps go along signs
 *   l2    the root of its mean square over all samples that may change; steps go along the slope itself */
typedef enum { SL_ATTACK_LINF = 0, SL_ATTACK_L2 = 1 } sl_attack_norm;

/* Where a photo may change, within what its crops are made of: everywhere, or on the frames of glasses (Sharif et al.
 * 2016), which the face's 68 landmarks place: a patch attack. */
typedef enum { SL_ATTACK_ALL = 0, SL_ATTACK_GLASSES = 1 } sl_attack_region;

/* "fgsm", "iterated", "momentum"; "linf", "l2"; "all", "glasses": as options spell them; NULL, -1: there is none. */
SL_API const char *sl_attack_method_name(unsigned method);
SL_API const char *sl_attack_norm_name(unsigned norm);
SL_API const char *sl_attack_region_name(unsigned region);
SL_API int sl_attack_method_named(const char *name);
SL_API int sl_attack_norm_named(const char *name);
SL_API int sl_attack_region_named(const char *name);

enum { SL_ATTACK_MODELS = 8, SL_ATTACK_STEPS = 1000 };

typedef struct {
    const char *models_dir;    /* NULL: as in sl_models_list */
    const char *const *models; /* recognisers that are attacked at once, by name or a manifest's path */
    size_t model_count;        /* 1 .. SL_ATTACK_MODELS */
    const char *encoder; /* of the first: attacked with this query encoder's weights, by name or a manifest's path,
                          * "auto": the one that came with the library; NULL or "none": as it is */
    sl_attack_method method;
    sl_attack_norm norm;
    sl_attack_region region;
    double eps;  /* the bound in grey levels, (0, 255] */
    int steps;   /* 1 .. SL_ATTACK_STEPS; fgsm takes one */
    double step; /* length of one in grey levels; 0: fgsm eps, momentum eps / steps, iterated 2.5 eps / steps */
    double momentum; /* [0, 10]; of SL_ATTACK_MOMENTUM */
    double start; /* of the noise that the photo begins with, up to so many grey levels, [0, 255]: a face that is
                        driven away from itself stands at the top of its cosine, where the slope is 0 */
} sl_attack_options;

/* momentum, linf, all, eps 8, 10 steps of their own length, momentum 1, start 1; no models yet. */
SL_API sl_attack_options sl_attack_defaults(void);

/* The networks, laid open. Use one at a time from one thread. */
typedef struct sl_attack sl_attack;

/* Options are copied, but for the names, which are not read again. SL_ERR_ARGUMENT names the option that is out of its
 * range: with linf an eps below 1 is, as samples are whole. SL_ERR_UNSUPPORTED where a layer has no gradient. */
SL_API sl_status sl_attack_open(const sl_attack_options *options, sl_attack **out, sl_error *err);
SL_API void sl_attack_close(sl_attack *attack);

/* A face in its photo, as sl_detect gave it. A grey photo counts as RGB with three equal samples. */
typedef struct {
    const sl_image *photo;
    const sl_face *face;
} sl_attack_face;

/* What was done. Figures are of the picture with whole samples, its face where it was before: a detector may find it a
 * little elsewhere. */
typedef struct {
    uint64_t seed;
    size_t samples, changed;         /* that might have changed, that did */
    double largest;                  /* change in grey levels */
    double root_mean_square;         /* of the change, over samples */
    double before[SL_ATTACK_MODELS]; /* each network's cosine to what was aimed at */
    double after[SL_ATTACK_MODELS];
} sl_attack_result;

/* Changes query->photo into *out, RGB, sl_image_free it; samples are whole and within the bound of the photo's.
 * `towards` NULL: away from what the networks make of the query's own face; else towards that face. The same seed, of
 * the noise at the start, gives the same picture. SL_ERR_ARGUMENT when the query's face is to be driven from itself
 * with `start` 0; SL_ERR_UNSUPPORTED for glasses without landmarks; SL_ERR_LIMIT for a face of more than 16 million
 * pixels; SL_ERR_NUMERIC where the slope is no number or nothing but 0, or the points give no crop. */
SL_API sl_status sl_attack_photo(sl_attack *attack, const sl_attack_face *query, const sl_attack_face *towards,
                                 uint64_t seed, sl_image *out, sl_attack_result *result, sl_error *err);

/* Writes the picture as PNG, whose text says that it was attacked, with which options ("Comment") and by what
 * ("Software"). Complete or not at all. SL_ERR_ARGUMENT for a name that does not end in .png: JPEG would change
 * samples. */
SL_API sl_status sl_attack_write(const sl_attack *attack, const sl_attack_result *result, const sl_image *picture,
                                 const char *path, sl_error *err);

#ifdef __cplusplus
}
#endif

#endif
