/* secondlook models quantise --look: a learned look's ranges for int8. */
#include <jansson.h>

#include "common/cli.h"
#include "common/output.h"
#include "common/output_files.h"
#include "common/progress.h"
#include "models/models.h"

static int tell(const sl_look_int8_report *r, bool json)
{
    if (json)
        return cli_print_json(json_pack("{s:I,s:I,s:i,s:i,s:o,s:o,s:o}", "pairs", (json_int_t)r->pairs, "mates",
                                        (json_int_t)r->mates, "tensors", r->tensors, "int8", r->int8, "difference_mean",
                                        cli_json_number(r->difference_mean), "difference_most",
                                        cli_json_number(r->difference_most), "same_best",
                                        cli_json_number(r->same_best)));
    printf("%d of %d tensors in int8, measured on %zu pairs, %zu of one person; |score - f32's|: mean %.5f, most %.5f; "
           "%.1f %% of the queries keep their best candidate\n",
           r->int8, r->tensors, r->pairs, r->mates, r->difference_mean, r->difference_most, 100 * r->same_best);
    return CLI_OK;
}

int cli_quantise_look(const sl_look_quantise_options *options, const char *gallery_dir, bool json)
{
    sl_error err = {0};
    sl_look_int8_report report;
    sl_gallery *gallery;
    sl_look_quantise_options o = *options;
    o.progress = cli_progress_step;
    cli_catch_interrupts();
    if (o.file && cli_check_output(o.file, &gallery_dir, 1))
        return CLI_FAILED;
    if (sl_gallery_open(gallery_dir, SL_GALLERY_READ, NULL, &gallery, &err))
        return cli_fail(gallery_dir, &err);
    cli_progress_start("pairs");
    sl_status status = sl_look_quantise(&o, gallery, &report, &err);
    cli_progress_end();
    sl_gallery_close(gallery);
    return status ? cli_fail(NULL, &err) : tell(&report, json);
}
