// module: face
/* dlib's landmark file: whatever is read must also run. */
#include "face/landmarks.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t pixels[16 * 16];
    for (int i = 0; i < 256; i++)
        pixels[i] = (uint8_t)(i * 37);
    sl_shape_predictor *p;
    sl_error err;
    if (sl_shape_predictor_read(data, size, &p, &err) != SL_OK)
        return 0;
    sl_point out[256];
    const sl_image image = {.width = 16, .height = 16, .channels = 1, .pixels = pixels};
    const sl_affine frame = {{12, -3, 4, 3, 12, 1}};
    if (sl_shape_predictor_points(p) > 256)
        abort();
    sl_shape_predictor_run(p, &image, &frame, out);
    sl_shape_predictor_free(p);
    return 0;
}
