/* Memory over many identifications: soak GALLERY PHOTO COUNT [MODELS_DIR]. Each one reads the photo, finds the face,
 * embeds it and searches with the second look. Prints the resident set now and then; it must not grow. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "secondlook.h"

static double resident_mib(void)
{
    long pages = 0, unused;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f) {
        if (fscanf(f, "%ld %ld", &unused, &pages) != 2)
            pages = 0;
        fclose(f);
    }
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static sl_status identify_once(const sl_engine *engine, sl_session *session, const sl_gallery *gallery,
                               const char *photo, sl_error *err)
{
    sl_image image;
    sl_face *faces;
    sl_template *query = NULL;
    size_t count;
    sl_answer answer;
    sl_status status = sl_image_read(photo, &image, err);
    if (status != SL_OK)
        return status;
    status = sl_detect_main(session, &image, &faces, &count, err);
    if (status == SL_OK && count)
        status = sl_template_of_face(session, &image, &faces[0], &query, err);
    if (status == SL_OK && query) {
        status = sl_identify(engine, gallery, query, NULL, &answer, err);
        sl_answer_free(&answer);
    }
    sl_template_free(query);
    free(faces);
    sl_image_free(&image);
    return status;
}

int main(int argc, char **argv)
{
    sl_error err;
    sl_engine *engine = NULL;
    sl_session *session = NULL;
    sl_gallery *gallery = NULL;
    if (argc < 4) {
        fprintf(stderr, "usage: soak GALLERY PHOTO COUNT [MODELS_DIR]\n");
        return 2;
    }
    sl_engine_options options = {.models_dir = argc > 4 ? argv[4] : NULL};
    int count = atoi(argv[3]);
    sl_status status = sl_engine_open(&options, &engine, &err);
    if (status == SL_OK)
        status = sl_session_open(engine, 1, &session, &err);
    if (status == SL_OK)
        status = sl_gallery_open(argv[1], SL_GALLERY_READ,
                                 &(sl_gallery_options){.engine = engine, .patches = SL_PATCHES_INT8}, &gallery, &err);
    for (int i = 0; i < count && status == SL_OK; i++) {
        status = identify_once(engine, session, gallery, argv[2], &err);
        if (i == 10 || (i + 1) % (count / 10 > 0 ? count / 10 : 1) == 0)
            printf("after %6d identifications: %.1f MiB resident\n", i + 1, resident_mib());
    }
    if (status != SL_OK)
        fprintf(stderr, "soak: %s\n", err.text);
    sl_gallery_close(gallery);
    sl_session_close(session);
    sl_engine_close(engine);
    return status != SL_OK;
}
