/* HEIC and AVIF by libheif: the primary picture, turned and mirrored as the file says (EXIF's orientation tells the
 * same once more, and is not read). */
#include "image/codec.h"

#include <libheif/heif.h>
#include <stdlib.h>
#include <string.h>

static sl_status failed(struct heif_error e, sl_error *err)
{
    if (e.code == heif_error_Memory_allocation_error)
        return sl_fail(err, SL_ERR_LIMIT, "HEIC or AVIF whose parts are too large (%s)", e.message);
    bool kind = e.code == heif_error_Unsupported_filetype || e.code == heif_error_Unsupported_feature ||
                e.code == heif_error_Decoder_plugin_error || e.code == heif_error_Plugin_loading_error;
    return sl_fail(err, kind ? SL_ERR_UNSUPPORTED : SL_ERR_FORMAT, "HEIC or AVIF that %s (%s)",
                   kind ? "libheif does not read here" : "was truncated or is damaged", e.message);
}

/* Its ICC profile; colours that are told by numbers instead, and are not sRGB's or BT.709's, are said. */
static sl_status take_profile(const struct heif_image_handle *handle, sl_icc *icc, sl_error *err)
{
    size_t size = heif_image_handle_get_raw_color_profile_size(handle);
    struct heif_color_profile_nclx *numbers = NULL;
    uint8_t *profile = size ? malloc(size) : NULL;
    if (profile && heif_image_handle_get_raw_color_profile(handle, profile).code == heif_error_Ok) {
        sl_status status = sl_icc_copy(profile, size, icc, err);
        free(profile);
        return status;
    }
    free(profile);
    if (size)
        return sl_icc_ignored(err, "it is damaged");
    if (heif_image_handle_get_nclx_color_profile(handle, &numbers).code != heif_error_Ok)
        return SL_OK;
    bool wide = numbers->color_primaries == heif_color_primaries_ITU_R_BT_2020_2_and_2100_0 ||
                numbers->color_primaries == heif_color_primaries_SMPTE_EG_432_1 ||
                numbers->color_primaries == heif_color_primaries_SMPTE_RP_431_2 ||
                numbers->transfer_characteristics == heif_transfer_characteristic_ITU_R_BT_2100_0_PQ ||
                numbers->transfer_characteristics == heif_transfer_characteristic_ITU_R_BT_2100_0_HLG;
    heif_nclx_color_profile_free(numbers);
    return wide ? sl_icc_ignored(err, "its colours are wide or HDR, told without an ICC profile") : SL_OK;
}

/* Means of step x step pixels, row by row, into RGB. */
static void shrink_into(const uint8_t *plane, size_t stride, int width, int height, int channels, int step,
                        uint8_t *to)
{
    for (int y = 0; y < height; y += step)
        for (int x = 0; x < width; x += step)
            for (int c = 0; c < channels; c++) {
                int sum = 0, n = 0;
                for (int v = y; v < height && v < y + step; v++)
                    for (int u = x; u < width && u < x + step; u++, n++)
                        sum += plane[(size_t)v * stride + (size_t)(u * channels + c)];
                *to++ = (uint8_t)((sum + n / 2) / n);
            }
}

/* Takes the decoded pixels, whose size is the stream's own: it is checked again. */
static sl_status take_pixels(const struct heif_image *decoded, bool alpha, uint32_t most, sl_image *out,
                             sl_error *err)
{
    int stride, step, channels = alpha ? 4 : 3;
    int width = heif_image_get_width(decoded, heif_channel_interleaved);
    int height = heif_image_get_height(decoded, heif_channel_interleaved);
    const uint8_t *plane = heif_image_get_plane_readonly(decoded, heif_channel_interleaved, &stride);
    if (!plane || width < 1 || height < 1 || stride < width * channels)
        return sl_fail(err, SL_ERR_FORMAT, "HEIC or AVIF without pixels: it is damaged");
    SL_TRY(sl_image_step("HEIC or AVIF", (uint32_t)width, (uint32_t)height, 65535, most, &step, err));
    SL_TRY(sl_image_warn_step("HEIC or AVIF", (uint32_t)width, (uint32_t)height, step, err));
    int small_width = sl_image_stepped((uint32_t)width, step), small_height = sl_image_stepped((uint32_t)height, step);
    uint8_t *pixels = malloc((size_t)small_width * (size_t)small_height * (size_t)channels);
    if (!pixels)
        return sl_no_memory(err, "for a HEIC or AVIF");
    if (step > 1)
        shrink_into(plane, (size_t)stride, width, height, channels, step, pixels);
    for (int y = 0; step == 1 && y < height; y++)
        memcpy(pixels + (size_t)y * (size_t)(width * channels), plane + (size_t)y * (size_t)stride,
               (size_t)(width * channels));
    if (alpha)
        sl_image_take_rgba(pixels, small_width, small_height, out);
    else
        *out = (sl_image){.width = small_width, .height = small_height, .channels = 3, .pixels = pixels};
    return SL_OK;
}

static sl_status decode(const struct heif_image_handle *handle, uint32_t most, sl_image *out, sl_error *err)
{
    int width = heif_image_handle_get_width(handle), height = heif_image_handle_get_height(handle), step;
    bool alpha = heif_image_handle_has_alpha_channel(handle);
    SL_TRY(sl_image_step("HEIC or AVIF", width > 0 ? (uint32_t)width : 0, height > 0 ? (uint32_t)height : 0, 65535,
                         most, &step, err));
    struct heif_decoding_options *options = heif_decoding_options_alloc();
    struct heif_image *decoded = NULL;
    if (!options)
        return sl_no_memory(err, "for a HEIC or AVIF");
    options->convert_hdr_to_8bit = 1;
    if (options->version >= 3)
        options->strict_decoding = 1;
    struct heif_error e =
        heif_decode_image(handle, &decoded, heif_colorspace_RGB,
                          alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, options);
    heif_decoding_options_free(options);
    sl_status status = e.code != heif_error_Ok ? failed(e, err) : take_pixels(decoded, alpha, most, out, err);
    if (decoded)
        heif_image_release(decoded);
    return status;
}

sl_status sl_decode_heif(const uint8_t *data, size_t size, const sl_decode_how *how, sl_image *out, sl_icc *icc,
                         sl_error *err)
{
    struct heif_image_handle *handle = NULL;
    struct heif_context *context = heif_context_alloc();
    if (!context)
        return sl_no_memory(err, "for a HEIC or AVIF");
    heif_context_set_max_decoding_threads(context, 0); /* on the caller's thread */
    struct heif_error e = heif_context_read_from_memory_without_copy(context, data, size, NULL);
    if (e.code == heif_error_Ok)
        e = heif_context_get_primary_image_handle(context, &handle);
    sl_status status = e.code != heif_error_Ok ? failed(e, err) : decode(handle, how->most, out, err);
    if (status == SL_OK)
        status = take_profile(handle, icc, err);
    if (handle)
        heif_image_handle_release(handle);
    heif_context_free(context);
    return status;
}
