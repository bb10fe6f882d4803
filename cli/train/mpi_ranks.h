/* The processes that mpirun started, if it did. */
#ifndef CLI_MPI_RANKS_H
#define CLI_MPI_RANKS_H

#include "secondlook_train.h"

/* *ranks stays NULL for a process alone. CLI_OK, or an exit code after saying what is wrong. */
int cli_ranks_begin(const sl_train_ranks **ranks);
void cli_ranks_end(void);

#endif
