/* Pictures in JSON. */
#ifndef SERVER_BASE64_H
#define SERVER_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the ordinary or the URL's alphabet, with or without padding and line ends; "data:...;base64," before it is
 * passed over. *data is malloc'd. false for anything else, and without memory. */
bool sv_base64_decode(const char *text, size_t size, uint8_t **data, size_t *bytes);

#endif
