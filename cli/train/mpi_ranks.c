/* secondlook-mpi is this program with MPI; without, ranks that would know nothing of each other are refused. */
#include "train/mpi_ranks.h"

#include <limits.h>
#include <stdlib.h>

#include "common/cli.h"

#ifdef SL_MPI
#include <mpi.h>

static sl_train_ranks all;

/* Sums under way. */
static MPI_Request *requests;
static size_t begun, room;

static sl_status mpi_failed(sl_error *err)
{
    *err = (sl_error){SL_ERR_IO, "MPI could not add up what the ranks have: one of them may be gone"};
    return SL_ERR_IO;
}

static sl_status begin_sum(void *context, float *x, size_t count, sl_error *err)
{
    (void)context;
    if (begun == room) {
        MPI_Request *more = realloc(requests, (room + 256) * sizeof *more);
        if (!more)
            return mpi_failed(err);
        requests = more;
        room += 256;
    }
    if (count > INT_MAX || MPI_Iallreduce(MPI_IN_PLACE, x, (int)count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD,
                                          &requests[begun]) != MPI_SUCCESS)
        return mpi_failed(err);
    begun++;
    return SL_OK;
}

static sl_status finish_sums(void *context, sl_error *err)
{
    (void)context;
    const int count = (int)begun;
    begun = 0;
    return MPI_Waitall(count, requests, MPI_STATUSES_IGNORE) == MPI_SUCCESS ? SL_OK : mpi_failed(err);
}

int cli_ranks_begin(const sl_train_ranks **ranks)
{
    int provided;
    *ranks = NULL;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS) {
        cli_warn("MPI does not start");
        return CLI_FAILED;
    }
    MPI_Comm_rank(MPI_COMM_WORLD, &all.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &all.ranks);
    all.begin = begin_sum;
    all.finish = finish_sums;
    if (all.ranks > 1)
        *ranks = &all;
    return CLI_OK;
}

void cli_ranks_end(int code)
{
    free(requests);
    if (code && all.ranks > 1)
        MPI_Abort(MPI_COMM_WORLD, code);
    MPI_Finalize();
}

#else

int cli_ranks_begin(const sl_train_ranks **ranks)
{
    const char *size = getenv("OMPI_COMM_WORLD_SIZE");
    *ranks = NULL;
    if (!size || atoi(size) < 2)
        return CLI_OK;
    cli_warn("this program was built without MPI: take secondlook-mpi under mpirun");
    return CLI_USAGE;
}

void cli_ranks_end(int code)
{
    (void)code;
}

#endif
