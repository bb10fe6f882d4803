/* What is known of people: kept as it was given, with whom it is of, through names that change and calls that fail. */
#include "own_folder.h"

#include "gallery/person_notes.h"
#include "secondlook_serve.h"

static sl_error err;

static int enter(void **state)
{
    return setup(state) || chdir(dir);
}

static int leave(void **state)
{
    return chdir("/") || teardown(state);
}

/* NULL: there is none. */
static void expect_note(const sl_gallery *g, const char *label, const char *wanted)
{
    char *json;
    const sl_status status = sl_gallery_person_note(g, label, &json, &err);
    if (!wanted) {
        assert_int_equal(status, SL_ERR_NOT_FOUND);
        return;
    }
    assert_ok(status);
    assert_string_equal(json, wanted);
    free(json);
}

static void count(void *context, const char *label, const char *json)
{
    assert_non_null(label);
    assert_non_null(json);
    ++*(int *)context;
}

static int notes_of(const sl_gallery *g)
{
    int found = 0;
    assert_ok(sl_gallery_person_notes(g, count, &found, &err));
    return found;
}

static void kept_as_given(void **state)
{
    (void)state;
    make_gallery("kept", 9, 9);
    sl_gallery *g = open_gallery("kept", SL_GALLERY_WRITE), *reader = open_gallery("kept", SL_GALLERY_READ);
    expect_note(g, "person-1", NULL);
    assert_int_equal(notes_of(g), 0);
    assert_ok(sl_gallery_set_person_note(g, "person-1", " {\"b\": 1.50,\n\"a\": [null, \"\xc3\xa9\"]}", &err));
    expect_note(g, "person-1", " {\"b\": 1.50,\n\"a\": [null, \"\xc3\xa9\"]}");
    expect_note(reader, "person-1", " {\"b\": 1.50,\n\"a\": [null, \"\xc3\xa9\"]}"); /* which sees it at once */
    assert_ok(sl_gallery_set_person_note(g, "person-1", "7", &err));
    assert_ok(sl_gallery_set_person_note(g, "person-2", "\"x\"", &err));
    expect_note(g, "person-1", "7");
    assert_int_equal(notes_of(reader), 2);
    assert_ok(sl_gallery_verify("kept", NULL, NULL, &err));
    assert_ok(sl_gallery_set_person_note(g, "person-1", NULL, &err));
    assert_ok(sl_gallery_set_person_note(g, "person-1", NULL, &err)); /* there is none, which is what was asked for */
    expect_note(g, "person-1", NULL);
    sl_gallery_close(g);
    sl_gallery_close(reader);
}

static void refused(void **state)
{
    (void)state;
    make_gallery("refused", 4, 4);
    sl_gallery *g = open_gallery("refused", SL_GALLERY_WRITE), *reader = open_gallery("refused", SL_GALLERY_READ), *m;
    char *json, *long_one = malloc(SL_PERSON_NOTE_MOST + 2);
    memset(long_one, '1', SL_PERSON_NOTE_MOST + 1);
    long_one[SL_PERSON_NOTE_MOST + 1] = '\0';
    assert_fails(sl_gallery_set_person_note(g, "nobody", "1", &err), SL_ERR_NOT_FOUND, "nobody is called nobody");
    assert_fails(sl_gallery_set_person_note(g, "person-1", "{", &err), SL_ERR_FORMAT, "must be JSON");
    assert_fails(sl_gallery_set_person_note(g, "person-1", "{\"a\":1,\"a\":2}", &err), SL_ERR_FORMAT, "must be JSON");
    assert_fails(sl_gallery_set_person_note(g, "person-1", "", &err), SL_ERR_FORMAT, "must be JSON");
    assert_fails(sl_gallery_set_person_note(g, "person-1", long_one, &err), SL_ERR_LIMIT, "65536");
    assert_fails(sl_gallery_set_person_note(reader, "person-1", "1", &err), SL_ERR_ARGUMENT, "for reading");
    assert_fails(sl_gallery_set_person_note(g, NULL, "1", &err), SL_ERR_ARGUMENT, "label");
    assert_fails(sl_gallery_person_note(NULL, "x", &json, &err), SL_ERR_ARGUMENT, "gallery");
    assert_int_equal(access("refused/people.notes", F_OK), -1);
    sl_template_shape s = small_shape(SL_PATCHES_INT8);
    assert_ok(sl_gallery_open_shape(":memory:", SL_GALLERY_CREATE, &s, MODEL_NAME, &m, &err));
    assert_fails(sl_gallery_set_person_note(m, "person-1", "1", &err), SL_ERR_UNSUPPORTED, "keeps no notes");
    assert_fails(sl_gallery_person_note(m, "person-1", &json, &err), SL_ERR_UNSUPPORTED, "keeps no notes");
    sl_gallery_close(m);
    write_whole("refused/people.notes", "secondlook people 1 00000000\n{}", 31);
    assert_fails(sl_gallery_person_note(g, "person-1", &json, &err), SL_ERR_CORRUPT, "people.notes");
    assert_fails(sl_gallery_set_person_note(g, "person-1", "1", &err), SL_ERR_CORRUPT, "people.notes");
    assert_fails(sl_gallery_verify("refused", NULL, NULL, &err), SL_ERR_CORRUPT, "people.notes");
    sl_gallery_close(g);
    sl_gallery_close(reader);
    free(long_one);
}

static void along_with_names(void **state)
{
    (void)state;
    size_t renamed;
    make_gallery("names", 9, 9); /* person-0, -1, -2 */
    sl_gallery *g = open_gallery("names", SL_GALLERY_WRITE);
    assert_ok(sl_gallery_set_person_note(g, "person-0", "0", &err));
    assert_ok(sl_gallery_set_person_note(g, "person-1", "1", &err));
    assert_ok(sl_gallery_rename(g, "person-0", "Ada", &renamed, &err));
    expect_note(g, "Ada", "0");
    expect_note(g, "person-0", NULL);
    assert_int_equal(notes_of(g), 2);
    assert_ok(sl_gallery_rename(g, "person-1", "Ada", &renamed, &err)); /* she has one */
    expect_note(g, "Ada", "0");
    assert_ok(sl_gallery_rename(g, "Ada", "person-2", &renamed, &err)); /* who has none */
    expect_note(g, "person-2", "0");
    assert_int_equal(notes_of(g), 1);
    assert_ok(sl_gallery_rename(g, "person-2", "person-2", &renamed, &err));
    expect_note(g, "person-2", "0");
    assert_ok(sl_gallery_remove(g, NULL, "person-2", NULL, &err));
    assert_int_equal(notes_of(g), 0);
    assert_ok(sl_gallery_rename(g, "person-2", "Grace", &renamed, &err)); /* nobody */
    assert_int_equal(renamed, 0);
    sl_gallery_close(g);
    assert_int_equal(access("names/people.notes", F_OK), 0);
    assert_ok(sl_gallery_compact("names", NULL, NULL, &err));
    assert_int_equal(access("names/people.notes", F_OK), -1);
}

typedef struct {
    size_t count, last;
    sl_error why;
} refusals;

static void note_refusal(void *context, size_t i, const sl_error *why)
{
    refusals *r = context;
    r->count++;
    r->last = i;
    r->why = *why;
}

/* People who are missing and what is no JSON stop nobody, and all are written once. */
static void many_at_once(void **state)
{
    (void)state;
    make_gallery("many", 9, 9);
    sl_gallery *g = open_gallery("many", SL_GALLERY_WRITE);
    refusals r = {0};
    const sl_person_note notes[] = {{"person-0", "0"}, {"nobody", "1"}, {"person-1", "{"}, {"person-2", "2"}};
    assert_ok(sl_gallery_set_person_notes(g, notes, 4, note_refusal, &r, &err));
    assert_int_equal(r.count, 2);
    assert_int_equal(r.last, 2);
    assert_int_equal(r.why.status, SL_ERR_FORMAT);
    expect_note(g, "person-0", "0");
    expect_note(g, "person-2", "2");
    assert_int_equal(notes_of(g), 2);
    const sl_person_note others[] = {{"person-0", NULL}, {"person-1", "3"}, {"person-2", "4"}};
    assert_ok(sl_gallery_set_person_notes(g, others, 3, NULL, NULL, &err));
    expect_note(g, "person-0", NULL);
    expect_note(g, "person-1", "3");
    expect_note(g, "person-2", "4");
    assert_fails(sl_gallery_set_person_notes(g, NULL, 1, NULL, NULL, &err), SL_ERR_ARGUMENT, "notes");
    sl_gallery_close(g);
}

/* What a commit changed in names is taken back, and once more. */
static void back_with_names(void **state)
{
    (void)state;
    size_t renamed, restored;
    sl_gallery_mark from, to, undone;
    make_gallery("back", 9, 9);
    sl_gallery *g = open_gallery("back", SL_GALLERY_WRITE);
    assert_ok(sl_gallery_set_person_note(g, "person-0", "0", &err));
    sl_gallery_get_mark(g, &from);
    assert_ok(sl_gallery_rename(g, "person-0", "Ada", &renamed, &err));
    sl_gallery_get_mark(g, &to);
    assert_ok(sl_gallery_restore(g, &from, &to, NULL, NULL, &restored, &err));
    assert_int_equal(restored, 3);
    expect_note(g, "person-0", "0");
    sl_gallery_get_mark(g, &undone);
    assert_ok(sl_gallery_restore(g, &to, &undone, NULL, NULL, &restored, &err));
    expect_note(g, "Ada", "0");
    expect_note(g, "person-0", NULL);
    assert_int_equal(notes_of(g), 1);
    /* two who were made one: who is still there keeps it */
    sl_gallery_get_mark(g, &from);
    assert_ok(sl_gallery_rename(g, "Ada", "person-1", &renamed, &err));
    sl_gallery_get_mark(g, &to);
    assert_ok(sl_gallery_restore(g, &from, &to, NULL, NULL, &restored, &err));
    expect_note(g, "person-1", "0");
    expect_note(g, "Ada", NULL);
    sl_gallery_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_as_given),
        cmocka_unit_test(refused),
        cmocka_unit_test(along_with_names),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(back_with_names),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
