/* Galleries that are searched while they grow: a view is a whole state, and what was told as done is in the next
 * one. */
#include "faces.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "gallery/folder/format.h"

#include "store/audit.h"
#include "store/hub.h"
#include "store/keys.h"

static char *dir;
static sl_error err;

static int setup(void **state)
{
    (void)state;
    prefer_memory();
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

static char *in_dir(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static sv_place *attach(sv_hub **hub, int faces)
{
    sl_template_shape shape = small_shape(SL_PATCHES_INT8);
    sl_gallery *g;
    char *place = strdup(in_dir("g"));
    assert_ok(sl_gallery_open_shape(place, SL_GALLERY_CREATE, &shape, MODEL_NAME, &g, &err));
    for (int n = 0; n < faces; n++)
        add_face(g, n);
    assert_ok(sl_gallery_commit(g, &err));
    sl_gallery_close(g);
    assert_ok(sv_hub_open(in_dir("hub"), NULL, SL_PATCHES_INT8, hub, &err));
    assert_ok(sv_hub_attach(*hub, "g", place, &err));
    free(place);
    return sv_hub_find(*hub, "g");
}

/* ---- three faces at once, or none ---- */

enum { WRITERS = 4, READERS = 3, TRIPLES = 12 };

typedef struct {
    sv_change change;
    int first;
} triple;

static sl_status add_triple(sv_change *change, sl_gallery *g, sl_error *e)
{
    const triple *t = (triple *)change;
    sl_status status = SL_OK;
    for (int i = 0; i < 3 && status == SL_OK; i++)
        status = try_add_face(g, t->first + i, e);
    return status;
}

typedef struct {
    sv_place *place;
    int from;
    atomic_bool *over;
} actor;

static void *write_triples(void *context)
{
    actor *a = context;
    for (int i = 0; i < TRIPLES; i++) {
        triple t = {.change = {.apply = add_triple}, .first = a->from + 3 * i};
        sl_error e;
        size_t at;
        char image[64], label[64];
        assert_int_equal(sv_hub_change_now(a->place, &t.change, &e), SL_OK);
        const sv_view *view = sv_hub_view(a->place);
        assert_int_equal(sl_gallery_find(view->gallery, face_entry(t.first + 2, image, label).image, &at, &e), SL_OK);
        sv_view_release(view);
    }
    return NULL;
}

static void *read_whole_states(void *context)
{
    actor *a = context;
    size_t before = 0;
    while (!atomic_load(a->over)) {
        const sv_view *view = sv_hub_view(a->place);
        size_t people;
        const sv_person *person = sv_view_people(view, &people);
        const size_t faces = sl_gallery_size(view->gallery);
        assert_int_equal(faces % 3, 0);
        assert_true(faces >= before);
        before = faces;
        for (size_t i = 0; i < people; i++)
            assert_int_equal(person[i].faces, 3);
        sv_view_release(view);
    }
    return NULL;
}

static void whole_states(void **state)
{
    (void)state;
    sv_hub *hub;
    sv_place *place = attach(&hub, 0);
    pthread_t writers[WRITERS], readers[READERS];
    actor actors[WRITERS];
    atomic_bool over = false;
    actor reader = {place, 0, &over};
    for (int i = 0; i < READERS; i++)
        pthread_create(&readers[i], NULL, read_whole_states, &reader);
    for (int i = 0; i < WRITERS; i++) {
        actors[i] = (actor){place, 3 * TRIPLES * i, &over};
        pthread_create(&writers[i], NULL, write_triples, &actors[i]);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    atomic_store(&over, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    sv_hub_close(hub);
    sl_gallery *g = open_gallery(in_dir("g"), SL_GALLERY_READ);
    assert_int_equal(sl_gallery_size(g), 3 * WRITERS * TRIPLES);
    sl_gallery_close(g);
}

/* ---- a search waits for no change ---- */

typedef struct {
    sv_change change;
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    bool begun, may_end, over;
} slow_change;

static void set(slow_change *s, bool *flag)
{
    pthread_mutex_lock(&s->mutex);
    *flag = true;
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->mutex);
}

static void await(slow_change *s, const bool *flag)
{
    pthread_mutex_lock(&s->mutex);
    while (!*flag)
        pthread_cond_wait(&s->moved, &s->mutex);
    pthread_mutex_unlock(&s->mutex);
}

static sl_status add_slowly(sv_change *change, sl_gallery *g, sl_error *e)
{
    slow_change *s = (slow_change *)change;
    const sl_status status = try_add_face(g, 5, e);
    set(s, &s->begun);
    await(s, &s->may_end);
    return status;
}

static void note_slowly(sv_change *change, const sl_error *result)
{
    (void)change;
    assert_int_equal(result->status, SL_OK);
}

static void end_slowly(sv_change *change, const sl_error *result)
{
    slow_change *s = (slow_change *)change;
    note_slowly(change, result);
    set(s, &s->over);
}

/* The nearest face to face 2, and how many there are. */
static size_t search(sv_place *place)
{
    uint32_t nearest;
    float cosine;
    const sv_view *view = sv_hub_view(place);
    sl_template *t = face_template(sl_gallery_shape(view->gallery), 2);
    const sl_vectors query = {t->embedding, 1, 5};
    assert_ok(sl_gallery_top(view->gallery, &query, 1, 1, &nearest, &cosine, &err));
    assert_int_equal(nearest, 2);
    sl_template_free(t);
    const size_t faces = sl_gallery_size(view->gallery);
    sv_view_release(view);
    return faces;
}

static void searches_wait_for_no_change(void **state)
{
    (void)state;
    sv_hub *hub;
    sv_place *place = attach(&hub, 5);
    slow_change s = {.change = {.apply = add_slowly, .done = end_slowly}, .mutex = PTHREAD_MUTEX_INITIALIZER,
                     .moved = PTHREAD_COND_INITIALIZER};
    sv_hub_change(place, &s.change);
    await(&s, &s.begun);
    for (int i = 0; i < 100; i++)
        assert_int_equal(search(place), 5); /* in the middle of the change: as if there were none */
    set(&s, &s.may_end);
    await(&s, &s.over);
    assert_int_equal(search(place), 6);
    sv_hub_close(hub);
}

/* ---- a commit that fails between two changes that waited together ---- */

enum { LONG = 4000 };

typedef struct {
    sv_change change;
    sl_status came;
    slow_change *behind;
} counted_change;

static sl_entry long_entry(char label[LONG + 1])
{
    memset(label, 'x', LONG);
    label[LONG] = 0;
    return (sl_entry){.label = label, .image = "long"};
}

static sl_status add_long(sv_change *change, sl_gallery *g, sl_error *e)
{
    char label[LONG + 1];
    const sl_entry entry = long_entry(label);
    (void)change;
    sl_template *t = face_template(sl_gallery_shape(g), 9);
    const sl_status status = sl_gallery_add(g, &entry, t, NULL, e);
    sl_template_free(t);
    return status;
}

static sl_status remove_person(sv_change *change, sl_gallery *g, sl_error *e)
{
    size_t removed;
    (void)change;
    return sl_gallery_remove(g, NULL, "person-0", &removed, e);
}

static void note_status(sv_change *change, const sl_error *result)
{
    counted_change *c = (counted_change *)change;
    c->came = result->status;
    if (c->change.commits)
        set(c->behind, &c->behind->over);
}

/* Files may grow so far that the log takes the slow change with its commit, and the long face, but no commit of
 * that. */
static void limit_files(struct rlimit *before)
{
    char label[LONG + 1];
    struct stat log;
    const sl_entry entry = long_entry(label);
    const sl_face_record record = {.image_size = strlen(entry.image), .label_size = LONG};
    assert_int_equal(stat(in_dir("g/log.1"), &log), 0);
    getrlimit(RLIMIT_FSIZE, before);
    struct rlimit limit = *before;
    limit.rlim_cur = (rlim_t)log.st_size + SL_COMMIT_SIZE + sl_add_record_size(&record) + SL_COMMIT_SIZE / 2;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void what_is_dropped_is_told(void **state)
{
    (void)state;
    sv_hub *hub;
    sv_place *place = attach(&hub, 3);
    struct rlimit before;
    slow_change s = {.change = {.apply = add_slowly, .done = note_slowly}, .mutex = PTHREAD_MUTEX_INITIALIZER,
                     .moved = PTHREAD_COND_INITIALIZER};
    counted_change add = {.change = {.apply = add_long, .done = note_status}, .behind = &s},
                   removal = {.change = {.apply = remove_person, .done = note_status, .commits = true}, .behind = &s};
    sv_hub_change(place, &s.change);
    await(&s, &s.begun);
    sv_hub_change(place, &add.change);
    sv_hub_change(place, &removal.change);
    limit_files(&before);
    set(&s, &s.may_end);
    await(&s, &s.over);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(add.came, SL_ERR_IO);
    assert_non_null(strstr(add.change.result.text, "were dropped"));
    assert_int_equal(removal.came, SL_OK);
    sv_hub_close(hub);
    sl_gallery *g = open_gallery(in_dir("g"), SL_GALLERY_READ);
    assert_int_equal(sl_gallery_size(g), 1); /* three of four were removed */
    sl_gallery_close(g);
}

/* ---- a view outlives changes ---- */

static sl_status remove_first(sv_change *change, sl_gallery *g, sl_error *e)
{
    size_t removed;
    (void)change;
    return sl_gallery_remove(g, NULL, "person-0", &removed, e);
}

static void old_views(void **state)
{
    (void)state;
    sv_hub *hub;
    sv_place *place = attach(&hub, 6);
    const sv_view *old = sv_hub_view(place);
    sv_change change = {.apply = remove_first};
    assert_ok(sv_hub_change_now(place, &change, &err));
    sv_change compaction = {.kind = SV_COMPACT};
    assert_ok(sv_hub_change_now(place, &compaction, &err));
    assert_int_equal(sl_gallery_size(old->gallery), 6);
    assert_null(face_differs(old->gallery, 0, 0, &err));
    const sv_view *fresh = sv_hub_view(place);
    assert_int_equal(sl_gallery_size(fresh->gallery), 3);
    sv_view_release(fresh);
    sv_view_release(old);
    triple again = {.change = {.apply = add_triple}, .first = 3}; /* they are there: refused, and nothing changes */
    assert_int_equal(sv_hub_change_now(place, &again.change, &err), SL_ERR_EXISTS);
    sv_hub *second;
    assert_ok(sv_hub_open(in_dir("other"), NULL, SL_PATCHES_INT8, &second, &err));
    assert_int_equal(sv_hub_attach(second, "g", in_dir("g"), &err), SL_ERR_LOCKED);
    sv_hub_close(second);
    assert_int_equal(sv_hub_erase(hub, "g", &err), SL_ERR_ARGUMENT); /* its folder is not the hub's */
    sv_hub_close(hub);
}

static void names_without_faces(void **state)
{
    (void)state;
    sv_hub *hub;
    sv_place *place = attach(&hub, 3);
    size_t count;
    assert_ok(sv_place_note_person(place, "Zo\xc3\xab", &err));
    assert_ok(sv_place_note_person(place, "person-0", &err));
    assert_int_equal(sv_place_note_person(place, "\xff", &err), SL_ERR_ARGUMENT);
    sv_hub_close(hub);
    assert_ok(sv_hub_open(in_dir("hub"), NULL, SL_PATCHES_INT8, &hub, &err));
    assert_ok(sv_hub_attach(hub, "g", in_dir("g"), &err));
    place = sv_hub_find(hub, "g");
    const sv_view *view = sv_hub_view(place);
    char **labels = sv_place_labels(place, view, &count);
    assert_int_equal(count, 2);
    assert_string_equal(labels[0], "Zo\xc3\xab");
    assert_string_equal(labels[1], "person-0");
    free(labels);
    sv_view_release(view);
    sv_hub_close(hub);
}

/* ---- keys ---- */

static void keys(void **state)
{
    (void)state;
    char first[37], none[37], made[37];
    sv_keys *k;
    sv_key key;
    assert_ok(sv_keys_open(in_dir("keys.json"), 2, first, &k, &err));
    assert_true(sv_is_uuid(first));
    assert_true(sv_keys_find(k, first, &key));
    assert_int_equal(key.scope, SV_ADMIN);
    assert_ok(sv_keys_add(k, "door", "staff", SV_READ, NULL, made, &key, &err));
    assert_int_not_equal(strcmp(first, made), 0);
    for (int i = 0; i < 4; i++) /* twice the rate at once, then the rate */
        assert_true(sv_keys_admit(k, &key, 100));
    assert_false(sv_keys_admit(k, &key, 100));
    assert_true(sv_keys_admit(k, &key, 100.5));
    assert_false(sv_keys_admit(k, &key, 100.5));
    sv_keys_close(k);
    assert_ok(sv_keys_open(in_dir("keys.json"), 0, none, &k, &err));
    assert_string_equal(none, "");
    assert_true(sv_keys_find(k, made, &key));
    assert_string_equal(key.gallery, "staff");
    made[0] = made[0] == '0' ? '1' : '0';
    assert_false(sv_keys_find(k, made, &key));
    assert_ok(sv_keys_revoke(k, key.id, &err));
    assert_int_equal(sv_keys_revoke(k, key.id, &err), SL_ERR_NOT_FOUND);
    FILE *f = fopen(in_dir("keys.json"), "w");
    fputs("{\"keys\": [{\"id\": \"x\"}]}", f);
    fclose(f);
    assert_int_equal(sv_keys_reload(k, &err), SL_ERR_FORMAT);
    assert_true(sv_keys_find(k, first, &key)); /* the old ones stay */
    sv_keys_close(k);
}

/* ---- the audit log ---- */

static void *add_lines(void *audit)
{
    for (int i = 0; i < 10; i++)
        assert_int_equal(sv_audit_add(audit, json_pack("{s:i}", "i", i), NULL), SL_OK);
    return NULL;
}

static void audit_chain(void **state)
{
    (void)state;
    sv_audit *a;
    uint64_t lines;
    char last[65], before[65];
    pthread_t threads[4];
    assert_ok(sv_audit_open(in_dir("audit"), &a, &err));
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, add_lines, a);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    sv_audit_close(a);
    assert_ok(sv_audit_verify(in_dir("audit"), &lines, before, &err));
    assert_int_equal(lines, 40);
    FILE *f = fopen(in_dir("audit"), "a"); /* a crash in the middle of a line */
    fputs("{\"seq\":41,\"ti", f);
    fclose(f);
    assert_ok(sv_audit_open(in_dir("audit"), &a, &err));
    assert_ok(sv_audit_add(a, json_pack("{s:s}", "action", "x\"y"), &err));
    sv_audit_close(a);
    assert_ok(sv_audit_verify(in_dir("audit"), &lines, last, &err));
    assert_int_equal(lines, 41);

    f = fopen(in_dir("audit"), "r+"); /* every byte counts */
    fseek(f, 0, SEEK_END);
    const long size = ftell(f);
    for (long at = 0; at < size; at += 7) {
        fseek(f, at, SEEK_SET);
        const int c = fgetc(f);
        fseek(f, at, SEEK_SET);
        fputc(c ^ 1, f);
        fflush(f);
        const sl_status status = sv_audit_verify(in_dir("audit"), &lines, last, &err);
        assert_true(status == SL_ERR_CORRUPT || lines < 41); /* a last line without its end is none */
        fseek(f, at, SEEK_SET);
        fputc(c, f);
        fflush(f);
    }
    fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whole_states, setup, teardown),
        cmocka_unit_test_setup_teardown(searches_wait_for_no_change, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_dropped_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(old_views, setup, teardown),
        cmocka_unit_test_setup_teardown(names_without_faces, setup, teardown),
        cmocka_unit_test_setup_teardown(keys, setup, teardown),
        cmocka_unit_test_setup_teardown(audit_chain, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
