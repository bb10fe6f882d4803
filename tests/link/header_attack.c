/* secondlook_attack.h alone, as C99 and as C++: an attack without networks is refused. */
#define SL_EXPERIMENTAL
#include <secondlook_attack.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    const sl_attack_options options = sl_attack_defaults();
    sl_attack *attack;
    sl_error err;
    if (sl_attack_open(&options, &attack, &err) != SL_ERR_ARGUMENT || !strstr(err.text, "networks")) {
        fprintf(stderr, "not refused\n");
        return 1;
    }
    return sl_attack_method_named("fgsm") == SL_ATTACK_FGSM ? 0 : 1;
}
