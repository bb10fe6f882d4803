/* First bytes of files that are taken for networks by mistake. */
#include "model/file_kind.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool begins(const char *data, size_t size, const char *with)
{
    return size >= strlen(with) && strncasecmp(data, with, strlen(with)) == 0;
}

const char *sl_not_a_network(const void *bytes, size_t size)
{
    static const struct {
        const char *begins, *is;
    } kinds[] = {
        {"version https://git-lfs", "a Git LFS pointer, not the file itself: get that with `git lfs pull`"},
        {"\x1f\x8b", "gzip: unpack it first (gunzip, or tar -xzf)"},
        {"BZh", "bzip2: unpack it first (bunzip2)"},
        {"\xfd" "7zXZ", "xz: unpack it first (unxz)"},
        {"\x89PNG", "a PNG picture"},
        {"\xff\xd8\xff", "a JPEG picture"},
        {"\x89HDF", "HDF5, a Keras model: convert it to ONNX (tf2onnx) or TFLite"},
    };
    const char *data = bytes;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (begins(data, size, kinds[i].begins))
            return kinds[i].is;
    while (size && isspace((unsigned char)*data))
        data++, size--;
    if (begins(data, size, "<!doctype") || begins(data, size, "<html") || begins(data, size, "<?xml"))
        return "a web page or XML: the download gave a page in place of the file";
    if (size && (*data == '{' || *data == '['))
        return "JSON: a manifest is named by its path, which ends in .json";
    return NULL;
}
