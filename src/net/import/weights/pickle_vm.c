/* Stack, marks, memo and containers, all on the file's budget. */
#include "net/import/weights/pickle_vm.h"

#include <stdlib.h>

#include "base/mem.h"

sl_status sl_vm_damaged(const sl_pickle_vm *vm, const char *what)
{
    return sl_fail(vm->err, SL_ERR_FORMAT, "its pickle is damaged at byte %zu (%s): %s", vm->at,
                   vm->name ? vm->name : "unknown opcode", what);
}

/* Makes room for `count` items of `size` bytes; what is new is zero. */
static sl_status reserve_items(sl_pickle_vm *vm, void **items, size_t *capacity, size_t count, size_t size)
{
    if (count <= *capacity)
        return SL_OK;
    size_t larger = 2 * *capacity > count ? 2 * *capacity : count, bytes;
    if (!sl_mul_size(larger - *capacity, size, &bytes))
        return sl_vm_damaged(vm, "it wants more memory than there is");
    SL_TRY(sl_take_budget(vm->budget, bytes, vm->err));
    void *grown = sl_realloc_array(*items, larger, size);
    if (!grown)
        return sl_no_memory(vm->err, "for the values of a pickle");
    memset((uint8_t *)grown + *capacity * size, 0, bytes);
    *items = grown;
    *capacity = larger;
    return SL_OK;
}

#define RESERVE(vm, items, capacity, count) reserve_items(vm, (void **)&(items), &(capacity), count, sizeof *(items))

sl_status sl_vm_push(sl_pickle_vm *vm, sl_pickle_value value)
{
    SL_TRY(RESERVE(vm, vm->stack, vm->cap_stack, vm->depth + 1));
    vm->stack[vm->depth++] = value;
    return SL_OK;
}

sl_pickle_value *sl_vm_pop(sl_pickle_vm *vm, size_t count)
{
    size_t floor = vm->n_marks ? vm->marks[vm->n_marks - 1] : 0;
    if (count > vm->depth - floor)
        return NULL;
    vm->depth -= count;
    return vm->stack + vm->depth;
}

sl_status sl_vm_mark(sl_pickle_vm *vm)
{
    SL_TRY(RESERVE(vm, vm->marks, vm->cap_marks, vm->n_marks + 1));
    SL_TRY(RESERVE(vm, vm->stack, vm->cap_stack, vm->depth + 1)); /* so that popping nothing is not NULL */
    vm->marks[vm->n_marks++] = vm->depth;
    return SL_OK;
}

sl_pickle_value *sl_vm_pop_mark(sl_pickle_vm *vm, size_t *count)
{
    if (!vm->n_marks)
        return NULL;
    size_t floor = vm->marks[--vm->n_marks];
    *count = vm->depth - floor;
    vm->depth = floor;
    return vm->stack + floor;
}

sl_status sl_vm_memoize(sl_pickle_vm *vm, size_t index)
{
    const sl_pickle_value *top = sl_vm_pop(vm, 1);
    if (!top)
        return sl_vm_damaged(vm, "there is nothing to remember");
    vm->depth++; /* it stays */
    SL_TRY(RESERVE(vm, vm->memo, vm->cap_memo, index + 1));
    vm->memo[index] = *top;
    if (index >= vm->n_memo)
        vm->n_memo = index + 1;
    return SL_OK;
}

sl_status sl_vm_recall(sl_pickle_vm *vm, size_t index)
{
    if (index >= vm->n_memo || vm->memo[index].kind == SL_PICKLE_NOTHING)
        return sl_vm_damaged(vm, "it recalls what it never remembered");
    return sl_vm_push(vm, vm->memo[index]);
}

sl_status sl_vm_append(sl_pickle_vm *vm, sl_pickle_object *object, const sl_pickle_value *items, size_t count)
{
    if (count == 0)
        return SL_OK;
    SL_TRY(RESERVE(vm, object->items, object->capacity, object->count + count));
    memcpy(object->items + object->count, items, count * sizeof *items);
    object->count += count;
    return SL_OK;
}

sl_status sl_vm_container(sl_pickle_vm *vm, sl_pickle_kind kind, const sl_pickle_value *items, size_t count,
                          sl_pickle_value *out)
{
    SL_TRY(sl_take_budget(vm->budget, sizeof(sl_pickle_object), vm->err));
    sl_pickle_object *object = calloc(1, sizeof *object);
    if (!object)
        return sl_no_memory(vm->err, "for the values of a pickle");
    object->next = vm->pickle->objects;
    vm->pickle->objects = object;
    *out = (sl_pickle_value){.kind = kind, .object = object};
    return sl_vm_append(vm, object, items, count);
}

sl_status sl_vm_keep_persistent(sl_pickle_vm *vm, sl_pickle_value value)
{
    sl_pickle *p = vm->pickle;
    SL_TRY(RESERVE(vm, p->persistent, p->cap_persistent, p->n_persistent + 1));
    p->persistent[p->n_persistent++] = value;
    return SL_OK;
}

void sl_vm_free(sl_pickle_vm *vm)
{
    free(vm->stack);
    free(vm->memo);
    free(vm->marks);
}

void sl_pickle_free(sl_pickle *pickle)
{
    for (sl_pickle_object *object = pickle->objects, *next; object; object = next) {
        next = object->next;
        free(object->items);
        free(object);
    }
    free(pickle->persistent);
    *pickle = (sl_pickle){0};
}
