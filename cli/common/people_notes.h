/* Notes about a gallery's people (gallery note), as JSON. */
#ifndef CLI_PEOPLE_NOTES_H
#define CLI_PEOPLE_NOTES_H

#include <jansson.h>

#include "secondlook.h"

/* {label: value} of all people who have one; empty for galleries that keep none. */
sl_status cli_person_notes(const sl_gallery *gallery, json_t **out, sl_error *err);

/* Puts "note" into each candidate of an answer (identify_answer.h) whose label has one. */
void cli_add_notes(json_t *answer, const json_t *notes);

#endif
