#include "train/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "base/text.h"

/* With a point, whatever the locale. */
static void add_number(sl_text *t, const char *name, double value)
{
    char number[40];
    snprintf(number, sizeof number, "%.12g", value);
    char *comma = strchr(number, ',');
    if (comma)
        *comma = '.';
    sl_text_add(t, "%s %s\n", name, number);
}

static void add_count(sl_text *t, const char *name, uint64_t value)
{
    sl_text_add(t, "%s %llu\n", name, (unsigned long long)value);
}

static void add_loss(sl_text *t, const sl_train_options *o)
{
    sl_text_add(t, "learn %s\nloss %s\n", o->learn ? o->learn : "", sl_train_loss_name((unsigned)o->loss));
    add_count(t, "batch statistics", (uint64_t)(o->batch_statistics != 0));
    if (o->loss == SL_LOSS_DISTILL) {
        add_number(t, "target covered", o->target_covered);
        return;
    }
    add_number(t, "margin", o->margin);
    add_number(t, "scale", o->scale);
    add_number(t, "focal", o->focal);
    add_count(t, "random classes", (uint64_t)(o->random_classes != 0));
}

/* Lines that only transformers have. */
static void add_transformer(sl_text *t, const sl_train_options *o)
{
    sl_text_add(t, "task %s\nform %s\n", sl_train_task_name((unsigned)o->task), o->form ? o->form : "");
    const struct {
        const char *name;
        int value;
    } counts[] = {{"depth", o->depth},   {"heads", o->heads},        {"features", o->features},
                  {"single", o->single}, {"no positions", o->no_positions}, {"replicas", o->replicas},
                  {"begin at embedding", o->begin_at_embedding}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        add_count(t, counts[i].name, (uint64_t)counts[i].value);
    add_number(t, "dropout", o->dropout);
    add_number(t, "embedding dropout", o->embedding_dropout);
    sl_text_add(t, "start %s\n", o->start ? o->start : "");
}

static void add_optimiser(sl_text *t, const sl_train_options *o)
{
    sl_text_add(t, "optimiser %s\nschedule %s\n", sl_optimiser_name((unsigned)o->optimiser),
                sl_schedule_name((unsigned)o->schedule));
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"rate", o->rate},         {"weight decay", o->weight_decay},
                   {"momentum", o->momentum}, {"beta1", o->beta1},
                   {"beta2", o->beta2},       {"epsilon", o->epsilon},
                   {"clip", o->clip},         {"warm-up rate", o->warm_up_rate},
                   {"decay by", o->decay_by}, {"last rate", o->last_rate},
                   {"held out", o->held_out}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        add_number(t, numbers[i].name, numbers[i].value);
    add_count(t, "warm-up", o->warm_up);
    add_count(t, "decay every", o->decay_every);
}

static void add_digest(sl_text *t, const char *name, const uint8_t digest[32])
{
    char hex[65] = "";
    if (digest)
        sl_hex32(digest, hex);
    sl_text_add(t, "%s %s\n", name, hex);
}

char *sl_settings_text(const sl_train_options *o, const uint8_t fingerprint[32], const uint8_t learned[32],
                       const uint8_t *judged)
{
    sl_text t = {0};
    add_digest(&t, "network", fingerprint);
    add_digest(&t, "pictures", learned);
    add_digest(&t, "pictures that judge", judged);
    if (o->task != SL_TRAIN_RECOGNISER || o->dropout > 0 || o->embedding_dropout > 0)
        add_transformer(&t, o);
    add_loss(&t, o);
    add_optimiser(&t, o);
    add_count(&t, "batch", (uint64_t)o->batch);
    add_count(&t, "accumulate", (uint64_t)o->accumulate);
    add_count(&t, "steps", o->steps);
    add_count(&t, "every", o->every);
    add_count(&t, "seed", o->seed);
    if (o->pool)
        add_count(&t, "pool", o->pool);
    sl_text_add(&t, "augmentation %s\nprecision %s\n", o->augmentation ? o->augmentation : "",
                o->precision == SL_COMPUTE_BF16 ? "bf16" : "f32");
    if (!t.failed)
        return t.data;
    free(t.data);
    return NULL;
}

/* Length of the line that begins at `text`. */
static int line_length(const char *text)
{
    return (int)strcspn(text, "\n");
}

sl_status sl_settings_same(const char *then, const char *now, sl_error *err)
{
    while (*then && *now) {
        const int a = line_length(then), b = line_length(now);
        if (a != b || memcmp(then, now, (size_t)a) != 0)
            return sl_fail(err, SL_ERR_MISMATCH,
                           "the run was begun with \"%.*s\", now there is \"%.*s\": resume with "
                           "what it was begun with, or begin another run",
                           a, then, b, now);
        then += a + (then[a] != 0);
        now += b + (now[b] != 0);
    }
    return *then || *now ? sl_fail(err, SL_ERR_MISMATCH, "the run was begun by another version") : SL_OK;
}
