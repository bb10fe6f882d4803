// module: template
/* A template that came from anywhere: what is read is written as the same bytes. */
#include "checksummed.h"
#include "template/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const void *data, size_t size)
{
    sl_template *t;
    size_t again;
    if (sl_template_of_bytes(data, size, &t, NULL) != SL_OK)
        return;
    uint8_t *bytes = malloc(size);
    if (!bytes || sl_template_bytes(t, bytes, size, &again, NULL) != SL_OK || again != size ||
        memcmp(bytes, data, size) != 0)
        abort();
    free(bytes);
    sl_template_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return parse_with_right_checksum_too(data, size, parse);
}
