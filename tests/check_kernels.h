/* What the tests of kernels share: running all rows of an operation, and comparing. */
#ifndef TESTS_CHECK_KERNELS_H
#define TESTS_CHECK_KERNELS_H

#include "check.h"

#include "kernels/kernels.h"

/* Sizes go from 0 to this; a room is large enough for all of a test's arrays. */
enum { MOST = 300, ROOM_MOST = 1600 * 1000 };

/* ---- which kernels, and how often they ran ---- */

static size_t ran[INK_KERNEL_OPS]; /* kernels of each operation */
static size_t calls;

/* Runs `test` on each kernel of an operation that this machine has. */
static inline void each_kernel(ink_kernel_op op, void (*test)(const ink_kernel *))
{
    size_t count;
    const ink_kernel *table = ink_kernel_table(&count);
    const ink_cpu only = check_only_cpu();
    for (size_t i = 0; i < count; i++)
        if (table[i].op == op && ink_cpu_has(table[i].cpu) &&
            (only == INK_CPU_BEST || &table[i] == ink_kernel_find(op, only))) {
            calls = 0;
            test(&table[i]);
            printf("%s: %zu calls\n", table[i].name, calls);
            assert_true(calls > 0);
            ran[op]++;
        }
    assert_true(ran[op] > 0);
}

/* ---- where a call's arrays lie ---- */

static check_room rooms[6];

static inline void rooms_make(size_t size)
{
    for (size_t i = 0; i < CHECK_COUNT(rooms); i++)
        rooms[i] = check_room_make(size);
}

static inline void rooms_free(void)
{
    for (size_t i = 0; i < CHECK_COUNT(rooms); i++)
        check_room_free(&rooms[i]);
}

/* ---- comparing ---- */

static char where[256]; /* the call that is under way, for messages */

static inline void check_value(float got, double want, double bound, size_t index)
{
    if (!(fabs((double)got - want) <= bound)) /* so that a NaN fails too */
        fail_msg("%s: element %zu is %.9g, wanted %.9g +- %.3g", where, index, (double)got, want,
                 bound);
}

static inline void check_same(float got, float want, size_t index)
{
    if (memcmp(&got, &want, sizeof got))
        fail_msg("%s: element %zu is %a, wanted %a exactly", where, index, (double)got,
                 (double)want);
}

static inline void check_kept(const check_room *room)
{
    if (!check_room_kept(room))
        fail_msg("%s: wrote beside its output", where);
}

#endif
