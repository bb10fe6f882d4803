/* Keys of made-up studies, and answers of made-up participants, as the documents have them. */
#ifndef SL_TESTS_STUDY_ANSWERS_H
#define SL_TESTS_STUDY_ANSWERS_H

#include <stdbool.h>
#include <string.h>

#include "base/rng.h"
#include "base/text.h"
#include "secondlook_study.h"
#include "support.h"

enum { KEY_PAIRS = 15, KEY_SAME = 8 };

#define STUDY_ID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* Pair k of set s; those with k < KEY_SAME are of one person. */
static inline const char *pair_name(char out[17], int set, int k)
{
    snprintf(out, 17, "%08x%08x", 0xabc00000u + (unsigned)k * 7, (unsigned)set);
    return out;
}

/* A key with so many arms; free() its text. */
static inline char *key_text(int arms)
{
    sl_text t = {0};
    char name[17];
    sl_text_add(&t, "{\"format\":\"secondlook-study-key\",\"version\":1,\"study\":\"" STUDY_ID "\",\"arms\":[");
    for (int a = 0; a < arms; a++)
        sl_text_add(&t, "%s\"%s\"", a ? "," : "", sl_study_arm_name((sl_study_arm)a));
    sl_text_add(&t, "],\"sets\":[");
    for (int s = 0; s < arms; s++) {
        sl_text_add(&t, "%s{\"examples\":[],\"pairs\":[", s ? "," : "");
        for (int k = 0; k < KEY_PAIRS; k++)
            sl_text_add(&t, "%s{\"pair\":\"%s\",\"same\":%s}", k ? "," : "", pair_name(name, s, k),
                        k < KEY_SAME ? "true" : "false");
        sl_text_add(&t, "]}");
    }
    sl_text_add(&t, "]}");
    assert_false(t.failed);
    return t.data;
}

static inline sl_study *open_key(int arms)
{
    sl_error err;
    sl_study *study;
    char *text = key_text(arms);
    assert_ok(sl_study_of_key(text, strlen(text), &study, &err));
    free(text);
    return study;
}

/* A participant who is right with the probability accuracy[arm]; leaves out the last `missing` pairs of the first arm.
 * Each answer takes 1 s and 100 ms for each arm before its own. free() the text. */
static inline char *answers_text(int arms, int number, const double *accuracy, int missing, sl_rng *rng)
{
    sl_text t = {0};
    char name[17];
    const int rotation = number % arms;
    bool first = true;
    sl_text_add(&t, "{\"format\":\"secondlook-study-answers\",\"version\":1,\"study\":\"" STUDY_ID
                    "\",\"participant\":\"p%d\",\"rotation\":%d,\"answers\":[", number, rotation);
    for (int a = 0; a < arms; a++)
        for (int k = 0; k < KEY_PAIRS - (a ? 0 : missing); k++, first = false) {
            const bool right = sl_rng_uniform(rng) < accuracy[a], same = (k < KEY_SAME) == right;
            sl_text_add(&t, "%s{\"arm\":\"%s\",\"pair\":\"%s\",\"same\":%s,\"ms\":%d}", first ? "" : ",",
                        sl_study_arm_name((sl_study_arm)a), pair_name(name, (a - rotation + arms) % arms, k),
                        same ? "true" : "false", 1000 + 100 * a);
        }
    sl_text_add(&t, "]}");
    assert_false(t.failed);
    return t.data;
}

#endif
