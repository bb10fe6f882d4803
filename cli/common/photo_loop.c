/* The loop of commands that do something with each of many photos. */
#include "common/cli.h"
#include "common/output.h"
#include "common/photo_work.h"
#include "common/progress.h"

static sl_status work(void *context, sl_session *session, const sl_photo *photo, void **made, sl_error *err)
{
    const cli_photo_loop *loop = context;
    return loop->one(loop->context, session, photo, made, err);
}

static void finish(void *context, const sl_photo *photo, void *made, const sl_error *why)
{
    cli_photo_loop *loop = context;
    sl_error err = *why;
    cli_warn_of(photo->path, &err);
    if (!err.status && loop->finish)
        err.status = loop->finish(loop->context, photo, made, &err);
    if (!err.status) {
        loop->done++;
        return;
    }
    cli_fail(photo->path, &err);
    loop->failed++;
    loop->without_face += err.status == SL_ERR_NO_FACE;
    json_array_append_new(loop->failures, json_pack("{s:o,s:o}", "image", cli_json_text(photo->path), "reason",
                                                    cli_json_text(err.text)));
}

static int run_loop(cli_photo_loop *loop, const sl_engine *engine, const sl_photo *photos, size_t count)
{
    sl_error err = {0};
    const sl_photo_loop all = {.threads = loop->models->threads, .work = work, .finish = finish,
                               .progress = cli_progress_step, .context = loop};
    if (!loop->no_bar)
        cli_progress_start("photos");
    sl_status status = sl_each_photo(engine, photos, count, &all, &err);
    cli_progress_end();
    return status && status != SL_ERR_INTERRUPTED ? cli_fail(NULL, &err) : CLI_OK;
}

int cli_each_photo(const cli_list *paths, cli_photo_loop *loop)
{
    sl_engine *engine = NULL;
    sl_error err = {0};
    loop->done = loop->failed = loop->without_face = 0;
    loop->failures = json_array();
    cli_catch_interrupts();
    int code = cli_photos_of(paths, NULL, &loop->found);
    loop->failed = loop->found.failed;
    if (!code && loop->outputs && cli_outputs_plan(loop->outputs, loop->found.photos, loop->found.count, &err))
        code = cli_fail(NULL, &err);
    if (!code && !loop->no_networks)
        code = cli_open(loop->models, &engine, NULL);
    if (!code)
        code = run_loop(loop, engine, loop->found.photos, loop->found.count);
    sl_engine_close(engine);
    return code;
}

void cli_photo_loop_free(cli_photo_loop *loop)
{
    cli_photos_free(&loop->found);
    json_decref(loop->failures);
}
