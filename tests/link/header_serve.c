/* secondlook_serve.h alone, as C99 and as C++: a gallery in memory follows nobody. */
#include <secondlook_serve.h>

int main(void)
{
    sl_error err;
    return sl_gallery_refresh(NULL, &err) == SL_ERR_ARGUMENT ? 0 : 1;
}
