/* The opcodes of pickles, a function each, and the loop that runs them. */
#include "net/import/weights/pickle.h"

#include "net/import/weights/pickle_vm.h"

enum { MAX_PROTOCOL = 5 };

typedef sl_status (*operation)(sl_pickle_vm *vm);

/* ---- scalars ---- */

/* A little-endian unsigned argument of 1, 2, 4 or 8 bytes. */
static uint64_t read_unsigned(sl_pickle_vm *vm, int bytes)
{
    switch (bytes) {
    case 1: return sl_read_u8(&vm->in);
    case 2: return sl_read_u16(&vm->in);
    case 4: return sl_read_u32(&vm->in);
    default: return sl_read_u64(&vm->in);
    }
}

static sl_status push_integer(sl_pickle_vm *vm, sl_pickle_kind kind, int64_t integer)
{
    return sl_vm_push(vm, (sl_pickle_value){.kind = kind, .integer = integer});
}

static sl_status push_none(sl_pickle_vm *vm) { return push_integer(vm, SL_PICKLE_NONE, 0); }
static sl_status push_true(sl_pickle_vm *vm) { return push_integer(vm, SL_PICKLE_BOOL, 1); }
static sl_status push_false(sl_pickle_vm *vm) { return push_integer(vm, SL_PICKLE_BOOL, 0); }
static sl_status push_int(sl_pickle_vm *vm) { return push_integer(vm, SL_PICKLE_INT, sl_read_i32(&vm->in)); }
static sl_status push_int1(sl_pickle_vm *vm) { return push_integer(vm, SL_PICKLE_INT, sl_read_u8(&vm->in)); }
static sl_status push_int2(sl_pickle_vm *vm) { return push_integer(vm, SL_PICKLE_INT, sl_read_u16(&vm->in)); }

static sl_status push_float(sl_pickle_vm *vm)
{
    uint64_t bits = __builtin_bswap64(sl_read_u64(&vm->in)); /* big-endian, alone of all */
    sl_pickle_value value = {.kind = SL_PICKLE_FLOAT};
    memcpy(&value.real, &bits, sizeof bits);
    return sl_vm_push(vm, value);
}

static sl_status push_bytes(sl_pickle_vm *vm, sl_pickle_kind kind, uint64_t size)
{
    const uint8_t *p = size <= UINT32_MAX ? sl_read_bytes(&vm->in, (size_t)size) : NULL;
    if (!p)
        return sl_vm_damaged(vm, "a text is longer than the pickle");
    return sl_vm_push(vm, (sl_pickle_value){.kind = kind, .size = (uint32_t)size, .text = (const char *)p});
}

static sl_status push_text1(sl_pickle_vm *vm) { return push_bytes(vm, SL_PICKLE_TEXT, read_unsigned(vm, 1)); }
static sl_status push_text4(sl_pickle_vm *vm) { return push_bytes(vm, SL_PICKLE_TEXT, read_unsigned(vm, 4)); }
static sl_status push_text8(sl_pickle_vm *vm) { return push_bytes(vm, SL_PICKLE_TEXT, read_unsigned(vm, 8)); }

/* Two's complement of any length. */
static sl_status push_long1(sl_pickle_vm *vm)
{
    uint64_t size = read_unsigned(vm, 1);
    if (size > sizeof(int64_t))
        return push_bytes(vm, SL_PICKLE_BIG_INT, size);
    const uint8_t *p = sl_read_bytes(&vm->in, (size_t)size);
    if (!p)
        return sl_vm_damaged(vm, "a number is longer than the pickle");
    int64_t value = size && p[size - 1] & 0x80 ? -1 : 0;
    memcpy(&value, p, (size_t)size);
    return push_integer(vm, SL_PICKLE_INT, value);
}

/* ---- containers ---- */

static sl_status push_container(sl_pickle_vm *vm, sl_pickle_kind kind, const sl_pickle_value *items, size_t count)
{
    sl_pickle_value value;
    SL_TRY(sl_vm_container(vm, kind, items, count, &value));
    return sl_vm_push(vm, value);
}

static sl_status empty_tuple(sl_pickle_vm *vm) { return push_container(vm, SL_PICKLE_TUPLE, NULL, 0); }
static sl_status empty_list(sl_pickle_vm *vm) { return push_container(vm, SL_PICKLE_LIST, NULL, 0); }
static sl_status empty_dict(sl_pickle_vm *vm) { return push_container(vm, SL_PICKLE_DICT, NULL, 0); }

static sl_status tuple_of(sl_pickle_vm *vm, size_t count)
{
    const sl_pickle_value *items = sl_vm_pop(vm, count);
    return items ? push_container(vm, SL_PICKLE_TUPLE, items, count) : sl_vm_damaged(vm, "the stack is empty");
}

static sl_status tuple1(sl_pickle_vm *vm) { return tuple_of(vm, 1); }
static sl_status tuple2(sl_pickle_vm *vm) { return tuple_of(vm, 2); }
static sl_status tuple3(sl_pickle_vm *vm) { return tuple_of(vm, 3); }

static sl_status tuple_of_marked(sl_pickle_vm *vm)
{
    size_t count;
    const sl_pickle_value *items = sl_vm_pop_mark(vm, &count);
    return items ? push_container(vm, SL_PICKLE_TUPLE, items, count) : sl_vm_damaged(vm, "there is no mark");
}

/* Puts items, just popped, into the container below them, which stays on the stack. */
static sl_status put_into(sl_pickle_vm *vm, sl_pickle_kind kind, const sl_pickle_value *items, size_t count)
{
    const sl_pickle_value *container = items ? sl_vm_pop(vm, 1) : NULL;
    if (!container || container->kind != kind)
        return sl_vm_damaged(vm, "there is no list or dictionary to add to");
    if (kind == SL_PICKLE_DICT && count % 2)
        return sl_vm_damaged(vm, "a key without a value");
    vm->depth++;
    return sl_vm_append(vm, container->object, items, count);
}

static sl_status put_marked_into(sl_pickle_vm *vm, sl_pickle_kind kind)
{
    size_t count = 0;
    const sl_pickle_value *items = sl_vm_pop_mark(vm, &count);
    return put_into(vm, kind, items, count);
}

static sl_status append_item(sl_pickle_vm *vm) { return put_into(vm, SL_PICKLE_LIST, sl_vm_pop(vm, 1), 1); }
static sl_status set_item(sl_pickle_vm *vm) { return put_into(vm, SL_PICKLE_DICT, sl_vm_pop(vm, 2), 2); }
static sl_status append_marked(sl_pickle_vm *vm) { return put_marked_into(vm, SL_PICKLE_LIST); }
static sl_status set_marked(sl_pickle_vm *vm) { return put_marked_into(vm, SL_PICKLE_DICT); }

/* ---- stack and memo ---- */

static sl_status pop(sl_pickle_vm *vm)
{
    if (sl_vm_pop(vm, 1))
        return SL_OK;
    if (!vm->n_marks)
        return sl_vm_damaged(vm, "the stack is empty");
    vm->n_marks--;
    return SL_OK;
}

static sl_status pop_mark(sl_pickle_vm *vm)
{
    size_t count;
    return sl_vm_pop_mark(vm, &count) ? SL_OK : sl_vm_damaged(vm, "there is no mark");
}

static sl_status put1(sl_pickle_vm *vm) { return sl_vm_memoize(vm, (size_t)read_unsigned(vm, 1)); }
static sl_status put4(sl_pickle_vm *vm) { return sl_vm_memoize(vm, (size_t)read_unsigned(vm, 4)); }
static sl_status put_next(sl_pickle_vm *vm) { return sl_vm_memoize(vm, vm->n_memo); }
static sl_status get1(sl_pickle_vm *vm) { return sl_vm_recall(vm, (size_t)read_unsigned(vm, 1)); }
static sl_status get4(sl_pickle_vm *vm) { return sl_vm_recall(vm, (size_t)read_unsigned(vm, 4)); }

/* ---- globals and what they are called with ---- */

static sl_status push_global(sl_pickle_vm *vm, const char *module, size_t module_size, const char *name, size_t size)
{
    sl_pickle_value value;
    SL_TRY(sl_pickle_find_global(module, module_size, name, size, vm->at, &value, vm->err));
    return sl_vm_push(vm, value);
}

/* The rest of a line; NULL when there is none. */
static const char *read_name_line(sl_pickle_vm *vm, size_t *size)
{
    const uint8_t *start = vm->in.data + vm->in.at;
    const uint8_t *end = memchr(start, '\n', vm->in.size - vm->in.at);
    if (!end)
        return NULL;
    *size = (size_t)(end - start);
    vm->in.at += *size + 1;
    return (const char *)start;
}

static sl_status global_of_lines(sl_pickle_vm *vm)
{
    size_t module_size, size;
    const char *module = read_name_line(vm, &module_size), *name = module ? read_name_line(vm, &size) : NULL;
    return name ? push_global(vm, module, module_size, name, size) : sl_vm_damaged(vm, "a name does not end");
}

static sl_status global_of_stack(sl_pickle_vm *vm)
{
    const sl_pickle_value *names = sl_vm_pop(vm, 2);
    if (!names || names[0].kind != SL_PICKLE_TEXT || names[1].kind != SL_PICKLE_TEXT)
        return sl_vm_damaged(vm, "there are no two names");
    return push_global(vm, names[0].text, names[0].size, names[1].text, names[1].size);
}

/* An OrderedDict of nothing, or of a list of pairs as Python 2 writes it. */
static sl_status ordered_dict(sl_pickle_vm *vm, const sl_pickle_object *arguments)
{
    sl_pickle_value dict;
    SL_TRY(sl_vm_container(vm, SL_PICKLE_DICT, NULL, 0, &dict));
    const sl_pickle_value *list = arguments->count ? &arguments->items[0] : NULL;
    if (arguments->count > 1 || (list && list->kind != SL_PICKLE_LIST))
        return sl_vm_damaged(vm, "an OrderedDict of something else than a list");
    for (size_t i = 0; list && i < list->object->count; i++) {
        const sl_pickle_value *pair = &list->object->items[i];
        if ((pair->kind != SL_PICKLE_LIST && pair->kind != SL_PICKLE_TUPLE) || pair->object->count != 2)
            return sl_vm_damaged(vm, "an OrderedDict of something else than pairs");
        SL_TRY(sl_vm_append(vm, dict.object, pair->object->items, 2));
    }
    return sl_vm_push(vm, dict);
}

static sl_status reduce(sl_pickle_vm *vm)
{
    const sl_pickle_value *call = sl_vm_pop(vm, 2);
    if (!call || call[0].kind != SL_PICKLE_GLOBAL || call[1].kind != SL_PICKLE_TUPLE)
        return sl_vm_damaged(vm, "a call of something else than a global with a tuple");
    if (sl_pickle_global(&call[0])->kind == SL_GLOBAL_ORDERED_DICT)
        return ordered_dict(vm, call[1].object);
    return sl_vm_push(vm, (sl_pickle_value){.kind = SL_PICKLE_CALL, .size = call[0].size, .object = call[1].object});
}

/* Attributes of a dictionary or of a called value: no weight is among them. */
static sl_status set_object_state(sl_pickle_vm *vm)
{
    const sl_pickle_value *both = sl_vm_pop(vm, 2);
    if (!both || (both[0].kind != SL_PICKLE_DICT && both[0].kind != SL_PICKLE_CALL))
        return sl_vm_damaged(vm, "there is nothing to set the state of");
    vm->depth++;
    return SL_OK;
}

static sl_status persistent(sl_pickle_vm *vm)
{
    const sl_pickle_value *id = sl_vm_pop(vm, 1);
    if (!id || id->kind != SL_PICKLE_TUPLE)
        return sl_vm_damaged(vm, "a storage is named by something else than a tuple");
    const sl_pickle_value value = {.kind = SL_PICKLE_PERSISTENT, .object = id->object};
    SL_TRY(sl_vm_keep_persistent(vm, value));
    return sl_vm_push(vm, value);
}

/* ---- the program ---- */

static sl_status protocol(sl_pickle_vm *vm)
{
    uint64_t version = read_unsigned(vm, 1);
    if (version > MAX_PROTOCOL)
        return sl_fail(vm->err, SL_ERR_UNSUPPORTED, "its pickle has protocol %d, up to %d is read", (int)version,
                       MAX_PROTOCOL);
    return SL_OK;
}

/* Frames only help a reader to read ahead. */
static sl_status frame(sl_pickle_vm *vm)
{
    read_unsigned(vm, 8);
    return SL_OK;
}

static sl_status stop(sl_pickle_vm *vm)
{
    const sl_pickle_value *root = sl_vm_pop(vm, 1);
    if (!root || vm->depth || vm->n_marks)
        return sl_vm_damaged(vm, "it does not end with one value");
    vm->pickle->root = *root;
    vm->stopped = true;
    return SL_OK;
}

/* Those without an operation are refused, by their name. */
static const struct {
    const char *name;
    operation run;
} opcodes[256] = {
    ['('] = {"MARK", sl_vm_mark},
    ['.'] = {"STOP", stop},
    ['0'] = {"POP", pop},
    ['1'] = {"POP_MARK", pop_mark},
    ['2'] = {"DUP", NULL},
    ['F'] = {"FLOAT", NULL},
    ['I'] = {"INT", NULL},
    ['J'] = {"BININT", push_int},
    ['K'] = {"BININT1", push_int1},
    ['L'] = {"LONG", NULL},
    ['M'] = {"BININT2", push_int2},
    ['N'] = {"NONE", push_none},
    ['P'] = {"PERSID", NULL},
    ['Q'] = {"BINPERSID", persistent},
    ['R'] = {"REDUCE", reduce},
    ['S'] = {"STRING", NULL},
    ['T'] = {"BINSTRING", push_text4},
    ['U'] = {"SHORT_BINSTRING", push_text1},
    ['V'] = {"UNICODE", NULL},
    ['X'] = {"BINUNICODE", push_text4},
    ['B'] = {"BINBYTES", push_text4},
    ['C'] = {"SHORT_BINBYTES", push_text1},
    ['G'] = {"BINFLOAT", push_float},
    ['a'] = {"APPEND", append_item},
    ['b'] = {"BUILD", set_object_state},
    ['c'] = {"GLOBAL", global_of_lines},
    ['d'] = {"DICT", NULL},
    ['}'] = {"EMPTY_DICT", empty_dict},
    ['e'] = {"APPENDS", append_marked},
    ['g'] = {"GET", NULL},
    ['h'] = {"BINGET", get1},
    ['i'] = {"INST", NULL},
    ['j'] = {"LONG_BINGET", get4},
    ['l'] = {"LIST", NULL},
    [']'] = {"EMPTY_LIST", empty_list},
    ['o'] = {"OBJ", NULL},
    ['p'] = {"PUT", NULL},
    ['q'] = {"BINPUT", put1},
    ['r'] = {"LONG_BINPUT", put4},
    ['s'] = {"SETITEM", set_item},
    ['t'] = {"TUPLE", tuple_of_marked},
    [')'] = {"EMPTY_TUPLE", empty_tuple},
    ['u'] = {"SETITEMS", set_marked},
    [0x80] = {"PROTO", protocol},
    [0x81] = {"NEWOBJ", NULL},
    [0x82] = {"EXT1", NULL},
    [0x83] = {"EXT2", NULL},
    [0x84] = {"EXT4", NULL},
    [0x85] = {"TUPLE1", tuple1},
    [0x86] = {"TUPLE2", tuple2},
    [0x87] = {"TUPLE3", tuple3},
    [0x88] = {"NEWTRUE", push_true},
    [0x89] = {"NEWFALSE", push_false},
    [0x8a] = {"LONG1", push_long1},
    [0x8b] = {"LONG4", NULL},
    [0x8c] = {"SHORT_BINUNICODE", push_text1},
    [0x8d] = {"BINUNICODE8", push_text8},
    [0x8e] = {"BINBYTES8", push_text8},
    [0x8f] = {"EMPTY_SET", NULL},
    [0x90] = {"ADDITEMS", NULL},
    [0x91] = {"FROZENSET", NULL},
    [0x92] = {"NEWOBJ_EX", NULL},
    [0x93] = {"STACK_GLOBAL", global_of_stack},
    [0x94] = {"MEMOIZE", put_next},
    [0x95] = {"FRAME", frame},
    [0x96] = {"BYTEARRAY8", NULL},
    [0x97] = {"NEXT_BUFFER", NULL},
    [0x98] = {"READONLY_BUFFER", NULL},
};

static sl_status run_pickle(sl_pickle_vm *vm)
{
    while (!vm->stopped) {
        vm->at = vm->in.at;
        uint8_t code = sl_read_u8(&vm->in);
        vm->name = opcodes[code].name;
        if (vm->in.failed)
            return sl_fail(vm->err, SL_ERR_FORMAT, "its pickle ends without a STOP: was the file cut short?");
        if (!vm->name)
            return sl_fail(vm->err, SL_ERR_FORMAT, "its pickle has 0x%02x at byte %zu, which is no opcode", code,
                           vm->at);
        if (!opcodes[code].run)
            return sl_fail(vm->err, SL_ERR_UNSUPPORTED,
                           "refuses the opcode %s (0x%02x) at byte %zu of its pickle: torch.save does not write it "
                           "for the weights of a network",
                           vm->name, code, vm->at);
        SL_TRY(opcodes[code].run(vm));
        if (vm->in.failed)
            return sl_vm_damaged(vm, "its argument is cut short");
    }
    return SL_OK;
}

sl_status sl_pickle_read(const uint8_t *data, size_t size, size_t *budget, sl_pickle *out, size_t *used, sl_error *err)
{
    *out = (sl_pickle){0};
    sl_pickle_vm vm = {.in = sl_reader_of(data, size), .budget = budget, .pickle = out, .err = err};
    sl_status status = run_pickle(&vm);
    *used = vm.in.at;
    sl_vm_free(&vm);
    return status;
}

bool sl_pickle_is_text(const sl_pickle_value *value, const char *text)
{
    return value->kind == SL_PICKLE_TEXT && value->size == strlen(text) && memcmp(value->text, text, value->size) == 0;
}
