/* What people have in a network's place by mistake, by its first bytes. */
#ifndef SL_MODEL_FILE_KIND_H
#define SL_MODEL_FILE_KIND_H

#include <stddef.h>

/* "a Git LFS pointer: ..." with what to do; NULL when it may be a network. */
const char *sl_not_a_network(const void *data, size_t size);

#endif
