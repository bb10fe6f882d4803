/* --same-photo-by: how evaluations find the photo that a query was made of. */
#ifndef CLI_SAME_PHOTO_H
#define CLI_SAME_PHOTO_H

#include <jansson.h>

#include "common/options.h"
#include "secondlook_eval.h"

#define CLI_OPTION_SAME_PHOTO_BY(key)                                                                             \
    {                                                                                                             \
        "same-photo-by", key, "path|name|pattern:REGEX", 0,                                                       \
            "How a query's own photo is found, endings aside: path (the default) below the folders that all "     \
            "photos "                                                                                             \
            "of either gallery share; name: the same person and file name; pattern: the same (group) of a POSIX " \
            "extended regular expression in their ids",                                                           \
            0                                                                                                     \
    }

/* Anything but the three is a usage error, which ends the program. */
sl_same_photo cli_parse_same_photo(struct argp_state *state, const char *text);

/* Says on stderr that no query found its own photo, when there are queries of another gallery. */
void cli_warn_own_photos(const sl_gallery *gallery, const sl_gallery *queries, size_t found, size_t of);

/* Adds "own_photos_found" and "own_photos_of". */
void cli_own_photos_json(json_t *document, size_t found, size_t of);

#endif
