#include "base/shard.h"

#include "base/bytes.h"
#include "base/sha256.h"

size_t sl_shard_of(const char *name, size_t size, size_t shards)
{
    uint8_t digest[32];
    sl_sha256_of(name, size, digest);
    uint64_t key = sl_get_u64(digest);
    int64_t shard = 0, next = 0;
    while (next < (int64_t)shards) {
        shard = next;
        key = key * 2862933555777941757u + 1;
        next = (int64_t)((double)(shard + 1) * ((double)(1LL << 31) / (double)((key >> 33) + 1)));
    }
    return (size_t)shard;
}
