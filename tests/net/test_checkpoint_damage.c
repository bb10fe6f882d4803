/* 1,000 single-byte corruptions of each real checkpoint of ../shared/models (or of the files named as arguments), and
 * of the same weights as safetensors: an error or a sound state dict, and never more than four times the file in
 * memory. Half of the places are among the names and shapes at the file's beginning and end, half anywhere. */
#include <sys/resource.h>

#include "base/rng.h"
#include "net/import/weights/checkpoint.h"
#include "net/import/weights/safetensors.h"
#include "net/import/weights/storage.h"
#include "support.h"

enum { CORRUPTIONS = 1000, ENDS = 1 << 16 };

/* From here on the kernel gives out no more than `bytes`; what malloc rounds up and keeps is on top. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static void limit_memory(size_t bytes)
{
    (void)bytes; /* their own memory is counted too */
}
#else
static size_t data_in_use(void)
{
    size_t kilobytes = 0;
    char line[128];
    FILE *f = fopen("/proc/self/status", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "VmData: %zu", &kilobytes) == 1)
            break;
    fclose(f);
    return kilobytes * 1024;
}

static void limit_memory(size_t bytes)
{
    const struct rlimit limit = {data_in_use() + bytes + (1 << 20), RLIM_INFINITY};
    assert_int_equal(setrlimit(RLIMIT_DATA, &limit), 0);
}
#endif

static void unlimit_memory(void)
{
    const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    assert_int_equal(setrlimit(RLIMIT_DATA, &none), 0);
}

static size_t place(sl_rng *rng, int i, size_t size)
{
    uint64_t r = sl_rng_next(rng);
    size_t ends = 2 * ENDS < size ? ENDS : size / 2;
    if (i % 2 || ends == 0)
        return r % size;
    size_t at = r % (2 * ends);
    return at < ends ? at : size - 2 * ends + at;
}

/* Every weight can be read; the sum is only there to do it. */
static double sum_of(const sl_state_dict *d)
{
    double sum = 0;
    for (size_t t = 0; t < d->count; t++)
        for (int64_t i = 0, n = sl_shape_elements(&d->weights[t].shape); i < n; i += 16)
            sum += d->weights[t].data[i];
    return sum;
}

static void corrupt(const char *path)
{
    uint8_t *data;
    size_t size, sound = 0;
    sl_rng rng = sl_rng_seed(1);
    volatile double sum = 0;
    sl_error err;
    assert_ok(sl_read_file(path, SL_MAX_MODEL_BYTES, &data, &size, &err));
    limit_memory(sl_budget_of(size));
    for (int i = 0; i < CORRUPTIONS; i++) {
        size_t at = place(&rng, i, size);
        uint8_t kept = data[at];
        sl_state_dict d;
        data[at] ^= (uint8_t)(1 + sl_rng_next(&rng) % 255);
        sl_status status = sl_checkpoint_parse(data, size, &d, &err);
        if (status == SL_ERR_MEMORY)
            fail_msg("%s with another byte %zu wants more than four times its memory: %s", path, at, err.text);
        sound += status == SL_OK;
        sum += status == SL_OK ? sum_of(&d) : 0;
        sl_state_dict_free(&d);
        data[at] = kept;
    }
    unlimit_memory();
    free(data);
    print_message("%s: %zu of %d corrupted files are read, the others are refused\n", path, sound, CORRUPTIONS);
    assert_in_range(sound, 1, CORRUPTIONS - 1); /* both have been tried */
}

static void corrupt_as_safetensors(const char *path)
{
    sl_state_dict d;
    sl_error err;
    char *dir = make_temp_dir(), copy[300];
    snprintf(copy, sizeof copy, "%s/model.safetensors", dir);
    assert_ok(sl_checkpoint_read(path, &d, &err));
    assert_ok(sl_safetensors_write(copy, &d, NULL, 0, &err));
    sl_state_dict_free(&d);
    corrupt(copy);
    remove_tree(dir);
    free(dir);
}

static char **files;

static void single_bytes(void **state)
{
    (void)state;
    for (char **file = files; *file; file++) {
        corrupt(*file);
        corrupt_as_safetensors(*file);
    }
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"mobilefacenet-128.pt", "mobilefacenet-casia-112x96.ckpt", "mtcnn_pnet.pt",
                                        "mtcnn_rnet.pt", "mtcnn_onet.pt", "yunet-n.pth"};
    static char *shared[sizeof names / sizeof *names + 1];
    for (size_t i = 0; argc < 2 && i < sizeof names / sizeof *names; i++) {
        char path[100];
        snprintf(path, sizeof path, "models/%s", names[i]);
        shared[i] = shared_path(path);
        if (!shared[i])
            SKIP_PROGRAM("../shared/%s is not here", path);
    }
    files = argc < 2 ? shared : argv + 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(single_bytes)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; shared[i]; i++)
        free(shared[i]);
    return failed;
}
