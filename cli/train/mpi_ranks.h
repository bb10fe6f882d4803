/* The processes that mpirun started, if it did. */
#ifndef CLI_MPI_RANKS_H
#define CLI_MPI_RANKS_H

#include "secondlook_train.h"

/* *ranks stays NULL for a process alone. CLI_OK, or an exit code after saying what is wrong. */
int cli_ranks_begin(const sl_train_ranks **ranks);

/* Ends what was begun. A rank that has failed takes the others with it: they would wait for it for ever. */
void cli_ranks_end(int code);

#endif
