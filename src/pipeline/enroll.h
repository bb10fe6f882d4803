/* A photo on its way into a gallery: what one worker of an enrolment makes of it, and what the gallery says to it. */
#ifndef SL_PIPELINE_ENROLL_H
#define SL_PIPELINE_ENROLL_H

#include <stdbool.h>

#include "pipeline/engine.h"

/* A photo to be enrolled, with what the gallery had under its id when the run began. */
typedef struct {
    const sl_photo *photo;
    bool taken;         /* the id is a face's */
    bool as_asked;      /* of the same person */
    bool has_hash;      /* and sha256 is that of its photo's file */
    bool shared;        /* another photo of this run has the id too: neither replaces what is there */
    uint8_t sha256[32];
} sl_enroll_task;

/* A face that is to be added. */
typedef struct {
    sl_image crop;
    sl_template *template; /* complete */
    sl_point landmarks[68];
    int has_landmarks;
    sl_box box;
    sl_quality quality;
    int number; /* 1 for a photo's first face */
} sl_enroll_face;

/* What became of a photo. */
typedef struct {
    const sl_enroll_task *task;
    const sl_photo *photo; /* the task's */
    sl_error why; /* status SL_OK: the faces are to be added, or the photo's id was enough */
    sl_error warning; /* of reading it; its text is empty when there was none */
    bool unread;  /* the file could not be read or decoded */
    bool has_hash;
    uint8_t sha256[32]; /* of the file */
    sl_enroll_face *faces;
    size_t count;
    int rivals; /* of the main face; 0 with all_faces */
    bool low_quality;
} sl_outcome;

/* One thread's part of an enrolment. */
typedef struct {
    const sl_enroll_options *options;
    sl_patch_format precision; /* of the patches */
    sl_session *session;
    sl_enroll_cpu spent;
    double since; /* when the present stage began */
} sl_enroll_worker;

/* Reads, searches, aligns and embeds: outcomes [count] with their tasks and photos set, else zero. A photo that its id
 * and its content settle is only read, and has no faces. */
void sl_enroll_work(sl_enroll_worker *worker, sl_outcome *outcomes, size_t count);

void sl_outcome_clear(sl_outcome *outcome);

/* ---- enroll_identity.c ---- */

/* What the gallery has under the photo's id. */
void sl_enroll_look_up(const sl_gallery *gallery, const sl_enroll_options *options, const sl_photo *photo,
                       sl_enroll_task *out);

/* Finds the ids that tasks [count] share. False when there is no memory. */
bool sl_enroll_find_shared(sl_enroll_task *tasks, size_t count);

/* Can nothing but its id's being taken come of this photo, whatever its faces? `outcome` has the file's hash, or,
 * before it is read, none: then only what needs no hash is settled. */
bool sl_enroll_settled(const sl_enroll_options *options, const sl_outcome *outcome);

typedef enum {
    SL_VERDICT_ADD,
    SL_VERDICT_REPLACE,
    SL_VERDICT_KNOWN,       /* enrolled already */
    SL_VERDICT_KNOWN_BY_ID, /* so it seems: the gallery does not know its content */
    SL_VERDICT_CONFLICT,
    SL_VERDICT_DUPLICATE
} sl_verdict;

/* What is to be done with a photo, and the face that speaks against it: for CONFLICT and DUPLICATE, and for ADD and
 * REPLACE where the same picture is another person's too (strings NULL where none is). Strings are the gallery's. */
sl_status sl_enroll_judge(sl_gallery *gallery, const sl_enroll_options *options, const sl_outcome *outcome,
                          sl_verdict *verdict, sl_entry *other, sl_error *err);

#endif
