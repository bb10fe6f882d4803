/* secondlook: galleries that stay open while somebody writes to them, for programs that serve them.
 *
 *     a reading handle -> sl_gallery_refresh -> shows what was committed since
 *
 * The rules of secondlook.h hold here too. */
#ifndef SECONDLOOK_SERVE_H
#define SECONDLOOK_SERVE_H

#include "secondlook.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Brings a gallery that was opened for reading up to the newest commit. It costs what was added since, whatever was there;
 * faces that were removed cost a look at all. Needs the caller's exclusion, as adding does; what was read before is not
 * valid any more. SL_ERR_MISMATCH after a compaction: close it and open it again. SL_ERR_UNSUPPORTED for what was opened
 * for writing, and for galleries that are not in folders. After any failure all that can be done with the handle is to
 * close it. */
SL_API sl_status sl_gallery_refresh(sl_gallery *gallery, sl_error *err);

#ifdef __cplusplus
}
#endif

#endif
