/* One life of a gallery (create, add, commit, remove, replace, compact, add) is stopped at every single system call
 * that changes a file: the process dies there, the call fails there, or the power goes there and what was not synced
 * is lost in part. Each time the gallery must hold what was acknowledged, or that and the one change in flight. */
#define _GNU_SOURCE
#include "faces.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/rng.h"
#include "gallery/gallery.h"

static char *dir, *work;

/* ---- the calls, between the library and the kernel ---- */

typedef enum { PASS, COUNT, DIE, FAIL_ONCE, FAIL_ON, OBSERVE, LIE } fault_mode;

static struct {
    fault_mode mode;
    int calls, at; /* at: the call that goes wrong, from 0 */
} fault;

static void power_goes(void);
static void synced(int fd);

/* What shall become of this call: 0 it happens, 1 it happens by half and fails. */
static int goes_wrong(void)
{
    if (fault.mode == PASS)
        return 0;
    if (fault.mode == OBSERVE) {
        fault.mode = PASS;
        power_goes();
        fault.mode = OBSERVE;
    }
    int call = fault.calls++;
    if (fault.mode == COUNT || fault.mode == OBSERVE || fault.mode == LIE)
        return 0;
    return fault.mode == FAIL_ON ? call >= fault.at : call == fault.at;
}

static long stop(void)
{
    if (fault.mode == DIE)
        _exit(99);
    errno = EIO;
    return -1;
}

/* A disk that says it wrote, and wrote another bit. */
static ssize_t lie(int fd, const void *data, size_t size, off_t at)
{
    uint8_t other[8192];
    assert_true(size <= sizeof other);
    memcpy(other, data, size);
    other[size / 2] ^= 4;
    return syscall(SYS_pwrite64, fd, other, size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    if (fault.mode == LIE && fault.calls == fault.at)
        return fault.calls++, lie(fd, data, size, at);
    if (!goes_wrong())
        return syscall(SYS_pwrite64, fd, data, size, at);
    syscall(SYS_pwrite64, fd, data, size / 2, at);
    return stop();
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (!goes_wrong())
        return syscall(SYS_write, fd, data, size);
    syscall(SYS_write, fd, data, size / 2);
    return stop();
}

static int sync_call(long number, int fd)
{
    if (goes_wrong())
        return (int)stop();
    if (fault.mode == OBSERVE)
        synced(fd);
    return (int)syscall(number, fd);
}

int fdatasync(int fd)
{
    return sync_call(SYS_fdatasync, fd);
}
int fsync(int fd)
{
    return sync_call(SYS_fsync, fd);
}
int ftruncate(int fd, off_t size)
{
    return (int)(goes_wrong() ? stop() : syscall(SYS_ftruncate, fd, size));
}

int rename(const char *from, const char *to)
{
    return (int)(goes_wrong() ? stop() : syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int unlinkat(int fd, const char *name, int flags)
{
    return (int)(goes_wrong() ? stop() : syscall(SYS_unlinkat, fd, name, flags));
}

/* ---- the life ---- */

/* Faces as bits: acknowledged, and what the change in flight would make of them. */
static struct {
    uint32_t acknowledged, wanted;
    bool created;
} * truth;

static void acknowledge(void)
{
    truth->acknowledged = truth->wanted;
}

static bool add_and_commit(sl_gallery *g, int from, int to)
{
    uint32_t wanted = truth->acknowledged;
    for (int n = from; n < to; n++) {
        if (try_add_face(g, n, NULL))
            return false;
        wanted |= 1u << n;
    }
    truth->wanted = wanted;
    if (sl_gallery_commit(g, NULL))
        return false;
    acknowledge();
    return true;
}

static bool remove_person(sl_gallery *g, int person)
{
    char label[64];
    snprintf(label, sizeof label, "person-%d", person);
    truth->wanted = truth->acknowledged & ~(7u << 3 * person);
    if (sl_gallery_remove(g, NULL, label, NULL, NULL))
        return false;
    acknowledge();
    return true;
}

/* One face goes and another comes: both or neither. */
static bool replace_face(sl_gallery *g, int old, int n)
{
    char photo[64], image[64], label[64];
    face_entry(old, photo, label);
    sl_entry entry = face_entry(n, image, label);
    sl_template *t = face_template(sl_gallery_shape(g), n);
    sl_image crop = face_crop(n);
    sl_status status = sl_gallery_replace(g, photo, &entry, t, face_has_crop(n) ? &crop : NULL, NULL);
    sl_image_free(&crop);
    sl_template_free(t);
    if (status != SL_OK)
        return false;
    truth->wanted = (truth->acknowledged & ~(1u << old)) | 1u << n;
    if (sl_gallery_commit(g, NULL))
        return false;
    acknowledge();
    return true;
}

/* False when a call failed; the handle is closed either way. */
static bool live_in(sl_gallery *g, int from)
{
    bool ok = add_and_commit(g, from, from + 3) && add_and_commit(g, from + 3, from + 7) &&
              remove_person(g, from / 3 + 1) && replace_face(g, from, from + 8) &&
              try_add_face(g, from + 7, NULL) == SL_OK;
    sl_gallery_close(g); /* the last face is not committed: it must not come back */
    return ok;
}

static bool live(void)
{
    sl_gallery *g;
    sl_template_shape s = small_shape(SL_PATCHES_COMPACT);
    if (sl_gallery_open_shape(dir, SL_GALLERY_CREATE, &s, MODEL_NAME, &g, NULL))
        return false;
    truth->created = true;
    /* rows of both lives before the compaction make a group of codes, and so does the last life */
    return live_in(g, 0) && sl_gallery_open_shape(dir, SL_GALLERY_WRITE, NULL, NULL, &g, NULL) == SL_OK &&
           live_in(g, 9) && sl_gallery_compact(dir, NULL, NULL, NULL) == SL_OK &&
           sl_gallery_open_shape(dir, SL_GALLERY_WRITE, NULL, NULL, &g, NULL) == SL_OK && live_in(g, 18);
}

static void begin(fault_mode mode, int at)
{
    remove_tree(dir);
    mkdir(dir, 0777);
    memset(truth, 0, sizeof *truth);
    fault.calls = 0;
    fault.at = at;
    fault.mode = mode;
}

/* ---- what must be there afterwards ---- */

static uint32_t faces_of(const sl_gallery *g, const char *what)
{
    uint32_t found = 0;
    for (size_t i = 0; i < sl_gallery_size(g); i++) {
        int n = -1;
        sl_error err;
        sscanf(sl_gallery_image(g, i), "person-%*d/photo %d", &n);
        const char *differs = n < 0 || n > 31 || found >> n ? "out of order" : face_differs(g, i, n, &err);
        if (differs)
            fail_msg("%s: face %d: %s", what, n, differs);
        found |= 1u << n;
    }
    return found;
}

static void check(const char *where, const char *what)
{
    sl_error err;
    sl_gallery *g;
    sl_template_shape s = small_shape(SL_PATCHES_COMPACT);
    for (int pass = truth->created ? 0 : 1; pass < 2; pass++) {
        sl_status status = pass == 0 ? sl_gallery_open_shape(where, SL_GALLERY_READ, NULL, NULL, &g, &err)
                                     : sl_gallery_open_shape(where, SL_GALLERY_CREATE, &s, MODEL_NAME, &g, &err);
        if (status != SL_OK)
            fail_msg("%s: pass %d: %s", what, pass, err.text);
        uint32_t found = faces_of(g, what);
        sl_gallery_close(g);
        if (found != truth->acknowledged && found != truth->wanted)
            fail_msg("%s: pass %d: faces %x, acknowledged %x, in flight %x", what, pass, found,
                     truth->acknowledged, truth->wanted);
    }
    if (sl_gallery_verify(where, NULL, NULL, &err))
        fail_msg("%s: %s", what, err.text);
}

static const char *file_in(const char *where, const char *name)
{
    static char path[700];
    snprintf(path, sizeof path, "%s/%s", where, name);
    return path;
}

static int count_calls(void)
{
    begin(COUNT, 0);
    assert_true(live());
    fault.mode = PASS;
    check(dir, "nothing went wrong");
    assert_int_equal(truth->acknowledged, 0x51a8d46);
    return fault.calls;
}

static void dies_at_every_call(void **state)
{
    (void)state;
    int calls = count_calls();
    assert_true(calls > 100);
    for (int at = 0; at < calls; at++) {
        char what[64];
        int status;
        snprintf(what, sizeof what, "died at call %d", at);
        begin(DIE, at);
        pid_t child = fork();
        if (child == 0)
            _exit(live() ? 0 : 1);
        fault.mode = PASS;
        waitpid(child, &status, 0);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 99)
            fail_msg("%s: exit status %x", what, status);
        check(dir, what);
    }
    print_message("died at each of %d calls\n", calls);
}

static void every_call_fails(void **state)
{
    (void)state;
    int calls = count_calls();
    for (int at = 0; at < calls; at++)
        for (int on = 0; on < 2; on++) {
            char what[64];
            snprintf(what, sizeof what, "call %d %s", at, on ? "and all later ones fail" : "fails");
            begin(on ? FAIL_ON : FAIL_ONCE, at);
            live(); /* some failures are none: cutting off what does not count */
            fault.mode = PASS;
            check(dir, what);
        }
}

/* A call of a commit fails, once or twice: the handle goes back to what was committed, takes the faces again and
 * commits them; only when the marker could not be written it takes no more, and a new one does. */
static void goes_on_after_a_failed_commit(void **state)
{
    (void)state;
    sl_error err;
    int dropped = 0;
    for (int on = 0; on < 2; on++)
        for (int at = 0;; at++) {
            char what[64];
            sl_gallery *g;
            snprintf(what, sizeof what, "call %d of a commit failed%s", at, on ? ", and all after it" : "");
            begin(PASS, 0);
            make_gallery(dir, 4, 2);
            g = open_gallery(dir, SL_GALLERY_WRITE);
            truth->created = true;
            truth->acknowledged = 0xf;
            truth->wanted = 0x7f;
            for (int n = 4; n < 7; n++)
                add_face(g, n);
            fault.calls = 0;
            fault.at = at;
            fault.mode = on ? FAIL_ON : FAIL_ONCE;
            sl_status status = sl_gallery_commit(g, &err);
            const bool over = fault.calls <= at;
            fault.mode = PASS;
            if (status != SL_OK && sl_gallery_size(g) == 4) { /* dropped: what is there is what was acknowledged */
                if (!strstr(err.text, "4 faces are safe"))
                    fail_msg("%s: %s", what, err.text);
                dropped++;
                truth->wanted = truth->acknowledged;
                sl_gallery *reader = open_gallery(dir, SL_GALLERY_READ);
                assert_int_equal(faces_of(reader, what), truth->acknowledged);
                sl_gallery_close(reader);
                for (int n = 4; n < 8; n++)
                    add_face(g, n);
                assert_ok(sl_gallery_commit(g, &err));
                truth->acknowledged = truth->wanted = 0xff;
            } else if (status != SL_OK) {
                assert_fails(try_add_face(g, 7, &err), SL_ERR_IO, "the commit marker could not be written");
            } else {
                truth->acknowledged = truth->wanted;
            }
            sl_gallery_close(g);
            check(dir, what);
            if (over)
                break;
        }
    assert_true(dropped >= 10);
}

/* A slot was half written when the process died; whoever repairs it dies too, at every call. */
static void dies_while_repairing(void **state)
{
    (void)state;
    for (int commits = 2; commits < 4; commits++) { /* either slot */
        int died = 0;
        for (int at = 0, status = 99; status == 99; at++) {
            char what[64];
            snprintf(what, sizeof what, "died at call %d of a repair behind %d commits", at, commits);
            begin(PASS, 0);
            make_gallery(dir, commits, 1);
            truth->created = true;
            truth->acknowledged = truth->wanted = (1u << commits) - 1;
            int fd = open(file_in(dir, "commit.1"), O_RDWR);
            assert_int_equal(pwrite(fd, "half", 4, commits % 2 * 4096 + 30), 4);
            close(fd);
            fault.calls = 0;
            fault.at = at;
            fault.mode = DIE;
            pid_t child = fork();
            if (child == 0) {
                sl_gallery_close(open_gallery(dir, SL_GALLERY_WRITE));
                _exit(0);
            }
            fault.mode = PASS;
            waitpid(child, &status, 0);
            status = WEXITSTATUS(status);
            died += status == 99;
            check(dir, what);
        }
        assert_true(died > 1);
    }
}

/* The index of many faces is written as a handle closes: whatever becomes of it, they are all there. */
static void dies_while_indexing(void **state)
{
    (void)state;
    enum { MANY = 1100 };
    for (int mode = DIE; mode <= FAIL_ON; mode++)
        for (int at = 0, over = 0; !over; at++) {
            begin(PASS, 0);
            make_gallery(dir, MANY, MANY);
            unlink(file_in(dir, "index.1"));
            fault.calls = 0;
            fault.at = at;
            fault.mode = (fault_mode)mode;
            pid_t child = fork();
            if (child == 0) {
                sl_gallery_close(open_gallery(dir, SL_GALLERY_WRITE));
                _exit(fault.calls <= at ? 98 : 0);
            }
            fault.mode = PASS;
            int status;
            waitpid(child, &status, 0);
            over = WEXITSTATUS(status) == 98;
            sl_error err;
            if (sl_gallery_verify(dir, NULL, NULL, &err))
                fail_msg("mode %d, call %d of an index: %s", mode, at, err.text);
            sl_gallery *g = open_gallery(dir, SL_GALLERY_READ);
            assert_int_equal(sl_gallery_size(g), MANY);
            expect_face(g, MANY - 1, MANY - 1);
            sl_gallery_close(g);
        }
    assert_int_equal(access(file_in(dir, "index.1"), F_OK), 0);
}

/* A compaction whose writes arrive wrong drops nothing: what it wrote is read before the old files go. */
static void a_disk_that_lies(void **state)
{
    (void)state;
    sl_error err;
    int refused = 0;
    for (int at = 0;; at++) {
        char what[64];
        snprintf(what, sizeof what, "write %d of a compaction was not what was written", at);
        begin(PASS, 0);
        sl_gallery *g;
        sl_template_shape s = small_shape(SL_PATCHES_COMPACT);
        assert_ok(sl_gallery_open_shape(dir, SL_GALLERY_CREATE, &s, MODEL_NAME, &g, &err));
        assert_true(live_in(g, 0)); /* one face is behind its last commit */
        truth->created = true;
        fault.calls = 0;
        fault.at = at;
        fault.mode = LIE;
        sl_status status = sl_gallery_compact(dir, NULL, NULL, &err);
        const bool over = fault.calls <= at;
        fault.mode = PASS;
        if (status != SL_OK && (status != SL_ERR_IO || !strstr(err.text, "does not read back")))
            fail_msg("%s: %s", what, err.text);
        refused += status != SL_OK;
        check(dir, what);
        assert_int_equal(access(file_in(dir, status == SL_OK ? "log.2" : "log.1"), F_OK), 0);
        if (over)
            break;
    }
    print_message("%d writes that arrived wrong were found\n", refused);
    assert_true(refused >= 17); /* all of the four faces that are left, and what frames them */
}

/* ---- loss of power ---- */

typedef struct {
    ino_t inode;
    uint8_t *bytes; /* as last synced */
    size_t size;
} disk_file;

typedef struct {
    char name[64];
    ino_t inode;
} disk_name;

static struct {
    disk_file files[64];
    int file_count;
    disk_name names[64]; /* the folder as last synced */
    int name_count;
    sl_rng rng;
    int states;
} disk;

static int list_dir(disk_name *names)
{
    int count = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d)) && count < 64;)
        if (e->d_name[0] != '.') {
            snprintf(names[count].name, sizeof names[count].name, "%.63s", e->d_name);
            names[count++].inode = e->d_ino;
        }
    closedir(d);
    return count;
}

static disk_file *file_of(ino_t inode)
{
    for (int i = 0; i < disk.file_count; i++)
        if (disk.files[i].inode == inode)
            return &disk.files[i];
    return NULL;
}

/* Keeps what a sync makes durable (the call itself follows). */
static void synced(int fd)
{
    struct stat st;
    fstat(fd, &st);
    if (S_ISDIR(st.st_mode)) {
        disk.name_count = list_dir(disk.names);
        return;
    }
    disk_file *f = file_of(st.st_ino);
    if (!f) {
        f = &disk.files[disk.file_count++];
        f->bytes = NULL;
    }
    f->inode = st.st_ino;
    f->size = (size_t)st.st_size;
    f->bytes = realloc(f->bytes, f->size + 1);
    assert_int_equal(pread(fd, f->bytes, f->size, 0), (ssize_t)f->size);
}

/* Writes a file as the disk may have it: synced bytes for certain, later ones in part. */
static void write_survivor(const disk_name *name, int kind)
{
    char from[700], to[700];
    static uint8_t bytes[1 << 20];
    size_t size = 0, now_size = 0;
    uint8_t *now = NULL;
    struct stat st;
    snprintf(from, sizeof from, "%s/%s", dir, name->name);
    snprintf(to, sizeof to, "%s/%s", work, name->name);
    const disk_file *f = file_of(name->inode);
    if (stat(from, &st) == 0 && st.st_ino == name->inode)
        now = read_whole(from, &now_size);
    if (f) {
        size = f->size;
        memcpy(bytes, f->bytes, size);
    }
    bool takes = now && (kind == 1 || (kind > 1 && sl_rng_below(&disk.rng, 3)));
    if (takes) { /* later writes arrived: all, or blocks of them with zeros between */
        size_t block = kind == 1 ? SIZE_MAX : (size_t)1 << (4 + sl_rng_below(&disk.rng, 7));
        if (now_size > size)
            memset(bytes + size, 0, now_size - size);
        size = now_size;
        for (size_t at = 0; at < now_size; at = block == SIZE_MAX ? now_size : at + block)
            if (kind == 1 || sl_rng_below(&disk.rng, 2))
                memcpy(bytes + at, now + at, now_size - at < block ? now_size - at : block);
    }
    free(now);
    write_whole(to, bytes, size);
}

/* Called in front of every call that changes something: what the disk may look like if the power went now. */
static void power_goes(void)
{
    for (int kind = 0; kind < 8; kind++) { /* 0: only what was synced, 1: everything, then mixtures */
        disk_name now[64];
        int now_count = list_dir(now);
        bool names_now = kind == 1 || (kind > 1 && sl_rng_below(&disk.rng, 2));
        remove_tree(work);
        mkdir(work, 0777);
        for (int i = 0; i < (names_now ? now_count : disk.name_count); i++)
            write_survivor(names_now ? &now[i] : &disk.names[i], kind);
        char what[64];
        snprintf(what, sizeof what, "power lost at call %d, kind %d", fault.calls, kind);
        check(work, what);
        disk.states++;
    }
}

static void power_lost_at_every_call(void **state)
{
    (void)state;
    disk.rng = sl_rng_seed(3);
    begin(OBSERVE, 0);
    assert_true(live());
    power_goes();
    fault.mode = PASS;
    for (int i = 0; i < disk.file_count; i++)
        free(disk.files[i].bytes);
    print_message("%d states of the disk at %d calls\n", disk.states, fault.calls);
}

static int setup(void **state)
{
    (void)state;
    dir = make_temp_dir();
    work = make_temp_dir();
    truth = mmap(NULL, sizeof *truth, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return truth == MAP_FAILED;
}

static int teardown(void **state)
{
    (void)state;
    fault.mode = PASS;
    remove_tree(dir);
    remove_tree(work);
    free(dir);
    free(work);
    munmap(truth, sizeof *truth);
    return 0;
}

int main(void)
{
    prefer_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dies_at_every_call),
        cmocka_unit_test(every_call_fails),
        cmocka_unit_test(goes_on_after_a_failed_commit),
        cmocka_unit_test(dies_while_repairing),
        cmocka_unit_test(dies_while_indexing),
        cmocka_unit_test(a_disk_that_lies),
        cmocka_unit_test(power_lost_at_every_call),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
