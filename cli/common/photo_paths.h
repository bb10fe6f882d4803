/* From arguments to photos: files, folders, pipes, and what of them is passed over. */
#ifndef CLI_PHOTO_PATHS_H
#define CLI_PHOTO_PATHS_H

#include <jansson.h>
#include <stdbool.h>

#include "common/options.h"
#include "secondlook.h"

/* Who is on the photos and what they are called; all zero: by folders and files. */
typedef struct {
    sl_photos_options people; /* its callback is not used */
    const char *id;           /* of the one photo that is given; NULL: its file's name */
} cli_photo_rules;

/* The photos of a command line. */
typedef struct {
    sl_photo *photos;
    size_t count;
    size_t failed;        /* paths that should have been taken */
    json_t *passed_over;  /* those: [{"path", "reason"}] */
    json_t *not_pictures; /* files by their endings: {".heic": 12, "none": 1} */
    size_t system;        /* files and folders that systems keep */
    const char *flat;     /* the first folder with several photos and no folder for a person in it; NULL: none */
    size_t flat_count;    /* its photos */
} cli_photos;

/* A file is itself, a folder every picture below it, "-" and a FIFO the one picture that comes through. What can
 * not be taken is told on stderr, counted, and passed over; a file that cannot be read is told by the work on it.
 * Ids are parted by cli_part_ids. rules: NULL for all zero. CLI_OK, or an exit code where there is no photo at all;
 * free in any case. */
int cli_photos_of(const cli_list *paths, const cli_photo_rules *rules, cli_photos *out);
void cli_photos_free(cli_photos *photos);

/* Makes the ids of the photos of several paths differ: photos [ends[i - 1], ends[i]) are those of path i. False when
 * there is no memory. */
bool cli_part_ids(const cli_list *paths, const size_t *ends, sl_photo *photos, size_t count);

/* Adds "passed_over", "not_pictures" and "system_files" to a JSON result. */
void cli_photos_json(json_t *document, const cli_photos *photos);

/* One photo: a file, "-" or a FIFO. Free with sl_photos_free(photo, 1). */
sl_status cli_photo_at(const char *path, const cli_photo_rules *rules, sl_photo **out, sl_error *err);

#endif
