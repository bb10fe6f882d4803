#define _GNU_SOURCE
#include "support.h"

#include <ftw.h>
#include <sys/wait.h>
#include <unistd.h>

void assert_close(const float *a, const float *b, size_t count, double bound)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)a[i] - b[i]) <= bound))
            fail_msg("element %zu of %zu: %.9g and %.9g differ by more than %g", i, count, a[i], b[i], bound);
}

double cosine_of(const float *a, const float *b, size_t count)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < count; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
}

void fill_random(float *out, size_t count, uint64_t seed, float low, float high)
{
    uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;
    for (size_t i = 0; i < count; i++) {
        x += 0x9e3779b97f4a7c15u;
        uint64_t z = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        z ^= z >> 31;
        out[i] = low + (high - low) * (float)((double)(z >> 11) * 0x1p-53);
    }
}

char *make_temp_dir(void)
{
    const char *base = getenv("TMPDIR");
    char *dir;
    if (asprintf(&dir, "%s/secondlook-test-XXXXXX", base ? base : "/tmp") < 0 || !mkdtemp(dir))
        abort();
    return dir;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

void remove_tree(const char *dir) { nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

int run_again_with(const char *isa, const char *option, const char *argument)
{
    char self[4096] = "";
    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    /* SL_EMULATOR: words with a comma each, or none */
    const char *words[] = {SL_EMULATOR self, option, argument, NULL};
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setenv("SL_ISA", isa, 1);
        execvp(words[0], (char **)words);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static char *existing(char *path)
{
    if (path && access(path, R_OK) == 0)
        return path;
    free(path);
    return NULL;
}

char *shared_path(const char *name)
{
    char *path;
    return asprintf(&path, "%s/../shared/%s", SL_SOURCE_DIR, name) < 0 ? NULL : existing(path);
}

char *model_path(const char *file)
{
    const char *dir = getenv("SECONDLOOK_MODELS"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *path = NULL;
    int n = dir     ? asprintf(&path, "%s/%s", dir, file)
            : cache ? asprintf(&path, "%s/secondlook/%s", cache, file)
                    : asprintf(&path, "%s/.cache/secondlook/%s", home ? home : "", file);
    return n < 0 ? NULL : existing(path);
}

const char *fresh_place(char place[256])
{
    static int number;
    const char *form = getenv("SL_OTHER_KIND");
    size_t size = 0;
    number++;
    place[0] = 0;
    for (const char *c = form ? form : ":memory:"; *c && size < 250; c++)
        size += (size_t)snprintf(place + size, 256 - size, *c == '@' ? "%d" : "%c", *c == '@' ? number : *c);
    return place;
}
