// module: face
/* Landmarks as the dissertation's code keeps them beside its crops. */
#include <math.h>
#include <stdlib.h>

#include "face/landmark_groups.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sl_point points[68];
    if (sl_landmark_groups_parse(data, size, points, NULL) != SL_OK)
        return 0;
    for (int i = 0; i < 68; i++)
        if (!(fabsf(points[i].x) <= 1e6f && fabsf(points[i].y) <= 1e6f))
            abort();
    return 0;
}
