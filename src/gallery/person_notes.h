/* What is known of people beside their faces, as all of it lies in one small file of the gallery:
 *
 *     secondlook people 1 1a2b3c4d        version, and CRC-32C of what follows the line
 *     {"Ada Lovelace":"{\"room\": 12}", ...}        each person's JSON as a string, so that it stays as it was given */
#ifndef SL_GALLERY_PERSON_NOTES_H
#define SL_GALLERY_PERSON_NOTES_H

#include <jansson.h>

#include "gallery/gallery.h"

/* The object of strings that a file's bytes are; SL_ERR_CORRUPT for what they cannot be. And the converse, malloc'd. */
sl_status sl_person_notes_parse(const uint8_t *bytes, size_t size, json_t **out, sl_error *err);
char *sl_person_notes_text(const json_t *notes);

/* SL_ERR_CORRUPT where there are some, and they do not hold. */
sl_status sl_person_notes_check(const sl_gallery *gallery, sl_error *err);

/* Around a change of labels: the note of `from` is that of `to` as well, where that has none (*copied); and that of
 * whoever has no face any more goes. */
sl_status sl_person_notes_copy(sl_gallery *gallery, const char *from, const char *to, bool *copied, sl_error *err);
sl_status sl_person_notes_drop(sl_gallery *gallery, const char *label, sl_error *err);

/* After a restore. `names`: those that people have again, each with the one that their faces had until now. Where
 * nobody has that one any more, its note goes back. (Of two people who had been made one, who is still there keeps
 * it.) */
sl_status sl_person_notes_return(sl_gallery *gallery, const json_t *names, sl_error *err);

/* Takes out those of people who have no face. */
sl_status sl_person_notes_prune(sl_gallery *gallery, sl_error *err);

#endif
