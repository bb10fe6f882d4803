// module: server
/* An archive: whatever is told of it lies in it. */
#include <stdlib.h>
#include <string.h>

#include "store/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sv_tar tar = {data, size, 0};
    sv_tar_file file;
    const char *wrong;
    int got;
    size_t before = 0;
    while ((got = sv_tar_next(&tar, &file, &wrong)) == 1) {
        if (file.data < data || file.size > size || file.data + file.size > data + size ||
            !memchr(file.name, 0, sizeof file.name) || tar.at <= before || tar.at > size)
            abort();
        before = tar.at;
    }
    if (got < 0 && !wrong)
        abort();
    return 0;
}
