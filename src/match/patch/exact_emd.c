/* Exact Earth Mover's Distance: the transportation problem by the network simplex on a spanning tree.
 *
 * Nodes: the rows and columns that weigh something, and a root joined to each by an artificial arc of high
 * cost, which is the first tree. Masses are integers (2^50 in all), so flows are exact; the tree is kept
 * strongly feasible (every arc without flow points to the root; Cunningham 1976), so that degenerate pivots
 * cannot cycle.
 *
 * Arcs run from row to column. Potentials y: y_tail - y_head = cost on every tree arc; an arc may enter when
 * cost - y_tail + y_head < 0. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "match/patch/solvers.h"

enum { MAX_NODES = 2 * SL_MATCH_MAX_PATCHES + 1, NONE = -1 };

static const double total_mass = 0x1p50;
static const double artificial_cost = 1024; /* above any sum of differences along a path */
static const double tolerance = 1e-11;

typedef struct {
    int parent, first_child, next, previous; /* tree; siblings are linked */
    int depth;
    bool up;      /* the arc to the parent points to the parent */
    int64_t flow; /* on that arc */
    double cost;  /* of that arc */
    double potential;
    int64_t mass; /* supply or demand, > 0 */
    int patch;    /* row or column of the problem */
} node;

typedef struct {
    node nodes[MAX_NODES];
    int rows, columns, root;
    double *costs; /* [rows, columns] */
} network;

size_t sl_solver_bytes(int patches)
{
    size_t bytes = sizeof(network) + 64 + (size_t)patches * patches * sizeof(double);
    size_t sinkhorn = sl_sinkhorn_bytes(patches);
    return ((bytes > sinkhorn ? bytes : sinkhorn) + 63) / 64 * 64;
}

/* Adds the patches of positive weight as nodes, masses rounded so that they sum to total_mass exactly. */
static int add_side(network *net, int first, const float *weights, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += weights[i];
    int count = 0, largest = 0;
    int64_t left = (int64_t)total_mass;
    for (int i = 0; i < n; i++) {
        if (!(weights[i] > 0))
            continue;
        node *x = &net->nodes[first + count];
        x->patch = i;
        x->mass = llround(weights[i] / sum * total_mass);
        if (x->mass < 1)
            x->mass = 1;
        left -= x->mass;
        if (x->mass > net->nodes[first + largest].mass)
            largest = count;
        count++;
    }
    net->nodes[first + largest].mass += left; /* a few units of 2^50 / 256 or more */
    return count;
}

static void link_child(network *net, int child, int parent)
{
    node *x = &net->nodes[child], *p = &net->nodes[parent];
    x->parent = parent;
    x->previous = NONE;
    x->next = p->first_child;
    if (x->next != NONE)
        net->nodes[x->next].previous = child;
    p->first_child = child;
}

static void unlink_child(network *net, int child)
{
    node *x = &net->nodes[child];
    if (x->previous != NONE)
        net->nodes[x->previous].next = x->next;
    else
        net->nodes[x->parent].first_child = x->next;
    if (x->next != NONE)
        net->nodes[x->next].previous = x->previous;
}

static void settle(network *net, int i)
{
    node *x = &net->nodes[i];
    const node *p = &net->nodes[x->parent];
    x->depth = p->depth + 1;
    x->potential = x->up ? p->potential + x->cost : p->potential - x->cost;
}

/* Depths and potentials of the subtree under `top`, whose parent is settled. */
static void settle_subtree(network *net, int top)
{
    int i = top;
    settle(net, i);
    for (;;) {
        if (net->nodes[i].first_child != NONE) {
            i = net->nodes[i].first_child;
        } else {
            while (i != top && net->nodes[i].next == NONE)
                i = net->nodes[i].parent;
            if (i == top)
                return;
            i = net->nodes[i].next;
        }
        settle(net, i);
    }
}

static void build(network *net, const sl_transport_problem *problem)
{
    net->rows = add_side(net, 0, problem->u, problem->patches);
    net->columns = add_side(net, net->rows, problem->v, problem->patches);
    net->root = net->rows + net->columns;
    net->nodes[net->root] = (node){.parent = NONE, .first_child = NONE, .next = NONE, .previous = NONE};
    for (int i = 0; i < net->root; i++) {
        node *x = &net->nodes[i];
        x->first_child = NONE;
        x->up = i < net->rows;
        x->flow = x->mass;
        x->cost = artificial_cost;
        link_child(net, i, net->root);
        settle(net, i);
    }
    for (int i = 0; i < net->rows; i++)
        for (int j = 0; j < net->columns; j++) {
            int s = net->nodes[i].patch, m = net->nodes[net->rows + j].patch;
            net->costs[(size_t)i * net->columns + j] = 1 - (double)problem->S[(size_t)s * problem->stride + m];
        }
}

/* The best arc to enter of the first row, counted on from *row, that has one. */
static bool find_entering(const network *net, int *row, int *column)
{
    for (int tried = 0; tried < net->rows; tried++) {
        const double *costs = net->costs + (size_t)*row * net->columns;
        double best = INFINITY;
        for (int j = 0; j < net->columns; j++) {
            double reduced = costs[j] + net->nodes[net->rows + j].potential;
            if (reduced < best) {
                best = reduced;
                *column = j;
            }
        }
        if (best - net->nodes[*row].potential < -tolerance)
            return true;
        *row = *row + 1 == net->rows ? 0 : *row + 1;
    }
    return false;
}

/* The node below the arc that leaves when tail -> head enters, and the flow that goes round. Of several
 * arcs that block, the last one seen from the join in the direction of the flow: down to the tail, then up
 * from the head. */
static int find_leaving(const network *net, int tail, int head, int64_t *amount)
{
    int leaving = NONE, i = tail, j = head;
    *amount = INT64_MAX;
    int on_head_side = NONE;
    int64_t head_amount = INT64_MAX;
    while (i != j) {
        const node *a = &net->nodes[i], *b = &net->nodes[j];
        if (a->depth >= b->depth) { /* flow comes down this arc: one that points up loses */
            if (a->up && a->flow < *amount) {
                *amount = a->flow;
                leaving = i;
            }
            i = a->parent;
        } else { /* flow goes up this arc: one that points down loses */
            if (!b->up && b->flow <= head_amount) {
                head_amount = b->flow;
                on_head_side = j;
            }
            j = b->parent;
        }
    }
    if (on_head_side != NONE && head_amount <= *amount) {
        *amount = head_amount;
        leaving = on_head_side;
    }
    return leaving;
}

static void push(network *net, int tail, int head, int64_t amount)
{
    for (int i = tail, j = head; i != j;) {
        node *a = &net->nodes[i], *b = &net->nodes[j];
        if (a->depth >= b->depth) {
            a->flow += a->up ? -amount : amount;
            i = a->parent;
        } else {
            b->flow += b->up ? amount : -amount;
            j = b->parent;
        }
    }
}

/* Cuts the arc above `leaving` and hangs its subtree by `inner`, an end of the entering arc, on `outer`. */
static void rehang(network *net, int leaving, int inner, int outer, bool up, double cost, int64_t flow)
{
    int x = inner, parent = outer;
    for (;;) {
        const node old = net->nodes[x];
        unlink_child(net, x);
        link_child(net, x, parent);
        net->nodes[x].up = up;
        net->nodes[x].cost = cost;
        net->nodes[x].flow = flow;
        if (x == leaving)
            break;
        parent = x;
        x = old.parent;
        up = !old.up;
        cost = old.cost;
        flow = old.flow;
    }
    settle_subtree(net, inner);
}

static bool is_below(const network *net, int i, int top)
{
    while (net->nodes[i].depth > net->nodes[top].depth)
        i = net->nodes[i].parent;
    return i == top;
}

static bool pivot(network *net, int row, int column)
{
    const int tail = row, head = net->rows + column;
    int64_t amount;
    int leaving = find_leaving(net, tail, head, &amount);
    if (leaving == NONE)
        return false;
    push(net, tail, head, amount);
    double cost = net->costs[(size_t)row * net->columns + column];
    if (is_below(net, tail, leaving))
        rehang(net, leaving, tail, head, true, cost, amount);
    else
        rehang(net, leaving, head, tail, false, cost, amount);
    return true;
}

/* False when an artificial arc still carries something. */
static bool read_plan(const network *net, int patches, double *plan)
{
    memset(plan, 0, (size_t)patches * patches * sizeof *plan);
    for (int i = 0; i < net->root; i++) {
        const node *x = &net->nodes[i];
        if (x->parent == net->root) {
            if (x->flow != 0)
                return false;
            continue;
        }
        const node *p = &net->nodes[x->parent];
        int s = x->up ? x->patch : p->patch, m = x->up ? p->patch : x->patch;
        plan[(size_t)s * patches + m] = (double)x->flow / total_mass;
    }
    return true;
}

static void read_potentials(const network *net, int patches, double *potentials)
{
    for (int i = 0; i < 2 * patches; i++)
        potentials[i] = NAN;
    for (int i = 0; i < net->root; i++)
        potentials[(i < net->rows ? 0 : patches) + net->nodes[i].patch] = net->nodes[i].potential;
}

sl_status sl_transport_solve(const sl_transport_problem *problem, void *work, double *plan, int *pivots,
                             double *potentials, sl_error *err)
{
    network *net = work;
    net->costs = (double *)((char *)work + (sizeof *net + 63) / 64 * 64);
    build(net, problem);
    const int limit = 1000 + 50 * net->rows * net->columns;
    int count = 0, row = 0, column = 0;
    for (; find_entering(net, &row, &column); count++)
        if (count == limit || !pivot(net, row, column))
            return sl_fail(err, SL_ERR_INTERNAL, "exact solver: no end after %d pivots; please report this",
                           count);
    if (!read_plan(net, problem->patches, plan))
        return sl_fail(err, SL_ERR_INTERNAL, "exact solver: masses do not meet; please report this");
    if (potentials)
        read_potentials(net, problem->patches, potentials);
    if (pivots)
        *pivots = count;
    return SL_OK;
}
