/* Where pictures go: names that no other output of the run has and that fit the file system. Nothing that is there
 * is replaced unasked, and no input ever. */
#ifndef CLI_OUTPUT_FILES_H
#define CLI_OUTPUT_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "secondlook.h"

#define CLI_OPTION_REPLACE                                                                                        \
    {                                                                                                             \
        "replace", CLI_KEY_REPLACE, 0, 0, "Write anew what is there already; without it that is refused", 0       \
    }

/* What becomes of a file that is there. */
typedef enum { CLI_THERE_REFUSED, CLI_THERE_REPLACED, CLI_THERE_KEPT } cli_there;

/* How a photo's id becomes its output's name: as it is; with another ending; with another ending, and "-2", "-3",
 * .. before it for further outputs. */
typedef enum { CLI_NAMES_WHOLE, CLI_NAMES_STEM, CLI_NAMES_NUMBERED } cli_naming;

typedef struct {
    dev_t device;
    ino_t inode;
} cli_file_id;

/* The outputs of many photos below one folder; threads may share it. */
typedef struct {
    const char *dir;
    cli_naming naming;
    cli_there there;
    /* Made by cli_outputs_plan, [count]: */
    const sl_photo *photos;
    size_t count;
    char **names; /* ids; where two would get one output, the later has "~" and a hash of its path in its name */
    cli_file_id *inputs; /* sorted; the files that are read */
    size_t input_count;
} cli_outputs;

/* Names the outputs of the photos, which must outlive it. Without memory SL_ERR_MEMORY. Free in any case. */
sl_status cli_outputs_plan(cli_outputs *o, const sl_photo *photos, size_t count, sl_error *err);
void cli_outputs_free(cli_outputs *o);

/* The file of one of the photos, its folders created; free() it. folder: below o->dir, NULL for none. ending:
 * takes the place of the id's own, NULL for none. NULL, and the reason in err, when there is no such file: it
 * would be outside the folder, is an input, or is there and not to be replaced. */
char *cli_output_of(const cli_outputs *o, const sl_photo *photo, const char *folder, const char *ending,
                    sl_error *err);

/* The same of any other file of a folder. */
char *cli_output_in(const char *dir, const char *name, cli_there there, sl_error *err);

/* Whether a file is one of those that are read. */
bool cli_outputs_reads(const cli_outputs *o, const char *path);

/* CLI_OK, or CLI_FAILED after saying that the file `output` is one of the inputs (files; folders that it would lie
 * in; NULL for none), so that it is not written. */
int cli_check_output(const char *output, const char *const *inputs, size_t count);

/* The same of a folder that gets `file` and more, before the work on it is done: it is none of the inputs, and
 * `file` is not there, or may be replaced. */
int cli_check_folder(const char *dir, const char *file, cli_there there, const char *const *inputs, size_t count);

/* The name of a picture of `name` in a folder of numbered ones: without folders and ending, cut between characters
 * where it is too long. */
void cli_short_name(const char *name, char out[200]);

/* FNV-1a, from `start` on. */
uint64_t cli_hash(uint64_t start, const char *text, size_t size);

/* A seed of a picture's own, by its id without the ending, so that a photo's crop has the photo's. */
uint64_t cli_seed_of(uint64_t seed, const char *id);

#endif
