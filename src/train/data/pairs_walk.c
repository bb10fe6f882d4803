/* Pairs by number. Pair 2 k is of one person: the person that a shuffled walk has at k, and of that person's ordered
 * pairs the one that a walk of its own has at the count of earlier turns. Pair 2 k + 1 is of the person at k of another
 * walk, and of somebody else. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/text.h"
#include "train/data/sampler.h"

struct sl_pairs_walk {
    const sl_source *source;
    sl_pairs_options options;
    uint32_t *several; /* [several_count] people with two pictures or more */
    size_t several_count;
};

/* Seeds of the walks, all different. */
typedef enum { TURNS_OF_ONE, PAIRS_OF_ONE, TURNS_OF_TWO, FIRST_OF_TWO, SECOND_OF_TWO } walk_use;

static uint64_t seed_of(const sl_pairs_walk *w, walk_use use, uint64_t more)
{
    sl_rng r = sl_rng_seed(w->options.seed ^ ((uint64_t)use + 1) * 0x9e3779b97f4a7c15u);
    return sl_rng_next(&r) ^ more * 0xd1342543de82ef95u;
}

static sl_training_pair of_one(const sl_pairs_walk *w, uint64_t k)
{
    const uint32_t person = w->several[sl_shuffled(seed_of(w, TURNS_OF_ONE, 0), k, w->several_count)];
    size_t n;
    const uint32_t *pictures = sl_source_pictures(w->source, (int)person, &n);
    size_t pair = sl_shuffled(seed_of(w, PAIRS_OF_ONE, person), k / w->several_count, n * (n - 1));
    size_t first = pair / (n - 1), second = pair % (n - 1);
    return (sl_training_pair){pictures[first], pictures[second + (second >= first)], true};
}

static sl_training_pair of_two(const sl_pairs_walk *w, uint64_t k)
{
    const uint64_t people = (uint64_t)sl_source_people(w->source);
    const uint64_t person = sl_shuffled(seed_of(w, TURNS_OF_TWO, 0), k, people);
    sl_rng r = sl_rng_seed(seed_of(w, SECOND_OF_TWO, k));
    uint64_t other = sl_rng_below(&r, people - 1);
    size_t n, m;
    const uint32_t *mine = sl_source_pictures(w->source, (int)person, &n);
    const uint32_t *theirs = sl_source_pictures(w->source, (int)(other + (other >= person)), &m);
    return (sl_training_pair){mine[sl_shuffled(seed_of(w, FIRST_OF_TWO, person), k / people, n)],
                     theirs[sl_rng_below(&r, m)], false};
}

static sl_training_pair listed(const sl_pairs_walk *w, uint64_t t)
{
    return t % 2 == 0 ? of_one(w, t / 2) : of_two(w, t / 2);
}

/* Picture i of a batch's first pictures, then its second ones. */
static size_t joined(const sl_pairs_walk *w, uint64_t batch, uint64_t i)
{
    const uint64_t size = w->options.batch;
    return i < size ? listed(w, batch * size + i).first : listed(w, batch * size + i - size).second;
}

sl_training_pair sl_pairs_walk_at(const sl_pairs_walk *w, uint64_t t)
{
    const sl_pairs_options *o = &w->options;
    if (o->replicas < 2)
        return listed(w, t);
    const uint64_t half = o->batch / o->replicas, batch = t / o->batch, place = t % o->batch;
    const uint64_t at = place / half * 2 * half + place % half;
    sl_training_pair p = {.first = joined(w, batch, at), .second = joined(w, batch, at + half)};
    p.same = sl_source_person(w->source, p.first) == sl_source_person(w->source, p.second);
    return p;
}

/* ---- opening ---- */

static sl_status check_options(const sl_pairs_options *o, sl_error *err)
{
    if (!o->batch != !o->replicas || (o->replicas && o->batch % o->replicas) || o->batch > INT32_MAX)
        return sl_fail(err, SL_ERR_ARGUMENT, "a batch of %zu pairs cannot be cut for %zu replicas: it must be a "
                       "multiple of their number", o->batch, o->replicas);
    return SL_OK;
}

sl_status sl_pairs_walk_open(const sl_source *source, const sl_pairs_options *options, sl_pairs_walk **out,
                             sl_error *err)
{
    const int people = sl_source_people(source);
    *out = NULL;
    SL_TRY(check_options(options, err));
    if (people < 2)
        return sl_fail(err, SL_ERR_ARGUMENT, "there is one person only (%s), and pairs are of two as well: enrol more "
                       "people", sl_source_label(source, 0));
    sl_pairs_walk *w = calloc(1, sizeof *w);
    uint32_t *several = sl_calloc_aligned((size_t)people, sizeof *several);
    if (!w || !several) {
        free(w);
        free(several);
        return sl_no_memory(err, "for pairs of people");
    }
    *w = (sl_pairs_walk){.source = source, .options = *options, .several = several};
    for (int p = 0; p < people; p++) {
        size_t count;
        sl_source_pictures(source, p, &count);
        if (count > 1)
            several[w->several_count++] = (uint32_t)p;
    }
    if (w->several_count) {
        *out = w;
        return SL_OK;
    }
    sl_pairs_walk_close(w);
    return sl_fail(err, SL_ERR_ARGUMENT, "each of the %d people has one photo only, and half of the pairs are of one "
                   "person: enrol more photos of each", people);
}

void sl_pairs_walk_close(sl_pairs_walk *w)
{
    if (!w)
        return;
    free(w->several);
    free(w);
}

/* ---- the published form ---- */

/* As readers of pairs take it: in quotes, doubled inside, where it has blanks or begins with one. */
static void add_name(sl_text *t, const char *name)
{
    if (name[0] != '"' && !name[strcspn(name, " \t")]) {
        sl_text_add(t, "%s", name);
        return;
    }
    sl_text_add(t, "\"");
    for (const char *c = name; *c; c++)
        sl_text_add(t, *c == '"' ? "\"\"" : "%c", *c);
    sl_text_add(t, "\"");
}

sl_status sl_pairs_walk_write(const sl_pairs_walk *w, size_t count, const char *path, sl_error *err)
{
    sl_text t = {0};
    for (size_t i = 0; i < count && !t.failed; i++) {
        const sl_training_pair p = sl_pairs_walk_at(w, i);
        add_name(&t, sl_source_image(w->source, p.first));
        sl_text_add(&t, " ");
        add_name(&t, sl_source_image(w->source, p.second));
        sl_text_add(&t, " %d %d %d\n", p.same, sl_source_person(w->source, p.first),
                    sl_source_person(w->source, p.second));
    }
    sl_status status = t.failed ? sl_no_memory(err, "for a list of pairs")
                                : sl_write_file(path, t.data ? t.data : "", t.size, err);
    free(t.data);
    return status;
}
