/* Colour profiles: against values worked out here from the primaries, and where files keep them. */
#include "support.h"

#include <lcms2.h>
#include <stdbool.h>

#include "image/codec.h"

static sl_error err;

/* A profile of sRGB's white with other primaries or another tone; as a file holds it. */
static sl_icc profile_of(const cmsCIExyYTRIPLE *primaries, bool srgb_tone)
{
    cmsCIExyY white = {.3127, .3290, 1};
    cmsFloat64Number srgb[5] = {2.4, 1 / 1.055, .055 / 1.055, 1 / 12.92, .04045};
    cmsToneCurve *tone = srgb_tone ? cmsBuildParametricToneCurve(NULL, 4, srgb) : cmsBuildGamma(NULL, 1);
    cmsHPROFILE profile = cmsCreateRGBProfile(&white, primaries, (cmsToneCurve *[3]){tone, tone, tone});
    cmsUInt32Number size = 0;
    assert_true(cmsSaveProfileToMem(profile, NULL, &size));
    sl_icc icc = {malloc(size), size};
    assert_true(cmsSaveProfileToMem(profile, icc.data, &size));
    cmsCloseProfile(profile);
    cmsFreeToneCurve(tone);
    return icc;
}

static const cmsCIExyYTRIPLE bt709 = {{.64, .33, 1}, {.30, .60, 1}, {.15, .06, 1}};
static const cmsCIExyYTRIPLE p3 = {{.680, .320, 1}, {.265, .690, 1}, {.150, .060, 1}};

static double from_tone(double v) { return v <= .04045 ? v / 12.92 : pow((v + .055) / 1.055, 2.4); }
static double to_tone(double v) { return v <= .0031308 ? v * 12.92 : 1.055 * pow(v, 1 / 2.4) - .055; }

/* Display P3 to sRGB: the published matrix between the two, in linear light. */
static void expect_of_p3(const uint8_t in[3], double out[3])
{
    static const double m[3][3] = {
        {1.2249401, -.2249404, 0}, {-.0420569, 1.0420571, 0}, {-.0196376, -.0786361, 1.0982735}};
    for (int r = 0; r < 3; r++) {
        double sum = 0;
        for (int c = 0; c < 3; c++)
            sum += m[r][c] * from_tone(in[c] / 255.);
        out[r] = 255 * to_tone(fmin(fmax(sum, 0), 1));
    }
}

static const uint8_t colours[6][3] = {{200, 150, 130}, {90, 120, 60}, {255, 255, 255},
                                      {0, 0, 0},       {250, 20, 30}, {128, 128, 128}};

static void make_picture(sl_image *image)
{
    assert_ok(sl_image_new(3, 2, 3, image, &err));
    memcpy(image->pixels, colours, sizeof colours);
}

static void expect_p3_undone(const sl_image *image, double bound)
{
    for (int i = 0; i < 6; i++) {
        double expected[3];
        expect_of_p3(colours[i], expected);
        for (int c = 0; c < 3; c++)
            if (fabs(image->pixels[3 * i + c] - expected[c]) > bound)
                fail_msg("colour %d channel %d: %d, expected %g", i, c, image->pixels[3 * i + c], expected[c]);
    }
}

static void display_p3_becomes_srgb(void **state)
{
    (void)state;
    sl_image image;
    sl_icc icc = profile_of(&p3, true);
    make_picture(&image);
    err.text[0] = '\0';
    assert_false(sl_icc_is_srgb(&icc));
    assert_ok(sl_icc_to_srgb(&icc, &image, &err));
    assert_string_equal(err.text, "");
    expect_p3_undone(&image, 1.5);
    sl_image_free(&image);
    sl_icc_free(&icc);
}

static void srgb_stays_as_it_is(void **state)
{
    (void)state;
    sl_image image;
    sl_icc icc = profile_of(&bt709, true), linear = profile_of(&bt709, false);
    make_picture(&image);
    assert_true(sl_icc_is_srgb(&icc));
    assert_ok(sl_icc_to_srgb(&icc, &image, &err));
    assert_memory_equal(image.pixels, colours, sizeof colours);
    assert_false(sl_icc_is_srgb(&linear));
    assert_ok(sl_icc_to_srgb(&linear, &image, &err));
    assert_true(abs(image.pixels[15] - 188) <= 1); /* half the light */
    sl_image_free(&image);
    sl_icc_free(&icc);
    sl_icc_free(&linear);
}

static void what_cannot_be_applied_is_said(void **state)
{
    (void)state;
    sl_image image;
    sl_icc icc;
    make_picture(&image);
    err.text[0] = '\0';
    assert_ok(sl_icc_copy("no profile at all", 17, &icc, &err));
    assert_ok(sl_icc_to_srgb(&icc, &image, &err));
    assert_non_null(strstr(err.text, "profile is ignored"));
    assert_memory_equal(image.pixels, colours, sizeof colours);
    sl_icc_free(&icc);
    sl_image_free(&image);
}

/* A PNG or JPEG of the picture, enlarged so that JPEG keeps its colours, with the profile put behind the first
 * bytes. */
static uint8_t *with_part(const uint8_t *file, size_t size, size_t at, const uint8_t *part, size_t length, size_t *out)
{
    uint8_t *whole = malloc(size + length);
    memcpy(whole, file, at);
    memcpy(whole + at, part, length);
    memcpy(whole + at + length, file + at, size - at);
    *out = size + length;
    return whole;
}

/* In two parts, the second first. */
static void jpegs_keep_them_in_parts(void **state)
{
    (void)state;
    sl_image plain, image, grey;
    sl_icc icc = profile_of(&p3, true);
    uint8_t *jpeg, *whole, parts[8192];
    size_t size, used = 0, half = icc.size / 2;
    assert_ok(sl_image_new(48, 32, 3, &plain, &err));
    for (int i = 0; i < 48 * 32; i++)
        memcpy(plain.pixels + 3 * i, colours[i / 48 / 16 * 3 + i % 48 / 16], 3);
    assert_ok(sl_image_encode_jpeg(&plain, 100, &jpeg, &size, &err));
    for (int n = 2; n >= 1; n--) {
        size_t from = n == 1 ? 0 : half, length = n == 1 ? half : icc.size - half, body = 2 + 14 + length;
        memcpy(parts + used, (uint8_t[]){0xff, 0xe2, (uint8_t)(body >> 8), (uint8_t)body}, 4);
        memcpy(parts + used + 4, "ICC_PROFILE", 12);
        memcpy(parts + used + 16, (uint8_t[]){(uint8_t)n, 2}, 2);
        memcpy(parts + used + 18, icc.data + from, length);
        used += 18 + length;
    }
    whole = with_part(jpeg, size, 2, parts, used, &size);
    assert_ok(sl_image_decode(whole, size, &image, &err));
    assert_string_equal(err.text, "");
    for (int i = 0; i < 6; i++)
        memcpy(image.pixels + 3 * i, image.pixels + 3 * ((i / 3 * 16 + 8) * 48 + i % 3 * 16 + 8), 3);
    expect_p3_undone(&image, 4);
    assert_ok(sl_image_decode_grey(whole, size, &grey, &err)); /* of the converted colours */
    assert_int_equal(grey.channels, 1);
    const uint8_t *red = image.pixels + 12;
    assert_true(abs(grey.pixels[24 * 48 + 24] - (299 * red[0] + 587 * red[1] + 114 * red[2] + 500) / 1000) <= 2);
    sl_image_free(&image);
    sl_image_free(&grey);
    free(whole);
    whole = with_part(jpeg, size - used, 2, parts, 18 + icc.size - half, &size); /* a part is missing */
    assert_ok(sl_image_decode(whole, size, &image, &err));
    assert_non_null(strstr(err.text, "profile is ignored"));
    sl_image_free(&image);
    sl_image_free(&plain);
    sl_icc_free(&icc);
    free(whole);
    free(jpeg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(display_p3_becomes_srgb),
        cmocka_unit_test(srgb_stays_as_it_is),
        cmocka_unit_test(what_cannot_be_applied_is_said),
        cmocka_unit_test(jpegs_keep_them_in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
