/* WebP by libwebp: lossy, lossless, with transparency; of an animation the first picture. */
#include "image/codec.h"

#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>

enum { MAX_SIDE = 16383 }; /* of the format */

/* The first chunk of a kind; {0} where there is none. The bytes lie in the file. */
static WebPData chunk_of(const WebPDemuxer *file, const char *kind)
{
    WebPChunkIterator at;
    WebPData found = {0};
    if (WebPDemuxGetChunk(file, kind, 1, &at))
        found = at.chunk;
    WebPDemuxReleaseChunkIterator(&at);
    return found;
}

/* EXIF may have JPEG's six bytes in front. */
static int orientation_of(const WebPDemuxer *file)
{
    WebPData exif = chunk_of(file, "EXIF");
    size_t skip = exif.size > 6 && memcmp(exif.bytes, "Exif\0", 6) == 0 ? 6 : 0;
    return exif.bytes ? sl_exif_orientation(exif.bytes + skip, exif.size - skip) : 1;
}

/* One picture's own bytes, read smaller by `step`. */
static sl_status decode(const WebPData *picture, int step, sl_image *out, sl_error *err)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config) ||
        WebPGetFeatures(picture->bytes, picture->size, &config.input) != VP8_STATUS_OK)
        return sl_fail(err, SL_ERR_FORMAT, "WebP without a picture in it");
    int width = sl_image_stepped((uint32_t)config.input.width, step);
    int height = sl_image_stepped((uint32_t)config.input.height, step);
    int channels = config.input.has_alpha ? 4 : 3;
    size_t bytes = (size_t)width * (size_t)height * (size_t)channels;
    uint8_t *pixels = calloc(bytes, 1);
    if (!pixels)
        return sl_no_memory(err, "for a WebP");
    config.options.use_scaling = step > 1;
    config.options.scaled_width = width;
    config.options.scaled_height = height;
    config.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA = (WebPRGBABuffer){.rgba = pixels, .stride = width * channels, .size = bytes};
    VP8StatusCode code = WebPDecode(picture->bytes, picture->size, &config);
    if (code != VP8_STATUS_OK) {
        free(pixels);
        return code == VP8_STATUS_OUT_OF_MEMORY
                   ? sl_no_memory(err, "for a WebP")
                   : sl_fail(err, SL_ERR_FORMAT, "WebP of %d x %d pixels that was truncated or is damaged",
                             config.input.width, config.input.height);
    }
    if (channels == 4)
        sl_image_take_rgba(pixels, width, height, out);
    else
        *out = (sl_image){.width = width, .height = height, .channels = 3, .pixels = pixels};
    return SL_OK;
}

static sl_status decode_first(const WebPDemuxer *file, uint32_t most, sl_image *out, sl_error *err)
{
    WebPIterator first;
    int step = 1;
    if (!WebPDemuxGetFrame(file, 1, &first))
        return sl_fail(err, SL_ERR_FORMAT, "WebP without a picture in it");
    uint32_t width = (uint32_t)first.width, height = (uint32_t)first.height;
    sl_status status = sl_image_step("WebP", width, height, MAX_SIDE, most, &step, err);
    if (status == SL_OK)
        status = sl_image_warn_step("WebP", width, height, step, err);
    if (status == SL_OK)
        status = decode(&first.fragment, step, out, err);
    WebPDemuxReleaseIterator(&first);
    return status;
}

sl_status sl_decode_webp(const uint8_t *data, size_t size, const sl_decode_how *how, sl_image *out, sl_icc *icc,
                         sl_error *err)
{
    WebPDemuxer *file = WebPDemux(&(WebPData){data, size});
    if (!file)
        return sl_fail(err, SL_ERR_FORMAT, "WebP of %zu bytes that was truncated or is damaged", size);
    WebPData profile = chunk_of(file, "ICCP");
    int orientation = orientation_of(file);
    sl_status status = decode_first(file, how->most, out, err);
    if (status == SL_OK)
        status = sl_icc_copy(profile.bytes, profile.size, icc, err);
    WebPDemuxDelete(file);
    SL_TRY(status);
    return sl_image_orient(out, orientation, err);
}
