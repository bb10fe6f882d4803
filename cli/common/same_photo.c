/* --same-photo-by. */
#include "common/same_photo.h"

#include <string.h>

#include "common/cli.h"
#include "secondlook_eval.h"

sl_same_photo cli_parse_same_photo(struct argp_state *state, const char *text)
{
    static const char *const names[] = {"path", "name", "pattern:REGEX", NULL};
    static const char pattern[] = "pattern:";
    if (!strncmp(text, pattern, sizeof pattern - 1) && text[sizeof pattern - 1])
        return (sl_same_photo){SL_SAME_BY_PATTERN, text + sizeof pattern - 1};
    return (sl_same_photo){(sl_same_by)cli_parse_name(state, "--same-photo-by", text, names), NULL};
}

void cli_warn_own_photos(const sl_gallery *gallery, const sl_gallery *queries, size_t found, size_t of)
{
    if (gallery != queries && of && !found)
        cli_warn(
            "no query finds its own photo in the gallery, so none is passed over. If the queries were made of the "
            "gallery's photos, the figures are void: see --same-photo-by");
}

void cli_own_photos_json(json_t *document, size_t found, size_t of)
{
    json_object_set_new(document, "own_photos_found", json_integer((json_int_t)found));
    json_object_set_new(document, "own_photos_of", json_integer((json_int_t)of));
}
