/* turn DEGREES IN OUT: a picture turned clockwise about its middle, on a canvas that holds all of it, black around
 * it. Quarter turns move pixels and change none. tools/turned and the tests of the command line make turned photos
 * by it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "image/image.h"

static sl_status turn_freely(const sl_image *in, double degrees, sl_image *out, sl_error *err)
{
    double c = cos(degrees * acos(-1) / 180), s = sin(degrees * acos(-1) / 180);
    int width = (int)lround(fabs(in->width * c) + fabs(in->height * s));
    int height = (int)lround(fabs(in->width * s) + fabs(in->height * c));
    double x = (in->width - 1) / 2., y = (in->height - 1) / 2., u = (width - 1) / 2., v = (height - 1) / 2.;
    const sl_affine map = {{c, s, x - c * u - s * v, -s, c, y + s * u - c * v}};
    return sl_image_warp(in, &map, width, height, out, err);
}

int main(int argc, char **argv)
{
    sl_error err;
    sl_image in, out = {0};
    char *end;
    long degrees = argc == 4 ? strtol(argv[1], &end, 10) : 0;
    if (argc != 4 || *end || degrees < 0 || degrees > 359) {
        fprintf(stderr, "usage: turn 0..359 IN OUT\n");
        return 2;
    }
    sl_status status = sl_image_read(argv[2], &in, &err);
    if (!status) /* turned clockwise by a quarter is turned back by three */
        status = degrees % 90 ? turn_freely(&in, (double)degrees, &out, &err)
                              : sl_image_righted(&in, (int)(360 - degrees) % 360, &out, &err);
    if (!status)
        status = sl_image_write(argv[3], &out, &err);
    if (status)
        fprintf(stderr, "%s\n", err.text);
    sl_image_free(&in);
    sl_image_free(&out);
    return status ? 1 : 0;
}
