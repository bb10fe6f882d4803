/* CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), in hardware where SSE4.2 is there. */
#ifndef SL_BASE_CRC32C_H
#define SL_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* CRC of `data` continued from `crc` (0 to start): crc32c(crc32c(0, a), b) is the CRC of a then b. */
uint32_t sl_crc32c(uint32_t crc, const void *data, size_t size);

#endif
