/* What Python's own pickler wrote (tests/fuzz/make_checkpoints.py), value by value, in every protocol. */
#include "net/import/weights/pickle.h"

#include "support.h"

static sl_pickle pickle;
static uint8_t *data;

static void load(const char *name)
{
    char path[512];
    size_t size, used, budget;
    sl_error err;
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/pickle/%s", SL_SOURCE_DIR, name);
    assert_ok(sl_read_file(path, 1 << 20, &data, &size, &err));
    budget = sl_budget_of(size);
    assert_ok(sl_pickle_read(data, size, &budget, &pickle, &used, &err));
    assert_int_equal(used, size);
}

static void unload(void)
{
    sl_pickle_free(&pickle);
    free(data);
}

/* A value as Python would show it. */
static void show(const sl_pickle_value *v, char *out, size_t size)
{
    static const char *const brackets[] = {[SL_PICKLE_TUPLE] = "()", [SL_PICKLE_LIST] = "[]", [SL_PICKLE_DICT] = "{}",
                                           [SL_PICKLE_CALL] = "()"};
    char item[100];
    switch (v->kind) {
    case SL_PICKLE_NONE: snprintf(out, size, "None"); return;
    case SL_PICKLE_BOOL: snprintf(out, size, "%s", v->integer ? "True" : "False"); return;
    case SL_PICKLE_INT: snprintf(out, size, "%lld", (long long)v->integer); return;
    case SL_PICKLE_BIG_INT: snprintf(out, size, "%u bytes", v->size); return;
    case SL_PICKLE_FLOAT: snprintf(out, size, "%g", v->real); return;
    case SL_PICKLE_TEXT: snprintf(out, size, "'%.*s'", (int)v->size, v->text); return;
    case SL_PICKLE_TUPLE:
    case SL_PICKLE_LIST:
    case SL_PICKLE_DICT:
    case SL_PICKLE_CALL: break;
    default: fail();
    }
    const char *name = v->kind == SL_PICKLE_CALL ? sl_pickle_global(v)->name : "";
    int used = snprintf(out, size, "%s%c", name, brackets[v->kind][0]);
    for (size_t i = 0; i < v->object->count; i++) {
        const char *between = i == 0 ? "" : v->kind == SL_PICKLE_DICT && i % 2 ? ": " : ", ";
        show(&v->object->items[i], item, sizeof item);
        used += snprintf(out + used, size - (size_t)used, "%s%s", between, item);
    }
    snprintf(out + used, size - (size_t)used, "%c", brackets[v->kind][1]);
}

static void every_value_in_every_protocol(void **state)
{
    (void)state;
    static const char *const shown[] = {
        "None", "True", "False", "1", "300", "-5", "1099511627776", "11 bytes", "1.5", "'text'", "'bytes'", "()", "(1)",
        "(1, 2)", "(1, 2, 3)", "(1, 2, 3, 4)", "[]", "[1]", "[1, 2]", "{}", "{1: 2}", "{1: 2, 3: 4}", "{'a': 1}",
        /* and the last three again, from the memo */
        "{1: 2}", "{1: 2, 3: 4}", "{'a': 1}"};
    const size_t count = sizeof shown / sizeof *shown;
    for (int protocol = 2; protocol <= 5; protocol++) {
        char name[32], text[200];
        snprintf(name, sizeof name, "everything%d.pkl", protocol);
        load(name);
        assert_int_equal(pickle.root.kind, SL_PICKLE_LIST);
        const sl_pickle_object *list = pickle.root.object;
        assert_int_equal(list->count, count);
        for (size_t i = 0; i < count; i++) {
            bool bytes = strcmp(shown[i], "'bytes'") == 0 && protocol == 2; /* which has no opcode for them */
            show(&list->items[i], text, sizeof text);
            assert_string_equal(text, bytes ? "encode('bytes', 'latin1')" : shown[i]);
        }
        assert_ptr_equal(list->items[count - 1].object, list->items[count - 4].object);
        unload();
    }
}

/* Its storages are noted, its calls are not made. */
static void a_state_dict(void **state)
{
    (void)state;
    load("views.pkl");
    assert_int_equal(pickle.root.kind, SL_PICKLE_DICT);
    assert_int_equal(pickle.root.object->count, 10); /* names and tensors */
    assert_int_equal(pickle.n_persistent, 4); /* one tensor is there twice, from the memo */
    const sl_pickle_value *tensor = &pickle.root.object->items[1];
    assert_int_equal(tensor->kind, SL_PICKLE_CALL);
    assert_int_equal(sl_pickle_global(tensor)->kind, SL_GLOBAL_REBUILD_TENSOR);
    assert_int_equal(tensor->object->items[0].kind, SL_PICKLE_PERSISTENT);
    unload();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_value_in_every_protocol), cmocka_unit_test(a_state_dict)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
