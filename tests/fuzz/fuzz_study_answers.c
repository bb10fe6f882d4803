// module: study
/* A participant's answers, from whoever sends them: what is taken can be scored, what is refused says why. Keys too. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "secondlook_study.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const char key[] =
    "{\"format\":\"secondlook-study-key\",\"version\":1,\"study\":\"" ID "\",\"arms\":[\"none\",\"flow\"],\"sets\":["
    "{\"pairs\":[{\"pair\":\"00000000000000a0\",\"same\":true},{\"pair\":\"00000000000000a1\",\"same\":false}]},"
    "{\"pairs\":[{\"pair\":\"00000000000000b0\",\"same\":false},{\"pair\":\"00000000000000b1\",\"same\":true}]}]}";

static void score(const sl_study *study)
{
    sl_study_result r;
    char *text;
    if (sl_study_score(study, 1, &r, NULL) != SL_OK)
        return;
    for (int i = 0; i < r.arm_count; i++)
        if (r.arms[i].participants && !(r.arms[i].mean >= 0 && r.arms[i].mean <= 100.001))
            abort();
    if (sl_study_result_json(&r, &text, NULL) == SL_OK)
        free(text);
    if (sl_study_csv(study, &text, NULL) == SL_OK)
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sl_study *study;
    sl_study_sheet looked, taken;
    sl_error err = {0};
    if (sl_study_of_key(data, size, &study, &err) == SL_OK) {
        score(study);
        sl_study_close(study);
    } else if (study || !*err.text) {
        abort();
    }
    if (sl_study_of_key(key, sizeof key - 1, &study, NULL) != SL_OK)
        abort();
    const sl_status status = sl_study_check(study, data, size, &looked, &err);
    if (sl_study_take(study, data, size, &taken, &err) != status || (status != SL_OK && !*err.text))
        abort();
    if (status == SL_OK && (sl_study_take(study, data, size, &taken, &err) != SL_OK || !taken.repeated))
        abort();
    if (status == SL_OK)
        score(study);
    sl_study_close(study);
    return 0;
}
