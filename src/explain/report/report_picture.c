/* Pictures inside the report's page: JPEG in base64, so that the page is one file. */
#include "explain/report/report.h"

#include <stdlib.h>

#include "image/image.h"

enum { QUALITY = 84 };

sl_status sl_report_picture(sl_text *page, const sl_image *picture, const char *alt, sl_error *err)
{
    uint8_t *jpeg;
    size_t size;
    SL_TRY(sl_image_encode_jpeg(picture, QUALITY, &jpeg, &size, err));
    sl_text_add(page, "<img width=\"%d\" height=\"%d\" alt=\"", picture->width, picture->height);
    sl_text_add_html(page, alt);
    sl_text_add(page, "\" src=\"data:image/jpeg;base64,");
    sl_text_add_base64(page, jpeg, size);
    sl_text_add(page, "\">");
    free(jpeg);
    return SL_OK;
}

sl_status sl_report_crop(sl_text *page, const sl_image *crop, int side, const char *alt, sl_error *err)
{
    if (!crop || !crop->pixels) {
        sl_text_add(page, "<span class=\"no-picture\" role=\"img\" aria-label=\"");
        sl_text_add_html(page, alt);
        sl_text_add(page, " (picture not kept)\">picture not kept</span>");
        return SL_OK;
    }
    int longer = crop->width > crop->height ? crop->width : crop->height, width, height;
    sl_tile_size(crop, longer < side ? longer : side, &width, &height); /* enlarging is the browser's affair */
    sl_image tile;
    SL_TRY(sl_tile(crop, width, height, &tile, err));
    sl_status status = sl_report_picture(page, &tile, alt, err);
    sl_image_free(&tile);
    return status;
}
