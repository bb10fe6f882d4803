/* Outputs for each cell of three grids: told apart by how many rows and channels they have, whatever their names and
 * order. Those of one kind and grid (YuNet's two scores) stay in the file's order. */
#include "face/dense_detector.h"

static bool put(sl_grid *g, const sl_dense_output *o, int scores, int seen[3])
{
    static const float shapes_only;
    const float *data = o->data ? o->data : &shapes_only;
    switch (o->channels) {
    case 1:
        if (seen[0] >= scores)
            return false;
        g->score[seen[0]++] = data;
        return true;
    case 4: g->box = data; return seen[1]++ == 0;
    case 10: g->points = data; return seen[2]++ == 0;
    default: return false;
    }
}

bool sl_grids_of(const sl_dense_look *look, int anchors, int scores, sl_grid grids[SL_GRIDS])
{
    int seen[SL_GRIDS][3] = {{0}};
    for (int i = 0; i < SL_GRIDS; i++) {
        int stride = 8 << i;
        grids[i] = (sl_grid){.stride = stride, .rows = look->height / stride, .cols = look->width / stride};
    }
    for (int k = 0; k < look->count; k++) {
        int i = 0;
        while (i < SL_GRIDS && look->outputs[k].rows != (int64_t)anchors * grids[i].rows * grids[i].cols)
            i++;
        if (i == SL_GRIDS || !put(&grids[i], &look->outputs[k], scores, seen[i]))
            return false;
    }
    for (int i = 0; i < SL_GRIDS; i++)
        if (seen[i][0] != scores || seen[i][1] != 1 || seen[i][2] != seen[0][2])
            return false;
    return true;
}
