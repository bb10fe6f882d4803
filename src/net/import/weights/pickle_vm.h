/* The stack machine that a pickle is written for: its stack, marks and memo. Used by pickle*.c only. */
#ifndef SL_NET_PICKLE_VM_H
#define SL_NET_PICKLE_VM_H

#include "base/bytes.h"
#include "net/import/weights/pickle.h"

typedef struct {
    sl_reader in;
    size_t at;        /* of the opcode that is being done */
    const char *name; /* of that opcode */
    size_t *budget;
    sl_pickle *pickle;
    sl_pickle_value *stack, *memo;
    size_t depth, cap_stack, n_memo, cap_memo;
    size_t *marks; /* depths of the stack; what lies below the last one is out of reach */
    size_t n_marks, cap_marks;
    bool stopped;
    sl_error *err;
} sl_pickle_vm;

/* SL_ERR_FORMAT that says where. */
sl_status sl_vm_damaged(const sl_pickle_vm *vm, const char *what);

sl_status sl_vm_push(sl_pickle_vm *vm, sl_pickle_value value);

/* The top `count` values, popped: valid until the next push. NULL when there are fewer above the last mark. */
sl_pickle_value *sl_vm_pop(sl_pickle_vm *vm, size_t count);

sl_status sl_vm_mark(sl_pickle_vm *vm);

/* Pops all above the last mark and the mark; as sl_vm_pop. NULL when there is no mark. */
sl_pickle_value *sl_vm_pop_mark(sl_pickle_vm *vm, size_t *count);

sl_status sl_vm_memoize(sl_pickle_vm *vm, size_t index);
sl_status sl_vm_recall(sl_pickle_vm *vm, size_t index);

/* A TUPLE, LIST or DICT of these items. */
sl_status sl_vm_container(sl_pickle_vm *vm, sl_pickle_kind kind, const sl_pickle_value *items, size_t count,
                          sl_pickle_value *out);
sl_status sl_vm_append(sl_pickle_vm *vm, sl_pickle_object *object, const sl_pickle_value *items, size_t count);

/* Notes a PERSISTENT value. */
sl_status sl_vm_keep_persistent(sl_pickle_vm *vm, sl_pickle_value value);

/* Frees what only reading needed. */
void sl_vm_free(sl_pickle_vm *vm);

/* pickle_globals.c: a GLOBAL value, or SL_ERR_UNSUPPORTED with the name. `at`: byte of the pickle. */
sl_status sl_pickle_find_global(const char *module, size_t module_size, const char *name, size_t name_size, size_t at,
                                sl_pickle_value *out, sl_error *err);

#endif
