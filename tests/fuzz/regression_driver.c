/* Runs a fuzz target over every file of the folders named: the corpus as a regression test. After
 * each file its truncations and single-byte changes (spread over the file) run too. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy on the heap of exactly `size` bytes, so that a sanitizer sees a read past it. */
static void run_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        exit(1);
    if (size)
        memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(1);
    }
    static uint8_t data[1 << 20];
    size_t size = fread(data, 1, sizeof data, f);
    fclose(f);
    run_copy(data, size);
    size_t steps = size < 64 ? size : 64;
    for (size_t i = 0; i < steps; i++) {
        size_t at = size * i / steps;
        run_copy(data, at);
        uint8_t kept = data[at];
        data[at] = (uint8_t)(kept ^ (1u << (i % 8)));
        run_copy(data, size);
        data[at] = 0xff;
        run_copy(data, size);
        data[at] = kept;
    }
}

int main(int argc, char **argv)
{
    int files = 0;
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        if (!dir) {
            fprintf(stderr, "%s: no corpus folder\n", argv[i]);
            return 1;
        }
        for (struct dirent *entry; (entry = readdir(dir));) {
            if (entry->d_name[0] == '.')
                continue;
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            run_file(path);
            files++;
        }
        closedir(dir);
    }
    printf("%d corpus files run\n", files);
    return files ? 0 : 1;
}
