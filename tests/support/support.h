/* What all tests share. */
#ifndef SL_TESTS_SUPPORT_H
#define SL_TESTS_SUPPORT_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "secondlook.h"

/* Fails with the error's text when `call` is not SL_OK. */
#define assert_ok(call)                                                              \
    do {                                                                             \
        sl_status assert_ok_status_ = (call);                                        \
        if (assert_ok_status_ != SL_OK)                                              \
            fail_msg("%s: %s: %s", #call, sl_status_name(assert_ok_status_), err.text); \
    } while (0)

/* Largest |a - b| must be at most `bound`. */
void assert_close(const float *a, const float *b, size_t count, double bound);

/* Cosine of two vectors, in double. */
double cosine_of(const float *a, const float *b, size_t count);

/* Deterministic numbers in [low, high). */
void fill_random(float *out, size_t count, uint64_t seed, float low, float high);

/* A fresh folder under TMPDIR; remove_tree deletes it. */
char *make_temp_dir(void);
void remove_tree(const char *dir);

/* This program once more, with two arguments, in a process of its own where SL_ISA=isa; its exit status. */
int run_again_with(const char *isa, const char *option, const char *argument);

/* Where a gallery of another kind than a folder may be created, never the same twice: ":memory:", or what SL_OTHER_KIND
 * says with a number for each '@'. Returns `place`. */
const char *fresh_place(char place[256]);

/* "../shared/NAME" beside the checkout, malloc'd, or NULL when it is not there. */
char *shared_path(const char *name);

/* The models folder (as sl_models_list finds it) with FILE in it, malloc'd, or NULL when it was not fetched. */
char *model_path(const char *file);

/* Ends the program as skipped, saying why. */
#define SKIP_PROGRAM(...)               \
    do {                                \
        printf("skipped: " __VA_ARGS__); \
        printf("\n");                   \
        exit(77);                       \
    } while (0)

#endif
