/* safetensors files: a JSON header that names the tensors, and behind it their bytes without gaps.
 * Format: the README of huggingface/safetensors. */
#ifndef SL_NET_SAFETENSORS_H
#define SL_NET_SAFETENSORS_H

#include "net/import/weights/state_dict.h"

/* As sl_checkpoint_read, with 1 MiB more for the header; the tensors in the order of their bytes. */
sl_status sl_safetensors_read(const char *path, sl_state_dict *out, sl_error *err);

/* The same from memory, which must outlive *out. */
sl_status sl_safetensors_parse(const uint8_t *data, size_t size, sl_state_dict *out, sl_error *err);

/* A text of the header's metadata (malloc'd); NULL, and not an error, where it has none of that key. The file is a
 * sound one: it has been parsed. */
sl_status sl_safetensors_note(const uint8_t *data, size_t size, const char *key, char **out, sl_error *err);

/* Whether a file that begins so is one of safetensors. */
bool sl_safetensors_is(const uint8_t *data, size_t size);

/* Writes all of the dict as f32, complete or not at all. metadata: {key, value} pairs of text, kept in the header.
 */
sl_status sl_safetensors_write(const char *path, const sl_state_dict *dict, const char *const (*metadata)[2],
                               size_t metadata_count, sl_error *err);

/* The same, but for those weights i of which bytes[i] is set: their numbers are rounded to bytes, -128 to 127 (I8). */
sl_status sl_safetensors_write_bytes(const char *path, const sl_state_dict *dict, const bool *bytes,
                                     const char *const (*metadata)[2], size_t metadata_count, sl_error *err);

#endif
