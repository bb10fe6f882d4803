/* A run is killed at random moments (kill -9), and resumed until it is done: its weights are, bit for bit, those
 * of a run that nobody killed. Three rounds; KILL_ROUNDS=50 is the long proof. */
#include "drawn_shapes.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Trains to the end in a process of its own, which may be killed: oneDNN's threads do not survive a fork. */
static pid_t begin(const sl_train_options *options)
{
    fflush(stdout);
    const pid_t child = fork();
    if (child)
        return child;
    char checkpoint[512];
    sl_error err;
    sl_trainer *t = NULL;
    sl_train_options o = *options;
    snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint.safetensors", o.run);
    o.resume = access(checkpoint, R_OK) == 0;
    if (sl_trainer_open(&o, &shapes, NULL, NULL, &t, &err) || sl_trainer_run(t, NULL, NULL, &err)) {
        fprintf(stderr, "%s\n", err.text);
        _exit(1);
    }
    sl_trainer_close(t);
    _exit(0);
}

/* Whether it came to its end before it was killed after so many milliseconds. */
static bool survives(const sl_train_options *o, int milliseconds)
{
    int status = 0;
    const pid_t child = begin(o);
    for (int passed = 0; passed < milliseconds; passed++) {
        if (waitpid(child, &status, WNOHANG) == child) {
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
            return true;
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* How often it was killed until it was done. It is given more and more time, so that it does get on. */
static int run_with_kills(const sl_train_options *o, int round)
{
    float moment[200];
    fill_random(moment, 200, (uint64_t)round + 1, 0, 1);
    for (int i = 0; i < 200; i++)
        if (survives(o, (int)((double)moment[i] * (60 + 40 * i))))
            return i;
    fail_msg("two hundred kills were too few");
    return -1;
}

static void test_kills(void **state)
{
    (void)state;
    const char *asked = getenv("KILL_ROUNDS");
    const int rounds = asked ? atoi(asked) : 3;
    char model[512], whole[512], killed[512], *folder = make_temp_dir();
    int kills = 0;
    snprintf(whole, sizeof whole, "%s/whole", folder);
    sl_train_options o = options_for(folder, model, sizeof model);
    o.every = 3;
    o.held_out = .4;
    o.run = whole;
    assert_true(survives(&o, 600000));
    for (int round = 0; round < rounds; round++) {
        snprintf(killed, sizeof killed, "%s/killed-%d", folder, round);
        o.run = killed;
        kills += run_with_kills(&o, round);
        assert_same_files(whole, killed, "checkpoint.safetensors");
    }
    printf("%d rounds, %d kills\n", rounds, kills);
    remove_tree(folder);
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kills)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
