/* The answers of a served study: on disk when they were taken, as they were before when not; what a crash leaves is cut
 * off; no file but the site's can be read. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../study/study_answers.h"
#include "base/file.h"
#include "store/study_store.h"

static char *dir;
static sl_error err;
static const double accuracy[2] = {.8, .8};

static char *in_dir(const char *name)
{
    static char paths[4][600];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    char *key = key_text(2);
    dir = make_temp_dir();
    assert_ok(sl_write_file(in_dir("key.json"), key, strlen(key), &err));
    assert_int_equal(mkdir(in_dir("site"), 0700), 0);
    assert_int_equal(mkdir(in_dir("site/tiles"), 0700), 0);
    assert_ok(sl_write_file(in_dir("site/index.html"), "page", 4, &err));
    assert_ok(sl_write_file(in_dir("site/tiles/a.jpg"), "tile", 4, &err));
    free(key);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    remove_tree(dir);
    free(dir);
    return 0;
}

static sv_study *open_store(size_t refused_wanted)
{
    sv_study *s;
    size_t refused;
    assert_ok(sv_study_open(dir, &s, &refused, &err));
    assert_int_equal(refused, refused_wanted);
    return s;
}

static char *answers(int number)
{
    sl_rng rng = sl_rng_seed((uint64_t)number);
    return answers_text(2, number, accuracy, 0, &rng);
}

static sl_status add(sv_study *s, int number)
{
    sl_study_sheet sheet;
    char *text = answers(number);
    const sl_status status = sv_study_add(s, text, strlen(text), &sheet, NULL);
    free(text);
    return status;
}

static size_t participants(sv_study *s)
{
    sl_study_result r;
    assert_ok(sv_study_score(s, &r, &err));
    return r.participants;
}

static off_t bytes(const char *name)
{
    struct stat st;
    assert_int_equal(stat(in_dir(name), &st), 0);
    return st.st_size;
}

static void test_kept(void **state)
{
    (void)state;
    sv_study *s = open_store(0), *other;
    size_t refused;
    assert_int_equal(SL_OK, add(s, 1));
    assert_int_equal(SL_OK, add(s, 2));
    const off_t size = bytes("answers.jsonl");
    assert_int_equal(SL_OK, add(s, 2)); /* a client that asks again, its reply lost */
    assert_int_equal(bytes("answers.jsonl"), size);
    assert_int_equal(sv_study_open(dir, &other, &refused, &err), SL_ERR_LOCKED);
    sv_study_close(s);
    s = open_store(0);
    assert_int_equal(participants(s), 2);
    sv_study_close(s);
}

/* Documents of several lines become one; the file is JSON lines whatever was sent. */
static void test_lines(void **state)
{
    (void)state;
    sv_study *s = open_store(0);
    sl_study_sheet sheet;
    char *text = answers(1);
    sl_text spaced = {0};
    for (const char *at = text; *at; at++)
        sl_text_add(&spaced, "%c%s", *at, *at == '{' ? "\n" : "");
    assert_ok(sv_study_add(s, spaced.data, spaced.size, &sheet, &err));
    sv_study_close(s);
    uint8_t *data;
    size_t size;
    assert_ok(sl_read_file(in_dir("answers.jsonl"), 1 << 20, &data, &size, &err));
    assert_ptr_equal(memchr(data, '\n', size), data + size - 1);
    free(data);
    free(text);
    free(spaced.data);
}

static void append_raw(const char *text)
{
    FILE *f = fopen(in_dir("answers.jsonl"), "a");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_crash(void **state)
{
    (void)state;
    sv_study *s = open_store(0);
    assert_int_equal(SL_OK, add(s, 1));
    sv_study_close(s);
    const off_t size = bytes("answers.jsonl");
    char *half = answers(2);
    half[strlen(half) / 2] = 0;
    append_raw(half);
    s = open_store(0);
    assert_int_equal(bytes("answers.jsonl"), size);
    assert_int_equal(SL_OK, add(s, 2));
    assert_int_equal(participants(s), 2);
    sv_study_close(s);
    append_raw("{}\n");
    s = open_store(1);
    assert_int_equal(participants(s), 2);
    sv_study_close(s);
    free(half);
}

/* A full disk, as far as a limit on files' sizes is like one. */
static void test_full_disk(void **state)
{
    (void)state;
    struct rlimit before, small;
    sv_study *s = open_store(0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(SL_OK, add(s, 1));
    const off_t size = bytes("answers.jsonl");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){(rlim_t)size + 100, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(add(s, 2), SL_ERR_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(bytes("answers.jsonl"), size);
    assert_int_equal(participants(s), 1);
    assert_int_equal(SL_OK, add(s, 2));
    sv_study_close(s);
    s = open_store(0);
    assert_int_equal(participants(s), 2);
    sv_study_close(s);
}

static void test_refused(void **state)
{
    (void)state;
    sv_study *s = open_store(0);
    sl_study_sheet sheet;
    static char large[65537];
    memset(large, ' ', sizeof large);
    assert_int_equal(sv_study_add(s, large, sizeof large, &sheet, &err), SL_ERR_LIMIT);
    assert_int_equal(sv_study_add(s, "", 0, &sheet, &err), SL_ERR_FORMAT);
    assert_int_equal(bytes("answers.jsonl"), 0);
    sv_study_close(s);
}

/* Participants who come together, while figures are asked for. */
enum { THREADS = 4, EACH = 5 };

typedef struct {
    sv_study *study;
    int first;
} crowd;

static void *come(void *context)
{
    const crowd *c = context;
    sl_study_result r;
    for (int i = 0; i < EACH; i++)
        if (add(c->study, c->first + i) != SL_OK || sv_study_score(c->study, &r, NULL) != SL_OK)
            return context;
    return NULL;
}

static void test_crowd(void **state)
{
    (void)state;
    sv_study *s = open_store(0);
    pthread_t threads[THREADS];
    crowd crowds[THREADS];
    for (int i = 0; i < THREADS; i++) {
        crowds[i] = (crowd){s, i * EACH};
        assert_int_equal(pthread_create(&threads[i], NULL, come, &crowds[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(participants(s), THREADS * EACH);
    sv_study_close(s);
    s = open_store(0);
    assert_int_equal(participants(s), THREADS * EACH);
    sv_study_close(s);
}

static void test_files(void **state)
{
    (void)state;
    static const char *const none[] = {"", ".", "..", "../key.json", "key.json", ".index.html", "tiles", "tiles/a.jpg",
                                       "link.html", "/etc/passwd", "index.html/", "a\\b", "%2e%2e"};
    sv_study *s = open_store(0);
    uint8_t *data;
    size_t size;
    assert_ok(sv_study_file(s, NULL, "index.html", &data, &size, &err));
    assert_int_equal(size, 4);
    assert_memory_equal(data, "page", 4);
    free(data);
    assert_ok(sv_study_file(s, "tiles", "a.jpg", &data, &size, &err));
    free(data);
    assert_int_equal(symlink("../key.json", in_dir("site/link.html")), 0);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(sv_study_file(s, NULL, none[i], &data, &size, &err), SL_ERR_NOT_FOUND);
    sv_study_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kept, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_lines, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_crash, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_full_disk, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_crowd, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_files, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
