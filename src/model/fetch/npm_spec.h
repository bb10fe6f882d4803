/* What of a manifest may reach npm: one package of the registry in one version. */
#ifndef SL_MODEL_NPM_SPEC_H
#define SL_MODEL_NPM_SPEC_H

#include <stdbool.h>

/* Whether `text` is NAME@VERSION or @SCOPE/NAME@VERSION after npm's rules for new packages: lower case, at most
 * 214 bytes, a version as of semver without a range. Folders, archives, repositories, addresses, tags: none of
 * them is. */
bool sl_npm_spec(const char *text);

#endif
