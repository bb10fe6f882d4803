/* The SHA-256 of a file. */
#include "base/file.h"
#include "base/sha256.h"

sl_status sl_file_sha256(const char *path, char hex[65], sl_error *err)
{
    sl_mapping file;
    hex[0] = '\0';
    if (!path || !*path)
        return sl_fail(err, SL_ERR_ARGUMENT, "a digest needs a file's name");
    SL_TRY(sl_map_file(path, SIZE_MAX, &file, err));
    sl_sha256_hex(file.data, file.size, hex);
    sl_unmap_file(&file);
    return SL_OK;
}
