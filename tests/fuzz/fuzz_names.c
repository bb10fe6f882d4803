// module: eval
/* A list of people or photos. */
#include <stdlib.h>

#include "eval/name_sets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sl_error err;
    sl_name *names;
    size_t count;
    if (sl_names_parse((const char *)data, size, "fuzz", &names, &count, &err) == SL_OK)
        for (size_t i = 0; i < count; i++)
            if (!sl_names_find(names, count, names[i].text, names[i].length))
                abort();
    free(names);
    return 0;
}
