// module: gallery
/* Notes about people, as a gallery's folder may have them; with a first line whose checksum holds, too. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "gallery/person_notes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read and written is read as the same. */
static void parse(const uint8_t *data, size_t size)
{
    json_t *notes, *again;
    if (sl_person_notes_parse(data, size, &notes, NULL) != SL_OK)
        return;
    char *text = sl_person_notes_text(notes);
    if (!text || sl_person_notes_parse((uint8_t *)text, strlen(text), &again, NULL) != SL_OK ||
        !json_equal(notes, again))
        abort();
    json_decref(again);
    json_decref(notes);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    parse(data, size);
    char *checked = malloc(size + 40);
    if (!checked)
        return 0;
    const int head = snprintf(checked, 40, "secondlook people 1 %08" PRIx32 "\n", sl_crc32c(0, data, size));
    if (size)
        memcpy(checked + head, data, size);
    parse((uint8_t *)checked, (size_t)head + size);
    free(checked);
    return 0;
}
