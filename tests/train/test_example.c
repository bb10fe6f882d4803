/* The example program, run: it must learn, and leave models. */
#undef SL_EXPERIMENTAL /* the example asks for it itself */
#define main train_shapes
#include "../../examples/train_shapes.c"
#undef main
#include "support.h"

#include <unistd.h>

static void test_learns_flowers(void **state)
{
    (void)state;
    char path[512], text[4096] = "", *folder = make_temp_dir();
    snprintf(path, sizeof path, "%s/said", folder);
    fflush(stdout);
    const int kept = dup(1);
    assert_non_null(freopen(path, "w", stdout));
    const int code = train_shapes(2, (char *[]){"train_shapes", folder, NULL});
    fflush(stdout);
    dup2(kept, 1);
    FILE *file = fopen(path, "r");
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_int_equal(code, 0);
    double before = 0, after = 0;
    const char *told = strstr(text, "same kind:");
    assert_non_null(told);
    assert_int_equal(sscanf(told, "same kind: %lf %% before, %lf %% after", &before, &after), 2);
    assert_true(after > before + 10);
    snprintf(path, sizeof path, "%s/shapes.json", folder);
    assert_int_equal(access(path, R_OK), 0);
    assert_int_equal(train_shapes(2, (char *[]){"train_shapes", "/dev/null/nowhere", NULL}), 1);
    remove_tree(folder);
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_learns_flowers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
