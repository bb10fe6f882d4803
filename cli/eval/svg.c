/* Writing a chart, or saying why not. */
#include "eval/svg.h"

#include <stdlib.h>

#include "common/output_files.h"
#include "secondlook_draw.h"

int cli_write_svg(const char *dir, const char *name, cli_there there, const sl_chart *chart)
{
    sl_error err = {0};
    char *path = cli_output_in(dir, name, there, &err);
    int code = path && !sl_write_chart(path, chart, &err) ? CLI_OK : cli_fail(dir, &err);
    free(path);
    return code;
}
