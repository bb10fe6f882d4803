/* A writer is killed at random moments, hundreds of times. What it had acknowledged through a pipe must be
 * there afterwards, with at most the one commit that was in flight on top, every byte right. */
#define _GNU_SOURCE
#include "faces.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/rng.h"
#include "gallery/gallery.h"

static char *dir, *work;

static int setup(void **state)
{
    (void)state;
    dir = make_temp_dir();
    work = make_temp_dir();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    remove_tree(dir);
    remove_tree(work);
    free(dir);
    free(work);
    return 0;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Runs `task` in a child and kills it `delay` seconds after its `reports`-th report; returns the last number it
 * reported, or `none`. */
static int killed_run(void (*task)(int fd, int from), int from, int reports, double delay, int none)
{
    int ends[2], last = none, number;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        task(ends[1], from);
        _exit(0);
    }
    close(ends[1]);
    while (reports-- > 0 && read(ends[0], &number, sizeof number) == sizeof number)
        last = number;
    nanosleep(&(struct timespec){.tv_nsec = (long)(delay * 1e9)}, NULL);
    kill(child, SIGKILL);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
        fail_msg("the writer failed by itself");
    while (read(ends[0], &number, sizeof number) == sizeof number)
        last = number;
    close(ends[0]);
    return last;
}

/* How long `task` takes when nobody kills it (at most .5 s is told). */
static double duration(void (*task)(int fd, int from))
{
    double begin = seconds();
    pid_t child = fork();
    if (child == 0) {
        task(open("/dev/null", O_WRONLY), 0);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    double took = seconds() - begin;
    return took < .5 ? took : .5;
}

/* Adds faces from..from+99, 1, 2, 3, 4, 1, .. a commit; reports how many are acknowledged. */
static void add_many(int fd, int from)
{
    sl_gallery *g;
    sl_template_shape s = small_shape(SL_PATCHES_INT8);
    if (sl_gallery_open_shape(dir, SL_GALLERY_CREATE, &s, MODEL_NAME, &g, NULL))
        _exit(1);
    for (int n = from, commit = 0; n < from + 100; commit++) {
        for (int k = 0; k <= commit % 4; k++, n++)
            if (try_add_face(g, n, NULL))
                _exit(1);
        if (sl_gallery_commit(g, NULL) || write(fd, &n, sizeof n) != sizeof n)
            _exit(1);
    }
}

static void killed_while_adding(void **state)
{
    (void)state;
    sl_error err;
    sl_rng rng = sl_rng_seed(1);
    int have = 0, in_flight = 0, progress = 0;
    double commit = duration(add_many) / 40; /* add_many makes 40 commits */
    for (int round = 0; round < 300; round++) {
        if (round == 0 || have > 300) { /* begin anew: the creation is killed too */
            remove_tree(dir);
            mkdir(dir, 0777);
            have = 0;
        }
        int reports = (int)sl_rng_below(&rng, 8);
        int acknowledged = killed_run(add_many, have, reports, sl_rng_range(&rng, 0, 2 * commit), have);
        sl_template_shape s = small_shape(SL_PATCHES_INT8);
        sl_gallery *g;
        if (round % 2 && have > 0) { /* readers need no recovery */
            assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
            g = open_gallery(dir, SL_GALLERY_READ);
            assert_true(sl_gallery_size(g) >= (size_t)acknowledged);
            sl_gallery_close(g);
        }
        assert_ok(sl_gallery_open_shape(dir, SL_GALLERY_CREATE, &s, MODEL_NAME, &g, &err));
        int size = (int)sl_gallery_size(g);
        if (size < acknowledged || size > acknowledged + 4)
            fail_msg("round %d: %d acknowledged, %d there", round, acknowledged, size);
        for (int n = round % 8 ? have : 0; n < size; n++)
            expect_face(g, (size_t)n, n);
        sl_gallery_close(g);
        assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
        in_flight += size > acknowledged;
        progress += size > have;
        have = size;
    }
    print_message("300 kills: %d with progress, %d with the commit in flight\n", progress, in_flight);
    assert_true(progress > 50);
}

static void compact_once(int fd, int from)
{
    (void)from;
    int done = 1;
    if (sl_gallery_compact(dir, NULL, NULL, NULL) || write(fd, &done, sizeof done) != sizeof done)
        _exit(1);
}

static int count_files(void)
{
    int count = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d));)
        count += e->d_name[0] != '.';
    closedir(d);
    return count;
}

/* Every third face was removed; compaction is killed, each time on a fresh copy. The kill's moment is drawn from
 * a window that adapts to how fast the machine is now. */
static void killed_while_compacting(void **state)
{
    (void)state;
    sl_error err;
    sl_rng rng = sl_rng_seed(2);
    int finished = 0, leftovers = 0;
    make_gallery(work, 120, 120);
    sl_gallery *g = open_gallery(work, SL_GALLERY_WRITE);
    for (int n = 0; n < 120; n += 3) {
        char image[64], label[64];
        face_entry(n, image, label);
        assert_ok(sl_gallery_remove(g, image, NULL, NULL, &err));
    }
    sl_gallery_close(g);
    copy_dir(work, dir);
    double window = duration(compact_once);
    for (int round = 0; round < 200; round++) {
        remove_tree(dir);
        copy_dir(work, dir);
        int done = killed_run(compact_once, 0, 0, sl_rng_range(&rng, 0, window), 0);
        bool left = count_files() > 7;
        window *= done ? .9 : left ? 1 : 1.1;
        window = window < .4 ? window : .4;
        finished += done;
        leftovers += left;
        assert_ok(sl_gallery_verify(dir, NULL, NULL, &err)); /* old or new, whole */
        for (int pass = 0; pass < 2; pass++) {
            g = open_gallery(dir, pass ? SL_GALLERY_WRITE : SL_GALLERY_READ);
            assert_int_equal(sl_gallery_size(g), 80);
            for (int i = 0; i < 80; i++)
                expect_face(g, (size_t)i, i / 2 * 3 + 1 + i % 2);
            sl_gallery_info info;
            sl_gallery_get_info(g, &info);
            assert_true(info.removed == 40 || info.removed == 0);
            assert_true(!done || info.removed == 0);
            sl_gallery_close(g);
        }
        assert_int_equal(count_files(), 8); /* the writer cleaned up */
    }
    print_message("200 kills: %d compactions finished, %d left files to clean up\n", finished, leftovers);
    assert_true(finished < 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_while_adding, setup, teardown),
        cmocka_unit_test_setup_teardown(killed_while_compacting, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
