/* secondlook verify and explain: two photos against each other. */
#include <math.h>
#include <stdlib.h>

#include "common/look_needs.h"
#include "common/gallery_model.h"
#include "common/cli.h"
#include "common/output.h"
#include "common/photo_work.h"
#include "common/progress.h"
#include "common/rule_options.h"
#include "remote/remote.h"

enum { KEY_GALLERY = CLI_KEY_OWN, KEY_FAR, KEY_TRUST, KEY_HEAT, KEY_HEAD };

/* What explain draws alone: sl_heat_kind's, and attention flow. */
static const char *const heats[] = {"cc", "attention", "relevance", "flow", NULL};
enum { NO_HEAT = -1, ATTENTION_FLOW = 3, STRIP_SIDE = 256 };

typedef struct {
    cli_models models;
    cli_match match;
    cli_list paths;
    const char *out;     /* explain's picture */
    const char *gallery; /* whose calibration is to be used */
    double far; /* asked for; 0: the default */
    sl_rule rule;
    bool json, aligned;
    bool trust; /* explain: drawn whatever the second look */
    int heat, head; /* explain: this alone, of `heats`; a head of attention or SL_ALL_HEADS */
} pair_run;

/* What a server can be asked for. */
static void check_remote(struct argp_state *state, const pair_run *run)
{
    cli_remote_check_models(state, &run->models);
    if (run->out || run->match.look_given || run->match.patch_option || !isnan(run->match.match.alpha))
        argp_error(state, "a server compares two photos by its own look: --far, --threshold, --aligned, --json alone; "
                   "for pictures, its page");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    pair_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &run->match;
        state->child_inputs[1] = &run->models;
        return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case CLI_KEY_ALIGNED: run->aligned = true; return 0;
    case KEY_GALLERY: run->gallery = arg; return 0;
    case KEY_FAR: run->far = cli_parse_real(state, "--far", arg, 1e-12, 1); return 0;
    case 'o': run->out = arg; return 0;
    case ARGP_KEY_ARG: cli_list_add(state, &run->paths, arg); return 0;
    case ARGP_KEY_END:
        if (run->paths.count != 2)
            argp_error(state, "two photos are needed, not %zu", run->paths.count);
        if (run->far > 0 && !isnan(run->match.threshold))
            argp_error(state, "--far and --threshold exclude each other");
        if (cli_is_remote(run->gallery))
            check_remote(state, run);
        else if (run->gallery && !(run->far > 0))
            argp_error(state, "--gallery is for --far: its calibration gives the threshold");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_explain(int key, char *arg, struct argp_state *state)
{
    pair_run *run = state->input;
    switch (key) {
    case KEY_TRUST: run->trust = true; return 0;
    case KEY_HEAT: run->heat = cli_parse_name(state, "--heat", arg, heats); return 0;
    case KEY_HEAD: run->head = (int)cli_parse_int(state, "--head", arg, 1, 64) - 1; return 0;
    default: break;
    }
    error_t error = parse(key, arg, state);
    if (key == ARGP_KEY_END && !run->out)
        argp_error(state, "-o OUT.png is missing");
    if (key == ARGP_KEY_END && run->heat == SL_HEAT_CC)
        run->match.patch_option = NULL; /* of looks that do not read --weighting, cross-correlation does */
    const bool by_head = run->heat == SL_HEAT_ATTENTION || run->heat == ATTENTION_FLOW;
    if (key == ARGP_KEY_END && run->head != SL_ALL_HEADS && !by_head)
        argp_error(state, "--head is for --heat attention and --heat flow");
    return error;
}

static const struct argp_child children[] = {
    {&cli_match_argp, 0, "The second look:", 1}, {&cli_models_argp, 0, "Networks:", 2}, {0}};

/* By which threshold it is decided, beside --threshold. */
#define RULE_OPTIONS \
    {"far", KEY_FAR, "RATE", 0, \
     "Choose the threshold so that this part of pairs of different people (0.0001: one in ten " \
     "thousand) is taken for one person", \
     0}, \
    {"gallery", KEY_GALLERY, "DIR", 0, \
     "With --far: a gallery whose calibration (calibrate --encoder none) is used, not the model's own rates; or a " \
     "server's (https://HOST/v1/galleries/NAME), which is asked then", 0}

static const struct argp_option verify_options[] = {
    CLI_OPTION_JSON,
    CLI_OPTION_ALIGNED,
    RULE_OPTIONS,
    {0}};
static const struct argp verify_parser = {
    verify_options,
    parse,
    "IMAGE IMAGE",
    "Do two photos show the same person? The main face of each is compared; - is a photo on stdin.\v"
    "Examples:\n"
    "  secondlook verify passport.jpg camera.jpg\n"
    "  secondlook verify --json --rerank none a.jpg b.jpg\n"
    "  secondlook verify --far 0.0001 a.jpg b.jpg\n\n"
    "Exit code 0 for the same person, 4 for different people, 3 when a photo shows no face.",
    children,
    0,
    0};

static const struct argp_option explain_options[] = {
    CLI_OPTION_JSON,
    {"output", 'o', "OUT.png", 0, "The picture to write (required)", 0},
    RULE_OPTIONS,
    {"trust", KEY_TRUST, 0, 0,
     "Insist that it is drawn how far each part of the faces is believed: fails where that is not known of the model",
     0},
    {"heat", KEY_HEAT, "cc|attention|relevance|flow", 0,
     "Draw this alone, over both faces: cross-correlation (of --rerank none the patch maps', with --weighting cc by "
     "the embedding; of h2l its tokens'), attention, relevance (of h2l and h2, else of a model that is a transformer "
     "itself), or attention flow",
     0},
    {"head", KEY_HEAD, "N", 0, "With --heat attention or flow: the head, from 1 (default: the mean of all)", 0},
    CLI_OPTION_ALIGNED,
    {0}};
static const struct argp explain_parser = {
    explain_options,
    parse_explain,
    "IMAGE IMAGE -o OUT.png",
    "Draws how verify comes to its answer, by the same second look and threshold: what each part of the face gave to "
    "the score, what was left out as hidden, of looks by patches which was matched with which, and of looks that were "
    "learned attention flow, relevance, cross-correlation and attention.\v"
    "Examples:\n"
    "  secondlook explain masked.jpg enrolled.jpg -o why.png\n"
    "  secondlook explain --far 0.0001 --gallery staff masked.jpg enrolled.jpg -o why.png\n"
    "  secondlook explain --rerank emd --grid 4x4 a.jpg b.jpg -o why.png\n"
    "  secondlook explain --rerank h2l --look my-h2l --heat relevance a.jpg b.jpg -o heat.png",
    children,
    0,
    0};

/* ------------------------------------------------------------------ the pair */

typedef struct {
    sl_engine *engine;
    sl_session *session;
    sl_gallery *gallery; /* for its calibration */
    sl_oae *oae; /* where the second look needs them */
    sl_look *look;
    cli_face faces[2];
    sl_score score;
} pair;

static void pair_close(pair *p)
{
    for (int i = 0; i < 2; i++) {
        sl_image_free(&p->faces[i].crop);
        sl_template_free(p->faces[i].t);
    }
    sl_oae_close(p->oae);
    sl_look_close(p->look);
    sl_gallery_close(p->gallery);
    sl_session_close(p->session);
    sl_engine_close(p->engine);
}

static int open_cells(pair_run *run, pair *p)
{
    int code = cli_open_oae(&run->match, &run->models, p->engine, p->gallery, &p->oae);
    p->look = run->match.look;
    if (code || !run->trust || (p->oae && sl_oae_source(p->oae)))
        return code;
    cli_warn("--trust: nothing is known of how this model sees ordinary faces, cell by cell: make it by 'secondlook "
             "models statistics'");
    return CLI_FAILED;
}

static int pair_open(pair_run *run, pair *p)
{
    sl_error err = {0};
    int code = run->gallery ? cli_open_with_gallery(&run->models, run->gallery, &p->engine, &p->session, &p->gallery)
                            : cli_open(&run->models, &p->engine, &p->session);
    if (!code)
        code = open_cells(run, p);
    for (int i = 0; !code && i < 2; i++)
        code = cli_main_face(p->session, run->paths.items[i], run->aligned, &p->faces[i]);
    run->match.match.threads = run->models.threads;
    if (!code && sl_compare(p->faces[0].t, p->faces[1].t, &run->match.match, &p->score, &err))
        code = cli_fail(NULL, &err);
    return code;
}

static json_t *score_json(const sl_score *s)
{
    return json_pack("{s:o,s:o,s:o}", "score", cli_json_number(s->score), "stage1", cli_json_number(s->stage1),
                     "stage2", cli_json_number(s->stage2));
}

/* The face of each photo that was compared. */
static json_t *faces_json(const pair_run *run, const pair *p)
{
    json_t *faces = json_array();
    for (int i = 0; i < 2; i++)
        json_array_append_new(faces, json_pack("{s:o,s:o,s:i,s:i}", "image", cli_json_text(run->paths.items[i]),
                                               "box", cli_json_box(&p->faces[i].box), "others", p->faces[i].others,
                                               "rivals", p->faces[i].rivals));
    return faces;
}

/* Where a photo shows others too: which face was taken. */
static void print_choice(const pair_run *run, const pair *p)
{
    for (int i = 0; i < 2; i++) {
        const cli_face *f = &p->faces[i];
        if (!f->others)
            continue;
        printf("  in ");
        cli_print_name(stdout, run->paths.items[i], 0);
        printf(" the face at %.0f,%.0f to %.0f,%.0f was taken, of %d", f->box.x0, f->box.y0, f->box.x1, f->box.y1,
               f->others + 1);
        if (f->rivals)
            printf("; %d of the others %s about as large: look whether it is meant", f->rivals,
                   f->rivals == 1 ? "is" : "are");
        putchar('\n');
    }
}

static void print_scores(const sl_score *s)
{
    printf("  stage 1 (cosine)        %.4f\n", s->stage1);
    if (!isnan(s->stage2))
        printf("  stage 2 (second look)   %.4f\n", s->stage2);
}

/* ------------------------------------------------------------------ verify */

/* The rule that was asked for. */
static int find_rule(pair_run *run, const pair *p)
{
    sl_error err = {0};
    sl_status status = SL_OK;
    const sl_match_options *m = &run->match.match;
    if (!isnan(run->match.threshold))
        run->rule = sl_rule_given(run->match.threshold, 0);
    else if (run->far > 0)
        status = sl_rule_for_far(p->engine, p->gallery, m, run->far, &run->rule, &err);
    else
        status = sl_rule_default(p->engine, NULL, m, &run->rule, &err);
    return status ? cli_fail(run->gallery, &err) : CLI_OK;
}

/* A pair is as hidden as the more hidden of its faces. */
static int pair_hidden(const pair_run *run, const pair *p, float *hidden)
{
    sl_error err = {0};
    *hidden = NAN;
    for (int i = 0; i < 2 && run->rule.bins > 1; i++) {
        float one;
        if (sl_oae_hidden(run->match.match.oae, p->faces[i].t, &one, &err))
            return cli_fail(NULL, &err);
        *hidden = fmaxf(*hidden, one);
    }
    return CLI_OK;
}

static sl_decision decide(const pair_run *run, const pair *p, float hidden)
{
    return sl_rule_decide(&run->rule, p->score.score, p->score.stage1, hidden);
}

static json_t *answer_json(const pair_run *run, const pair *p, float hidden)
{
    json_t *document = score_json(&p->score);
    json_object_set_new(document, "decision", json_string(sl_decision_name(decide(run, p, hidden))));
    json_object_set_new(document, "rerank", json_string(sl_rerank_name(run->match.match.rerank)));
    cli_add_judgement(document, &run->rule, hidden);
    json_object_set_new(document, "rule", cli_rule_json(&run->rule));
    json_object_set_new(document, "faces", faces_json(run, p));
    return document;
}

static void print_answer(const pair_run *run, const pair *p, float hidden)
{
    static const char *const told[] = {[SL_UNKNOWN] = "not the same person", [SL_MATCH] = "same person",
                                       [SL_TOO_LITTLE] = "too little of a face is visible to tell"};
    const float value = run->rule.on_stage1 ? p->score.stage1 : p->score.score;
    printf("%s: %s %.4f", told[decide(run, p, hidden)], run->rule.on_stage1 ? "stage 1" : "score", value);
    cli_print_judgement(&run->rule, value, hidden);
    putchar('\n');
    if (run->far > 0)
        cli_print_rule(&run->rule);
    if (run->rule.on_stage1)
        printf("  score                   %.4f\n", p->score.score);
    print_scores(&p->score);
    print_choice(run, p);
}

static int answer(pair_run *run, const pair *p)
{
    float hidden;
    int code = find_rule(run, p);
    if (!code)
        code = pair_hidden(run, p, &hidden);
    if (code)
        return code;
    if (run->json)
        code = cli_print_json(answer_json(run, p, hidden));
    else
        print_answer(run, p, hidden);
    return code ? code : decide(run, p, hidden) == SL_MATCH ? CLI_OK : CLI_UNKNOWN;
}

int cmd_verify(int argc, char **argv)
{
    pair_run run = {.match = cli_match_defaults()};
    pair p = {0};
    argp_parse(&verify_parser, argc, argv, 0, 0, &run);
    int code;
    if (cli_is_remote(run.gallery))
        code = cli_remote_verify(run.gallery, run.paths.items, &run.match, run.far, run.aligned, run.json);
    else if (!(code = pair_open(&run, &p)))
        code = answer(&run, &p);
    pair_close(&p);
    free(run.paths.items);
    return code;
}

/* ------------------------------------------------------------------ explain */

/* The heats of the pair: of its look, or of a recogniser that is a transformer itself. */
static sl_status heat_of(const pair_run *run, const pair *p, sl_heat *heat, sl_error *err)
{
    const sl_match_options *m = &run->match.match;
    if (run->heat == SL_HEAT_RELEVANCE && !(sl_rerank_reads(m->rerank) & SL_READS_LEARNED))
        return sl_heat_of_crops(p->session, &p->faces[0].crop, &p->faces[1].crop, heat, err);
    return sl_heat_of_pair(p->faces[0].t, p->faces[1].t, m, (sl_heat_kind)run->heat, run->head, heat, err);
}

/* The pair's picture, or what was asked for alone. */
static sl_status picture_of(const pair_run *run, const pair *p, const sl_pair *both, sl_image *picture, sl_error *err)
{
    const sl_match_options *m = &run->match.match;
    sl_heat heat;
    if (run->heat == NO_HEAT)
        return sl_draw_pair(both, m, picture, err);
    if (run->heat == ATTENTION_FLOW)
        return sl_draw_attention_flow(both, m, run->head, STRIP_SIDE, picture, err);
    sl_status status = heat_of(run, p, &heat, err);
    if (!status)
        status = sl_draw_heats(both, &heat, SL_HEAT_JET, STRIP_SIDE, picture, err);
    sl_heat_free(&heat);
    return status;
}

static int draw(const pair_run *run, const pair *p)
{
    sl_error err = {0};
    sl_image picture = {0};
    sl_pair both = {
        .query = p->faces[0].t,
        .other = p->faces[1].t,
        .query_crop = &p->faces[0].crop,
        .other_crop = &p->faces[1].crop,
        .query_name = cli_base_name(run->paths.items[0]),
        .other_name = cli_base_name(run->paths.items[1]),
        .rule = &run->rule,
    };
    sl_status status = picture_of(run, p, &both, &picture, &err);
    if (!status)
        status = sl_image_write(run->out, &picture, &err);
    sl_image_free(&picture);
    return status ? cli_fail(run->out, &err) : CLI_OK;
}

/* The picture of verify's answer, by the same look and rule, and that answer. */
static int explain(pair_run *run, const pair *p)
{
    float hidden;
    int code = find_rule(run, p);
    if (!code)
        code = pair_hidden(run, p, &hidden);
    if (!code)
        code = draw(run, p);
    if (code)
        return code;
    if (run->json) {
        json_t *document = answer_json(run, p, hidden);
        json_object_set_new(document, "picture", cli_json_text(run->out));
        return cli_print_json(document);
    }
    print_answer(run, p, hidden);
    cli_say("  picture                 %s", run->out);
    return CLI_OK;
}

int cmd_explain(int argc, char **argv)
{
    pair_run run = {.match = cli_match_defaults(), .heat = NO_HEAT, .head = SL_ALL_HEADS};
    pair p = {0};
    argp_parse(&explain_parser, argc, argv, 0, 0, &run);
    int code = cli_check_output(run.out, (const char *const *)run.paths.items, run.paths.count);
    if (!code)
        code = pair_open(&run, &p);
    if (!code)
        code = explain(&run, &p);
    pair_close(&p);
    free(run.paths.items);
    return code;
}
