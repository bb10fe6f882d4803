/* Messages as they are written, untranslated: loaded before a PostgreSQL that runs under a sanitizer (with_cluster),
 * where glibc's own wait forever: with gcc 12's libasan in front of the server, the lock of its translations
 * (_nl_state_lock) has been let go once more than it was taken when main begins. */
#include <libintl.h>
#include <stddef.h>

char *bindtextdomain(const char *domain, const char *folder)
{
    (void)domain;
    return (char *)folder;
}

char *bind_textdomain_codeset(const char *domain, const char *codes)
{
    (void)domain;
    return (char *)codes;
}

char *textdomain(const char *domain)
{
    return (char *)domain;
}

char *dcgettext(const char *domain, const char *text, int category)
{
    (void)domain, (void)category;
    return (char *)text;
}

char *dcngettext(const char *domain, const char *one, const char *many, unsigned long n, int category)
{
    (void)domain, (void)category;
    return (char *)(n == 1 ? one : many);
}
