/* A large gallery lies in segments, and is compacted in steps: with room for a tenth of it, whole after a crash at
 * every call, beside readers that have the old files, and to the bit what it was. */
#define _GNU_SOURCE
#include "own_folder.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "gallery/folder/store.h"
#include "secondlook_serve.h"

enum { SEGMENT = 64, DIM = 64 };

static sl_error err;

static sl_template_shape shape_of(sl_patch_format format)
{
    static float centre[DIM];
    return (sl_template_shape){.fingerprint = {1, 2, 3}, .dim = DIM, .rows = 1, .cols = 1, .channels = 64,
                               .format = format, .centre = format == SL_PATCHES_COMPACT ? centre : NULL};
}

/* An empty gallery of small segments; rows of each of its files fill whole pages. */
static sl_gallery *create(sl_patch_format format)
{
    sl_folder *g;
    sl_meta meta = {.uid = 99, .generation = 1, .version = SL_GALLERY_VERSION, .segment_rows = SEGMENT,
                    .shape = shape_of(format), .model = MODEL_NAME};
    meta.centre_crc = meta.shape.centre ? sl_centre_crc(&meta.shape) : 0;
    assert_ok(sl_store_create(dir, &meta, &g, &err));
    assert_ok(sl_store_publish(g, &err));
    return &g->base;
}

static sl_status try_add(sl_gallery *g, int n)
{
    char image[64], label[64];
    sl_entry entry = face_entry(n, image, label);
    sl_template *t = face_template(sl_gallery_shape(g), n);
    sl_image crop = face_crop(n);
    sl_status status = sl_gallery_add(g, &entry, t, face_has_crop(n) ? &crop : NULL, &err);
    sl_image_free(&crop);
    sl_template_free(t);
    return status;
}

/* Faces 0 .. count - 1, of which those with n % every == 1 are removed again. */
static void make(sl_patch_format format, int count, int every)
{
    remove_tree(dir);
    mkdir(dir, 0777);
    sl_gallery *g = create(format);
    for (int n = 0; n < count; n++)
        assert_ok(try_add(g, n));
    assert_ok(sl_gallery_commit(g, &err));
    for (int n = 1; every && n < count; n += every) {
        char image[64], label[64];
        face_entry(n, image, label);
        assert_ok(sl_gallery_remove(g, image, NULL, NULL, &err));
    }
    sl_gallery_close(g);
}

static void expect_all(const sl_gallery *g, int count, int every)
{
    size_t i = 0;
    for (int n = 0; n < count; n++)
        if (!every || n % every != 1)
            expect_face(g, i++, n);
    assert_int_equal(sl_gallery_size(g), i);
}

/* The embeddings in one piece are those of the faces. */
static void expect_embeddings(const sl_gallery *g)
{
    const float *all;
    assert_ok(sl_gallery_embeddings(g, &all, &err));
    for (size_t i = 0; i < sl_gallery_size(g); i++) {
        sl_template *t;
        assert_ok(sl_gallery_template(g, i, &t, &err));
        assert_memory_equal(all + i * DIM, sl_template_embedding(t, NULL), DIM * sizeof(float));
        sl_template_free(t);
    }
}

static void check(int count, int every)
{
    sl_gallery *g = open_gallery(dir, SL_GALLERY_READ);
    expect_all(g, count, every);
    expect_embeddings(g);
    sl_gallery_close(g);
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
}

/* What the folder's files take of the disk, each counted once. */
static uint64_t bytes_on_disk(void)
{
    ino_t seen[1024];
    size_t count = 0;
    uint64_t bytes = 0;
    DIR *d = opendir(dir);
    for (struct dirent *entry; (entry = readdir(d));) {
        struct stat st;
        if (fstatat(dirfd(d), entry->d_name, &st, 0) != 0 || !S_ISREG(st.st_mode))
            continue;
        size_t i = 0;
        while (i < count && seen[i] != st.st_ino)
            i++;
        if (i < count)
            continue;
        assert_true(count < 1024);
        seen[count++] = st.st_ino;
        bytes += (uint64_t)st.st_size;
    }
    closedir(d);
    return bytes;
}

static uint64_t bytes_of(const char *name)
{
    struct stat st;
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* ---- calls ---- */

static struct {
    bool counts;
    int calls, die_at;
    uint64_t peak;
    bool no_links;
} watch;

static void called(void)
{
    if (!watch.counts)
        return;
    const uint64_t bytes = watch.die_at < 0 ? bytes_on_disk() : 0;
    watch.peak = bytes > watch.peak ? bytes : watch.peak;
    if (watch.calls++ == watch.die_at)
        _exit(99);
}

int fdatasync(int fd)
{
    called();
    return (int)syscall(SYS_fdatasync, fd);
}

int rename(const char *from, const char *to)
{
    called();
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlinkat(int fd, const char *name, int flags)
{
    called();
    return (int)syscall(SYS_unlinkat, fd, name, flags);
}

int link(const char *from, const char *to)
{
    called();
    if (watch.no_links) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* ---- the tests ---- */

static void segments_are_one_array(void **state)
{
    (void)state;
    static const sl_patch_format formats[] = {SL_PATCHES_INT8, SL_PATCHES_F32, SL_PATCHES_COMPACT, SL_PATCHES_NONE};
    for (int f = 0; f < 4; f++)
        for (int count = 3 * SEGMENT - 1; count <= 3 * SEGMENT + 1; count++) { /* about the end of a segment */
            make(formats[f], count, 0);
            check(count, 0);
            sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE), *reader = open_gallery(dir, SL_GALLERY_READ);
            for (int n = count; n < count + SEGMENT + 2; n++)
                assert_ok(try_add(g, n));
            assert_ok(sl_gallery_commit(g, &err));
            expect_all(g, count + SEGMENT + 2, 0);
            expect_all(reader, count, 0);
            for (int n = 0; n < 2 * SEGMENT; n++) /* which nobody commits: gone with their files */
                assert_ok(try_add(g, 1000 + n));
            sl_gallery_close(g);
            sl_gallery_close(reader);
            sl_gallery_close(open_gallery(dir, SL_GALLERY_WRITE));
            check(count + SEGMENT + 2, 0);
        }
}

/* A tenth of the gallery, or its log, which every step writes anew. What frames the files of a generation is beyond
 * it. */
static void compact_with_little_room(sl_patch_format format, int faces, int every)
{
    enum { FRAMES = 8192 };
    make(format, faces, every);
    const uint64_t before = bytes_on_disk(), log = bytes_of("log.1"), room = log > before / 10 ? log : before / 10;
    assert_true(bytes_of("codes.1") > SL_HEADER_SIZE && bytes_of("index.1") > SL_HEADER_SIZE);
    watch = (typeof(watch)){.counts = true, .die_at = -1};
    assert_ok(sl_gallery_compact(dir, NULL, NULL, &err));
    watch.counts = false;
    if (watch.peak > before + room + FRAMES)
        fail_msg("every %d: %llu bytes, at the peak %llu", every, (unsigned long long)before,
                 (unsigned long long)watch.peak);
    print_message("every %d: %llu bytes, at the peak %.3f times that\n", every, (unsigned long long)before,
                  (double)watch.peak / (double)before);
    check(faces, every);
    sl_gallery_info info;
    sl_gallery *g = open_gallery(dir, SL_GALLERY_READ);
    sl_gallery_get_info(g, &info);
    assert_int_equal(info.removed, 0);
    assert_int_equal(info.bytes, bytes_on_disk());
    const sl_folder *folder = (const sl_folder *)g;
    assert_int_equal(folder->codes.rows, folder->rows / SL_CODE_ROWS * SL_CODE_ROWS); /* what is derived came last */
    assert_int_equal(folder->known, folder->rows);
    sl_gallery_close(g);
}

/* Of galleries without patches the log alone is a tenth. */
static void a_tenth_is_room_enough(void **state)
{
    (void)state;
    static const sl_patch_format formats[] = {SL_PATCHES_COMPACT, SL_PATCHES_NONE};
    static const int every[] = {3, 64, 1000};
    for (size_t i = 0; i < 6; i++)
        compact_with_little_room(formats[i / 3], 40 * SEGMENT, every[i % 3]);
}

/* After a crash it is whole, and goes on in every way: asked, added to, backed up, compacted to the end. */
static void goes_on_from(int count, int every, const char *what)
{
    sl_gallery *g;
    if (sl_gallery_verify(dir, NULL, NULL, &err))
        fail_msg("%s: %s", what, err.text);
    check(count, every);
    if (sl_gallery_open_shape(dir, SL_GALLERY_WRITE, NULL, NULL, &g, &err))
        fail_msg("%s: %s", what, err.text);
    assert_ok(try_add(g, count));
    assert_ok(sl_gallery_commit(g, &err));
    sl_gallery_close(g);
    char *backup, *back;
    assert_true(asprintf(&backup, "%s.tar", dir) > 0 && asprintf(&back, "%s.back", dir) > 0);
    assert_ok(sl_gallery_backup(dir, backup, NULL, NULL, &err));
    assert_ok(sl_gallery_from_backup(backup, back, NULL, NULL, &err));
    g = open_gallery(back, SL_GALLERY_READ);
    expect_face(g, sl_gallery_size(g) - 1, count);
    sl_gallery_close(g);
    unlink(backup);
    remove_tree(back);
    free(backup);
    free(back);
    assert_ok(sl_gallery_compact(dir, NULL, NULL, &err));
    g = open_gallery(dir, SL_GALLERY_READ);
    expect_face(g, sl_gallery_size(g) - 1, count);
    sl_gallery_close(g);
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
}

static void dies_at_every_step(void **state)
{
    (void)state;
    enum { FACES = 4 * SEGMENT + 9, EVERY = 5 };
    int at = 0;
    for (int ended = 99; ended == 99; at++) {
        make(SL_PATCHES_INT8, FACES, EVERY);
        sl_gallery *reader = open_gallery(dir, SL_GALLERY_READ);
        const pid_t child = fork();
        if (child == 0) {
            watch = (typeof(watch)){.counts = true, .die_at = at};
            _exit(sl_gallery_compact(dir, NULL, NULL, NULL) == SL_OK ? 0 : 1);
        }
        waitpid(child, &ended, 0);
        ended = WEXITSTATUS(ended);
        char what[64];
        snprintf(what, sizeof what, "died at call %d", at);
        expect_all(reader, FACES, EVERY); /* as it was opened, whatever became of the files' names */
        sl_gallery_close(reader);
        if (ended != 99 && ended != 0)
            fail_msg("%s: exit status %d", what, ended);
        goes_on_from(FACES, EVERY, what);
    }
    assert_true(at > 60);
    print_message("died at %d calls of a compaction in steps\n", at - 1);
}

/* Beside an open writer a compaction is refused, says what to do, and changes nothing; writer and readers go on. When
 * the writer is closed it goes through, beside the readers. */
static void a_writer_keeps_compaction_out(void **state)
{
    (void)state;
    enum { FACES = 3 * SEGMENT, EVERY = 5 };
    make(SL_PATCHES_INT8, FACES, EVERY);
    sl_gallery *writer = open_gallery(dir, SL_GALLERY_WRITE), *reader = open_gallery(dir, SL_GALLERY_READ);
    assert_ok(try_add(writer, FACES)); /* not committed yet */
    const uint64_t bytes = bytes_on_disk();
    assert_fails(sl_gallery_compact(dir, NULL, NULL, &err), SL_ERR_LOCKED, "wait until it has ended");
    assert_int_equal(bytes_on_disk(), bytes);
    assert_ok(try_add(writer, FACES + 1));
    assert_ok(sl_gallery_commit(writer, &err));
    expect_all(reader, FACES, EVERY);
    assert_ok(sl_gallery_refresh(reader, &err));
    assert_int_equal(sl_gallery_size(reader), sl_gallery_size(writer));
    expect_face(reader, sl_gallery_size(reader) - 1, FACES + 1);
    sl_gallery_close(writer);
    assert_ok(sl_gallery_compact(dir, NULL, NULL, &err));
    expect_face(reader, sl_gallery_size(reader) - 1, FACES + 1);
    assert_fails(sl_gallery_refresh(reader, &err), SL_ERR_MISMATCH, "open it again");
    sl_gallery_close(reader);
    reader = open_gallery(dir, SL_GALLERY_READ);
    expect_face(reader, sl_gallery_size(reader) - 1, FACES + 1);
    sl_gallery_close(reader);
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
}

static int stop_at_half(void *context, size_t done, size_t total)
{
    (void)context;
    return done * 2 > total;
}

/* An interruption between two steps leaves what the steps before it did. */
static void an_interruption_is_no_loss(void **state)
{
    (void)state;
    enum { FACES = 30 * SEGMENT, EVERY = 4 };
    make(SL_PATCHES_NONE, FACES, EVERY);
    const sl_status status = sl_gallery_compact(dir, stop_at_half, NULL, &err);
    assert_true(status == SL_ERR_INTERRUPTED || status == SL_OK); /* where it was done within a tick */
    check(FACES, EVERY);
    assert_ok(sl_gallery_upgrade(dir, NULL, NULL, &err)); /* which ends what was begun */
    check(FACES, EVERY);
}

/* Where a file has one name only, it is rewritten as a whole. */
static void disks_without_links(void **state)
{
    (void)state;
    make(SL_PATCHES_COMPACT, 5 * SEGMENT, 7);
    watch = (typeof(watch)){.counts = true, .die_at = -1, .no_links = true};
    assert_ok(sl_gallery_compact(dir, NULL, NULL, &err));
    watch = (typeof(watch)){0};
    check(5 * SEGMENT, 7);
}

/* A piece that is gone, or short, is told. */
static void pieces_that_are_not_there(void **state)
{
    (void)state;
    static const char *const names[] = {"embeddings.1.1", "patches.1.1", "crops.1.1", "embeddings.1.2", "crops.1.2"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int cut = 0; cut < 2; cut++) {
            char path[600];
            struct stat st;
            sl_gallery *g;
            make(SL_PATCHES_INT8, 3 * SEGMENT, 0);
            snprintf(path, sizeof path, "%s/%s", dir, names[i]);
            assert_int_equal(stat(path, &st), 0);
            assert_int_equal(cut ? truncate(path, st.st_size - 1) : unlink(path), 0);
            assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_READ, NULL, NULL, &g, &err), SL_ERR_CORRUPT, "was cut");
            assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_WRITE, NULL, NULL, &g, &err), SL_ERR_CORRUPT, "was cut");
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(segments_are_one_array, setup, teardown),
        cmocka_unit_test_setup_teardown(a_tenth_is_room_enough, setup, teardown),
        cmocka_unit_test_setup_teardown(dies_at_every_step, setup, teardown),
        cmocka_unit_test_setup_teardown(a_writer_keeps_compaction_out, setup, teardown),
        cmocka_unit_test_setup_teardown(an_interruption_is_no_loss, setup, teardown),
        cmocka_unit_test_setup_teardown(disks_without_links, setup, teardown),
        cmocka_unit_test_setup_teardown(pieces_that_are_not_there, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
