/* secondlook_study.h alone, as C99 and as C++: one participant who is always right is scored. */
#define SL_EXPERIMENTAL
#include <secondlook_study.h>

#include <stdio.h>
#include <string.h>

#define ID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
static const char key[] =
    "{\"format\": \"secondlook-study-key\", \"version\": 1, \"study\": \"" ID "\", \"arms\": [\"flow\"], \"sets\": [{"
    "\"pairs\": [{\"pair\": \"00000000000000a0\", \"same\": true}, "
    "{\"pair\": \"00000000000000a1\", \"same\": false}]}]}";
static const char answers[] =
    "{\"format\": \"secondlook-study-answers\", \"version\": 1, \"study\": \"" ID "\", \"participant\": \"one\", "
    "\"rotation\": 0, \"answers\": ["
    "{\"arm\": \"flow\", \"pair\": \"00000000000000a1\", \"same\": false, \"ms\": 900}, "
    "{\"arm\": \"flow\", \"pair\": \"00000000000000a0\", \"same\": true, \"ms\": 1100}]}";

int main(void)
{
    sl_study *study = NULL;
    sl_study_sheet sheet;
    sl_study_result result;
    sl_error err;
    int fine;
    if (sl_study_of_key(key, strlen(key), &study, &err) ||
        sl_study_take(study, answers, strlen(answers), &sheet, &err) ||
        sl_study_score(study, 1, &result, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    fine = result.participants == 1 && result.arms[0].mean == 100 && result.arms[0].seconds > .99 &&
           result.arms[0].seconds < 1.01 && result.chance == 50;
    sl_study_close(study);
    return fine ? 0 : 1;
}
