/* Who a face is, told to people and to programs. */
#ifndef CLI_IDENTIFY_ANSWER_H
#define CLI_IDENTIFY_ANSWER_H

#include <jansson.h>

#include "common/photo_work.h"

/* A face's answer as JSON, and in words; `face` for where it is, `index` of `count` on its photo. */
json_t *cli_answer_json(const cli_face *face, const sl_answer *answer);
void cli_print_answer(const cli_face *face, size_t index, size_t count, const sl_answer *answer);

#endif
