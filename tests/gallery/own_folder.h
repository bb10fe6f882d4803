/* A gallery's folder of its own for each test of a file, in memory where that is possible. */
#ifndef SL_TESTS_GALLERY_OWN_FOLDER_H
#define SL_TESTS_GALLERY_OWN_FOLDER_H

#include "faces.h"

static char *dir;

static int setup(void **state)
{
    (void)state;
    prefer_memory();
    dir = make_temp_dir();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    remove_tree(dir);
    free(dir);
    return 0;
}

#endif
