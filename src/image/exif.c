/* The orientation that EXIF data give: one entry of a TIFF directory. Whatever does not look like one says "upright".
 *
 *     "II*\0" or "MM\0*"   byte order
 *     u32                   where the directory is
 *     directory: u16 entries, then 12 bytes each: u16 tag (0x0112), u16 type, u32 count, value
 */
#include "image/codec.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

/* Both byte orders of TIFF. */
static uint32_t get16(const uint8_t *p, bool little) { return little ? sl_get_u16(p) : sl_get_be16(p); }
static uint32_t get32(const uint8_t *p, bool little) { return little ? sl_get_u32(p) : sl_get_be32(p); }

int sl_exif_orientation(const uint8_t *tiff, size_t size)
{
    enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY_BYTES = 12 };
    if (size < 8 || (memcmp(tiff, "II*\0", 4) != 0 && memcmp(tiff, "MM\0*", 4) != 0))
        return 1;
    bool little = tiff[0] == 'I';
    size_t at = get32(tiff + 4, little);
    if (at > size - 2)
        return 1;
    size_t entries = get16(tiff + at, little);
    at += 2;
    for (; entries > 0 && size - at >= ENTRY_BYTES; entries--, at += ENTRY_BYTES) {
        const uint8_t *entry = tiff + at; /* tag, type, count, value */
        if (get16(entry, little) != TAG_ORIENTATION)
            continue;
        uint32_t value = get16(entry + 8, little);
        bool sound = get16(entry + 2, little) == TYPE_SHORT && get32(entry + 4, little) == 1;
        return sound && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}
