/* Products, measured for whoever compares steps with them. */
#include "base/status.h"
#include "base/threads.h"
#include "net/flop.h"
#include "secondlook_train.h"

sl_status sl_train_products(int threads, sl_compute precision, double *flop_per_second, sl_error *err)
{
    const sl_plan_options options = {.threads = threads ? threads : sl_cpu_count(), .precision = precision};
    return sl_measure_products(&options, flop_per_second, err);
}
