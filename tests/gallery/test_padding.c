/* Galleries that someone made with care: every checksum holds, but there is something where the format has zeros.
 * They are refused, and a compaction leaves them as they are. */
#include "faces.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "gallery/folder/format.h"

enum { FACES = 7 };

static char *dir;
static char path[700];

static const char *file(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

/* Faces 0 .. 6 less person 0, so that there is something to compact. */
static void make(sl_patch_format format)
{
    sl_error err;
    size_t removed;
    remove_tree(dir);
    faces_format = format;
    make_gallery(dir, FACES, FACES);
    sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE);
    assert_ok(sl_gallery_remove(g, NULL, "person-0", &removed, &err));
    assert_int_equal(removed, 3);
    sl_gallery_close(g);
}

static void set_byte(const char *name, size_t at, uint8_t value)
{
    size_t size;
    uint8_t *data = read_whole(file(name), &size);
    assert_true(at < size);
    assert_int_equal(data[at], 0);
    data[at] = value;
    write_whole(file(name), data, size);
    free(data);
}

/* Checksum of bytes 0 .. size - 5 of `name` from `at` into their last four. */
static void seal(const char *name, size_t at, size_t size)
{
    size_t whole;
    uint8_t *data = read_whole(file(name), &whole);
    sl_put_u32(data + at + size - 4, sl_crc32c(0, data + at, size - 4));
    write_whole(file(name), data, whole);
    free(data);
}

/* Lets row `row` of patches have the checksum that it has, the log go on from there, and the marker count it. */
static void seal_row(uint32_t row)
{
    size_t size, patches_size, marker_size;
    const sl_template_shape s = small_shape(faces_format);
    uint8_t *log = read_whole(file("log.1"), &size), *patches = read_whole(file("patches.1"), &patches_size);
    uint8_t *marker = read_whole(file("commit.1"), &marker_size);
    const uint64_t stride = sl_row_stride(SL_FILE_PATCHES, &s),
                   at = row * stride;
    uint32_t chain = sl_get_u32(log + 60);
    for (size_t record = SL_HEADER_SIZE; record < size; record += sl_get_u32(log + record)) {
        const size_t end = record + sl_get_u32(log + record) - 4;
        if (sl_get_u32(log + record + 4) == SL_RECORD_ADD && sl_get_u32(log + record + 8) == row)
            sl_put_u32(log + record + 20, sl_crc32c(0, patches + at, stride));
        chain = sl_crc32c(chain, log + record, end - record);
        sl_put_u32(log + end, chain);
    }
    sl_commit_state state[2];
    for (int i = 0; i < 2; i++)
        assert_true(sl_slot_decode(marker + i * SL_SLOT_STEP, sl_get_u64(marker + 8), &state[i]));
    const sl_commit_state *newest = state[0].sequence > state[1].sequence ? &state[0] : &state[1];
    sl_commit_state now = *newest;
    now.chain = chain;
    for (int i = 0; i < 2; i++)
        sl_slot_encode(&now, marker + i * SL_SLOT_STEP);
    write_whole(file("log.1"), log, size);
    write_whole(file("commit.1"), marker, marker_size);
    free(log);
    free(patches);
    free(marker);
}

static void expect_refused(const char *words)
{
    sl_error err;
    size_t before, after;
    uint8_t *old = read_whole(file("patches.1"), &before);
    const sl_status verified = sl_gallery_verify(dir, NULL, NULL, &err);
    if ((verified != SL_ERR_CORRUPT && verified != SL_ERR_FORMAT) || !strstr(err.text, words))
        fail_msg("verify: %s: %s", sl_status_name(verified), err.text);
    assert_int_not_equal(sl_gallery_compact(dir, NULL, NULL, &err), SL_OK);
    uint8_t *now = read_whole(file("patches.1"), &after); /* is there, and as it was */
    assert_int_equal(before, after);
    assert_memory_equal(old, now, before);
    free(old);
    free(now);
}

static void behind_the_centre(void **state)
{
    (void)state;
    make(SL_PATCHES_COMPACT);
    set_byte("centre.1", 120, 7); /* 30 floats, zeros up to 128 */
    size_t size;
    uint8_t *centre = read_whole(file("centre.1"), &size), *meta = read_whole(file("gallery.meta"), &size);
    sl_put_u32(meta + 84, sl_crc32c(0, centre, 128));
    write_whole(file("gallery.meta"), meta, size);
    seal("gallery.meta", 0, SL_META_SIZE);
    free(centre);
    free(meta);
    expect_refused("stored around");
}

static void in_the_meta(void **state)
{
    (void)state;
    static const size_t places[] = {84, 88 + sizeof MODEL_NAME, 151, 156, 251};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        make(SL_PATCHES_INT8);
        set_byte("gallery.meta", places[i], 1);
        seal("gallery.meta", 0, SL_META_SIZE);
        expect_refused("zeros");
    }
}

static void in_the_header(void **state)
{
    (void)state;
    for (size_t at = 40; at < 60; at += 19) {
        make(SL_PATCHES_INT8);
        set_byte("log.1", at, 1);
        seal("log.1", 0, SL_HEADER_SIZE);
        expect_refused("first bytes are damaged");
    }
}

static void in_a_slot(void **state)
{
    (void)state;
    sl_error err;
    for (size_t slot = 0; slot < 2; slot++)
        for (size_t at = 52; at < 60; at += 7) {
            make(SL_PATCHES_INT8);
            set_byte("commit.1", slot * SL_SLOT_STEP + at, 1);
            seal("commit.1", slot * SL_SLOT_STEP, SL_SLOT_SIZE);
            assert_fails(sl_gallery_verify(dir, NULL, NULL, &err), SL_ERR_CORRUPT, "one of its two marks");
        }
}

/* Row 4's gaps, and the landmarks of a face without any. */
static void in_a_row(void **state)
{
    (void)state;
    static const struct {
        sl_patch_format format;
        size_t at;
        uint8_t value;
    } places[] = {
        {SL_PATCHES_INT8, 18, 1},     {SL_PATCHES_INT8, 63, 1},    {SL_PATCHES_INT8, 64 + 24, 1},
        {SL_PATCHES_INT8, 128, 1},    {SL_PATCHES_INT8, 672, 1},   {SL_PATCHES_INT8, 703, 1},
        {SL_PATCHES_F32, 72, 1},      {SL_PATCHES_F32, 127, 1},    {SL_PATCHES_F32, 128 + 544, 1},
        {SL_PATCHES_COMPACT, 18, 1},  {SL_PATCHES_COMPACT, 63, 1}, {SL_PATCHES_COMPACT, 64 + 63, 1},
        {SL_PATCHES_COMPACT, 703, 1}, {SL_PATCHES_NONE, 544, 1},   {SL_PATCHES_NONE, 575, 1},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        make(places[i].format);
        const sl_template_shape s = small_shape(faces_format);
        const size_t row = 4 * sl_row_stride(SL_FILE_PATCHES, &s);
        seal_row(4);
        sl_error err;
        assert_ok(sl_gallery_verify(dir, NULL, NULL, &err)); /* the checksums were made right */
        set_byte("patches.1", row + places[i].at, places[i].value);
        seal_row(4);
        expect_refused("impossible values");
    }
}

/* With an odd dimension the last byte of a compact patch has half a byte that stands for nothing. */
static void in_half_a_byte(void **state)
{
    (void)state;
    make(SL_PATCHES_COMPACT);
    const sl_template_shape s = small_shape(faces_format);
    const size_t at = 4 * sl_row_stride(SL_FILE_PATCHES, &s) + 5;
    size_t size;
    uint8_t *patches = read_whole(file("patches.1"), &size);
    assert_int_equal(patches[at] >> 4, 0);
    patches[at] |= 0x30;
    write_whole(file("patches.1"), patches, size);
    free(patches);
    seal_row(4);
    expect_refused("impossible values");
}

static int setup(void **state)
{
    (void)state;
    dir = make_temp_dir();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    remove_tree(dir);
    free(dir);
    return 0;
}

int main(void)
{
    prefer_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behind_the_centre), cmocka_unit_test(in_the_meta), cmocka_unit_test(in_the_header),
        cmocka_unit_test(in_a_slot),         cmocka_unit_test(in_a_row),    cmocka_unit_test(in_half_a_byte),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
