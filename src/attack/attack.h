/* An attack that is open. */
#ifndef SL_ATTACK_ATTACK_H
#define SL_ATTACK_ATTACK_H

#include "attack/surrogate.h"
#include "secondlook_attack.h"

struct sl_attack {
    sl_attack_options options; /* its names are not read again */
    size_t count;
    sl_surrogate networks[SL_ATTACK_MODELS];
};

#endif
