/* SHA-256 (FIPS 180-4). */
#ifndef SL_BASE_SHA256_H
#define SL_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64];
} sl_sha256;

void sl_sha256_init(sl_sha256 *s);
void sl_sha256_update(sl_sha256 *s, const void *data, size_t size);
void sl_sha256_final(sl_sha256 *s, uint8_t digest[32]);

/* Digest of one buffer, and the same as 64 lower-case hex digits and a NUL. */
void sl_sha256_of(const void *data, size_t size, uint8_t digest[32]);
void sl_sha256_hex(const void *data, size_t size, char hex[65]);

/* 32 bytes as 64 lower-case hex digits and a NUL. */
void sl_hex32(const uint8_t digest[32], char hex[65]);

#endif
