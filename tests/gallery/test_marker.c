/* The commit marker damaged together with what it counts: either slot, the log's last commit whole, cut at every
 * byte or flipped at every byte, the rows of that commit there or gone, a crash's tail behind it all or none. What
 * comes out is what was acknowledged, or SL_ERR_CORRUPT and a folder that is as it was. */
#include "faces.h"

#include "gallery/folder/format.h"
#include "gallery/gallery.h"

enum { BEFORE = 3, FACES = 6, FILES = 6 };

static const char *const names[FILES] = {"gallery.meta", "embeddings.1", "patches.1",
                                         "crops.1",      "log.1",        "commit.1"};
enum { EMBEDDINGS = 1, LOG = 4, MARKER = 5 };

typedef struct {
    uint8_t *bytes[FILES];
    size_t size[FILES];
} folder;

static char *dir;
static folder before, whole, tailed; /* one commit, two commits, and a face more that was not committed */
static int newest;                   /* slot of the second commit */

static const char *file(int f)
{
    static char path[700];
    snprintf(path, sizeof path, "%s/%s", dir, names[f]);
    return path;
}

static folder take(void)
{
    folder t;
    for (int f = 0; f < FILES; f++)
        t.bytes[f] = read_whole(file(f), &t.size[f]);
    return t;
}

static void drop(folder *t)
{
    for (int f = 0; f < FILES; f++)
        free(t->bytes[f]);
}

static void put(const folder *t)
{
    for (int f = 0; f < FILES; f++)
        write_whole(file(f), t->bytes[f], t->size[f]);
}

static void cut(int f, size_t size)
{
    assert_int_equal(truncate(file(f), (off_t)size), 0);
}

static void flip(int f, size_t at)
{
    uint8_t byte;
    int fd = open(file(f), O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
    byte ^= (uint8_t)(1u << at % 8);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    close(fd);
}

static void cut_rows(void)
{
    for (int f = EMBEDDINGS; f < LOG; f++)
        cut(f, before.size[f]);
}

/* One bit, or all of it. */
static void damage_slot(int slot, bool all)
{
    if (!all) {
        flip(MARKER, (size_t)slot * SL_SLOT_STEP + 33);
        return;
    }
    static const uint8_t zeros[SL_SLOT_SIZE];
    int fd = open(file(MARKER), O_RDWR);
    assert_int_equal(pwrite(fd, zeros, sizeof zeros, slot * SL_SLOT_STEP), sizeof zeros);
    close(fd);
}

/* faces: how many must be found; 0: the gallery must say that it is damaged, to a writer too, and stay as it is.
 */
static void expect(size_t faces, bool sound, const char *what)
{
    sl_error err;
    sl_gallery *g;
    folder found = take();
    const sl_status verified = sl_gallery_verify(dir, NULL, NULL, &err);
    if (verified != (sound && faces ? SL_OK : SL_ERR_CORRUPT))
        fail_msg("%s: verify: %s", what, sl_status_name(verified));
    for (int mode = SL_GALLERY_READ; mode <= SL_GALLERY_WRITE; mode++) {
        const sl_status status = sl_gallery_open_shape(dir, (sl_gallery_mode)mode, NULL, NULL, &g, &err);
        if (faces == 0 && status != SL_ERR_CORRUPT)
            fail_msg("%s: opened with %zu faces", what, g ? sl_gallery_size(g) : 0);
        if (faces && status)
            fail_msg("%s: %s", what, err.text);
        if (faces && sl_gallery_size(g) != faces)
            fail_msg("%s: %zu faces, not %zu", what, sl_gallery_size(g), faces);
        for (size_t n = 0; n < faces; n++)
            expect_face(g, n, (int)n);
        sl_gallery_close(g);
    }
    if (faces)
        assert_ok(sl_gallery_verify(dir, NULL, NULL, &err)); /* the writer repaired what there was to repair */
    for (int f = 0; !faces && f < FILES; f++) {
        size_t size;
        uint8_t *now = read_whole(file(f), &size);
        if (size != found.size[f] || memcmp(now, found.bytes[f], size) != 0)
            fail_msg("%s: %s was changed", what, names[f]);
        free(now);
    }
    drop(&found);
}

static void a_slot_alone(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++)
        for (int rows = 0; rows < 2; rows++) {
            char what[100];
            const int slot = kind / 2;
            put(&whole);
            damage_slot(slot, kind % 2);
            if (rows)
                cut_rows();
            snprintf(what, sizeof what, "%s slot damaged%s", slot == newest ? "newest" : "older",
                     rows ? ", rows cut" : "");
            expect(rows ? 0 : FACES, false, what);
        }
}

static void a_slot_and_a_log_that_was_cut(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++)
        for (int rows = 0; rows < 2; rows++)
            for (size_t end = before.size[LOG]; end < whole.size[LOG]; end++) {
                char what[100];
                const int slot = kind / 2;
                put(&whole);
                damage_slot(slot, kind % 2);
                cut(LOG, end);
                if (rows)
                    cut_rows();
                snprintf(what, sizeof what, "%s slot damaged, log cut to %zu%s",
                         slot == newest ? "newest" : "older", end, rows ? ", rows cut" : "");
                /* newest slot, log and rows, all lost to the byte: nothing is left that speaks of the second
                 * commit */
                const bool traceless = slot == newest && rows && end == before.size[LOG];
                expect(traceless ? BEFORE : 0, false, what);
            }
}

static void a_slot_and_a_flipped_log(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++)
        for (int rows = 0; rows < 2; rows++)
            for (size_t at = before.size[LOG]; at < whole.size[LOG]; at += 3) {
                char what[100];
                const int slot = kind / 2;
                put(&whole);
                damage_slot(slot, kind % 2);
                flip(LOG, at);
                if (rows)
                    cut_rows();
                snprintf(what, sizeof what, "%s slot damaged, log flipped at %zu%s",
                         slot == newest ? "newest" : "older", at, rows ? ", rows cut" : "");
                expect(0, false, what);
            }
}

/* What a crash leaves is dropped where both slots are whole, or where the whole one shows that it was never
 * acknowledged: the commit behind it counts, and the next would have overwritten it. */
static void a_slot_and_a_tail(void **state)
{
    (void)state;
    for (size_t end = whole.size[LOG] + 1; end <= tailed.size[LOG]; end += 7)
        for (int kind = -1; kind < 4; kind++) {
            char what[100];
            put(&tailed);
            cut(LOG, end);
            if (kind >= 0)
                damage_slot(kind / 2, kind % 2);
            snprintf(what, sizeof what, "tail to %zu, slots damaged: %d", end, kind);
            expect(kind < 0 || kind / 2 == newest ? FACES : 0, kind < 0, what);
        }
    put(&tailed);
    cut(LOG, whole.size[LOG]); /* rows that no record speaks of */
    expect(FACES, true, "rows behind");
    put(&tailed);
    cut(LOG, whole.size[LOG]);
    damage_slot(1 - newest, true);
    expect(0, false, "rows behind, older slot damaged");
}

static void both_slots(void **state)
{
    (void)state;
    put(&whole);
    damage_slot(0, true);
    damage_slot(1, false);
    expect(0, false, "both slots damaged");
}

static int setup(void **state)
{
    (void)state;
    sl_error err;
    dir = make_temp_dir();
    make_gallery(dir, BEFORE, BEFORE);
    before = take();
    sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE);
    for (int n = BEFORE; n < FACES; n++)
        add_face(g, n);
    assert_ok(sl_gallery_commit(g, &err));
    whole = take();
    add_face(g, FACES);
    tailed = take();
    sl_gallery_close(g);
    newest = memcmp(before.bytes[MARKER], whole.bytes[MARKER], SL_SLOT_SIZE) != 0 ? 0 : 1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    drop(&before);
    drop(&whole);
    drop(&tailed);
    remove_tree(dir);
    free(dir);
    return 0;
}

int main(void)
{
    prefer_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_alone),
        cmocka_unit_test(a_slot_and_a_log_that_was_cut),
        cmocka_unit_test(a_slot_and_a_flipped_log),
        cmocka_unit_test(a_slot_and_a_tail),
        cmocka_unit_test(both_slots),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
