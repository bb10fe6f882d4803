/* Making a study: the pairs that are drawn, their pictures, and the documents about them. */
#ifndef SL_STUDY_STUDY_MAKE_H
#define SL_STUDY_STUDY_MAKE_H

#include "secondlook_draw.h"
#include "study/study.h"

/* ---- draw_pairs.c ---- */

typedef struct {
    size_t face; /* in the gallery */
    sl_occlusion covered;
    uint64_t seed; /* of the occluder */
} sl_study_face;

typedef struct {
    sl_study_face first, second;
    bool same, example;
    int set;
    char name[SL_STUDY_NAME + 1]; /* once its pictures are made */
} sl_drawn_pair;

/* The pairs of so many sets, set by set: out [sets * (examples + pairs)], free() it. */
sl_status sl_study_draw_pairs(const sl_gallery *gallery, const sl_study_options *options, int sets, sl_drawn_pair **out,
                              size_t *count, sl_error *err);

/* ---- study_pictures.c ---- */

enum { SL_STUDY_SHOWN_MAX = 2 }; /* pictures between the faces */

/* How many an arm has. */
int sl_study_shown(sl_study_arm arm);

/* Whether this arm can be had with these options. */
bool sl_study_can_show(sl_study_arm arm, const sl_study_options *options);

/* A face as it is shown, and what an arm shows of a pair: out [sl_study_shown]. */
sl_status sl_study_face_picture(const sl_image *crop, sl_image *out, sl_error *err);
sl_status sl_study_arm_pictures(sl_study_arm arm, const sl_pair *pair, const sl_study_options *options, sl_image *out,
                                sl_error *err);

/* "NAME-a.jpg", "NAME-cc-b.jpg": of a face (arm < 0) or of what an arm shows. */
void sl_study_file_name(char out[64], const char *pair, int arm, int which);

/* ---- study_documents.c ---- */

/* What the documents are made of. */
typedef struct {
    const sl_gallery *gallery;
    const sl_study_options *options;
    const char *model, *fingerprint; /* of the engine */
    const sl_study_made *made;       /* with the id */
    const sl_drawn_pair *pairs;      /* [count], each set by name */
    size_t count;
} sl_study_sheets;

/* What participants get (docs/study.md), and the key. NULL without memory. */
json_t *sl_study_site_document(const sl_study_sheets *of);
json_t *sl_study_key_document(const sl_study_sheets *of);

/* ---- files that come with the library: src/study/page ---- */

typedef struct {
    const char *name; /* NULL ends the list */
    const unsigned char *data;
    size_t size;
} sl_study_page_file;

extern const sl_study_page_file sl_study_page_files[];

#endif
