/* sha256, crc32c, base64, readers, files, rng, the parallel loops. */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cpu.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "base/text.h"
#include "base/threads.h"

static void sha256_of_published_vectors(void **state)
{
    (void)state;
    char hex[65];
    sl_sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sl_sha256_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sl_sha256 s; /* a million 'a's, in odd pieces (FIPS 180-4) */
    char piece[997];
    uint8_t digest[32];
    memset(piece, 'a', sizeof piece);
    sl_sha256_init(&s);
    for (size_t left = 1000000; left;) {
        size_t take = left < sizeof piece ? left : sizeof piece;
        sl_sha256_update(&s, piece, take);
        left -= take;
    }
    sl_sha256_final(&s, digest);
    sl_hex32(digest, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* The same digest by plain C, which SL_ISA=scalar forces, in a process of its own. */
static void sha256_of_every_isa(void **state)
{
    (void)state;
    char hex[65], data[300];
    memset(data, 'x', sizeof data);
    sl_sha256_hex(data, sizeof data, hex);
    assert_int_equal(run_again_with("scalar", "sha256", hex), 0);
}

static int check_digest(const char *expected)
{
    char hex[65], data[300];
    memset(data, 'x', sizeof data);
    sl_sha256_hex(data, sizeof data, hex);
    return sl_isa_active() != SL_ISA_SCALAR || strcmp(hex, expected) != 0;
}

static void crc32c_of_published_vector(void **state)
{
    (void)state;
    assert_int_equal(sl_crc32c(0, "123456789", 9), 0xe3069283u); /* RFC 3720's check value */
    assert_int_equal(sl_crc32c(sl_crc32c(0, "1234", 4), "56789", 5), 0xe3069283u);
}

/* Of many bytes several parts are summed side by side: the sum is that of one byte after the other. */
static void crc32c_of_many_bytes(void **state)
{
    (void)state;
    uint8_t bytes[5000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * i + i / 7);
    for (size_t from = 0; from < 9; from++)
        for (size_t size = 0; from + size <= sizeof bytes; size += size % 192 > 184 ? 1 : 23) {
            uint32_t crc = 17;
            for (size_t i = 0; i < size; i++)
                crc = sl_crc32c(crc, bytes + from + i, 1);
            assert_int_equal(sl_crc32c(17, bytes + from, size), crc);
        }
}

static void base64_and_html(void **state)
{
    (void)state;
    sl_text t = {0};
    sl_text_add_base64(&t, "fooba", 5);
    sl_text_add(&t, " %d ", 7);
    sl_text_add_html(&t, "<a&\"'>");
    sl_text_add_html(&t, "\xc3\xa9\n\xff\x01\xe2\x82"); /* e acute, a stray byte, a control, a cut euro sign */
    assert_false(t.failed);
    assert_string_equal(t.data, "Zm9vYmE= 7 &lt;a&amp;&quot;&#39;&gt;\xc3\xa9\n"
                                "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    free(t.data);
}

static void reader_stays_inside(void **state)
{
    (void)state;
    uint8_t data[6] = {1, 0, 0, 0, 2, 3};
    sl_reader r = sl_reader_of(data, sizeof data);
    assert_int_equal(sl_read_u32(&r), 1);
    assert_int_equal(sl_read_u32(&r), 0);
    assert_true(r.failed);
    assert_null(sl_read_bytes(&r, 1));
}

static void both_byte_orders(void **state)
{
    (void)state;
    static const uint8_t bytes[5] = {0, 0x81, 0x02, 0xf3, 0x04};
    assert_int_equal(sl_get_be16(bytes + 1), 0x8102);
    assert_int_equal(sl_get_u16(bytes + 1), 0x0281);
    assert_true(sl_get_be32(bytes + 1) == 0x8102f304u);
    assert_true(sl_get_u32(bytes + 1) == 0x04f30281u);
}

static void files_are_whole_or_absent(void **state)
{
    (void)state;
    sl_error err;
    char *dir = make_temp_dir(), *path = sl_path_join(dir, "a/b/c.bin");
    char *folder = sl_path_join(dir, "a/b");
    uint8_t *data;
    size_t size;
    assert_int_equal(sl_write_file(path, "x", 1, &err), SL_ERR_IO); /* the folder is not there */
    assert_ok(sl_make_dirs(folder, &err));
    assert_ok(sl_write_file(path, "hello", 5, &err));
    assert_ok(sl_write_file(path, "hey", 3, &err));
    assert_ok(sl_read_file(path, 100, &data, &size, &err));
    assert_int_equal(size, 3);
    assert_string_equal((char *)data, "hey");
    free(data);
    assert_int_equal(sl_read_file(path, 2, &data, &size, &err), SL_ERR_LIMIT);
    assert_int_equal(sl_read_file(folder, 2, &data, &size, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, folder));
    sl_mapping map;
    assert_ok(sl_map_file(path, 100, &map, &err));
    assert_memory_equal(map.data, "hey", 3);
    sl_unmap_file(&map);
    remove_tree(dir);
    assert_int_equal(sl_map_file(path, 100, &map, &err), SL_ERR_NOT_FOUND);
    free(folder);
    free(path);
    free(dir);
}

static void overflow_is_refused(void **state)
{
    (void)state;
    assert_null(sl_calloc_aligned(SIZE_MAX / 2, 3));
    void *p = sl_calloc_aligned(3, 5);
    assert_int_equal((uintptr_t)p % 64, 0);
    free(p);
}

static void mark(void *context, size_t item, int worker)
{
    (void)worker;
    atomic_fetch_add(&((atomic_int *)context)[item], 1);
}

static void parallel_loop_runs_each_item_once(void **state)
{
    (void)state;
    static atomic_int seen[1000];
    sl_parallel_for(4, 1000, mark, seen);
    sl_parallel_for(0, 10, mark, seen);
    sl_parallel_for(3, 0, mark, seen);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(seen[i], i < 10 ? 2 : 1);
    assert_true(sl_cpu_count() >= 1);
}

/* Fails for the items that are marked; the lower ones come late. */
static sl_status fail_where_marked(void *context, size_t item, int worker, sl_error *err)
{
    const bool *marked = context;
    (void)worker;
    if (!marked[item])
        return SL_OK;
    usleep(item < 200 ? 3000 : 0);
    return sl_fail(err, SL_ERR_NUMERIC, "item %zu", item);
}

static void failing_loop_tells_of_the_lowest(void **state)
{
    (void)state;
    static bool marked[500];
    static const size_t bad[] = {499, 250, 201, 130, 129, 0};
    sl_error err;
    assert_ok(sl_parallel_try(4, 500, fail_where_marked, marked, &err));
    assert_ok(sl_parallel_try(4, 0, fail_where_marked, marked, &err));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char expected[32];
        marked[bad[i]] = true;
        snprintf(expected, sizeof expected, "item %zu", bad[i]);
        for (int threads = 1; threads <= 8; threads *= 2) {
            assert_int_equal(sl_parallel_try(threads, 500, fail_where_marked, marked, &err), SL_ERR_NUMERIC);
            assert_int_equal(err.status, SL_ERR_NUMERIC);
            assert_string_equal(err.text, expected);
        }
    }
    assert_int_equal(sl_parallel_try(3, 500, fail_where_marked, marked, NULL), SL_ERR_NUMERIC);
}

/* What an ordered loop did, and what it must not do. */
typedef struct {
    pthread_t caller;
    size_t window, taken, stop_after;
    atomic_size_t begun;
    atomic_int made[500];
    size_t slots[500]; /* [item % window] item */
} order_check;

static void make_item(void *context, size_t item, int worker)
{
    order_check *c = context;
    (void)worker;
    atomic_fetch_add(&c->begun, 1);
    if (item % 7 == 0)
        usleep(200); /* so that others overtake it */
    c->slots[item % c->window] = item;
    atomic_fetch_add(&c->made[item], 1);
}

static bool take_item(void *context, size_t item)
{
    order_check *c = context;
    assert_true(pthread_equal(c->caller, pthread_self()));
    assert_int_equal(item, c->taken);
    assert_int_equal(c->made[item], 1);
    assert_int_equal(c->slots[item % c->window], item);
    assert_true(atomic_load(&c->begun) <= c->taken + c->window);
    return ++c->taken != c->stop_after;
}

static void run_ordered(order_check *c, int threads, size_t count, size_t window, size_t stop_after)
{
    memset(c, 0, sizeof *c);
    c->caller = pthread_self();
    c->window = window;
    c->stop_after = stop_after;
    sl_parallel_ordered(&(sl_ordered_loop){threads, count, window, make_item, take_item, c});
}

static void ordered_loop_takes_in_order(void **state)
{
    (void)state;
    static order_check c;
    for (int threads = 0; threads <= 6; threads++)
        for (size_t window = 1; window <= 16; window *= 4) {
            run_ordered(&c, threads, 500, window, 0);
            assert_int_equal(c.taken, 500);
        }
    run_ordered(&c, 3, 0, 4, 0);
    assert_int_equal(c.taken, 0);
}

/* Those begun are still taken, no others are begun. */
static void ordered_loop_stops(void **state)
{
    (void)state;
    static order_check c;
    run_ordered(&c, 4, 500, 8, 20);
    assert_true(c.taken >= 20 && c.taken < 20 + 8);
    assert_int_equal(c.begun, c.taken);
}

static void rng_repeats(void **state)
{
    (void)state;
    sl_rng a = sl_rng_seed(7), b = sl_rng_seed(7);
    double sum = 0;
    for (int i = 0; i < 10000; i++) {
        double u = sl_rng_uniform(&a);
        assert_true(u == sl_rng_uniform(&b) && u >= 0 && u < 1);
        sum += u;
    }
    assert_true(fabs(sum / 10000 - .5) < .02);
    for (int i = 0; i < 100; i++)
        assert_true(sl_rng_below(&a, 3) < 3);
}

static void isa_is_one_this_machine_has(void **state)
{
    (void)state;
    sl_error err;
    bool has = false;
    for (int i = 0; i < sl_isa_count(); i++)
        has |= sl_isas[i] == sl_isa_active();
    assert_true(has);
    setenv("SL_ISA", "sse9", 1);
    assert_int_equal(sl_isa_check(&err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "sse9"));
    setenv("SL_ISA", "scalar", 1);
    assert_ok(sl_isa_check(&err));
    assert_string_equal(sl_status_name(SL_ERR_CORRUPT), "corrupt");
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "sha256") == 0)
        return check_digest(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_published_vectors), cmocka_unit_test(sha256_of_every_isa),
        cmocka_unit_test(crc32c_of_published_vector),
        cmocka_unit_test(crc32c_of_many_bytes),
        cmocka_unit_test(base64_and_html),             cmocka_unit_test(reader_stays_inside),
        cmocka_unit_test(both_byte_orders),
        cmocka_unit_test(files_are_whole_or_absent),   cmocka_unit_test(overflow_is_refused),
        cmocka_unit_test(parallel_loop_runs_each_item_once), cmocka_unit_test(failing_loop_tells_of_the_lowest),
        cmocka_unit_test(ordered_loop_takes_in_order),
        cmocka_unit_test(ordered_loop_stops), cmocka_unit_test(rng_repeats),
        cmocka_unit_test(isa_is_one_this_machine_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
