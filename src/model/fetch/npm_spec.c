/* NAME@VERSION, letter by letter. */
#include "model/fetch/npm_spec.h"

#include <stddef.h>
#include <string.h>

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

enum { MAX_NAME = 214, MAX_VERSION = 64, MAX_NUMBER = 9 };

/* The length of a package's or scope's name that starts here; 0: none. */
static size_t name_length(const char *s)
{
    return *s && strchr(LETTERS DIGITS, *s) ? strspn(s, LETTERS DIGITS "._-") : 0;
}

/* A number without leading zeros. */
static size_t number_length(const char *s)
{
    size_t n = strspn(s, DIGITS);
    return n > MAX_NUMBER || (n > 1 && *s == '0') ? 0 : n;
}

/* What stands behind the dash of 1.0.0-beta.2: words and numbers, joined by dots. */
static bool is_prerelease(const char *s)
{
    for (;; s++) {
        size_t n = strspn(s, LETTERS CAPITALS DIGITS "-"), digits = strspn(s, DIGITS);
        if (n == 0 || (digits == n && number_length(s) != n))
            return false;
        s += n;
        if (*s != '.')
            return *s == '\0';
    }
}

static bool is_version(const char *s)
{
    for (int part = 0; part < 3; part++) {
        size_t n = number_length(s);
        if (n == 0)
            return false;
        s += n;
        if (part < 2 && *s++ != '.')
            return false;
    }
    return *s == '\0' || (*s == '-' && is_prerelease(s + 1));
}

/* npm takes what ends so for an archive on this machine. */
static bool names_an_archive(const char *text)
{
    return strstr(text, ".tgz") || strstr(text, ".tar");
}

bool sl_npm_spec(const char *text)
{
    const char *s = text;
    if (*s == '@') {
        size_t scope = name_length(s + 1);
        s += 1 + scope;
        if (scope == 0 || *s++ != '/')
            return false;
    }
    size_t n = name_length(s);
    s += n;
    return n > 0 && s - text <= MAX_NAME && *s == '@' && strlen(s + 1) <= MAX_VERSION && is_version(s + 1) &&
           !names_an_archive(text);
}
