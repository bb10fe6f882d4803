/* Zip archives as torch.save writes them: stored entries, with or without zip64 records. */
#ifndef SL_NET_ZIP_H
#define SL_NET_ZIP_H

#include "net/import/weights/records.h"

/* The entries of an archive in memory, which must outlive *out; sorted. Checksums are not looked at, as torch.save
 * can be told to leave them out. SL_ERR_UNSUPPORTED names an entry that is compressed or encrypted; SL_ERR_FORMAT
 * for a directory or an entry that leaves the archive, and for two entries of one name. */
sl_status sl_zip_read(const uint8_t *data, size_t size, sl_records *out, sl_error *err);

#endif
