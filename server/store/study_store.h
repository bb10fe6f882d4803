/* The study that is served: its static files, and the answers, one a line in a file that is synced before anybody is
 * told that they have arrived. Threads share it. */
#ifndef SERVER_STUDY_STORE_H
#define SERVER_STUDY_STORE_H

#include <stdint.h>

#include "secondlook_study.h"

typedef struct sv_study sv_study;

/* folder: of `secondlook study make`. Takes what folder/answers.jsonl holds; what a crash left of a last line is cut
 * off. *refused: its lines that are no answers to this study. SL_ERR_LOCKED where another process serves it. */
sl_status sv_study_open(const char *folder, sv_study **out, size_t *refused, sl_error *err);
void sv_study_close(sv_study *study);

const char *sv_study_id(const sv_study *study);

/* A file of the site: subfolder NULL or "tiles". SL_ERR_NOT_FOUND for other names than such files have, and for links.
 * free() *data. */
sl_status sv_study_file(const sv_study *study, const char *subfolder, const char *name, uint8_t **data, size_t *size,
                        sl_error *err);

/* Takes one participant's answers, on disk when it returns SL_OK; as sl_study_take. At most 64 KiB. On failure nothing
 * is taken or left behind. */
sl_status sv_study_add(sv_study *study, const void *json, size_t size, sl_study_sheet *out, sl_error *err);

/* Figures and lines of all answers so far. free() *csv. */
sl_status sv_study_score(sv_study *study, sl_study_result *out, sl_error *err);
sl_status sv_study_csv(sv_study *study, char **csv, sl_error *err);

#endif
