/* secondlook version: what runs here. */
#include <argp.h>

#include "common/cli.h"
#include "common/options.h"
#include "common/output.h"

static const struct argp_option options[] = {CLI_OPTION_JSON, {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    (void)arg;
    if (key != CLI_KEY_JSON)
        return key == ARGP_KEY_ARG ? (argp_usage(state), 0) : ARGP_ERR_UNKNOWN;
    *(bool *)state->input = true;
    return 0;
}

static const struct argp parser = {
    options,
    parse,
    0,
    "Version, the instruction set that the kernels use, the library behind the "
    "networks and the formats of pictures that are read.\v"
    "The environment's SL_ISA=scalar|avx2|avx512|neon asks for less than the machine has.",
    0,
    0,
    0};

int cmd_version(int argc, char **argv)
{
    bool json = false;
    sl_error err = {0};
    argp_parse(&parser, argc, argv, 0, 0, &json);
    if (sl_isa_check(&err))
        return cli_fail(NULL, &err);
    if (json)
        return cli_print_json(json_pack("{s:s,s:s,s:s,s:i,s:s}", "version", sl_version(), "isa", sl_isa_in_use(),
                                        "backend", sl_net_backend(), "processors", cli_thread_count(0), "pictures",
                                        sl_image_formats()));
    printf("secondlook %s\nisa         %s\nback end    %s\nprocessors  %d\npictures    %s\n", sl_version(),
           sl_isa_in_use(), sl_net_backend(), cli_thread_count(0), sl_image_formats());
    return CLI_OK;
}
