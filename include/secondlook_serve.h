/* secondlook: galleries that stay open while somebody writes to them, for programs that serve them.
 *
 *     a reading handle -> sl_gallery_refresh -> shows what was committed since
 *     a writing handle -> mark, remove or rename, mark -> sl_gallery_restore -> the faces of before
 *
 * The rules of secondlook.h hold here too. */
#ifndef SECONDLOOK_SERVE_H
#define SECONDLOOK_SERVE_H

#include "secondlook.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Brings a gallery that was opened for reading up to the newest commit. It costs what was added since, whatever was
 * there; faces that were removed cost a look at all. Needs the caller's exclusion, as adding does; what was read before
 * is not valid any more. SL_ERR_MISMATCH after a compaction: close it and open it again. SL_ERR_UNSUPPORTED for what
 * was opened for writing, and for galleries that are not in folders. After any failure all that can be done with the
 * handle is to close it. */
SL_API sl_status sl_gallery_refresh(sl_gallery *gallery, sl_error *err);

/* A place in a gallery's history: a commit of the files of one generation. A compaction begins the next one. */
typedef struct {
    uint64_t generation, commit;
} sl_gallery_mark;

/* Where the gallery stands: at its newest commit. {0, 0} for galleries that are not in folders. */
SL_API void sl_gallery_get_mark(const sl_gallery *gallery, sl_gallery_mark *out);

/* Told of each face that is back, by image id and label, which are valid during the call. */
typedef void (*sl_restored_fn)(void *context, const char *image, const char *label);

/* Brings back what the commits behind `from` up to `to` took away: faces that were removed are there again, those that
 * were given another name have their former one, each to the bit and as the last ones. A face whose image id was
 * enrolled anew since, or that was changed once more, is left as it is. *restored (may be NULL) counts them, `told`
 * (may be NULL) hears of each. Durable on return; on failure some of the faces may be back, each of them whole.
 * SL_ERR_MISMATCH after a compaction, which erases what was removed. SL_ERR_ARGUMENT for marks that are not of this
 * gallery, or in the wrong order. SL_ERR_UNSUPPORTED for galleries that are not in folders. Costs a look at the
 * log. */
SL_API sl_status sl_gallery_restore(sl_gallery *gallery, const sl_gallery_mark *from, const sl_gallery_mark *to,
                                    sl_restored_fn told, void *context, size_t *restored, sl_error *err);

#ifdef __cplusplus
}
#endif

#endif
