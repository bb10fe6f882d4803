/* The version of the library, and the instruction set that it uses. */
#include "base/cpu.h"
#include "secondlook.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char *sl_version(void)
{
    return TEXT(SL_VERSION_MAJOR) "." TEXT(SL_VERSION_MINOR) "." TEXT(SL_VERSION_PATCH);
}

const char *sl_isa_in_use(void) { return sl_isa_name(sl_isa_active()); }
