/* The few calls of cmocka that our tests make, for machines that it does not run on: WASI has no setjmp. An assertion
 * that fails ends the program, so the tests behind it do not run. */
#ifndef TESTS_WASM_CMOCKA_H
#define TESTS_WASM_CMOCKA_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
};

/* From skip() to the end of the test. */
static int shim_skipped;

#define cmocka_unit_test(function) { #function, function }
#define print_message(...) printf(__VA_ARGS__)
#define print_error(...) printf(__VA_ARGS__)
#define fail_msg(...)                                                                                                  \
    do {                                                                                                               \
        printf(__VA_ARGS__);                                                                                           \
        printf("\n%s:%d: error: Failure!\n", __FILE__, __LINE__);                                                      \
        exit(1);                                                                                                       \
    } while (0)
/* Of a test itself, not of a function that it calls. */
#define skip()                                                                                                         \
    do {                                                                                                               \
        shim_skipped = 1;                                                                                              \
        return;                                                                                                        \
    } while (0)

#define shim_assert(what, text)                                                                                        \
    do {                                                                                                               \
        if (!(what))                                                                                                   \
            fail_msg("not so: %s", text);                                                                              \
    } while (0)
#define assert_true(what) shim_assert(what, #what)
#define assert_false(what) shim_assert(!(what), "!(" #what ")")
#define assert_null(what) shim_assert((what) == NULL, #what " == NULL")
#define assert_non_null(what) shim_assert((what) != NULL, #what " != NULL")
#define assert_ptr_equal(a, b) shim_assert((const void *)(a) == (const void *)(b), #a " == " #b)
#define assert_string_equal(a, b) shim_assert(strcmp(a, b) == 0, #a " is the text " #b)
#define assert_string_not_equal(a, b) shim_assert(strcmp(a, b) != 0, #a " is not the text " #b)
#define assert_memory_equal(a, b, size) shim_assert(memcmp(a, b, size) == 0, #a " holds the bytes of " #b)
#define assert_memory_not_equal(a, b, size) shim_assert(memcmp(a, b, size) != 0, #a " does not hold the bytes of " #b)
#define assert_int_equal(a, b)                                                                                         \
    do {                                                                                                               \
        const uint64_t shim_a = (uint64_t)(a), shim_b = (uint64_t)(b);                                                 \
        if (shim_a != shim_b)                                                                                          \
            fail_msg("%s is %lld, wanted %lld", #a, (long long)shim_a, (long long)shim_b);                             \
    } while (0)
#define assert_in_range(value, low, high)                                                                              \
    do {                                                                                                               \
        const uint64_t shim_value = (uint64_t)(value);                                                                 \
        if (shim_value < (uint64_t)(low) || shim_value > (uint64_t)(high))                                             \
            fail_msg("%s is %llu, wanted %s to %s", #value, (unsigned long long)shim_value, #low, #high);              \
    } while (0)

static inline int shim_run(const struct CMUnitTest *tests, size_t count, int (*setup)(void **),
                           int (*teardown)(void **))
{
    void *state = NULL;
    size_t skipped = 0;
    printf("[==========] Running %zu test(s).\n", count);
    if (setup && setup(&state))
        return 1;
    for (size_t i = 0; i < count; i++) {
        printf("[ RUN      ] %s\n", tests[i].name);
        shim_skipped = 0;
        tests[i].run(&state);
        skipped += (size_t)shim_skipped;
        printf("[ %s ] %s\n", shim_skipped ? " SKIPPED" : "      OK", tests[i].name);
    }
    if (teardown && teardown(&state))
        return 1;
    printf("[  PASSED  ] %zu test(s).\n", count - skipped);
    return 0;
}
#define cmocka_run_group_tests_name(name, tests, setup, teardown)                                                      \
    shim_run(tests, sizeof(tests) / sizeof *(tests), setup, teardown)
#define cmocka_run_group_tests(tests, setup, teardown) cmocka_run_group_tests_name(NULL, tests, setup, teardown)

#endif
