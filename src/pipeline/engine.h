/* The engine and the session from inside. */
#ifndef SL_PIPELINE_ENGINE_H
#define SL_PIPELINE_ENGINE_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "face/align.h"
#include "face/landmarks.h"
#include "model/detector_model.h"
#include "model/encoder.h"
#include "template/template.h"
#include "pipeline/open_int8.h"

/* Crops of one network run where that pays; fewer than half of it run one by one. */
enum { SL_EMBED_BATCH = 8 };

/* What is known about the recogniser beyond its network, read when it is first asked for. */
typedef struct {
    pthread_mutex_t mutex;
    bool read;
    sl_oae *oae; /* with statistics where the model has them, else the head alone; NULL: the head is not linear */
} sl_engine_cells;

struct sl_engine {
    sl_recogniser recogniser;
    char *models_dir; /* NULL: the usual one */
    sl_compute precision;
    sl_int8_model int8; /* empty unless that is the precision */
    sl_encoder encoder;  /* manifest NULL: queries are embedded as the gallery's faces are */
    sl_weights *weights; /* of the recogniser, for the plans of all sessions */
    int batch; /* crops of one network run where there are many: 1 or SL_EMBED_BATCH */
    const sl_align_template *align;
    sl_detector_model detector;
    float detector_threshold;
    bool as_is; /* photos are not looked at turned */
    int min_face, max_faces; /* as in sl_engine_options */
    sl_shape_predictor *landmarks; /* NULL: none */
    sl_model_info info;
    char fingerprint[65];
    sl_template_shape shape; /* of new templates; int8 patches */
    sl_engine_cells *known;
};

struct sl_session {
    const sl_engine *engine;
    pid_t process; /* that it was opened in */
    int threads;
    sl_detector *detector;   /* opened at the first picture */
    sl_plan *plans[2][2];    /* [of queries][of many] the recogniser for 1 and SL_EMBED_BATCH crops; all plans are
                              compiled * when first needed */
    sl_plan *encoders[2][2]; /* [of faces whose eyes alone are covered][from the crop on] */
    float *patches;          /* [R, C] scratch */
};

/* Settles options for templates of this shape without checking their values: `auto` becomes a look, `oae` is found
 * where the options have none, the encoder is the engine's, and alpha the look's own where none is given (settle.c).
 * engine may be NULL. SL_ERR_NOT_FOUND, SL_ERR_UNSUPPORTED where what the look needs is not known. */
sl_status sl_match_find(const sl_engine *engine, const sl_template_shape *shape, sl_match_options *match,
                        sl_error *err);

/* What is known of the engine's model: with statistics, else the head alone, else NULL, which is an answer too. Of any
 * thread. */
sl_status sl_engine_find_known(const sl_engine *engine, const sl_oae **out, sl_error *err);

/* Makes a face's template one of a query: the more is hidden of the face, the more of its embedding is the encoder's
 * (encode_query.c). ran: the session's own plan of queries, just run; the face is number `row` of its batch. Without an
 * encoder nothing changes. */
sl_status sl_session_encode(sl_session *session, sl_plan *ran, int row, sl_template *query, sl_error *err);

/* SL_ERR_ARGUMENT in a child process: what runs networks waits for threads there that only the parent has. */
sl_status sl_session_check(const sl_session *session, sl_error *err);

/* One session a thread for work on photos in parallel, each network run on the session's own thread: [threads], NULL in
 * out parameters on failure. */
sl_status sl_sessions_open(const sl_engine *engine, int threads, sl_session ***out, sl_error *err);
void sl_sessions_close(sl_session **sessions, int threads);

/* sl_detect (or, of the main face alone, sl_detect_main) in its two halves: the faces with box, score and five points;
 * what else is told of one of them. */
sl_status sl_session_find(sl_session *session, const sl_image *image, bool main_only, sl_face **faces, size_t *count,
                          sl_error *err);
sl_status sl_session_complete(const sl_session *session, const sl_image *image, sl_face *face, sl_error *err);

/* The embedding and patch map of each crop, in the precision asked for; query: as of faces that search. */
sl_status sl_session_embed(sl_session *session, const sl_image *crops, size_t count, sl_patch_format precision,
                           bool query, sl_template **out, sl_error *err);

/* A face's crop (freed by the caller), and its landmarks in units of the crop where the engine has them. */
sl_status sl_session_crop(sl_session *session, const sl_image *image, const sl_face *face, sl_image *crop,
                          sl_point landmarks[68], int *has_landmarks, sl_error *err);

/* Landmarks of a ready crop, in units of the crop; none (not an error) without a landmark model. */
sl_status sl_session_crop_landmarks(sl_session *session, const sl_image *crop, sl_point landmarks[68],
                                    int *has_landmarks, sl_error *err);

#endif
