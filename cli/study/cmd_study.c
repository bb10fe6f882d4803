/* secondlook study: do explanations help people? */
#include "common/cli.h"
#include "study/study_commands.h"

int cmd_study(int argc, char **argv)
{
    static const cli_command commands[] = {
        {"make", "draw a study of a gallery: a folder of static files", cmd_study_make},
        {"score", "what participants' answers come to", cmd_study_score},
        {NULL, NULL, NULL},
    };
    return cli_dispatch(argv[0],
                        "A user study: how well do people tell whether two faces are of one person, and does it help "
                        "them to be shown why?",
                        commands, "'secondlook study COMMAND --help' tells more.\n", argc, argv);
}
