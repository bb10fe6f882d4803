/* secondlook attack: photos changed by little so that networks take a face for somebody else: query sets for tests. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/output.h"
#include "common/photo_work.h"
#include "secondlook_attack.h"

enum {
    KEY_METHOD = CLI_KEY_OWN,
    KEY_NORM,
    KEY_REGION,
    KEY_EPS,
    KEY_STEPS,
    KEY_STEP,
    KEY_MOMENTUM,
    KEY_START,
    KEY_SEED,
    KEY_ALSO,
    KEY_ENCODER,
    KEY_TOWARDS
};

enum { MOST_THREADS = 1024 };

/* Networks laid open that no thread is using; each serves one at a time. */
typedef struct {
    pthread_mutex_t mutex;
    sl_attack *idle[MOST_THREADS];
    size_t count;
} attack_pool;

typedef struct {
    cli_models models;
    cli_list paths;
    cli_outputs out;
    sl_attack_options attack;
    const char *names[SL_ATTACK_MODELS]; /* of the networks that are attacked; the first is --model */
    size_t also;                         /* further ones */
    attack_pool pool;
    const char *towards; /* a photo's path; NULL: away from themselves */
    sl_image goal_photo;
    sl_face goal;
    unsigned long long seed;
    bool json;
    json_t *pictures;
} attack_run;

static const struct argp_option options[] = {
    CLI_OPTION_JSON,
    {"output", 'o', "DIR", 0, "Where the pictures go, as PNG, with the tree below each folder (required)", 0},
    {"towards", KEY_TOWARDS, "PHOTO", 0,
     "Make each face look like this photo's main face to the networks (targeted); without it, unlike itself", 0},
    {"method", KEY_METHOD, "NAME", 0,
     "fgsm: one step; iterated: several (I-FGSM; PGD, as it starts at random); momentum: several, each with what "
     "is left of those before (MI-FGSM), which carries over to other networks better (the default)",
     0},
    {"eps", KEY_EPS, "LEVELS", 0, "The bound in grey levels, above 0 to 255 (default: 8)", 0},
    {"norm", KEY_NORM, "linf|l2", 0,
     "What is bounded: the change of every sample (linf, the default), or the root of their mean square (l2)", 0},
    {"region", KEY_REGION, "all|glasses", 0,
     "Where a photo may change: wherever its face's crop comes from (the default), or on the frames of glasses, a "
     "patch that can be worn: take a large --eps, and --steps 100",
     0},
    {"also", KEY_ALSO, "NAME,...", 0, "Further recognisers that are attacked at the same time, up to 7", 0},
    {"encoder", KEY_ENCODER, "NAME|auto|none", 0,
     "Attack this query encoder in place of the recogniser that it belongs to (default: none); --also with that "
     "recogniser's name attacks both",
     0},
    {"steps", KEY_STEPS, "N", 0, "Steps of iterated and momentum, 1 to 1000 (default: 10)", 0},
    {"step", KEY_STEP, "LEVELS", 0,
     "Length of a step (default: fgsm eps, momentum eps / steps, iterated 2.5 eps / steps)", 0},
    {"momentum", KEY_MOMENTUM, "M", 0, "What is left of the steps before, 0 to 10 (default: 1)", 0},
    {"start", KEY_START, "LEVELS", 0, "Begin with noise of up to so many grey levels (default: 1)", 0},
    {"seed", KEY_SEED, "N", 0, "The same seed gives the same pictures (default: 1)", 0},
    CLI_OPTION_REPLACE,
    {0},
};

static void add_models(struct argp_state *state, attack_run *run, char *list)
{
    for (char *name; (name = strsep(&list, ",")) != NULL;) {
        if (!*name)
            cli_usage(state, "--also has a name without letters");
        if (++run->also >= SL_ATTACK_MODELS)
            argp_error(state, "--also takes up to %d networks", SL_ATTACK_MODELS - 1);
        run->names[run->also] = name;
    }
}

static void check(struct argp_state *state, attack_run *run)
{
    if (!run->paths.count)
        argp_error(state, "an IMAGE or a folder is missing");
    if (!run->out.dir)
        argp_error(state, "-o DIR is missing");
    if (run->attack.norm == SL_ATTACK_LINF && run->attack.eps < 1)
        argp_error(state, "--eps below 1 leaves nothing that a picture of 8 bits could show; --norm l2 takes it");
    if (!run->towards && !(run->attack.start > 0))
        argp_error(state,
                   "--start 0 goes with --towards alone: a face that is driven away from itself needs a start");
    if (run->attack.region != SL_ATTACK_GLASSES && !run->models.engine.landmarks)
        run->models.engine.landmarks = "none"; /* they are for glasses alone, and take long to read */
    run->names[0] = run->models.engine.model ? run->models.engine.model : SL_DEFAULT_RECOGNISER;
    run->attack.models = run->names;
    run->attack.model_count = 1 + run->also;
    run->attack.models_dir = run->models.engine.models_dir;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    attack_run *run = state->input;
    sl_attack_options *a = &run->attack;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &run->models; return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case CLI_KEY_REPLACE: run->out.there = CLI_THERE_REPLACED; return 0;
    case KEY_METHOD:
        a->method = (sl_attack_method)cli_parse_value(state, "--method", arg, sl_attack_method_named,
                                                      sl_attack_method_name);
        return 0;
    case KEY_NORM:
        a->norm = (sl_attack_norm)cli_parse_value(state, "--norm", arg, sl_attack_norm_named, sl_attack_norm_name);
        return 0;
    case KEY_REGION:
        a->region = (sl_attack_region)cli_parse_value(state, "--region", arg, sl_attack_region_named,
                                                      sl_attack_region_name);
        return 0;
    case KEY_EPS: a->eps = cli_parse_real(state, "--eps", arg, .01, 255); return 0;
    case KEY_STEPS: a->steps = (int)cli_parse_int(state, "--steps", arg, 1, SL_ATTACK_STEPS); return 0;
    case KEY_STEP: a->step = cli_parse_real(state, "--step", arg, .001, 255); return 0;
    case KEY_MOMENTUM: a->momentum = cli_parse_real(state, "--momentum", arg, 0, 10); return 0;
    case KEY_START: a->start = cli_parse_real(state, "--start", arg, 0, 255); return 0;
    case KEY_SEED: run->seed = (unsigned long long)cli_parse_int(state, "--seed", arg, 0, INT64_MAX); return 0;
    case KEY_ALSO: add_models(state, run, arg); return 0;
    case KEY_ENCODER: a->encoder = arg; return 0;
    case KEY_TOWARDS: run->towards = arg; return 0;
    case 'o': run->out.dir = arg; return 0;
    case ARGP_KEY_ARG: cli_list_add(state, &run->paths, arg); return 0;
    case ARGP_KEY_END: check(state, run); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cli_models_argp, 0, "Networks:", 2}, {0}};
static const struct argp parser = {
    options,
    parse,
    "IMAGE|DIR... -o DIR",
    "Changes the main face of each photo, by so little that people hardly see it, until networks take it for "
    "somebody else. "
    "This is for tests of your own system: how far recognisers, second looks and thresholds can be trusted "
    "against it. The "
    "pictures are marked as attacked in their text (PNG's Comment). Names and folders stay, so that they can be "
    "identified against the originals' gallery.\v"
    "Examples:\n"
    "  secondlook attack --eps 4 photos/ -o attacked\n"
    "  secondlook attack --towards ann.jpg bob.jpg -o out && secondlook verify out/bob.png ann.jpg\n"
    "  secondlook attack --model mobilefacenet-128 photos/ -o made && secondlook eval identify ...\n"
    "                                  transfer: made on one network, tried on another\n"
    "  secondlook attack --region glasses --eps 255 --steps 100 photo.jpg -o out\n\n"
    "The photo's pixels are changed, through the alignment of each network. Told are the cosines to what was "
    "aimed at, before "
    "and after, as long as the detector finds the face where it was. A picture depends on the seed and its id "
    "alone.\n"
    "Exit code 3 when no face was found on any photo.",
    children,
    0,
    0};

/* ---- networks ---- */

static sl_status take_attack(attack_run *run, sl_attack **out, sl_error *err)
{
    pthread_mutex_lock(&run->pool.mutex);
    *out = run->pool.count ? run->pool.idle[--run->pool.count] : NULL;
    pthread_mutex_unlock(&run->pool.mutex);
    return *out ? SL_OK : sl_attack_open(&run->attack, out, err);
}

static void give_attack_back(attack_run *run, sl_attack *attack)
{
    pthread_mutex_lock(&run->pool.mutex);
    if (attack && run->pool.count < MOST_THREADS) {
        run->pool.idle[run->pool.count++] = attack;
        attack = NULL;
    }
    pthread_mutex_unlock(&run->pool.mutex);
    sl_attack_close(attack);
}

/* ---- a photo ---- */

static sl_status attack_face(attack_run *run, const sl_attack_face *query, const sl_photo *photo, const char *path,
                             sl_attack_result *result, sl_error *err)
{
    const sl_attack_face goal = {&run->goal_photo, &run->goal};
    sl_attack *attack;
    sl_image out = {0};
    sl_status status = take_attack(run, &attack, err);
    if (!status)
        status = sl_attack_photo(attack, query, run->towards ? &goal : NULL, cli_seed_of(run->seed, photo->image),
                                 &out, result, err);
    if (!status)
        status = sl_attack_write(attack, result, &out, path, err);
    give_attack_back(run, attack);
    sl_image_free(&out);
    return status;
}

/* What was done to one photo, until its turn to be told. */
typedef struct {
    sl_attack_result result;
    char *path;
} attacked_photo;

static sl_status attack_photo(void *context, sl_session *session, const sl_photo *photo, void **made,
                              sl_error *err)
{
    attack_run *run = context;
    sl_image image = {0};
    sl_face face;
    attacked_photo *done = calloc(1, sizeof *done);
    if (!done) {
        *err = (sl_error){SL_ERR_MEMORY, "no memory"};
        return err->status;
    }
    done->path = cli_output_of(&run->out, photo, NULL, ".png", err); /* before the work is done in vain */
    sl_status status = done->path ? sl_photo_read(session, photo, 0, &image, err) : err->status;
    if (!status)
        status = cli_find_face(session, &image, &face, err);
    if (!status)
        status = attack_face(run, &(sl_attack_face){&image, &face}, photo, done->path, &done->result, err);
    sl_image_free(&image);
    if (status) {
        free(done->path);
        free(done);
    } else
        *made = done;
    return status;
}

/* ---- telling ---- */

static json_t *picture_json(const attack_run *run, const sl_photo *photo, const attacked_photo *done)
{
    const sl_attack_result *r = &done->result;
    json_t *cosines = json_array();
    for (size_t i = 0; i < run->attack.model_count; i++)
        json_array_append_new(cosines,
                              json_pack("{s:o,s:o,s:o}", "model", cli_json_text(run->names[i]), "before",
                                        cli_json_number(r->before[i]), "after", cli_json_number(r->after[i])));
    return json_pack("{s:o,s:o,s:o,s:{s:I,s:I,s:o,s:o}}", "image", cli_json_text(photo->path), "picture",
                     cli_json_text(done->path), "cosines", cosines, "change", "samples", (json_int_t)r->samples,
                     "changed", (json_int_t)r->changed, "largest", cli_json_number(r->largest), "root_mean_square",
                     cli_json_number(r->root_mean_square));
}

static sl_status tell_picture(void *context, const sl_photo *photo, void *made, sl_error *err)
{
    attack_run *run = context;
    attacked_photo *done = made;
    (void)err;
    if (run->json)
        json_array_append_new(run->pictures, picture_json(run, photo, done));
    else {
        cli_say("%s", done->path);
        for (size_t i = 0; i < run->attack.model_count; i++)
            cli_say("  %-24s cosine %6.3f -> %6.3f", run->names[i], done->result.before[i], done->result.after[i]);
    }
    free(done->path);
    free(done);
    return SL_OK;
}

static int print_json(const attack_run *run, const cli_photo_loop *loop)
{
    const sl_attack_options *a = &run->attack;
    json_t *document = json_pack("{s:s*,s:s,s:s,s:s,s:o,s:b,s:O,s:O}", "encoder", a->encoder, "method",
                                 sl_attack_method_name(a->method), "norm", sl_attack_norm_name(a->norm), "region",
                                 sl_attack_region_name(a->region), "eps", cli_json_number(a->eps), "targeted",
                                 run->towards != NULL, "pictures", run->pictures, "failures", loop->failures);
    cli_photos_json(document, &loop->found);
    return cli_print_json(document);
}

/* ---- the whole ---- */

/* The face that --towards names. */
static int find_goal(attack_run *run)
{
    sl_engine *engine = NULL;
    sl_session *session = NULL;
    sl_error err = {0};
    int code = cli_open(&run->models, &engine, &session);
    if (!code && (sl_image_read(run->towards, &run->goal_photo, &err) ||
                  cli_find_face(session, &run->goal_photo, &run->goal, &err)))
        code = cli_fail(run->towards, &err);
    sl_session_close(session);
    sl_engine_close(engine);
    return code;
}

static void free_run(attack_run *run)
{
    for (size_t i = 0; i < run->pool.count; i++)
        sl_attack_close(run->pool.idle[i]);
    pthread_mutex_destroy(&run->pool.mutex);
    cli_outputs_free(&run->out);
    sl_image_free(&run->goal_photo);
    json_decref(run->pictures);
    free(run->paths.items);
}

int cmd_attack(int argc, char **argv)
{
    attack_run run = {
        .attack = sl_attack_defaults(), .out.naming = CLI_NAMES_STEM, .seed = 1, .pictures = json_array()};
    pthread_mutex_init(&run.pool.mutex, NULL);
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_photo_loop loop = {
        .models = &run.models, .outputs = &run.out, .one = attack_photo, .finish = tell_picture, .context = &run};
    sl_error err = {0};
    sl_attack *first = NULL; /* so that a network that cannot be attacked is told once */
    int code = sl_attack_open(&run.attack, &first, &err) ? cli_fail(NULL, &err) : CLI_OK;
    if (!code) {
        give_attack_back(&run, first);
        code = run.towards ? find_goal(&run) : CLI_OK;
    }
    if (!code) {
        code = cli_each_photo(&run.paths, &loop);
        if (!code && run.json)
            code = print_json(&run, &loop);
        code = cli_photos_code(code, loop.failed - loop.without_face, loop.done);
        cli_photo_loop_free(&loop);
    }
    free_run(&run);
    return code;
}
