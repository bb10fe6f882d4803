/* codes.N and index.N: a gallery answers the same with them, without them, and with any byte of them wrong; verify
 * tells what is wrong and upgrade mends it. */
#define _GNU_SOURCE
#include "faces.h"

#include <dirent.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "gallery/folder/store.h"
#include "gallery/kind.h"
#include "secondlook_serve.h"

enum { FACES = 40, MANY = 1100, K = 7 };

static char *dir, *work;
static sl_error err;

static int setup(void **state)
{
    (void)state;
    prefer_memory();
    dir = make_temp_dir();
    return asprintf(&work, "%s-work", dir) < 0;
}

static int teardown(void **state)
{
    (void)state;
    remove_tree(dir);
    remove_tree(work);
    free(dir);
    free(work);
    return 0;
}

static const char *file_in(const char *where, const char *name)
{
    static char path[2][700];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", where, name);
    return path[turn];
}

static void start(void)
{
    remove_tree(dir);
    remove_tree(work);
    mkdir(dir, 0777);
}

/* Does a search read stored codes? */
static bool has_codes(sl_gallery *g)
{
    sl_scan_block blocks[2];
    size_t count;
    assert_ok(g->kind->coded(g, blocks, &count, &err));
    return count > 0;
}

static uint32_t known_rows(const sl_gallery *g)
{
    return ((const sl_folder *)g)->known;
}

/* What is found is what a plain scan of the live faces finds. */
static void check_search(sl_gallery *g, const char *what)
{
    float query[5], found[K], wanted[K];
    uint32_t x[K], y[K];
    const int k = sl_gallery_size(g) < K ? (int)sl_gallery_size(g) : K;
    for (uint64_t q = 0; q < 3; q++) {
        const sl_vectors asked = {query, 1, 5};
        sl_vectors all = {.count = sl_gallery_size(g), .dim = 5};
        fill_random(query, 5, 77 + q, -1, 1);
        assert_ok(sl_gallery_top(g, &asked, k, 1, x, found, &err));
        assert_ok(sl_gallery_embeddings(g, &all.data, &err));
        assert_ok(sl_cosine_top(&all, &asked, k, 1, y, wanted, &err));
        if (memcmp(x, y, (size_t)k * sizeof *x) != 0 || memcmp(found, wanted, (size_t)k * sizeof *found) != 0)
            fail_msg("%s: another answer", what);
    }
}

static void check_faces(const char *where, int from, int count, const char *what)
{
    sl_gallery *g = open_gallery(where, SL_GALLERY_READ);
    if (sl_gallery_size(g) != (size_t)count)
        fail_msg("%s: %zu faces", what, sl_gallery_size(g));
    for (int i = 0; i < count; i += count / 20 + 1) {
        char image[64], label[64];
        size_t at;
        face_entry(from + i, image, label);
        if (sl_gallery_find(g, image, &at, &err) != SL_OK || at != (size_t)i ||
            strcmp(sl_gallery_label(g, at), label) != 0)
            fail_msg("%s: face %d", what, i);
    }
    check_search(g, what);
    sl_gallery_close(g);
}

static void verify_tells(const char *where, const char *file)
{
    assert_fails(sl_gallery_verify(where, NULL, NULL, &err), SL_ERR_CORRUPT, "gallery upgrade");
    if (!strstr(err.text, file))
        fail_msg("%s is not named: %s", file, err.text);
    assert_ok(sl_gallery_upgrade(where, NULL, NULL, &err));
    assert_ok(sl_gallery_verify(where, NULL, NULL, &err));
}

static void codes_are_made_by_commits(void **state)
{
    (void)state;
    start();
    make_gallery(dir, FACES, 9);
    struct stat st;
    assert_int_equal(stat(file_in(dir, "codes.1"), &st), 0);
    assert_int_equal(st.st_size, SL_HEADER_SIZE + FACES / 16 * sl_codes_stride(5));
    sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE);
    assert_true(has_codes(g));
    check_search(g, "as made");
    for (int n = FACES; n < FACES + 3; n++) /* not committed, and found */
        add_face(g, n);
    assert_true(has_codes(g));
    check_search(g, "added to");
    assert_ok(sl_gallery_remove(g, NULL, "person-3", NULL, &err));
    assert_true(has_codes(g));
    check_search(g, "removed from");
    sl_gallery_close(g);
    g = open_gallery(dir, SL_GALLERY_READ);
    assert_true(has_codes(g));
    check_search(g, "with removed faces");
    sl_gallery_close(g);
    assert_ok(sl_gallery_compact(dir, NULL, NULL, &err));
    assert_int_equal(access(file_in(dir, "codes.1"), F_OK), -1);
    g = open_gallery(dir, SL_GALLERY_READ);
    assert_true(has_codes(g));
    check_search(g, "compacted");
    sl_gallery_close(g);
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
}

/* A damaged row is never found, however good its codes are; one that is removed is nobody's business. */
static void rows_are_checked(void **state)
{
    (void)state;
    start();
    make_gallery(dir, FACES, FACES);
    int fd = open(file_in(dir, "embeddings.1"), O_RDWR);
    const float large = 1e20f;
    assert_int_equal(pwrite(fd, &large, 4, 3 * 20), 4);
    close(fd);
    float query[5], found[FACES];
    uint32_t index[FACES];
    const sl_vectors asked = {query, 1, 5};
    fill_random(query, 5, 77, -1, 1);
    sl_gallery *g = open_gallery(dir, SL_GALLERY_READ);
    assert_fails(sl_gallery_top(g, &asked, FACES, 1, index, found, &err), SL_ERR_CORRUPT, "photo 3");
    assert_true(has_codes(g));
    sl_gallery_close(g);
    g = open_gallery(dir, SL_GALLERY_WRITE);
    char image[64], label[64];
    face_entry(3, image, label);
    assert_ok(sl_gallery_remove(g, image, NULL, NULL, &err));
    assert_ok(sl_gallery_top(g, &asked, FACES - 1, 1, index, found, &err));
    check_search(g, "a removed row is damaged");
    sl_gallery_close(g);
}

static void every_byte_of_the_codes(void **state)
{
    (void)state;
    start();
    make_gallery(dir, FACES, FACES);
    size_t size, told = 0;
    uint8_t *data = read_whole(file_in(dir, "codes.1"), &size);
    copy_dir(dir, work);
    for (size_t at = 0; at < size; at++) {
        char what[64];
        snprintf(what, sizeof what, "byte %zu of the codes flipped", at);
        data[at] ^= (uint8_t)(1 << at % 8);
        write_whole(file_in(work, "codes.1"), data, size);
        data[at] ^= (uint8_t)(1 << at % 8);
        check_faces(work, 0, FACES, what);
        const sl_status status = sl_gallery_verify(work, NULL, NULL, &err);
        if (status != SL_OK && (status != SL_ERR_CORRUPT || !strstr(err.text, "gallery upgrade")))
            fail_msg("%s: %s", what, err.text);
        told += status != SL_OK;
    }
    assert_int_equal(told, size - SL_HEADER_SIZE); /* with another header it is no codes file of this gallery */
    for (size_t cut = 0; cut < size; cut += 7) {
        char what[64];
        snprintf(what, sizeof what, "codes of %zu bytes", cut);
        write_whole(file_in(work, "codes.1"), data, cut);
        check_faces(work, 0, FACES, what);
        assert_ok(sl_gallery_verify(work, NULL, NULL, &err)); /* short is not wrong */
    }
    assert_ok(sl_gallery_upgrade(work, NULL, NULL, &err));
    size_t again;
    uint8_t *made = read_whole(file_in(work, "codes.1"), &again);
    assert_int_equal(again, size);
    assert_memory_equal(made, data, size);
    free(made);
    data[size / 2] ^= 1;
    write_whole(file_in(work, "codes.1"), data, size);
    verify_tells(work, "codes.1");
    free(data);
}

/* Two galleries part ways: codes of the one are whole, and not those of the other. */
static void codes_of_other_faces(void **state)
{
    (void)state;
    start();
    make_gallery(dir, 8, 8);
    copy_dir(dir, work);
    sl_gallery *a = open_gallery(dir, SL_GALLERY_WRITE), *b = open_gallery(work, SL_GALLERY_WRITE);
    for (int n = 8; n < FACES; n++) {
        add_face(a, n);
        add_face(b, n == 8 ? FACES : n);
    }
    assert_ok(sl_gallery_commit(a, &err));
    assert_ok(sl_gallery_commit(b, &err));
    sl_gallery_close(a);
    sl_gallery_close(b);
    size_t size;
    uint8_t *data = read_whole(file_in(dir, "codes.1"), &size);
    write_whole(file_in(work, "codes.1"), data, size);
    free(data);
    b = open_gallery(work, SL_GALLERY_READ);
    assert_true(has_codes(b)); /* until somebody looks */
    check_search(b, "codes of other faces");
    assert_false(has_codes(b));
    sl_gallery_close(b);
    verify_tells(work, "codes.1");
    b = open_gallery(work, SL_GALLERY_READ);
    assert_true(has_codes(b));
    check_search(b, "upgraded");
    assert_true(has_codes(b));
    sl_gallery_close(b);
}

static void galleries_without_are_upgraded(void **state)
{
    (void)state;
    start();
    make_gallery(dir, MANY, MANY);
    unlink(file_in(dir, "codes.1"));
    unlink(file_in(dir, "index.1"));
    check_faces(dir, 0, MANY, "without");
    sl_gallery *g = open_gallery(dir, SL_GALLERY_READ), *open_before = open_gallery(dir, SL_GALLERY_READ);
    assert_false(has_codes(g));
    assert_int_equal(known_rows(g), 0);
    sl_gallery_close(g);
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
    assert_ok(sl_gallery_upgrade(dir, NULL, NULL, &err));
    g = open_gallery(dir, SL_GALLERY_READ);
    assert_true(has_codes(g));
    assert_int_equal(known_rows(g), MANY);
    sl_gallery_close(g);
    check_faces(dir, 0, MANY, "upgraded");
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
    assert_ok(sl_gallery_refresh(open_before, &err)); /* readers find them */
    assert_true(has_codes(open_before));
    check_search(open_before, "refreshed");
    sl_gallery_close(open_before);
}

/* Readers that follow a writer have its codes. */
static void readers_follow(void **state)
{
    (void)state;
    start();
    make_gallery(dir, 20, 20);
    sl_gallery *reader = open_gallery(dir, SL_GALLERY_READ), *writer = open_gallery(dir, SL_GALLERY_WRITE);
    check_search(reader, "at first");
    for (int n = 20; n < 200; n++) {
        add_face(writer, n);
        if (n % 13 == 0) {
            assert_ok(sl_gallery_commit(writer, &err));
            assert_ok(sl_gallery_refresh(reader, &err));
            assert_int_equal(sl_gallery_size(reader), sl_gallery_size(writer));
            assert_true(has_codes(reader));
            check_search(reader, "followed");
        }
        if (n % 60 == 0)
            assert_ok(sl_gallery_remove(writer, NULL, "person-4", NULL, &err));
    }
    sl_gallery_close(writer);
    sl_gallery_close(reader);
}

/* All that the folder has. */
static uint64_t bytes_in(const char *where)
{
    uint64_t bytes = 0;
    DIR *d = opendir(where);
    assert_non_null(d);
    for (struct dirent *entry; (entry = readdir(d));) {
        struct stat st;
        if (fstatat(dirfd(d), entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
            bytes += (uint64_t)st.st_size;
    }
    closedir(d);
    return bytes;
}

static void info_counts_what_is_derived(void **state)
{
    (void)state;
    sl_gallery_info info;
    start();
    make_gallery(dir, MANY, 256);
    sl_gallery *g = open_gallery(dir, SL_GALLERY_READ);
    sl_gallery_get_info(g, &info);
    assert_int_equal(info.bytes, bytes_in(dir));
    sl_gallery_close(g);
    remove(file_in(dir, "index.1"));
    remove(file_in(dir, "codes.1"));
    g = open_gallery(dir, SL_GALLERY_READ);
    sl_gallery_get_info(g, &info);
    assert_int_equal(info.bytes, bytes_in(dir));
    sl_gallery_close(g);
}

static void the_index_is_used_and_checked(void **state)
{
    (void)state;
    start();
    make_gallery(dir, MANY, 256);
    size_t size;
    uint8_t *data = read_whole(file_in(dir, "index.1"), &size);
    sl_gallery *g = open_gallery(dir, SL_GALLERY_READ);
    assert_int_equal(known_rows(g), MANY);
    sl_gallery_close(g);
    check_faces(dir, 0, MANY, "as made");
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
    copy_dir(dir, work);
    for (size_t at = 0; at < size; at += at < 80 ? 1 : 997) {
        char what[64];
        snprintf(what, sizeof what, "byte %zu of the index flipped", at);
        data[at] ^= 4;
        write_whole(file_in(work, "index.1"), data, size);
        data[at] ^= 4;
        check_faces(work, 0, MANY, what);
        assert_fails(sl_gallery_verify(work, NULL, NULL, &err), SL_ERR_CORRUPT, "index.1");
    }
    for (size_t cut = 0; cut < size; cut += cut < 80 ? 1 : 1999) {
        write_whole(file_in(work, "index.1"), data, cut);
        check_faces(work, 0, MANY, "a cut index");
    }
    verify_tells(work, "index.1");
    g = open_gallery(work, SL_GALLERY_WRITE); /* what comes behind it is read as ever */
    assert_int_equal(known_rows(g), MANY);
    for (int n = MANY; n < MANY + 30; n++)
        add_face(g, n);
    assert_ok(sl_gallery_remove(g, NULL, "person-1", NULL, &err));
    sl_gallery_close(g);
    g = open_gallery(work, SL_GALLERY_READ);
    assert_int_equal(known_rows(g), MANY);
    assert_int_equal(sl_gallery_size(g), MANY + 30 - 3);
    check_search(g, "behind the index");
    char image[64], label[64];
    size_t at;
    face_entry(MANY + 29, image, label);
    assert_ok(sl_gallery_find(g, image, &at, &err));
    assert_int_equal(at, MANY + 30 - 3 - 1);
    face_entry(3, image, label);
    assert_int_equal(sl_gallery_find(g, image, &at, &err), SL_ERR_NOT_FOUND);
    sl_gallery_close(g);
    assert_ok(sl_gallery_verify(work, NULL, NULL, &err));
    free(data);
}

/* An index that lies, with checksums that hold: labels that are not there, tables without an end. */
static void forged_indexes(void **state)
{
    (void)state;
    start();
    make_gallery(dir, MANY, MANY);
    size_t size;
    uint8_t *data = read_whole(file_in(dir, "index.1"), &size), *copy = malloc(size);
    for (int forged = 0; forged < 5; forged++) {
        memcpy(copy, data, size);
        uint8_t *labels = copy + SL_HEADER_SIZE + 8, *slots = labels + MANY * 4;
        switch (forged) {
        case 0: sl_put_u32(labels, 5); break;                     /* the first row has the sixth label */
        case 1: sl_put_u32(labels + 4 * (MANY - 1), UINT32_MAX); break;
        case 2: memset(slots, 0, size - (size_t)(slots - copy)); break; /* no slot is free */
        case 3: memset(slots, 0xff, size - (size_t)(slots - copy)); break;
        case 4: sl_put_u32(copy + 48, 3); break;                  /* few labels */
        }
        sl_put_u32(copy + 56, sl_crc32c(0, copy + SL_HEADER_SIZE, size - SL_HEADER_SIZE));
        sl_put_u32(copy + 60, sl_crc32c(0, copy, 60));
        write_whole(file_in(dir, "index.1"), copy, size);
        char what[64];
        snprintf(what, sizeof what, "forged index %d", forged);
        check_faces(dir, 0, MANY, what);
        assert_fails(sl_gallery_verify(dir, NULL, NULL, &err), SL_ERR_CORRUPT, "index.1");
    }
    free(copy);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_made_by_commits),
        cmocka_unit_test(rows_are_checked),
        cmocka_unit_test(every_byte_of_the_codes),
        cmocka_unit_test(codes_of_other_faces),
        cmocka_unit_test(galleries_without_are_upgraded),
        cmocka_unit_test(readers_follow),
        cmocka_unit_test(info_counts_what_is_derived),
        cmocka_unit_test(the_index_is_used_and_checked),
        cmocka_unit_test(forged_indexes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
