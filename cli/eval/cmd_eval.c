/* secondlook eval: what a gallery and its second look are worth. */
#include "common/cli.h"

static const cli_command commands[] = {
    {"identify", "how well queries find their people, both stages", cmd_eval_identify},
    {"verify", "decide listed pairs, in ten folds", cmd_eval_verify},
    {"openset", "people who were never enrolled: false alarms against misses", cmd_eval_openset},
    {"explain", "which explanation of a score holds: hiding what it calls important", cmd_eval_explain},
    {NULL, NULL, NULL},
};

int cmd_eval(int argc, char **argv)
{
    return cli_dispatch("secondlook eval", "Evaluates a gallery.", commands,
                        "'secondlook eval COMMAND --help' tells more.\n", argc, argv);
}
