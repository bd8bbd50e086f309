/* A draft: names that a text can hold, faults told at once, limits; and companions. */
#include "support.h"

#include "check.h"

#include "import/companion.h"
#include "import/draft.h"

#include <stdio.h>
#include <string.h>

static ink_allocator allocator;
static ink_arena arena;
static ink_draft draft;

static int begin(void **state)
{
    (void)state;
    allocator = ink_allocator_or_default(NULL);
    ink_arena_init(&arena, &allocator);
    ink_draft_init(&draft, &arena);
    draft.channels = draft.height = 1;
    draft.width = 2;
    return 0;
}

static int end(void **state)
{
    (void)state;
    ink_draft_free(&draft);
    ink_arena_free(&arena);
    return 0;
}

static void nodes_become_a_text(void **state)
{
    static const char wanted[] = "input shape=1,1,2 scale=0.5 offset=-1\n"
                                 "relu name=a_b_c inputs=input\n"
                                 "relu name=a_b_c_2 inputs=a_b_c\n"
                                 "relu name=input_3 inputs=a_b_c_2\n"
                                 "leaky_relu name=leaky_relu inputs=input_3 alpha=0.25\n"
                                 "add name=vowxyz0123456789012345678901234567890123456789.end inputs=a_b_c,leaky_relu\n";
    ink_buffer text;
    ink_error error;
    (void)state;
    const char *first = ink_draft_node(&draft, "relu", "a/b#c", "input", "%s", "");
    const char *second = ink_draft_node(&draft, "relu", "a b\n", first, "%s", "");
    assert_string_equal(second, "a_b_");
    ink_draft_free(&draft);
    ink_draft_init(&draft, &arena);
    draft.channels = draft.height = 1;
    draft.width = 2;
    first = ink_draft_node(&draft, "relu", "a/b#c", "input", "%s", "");
    second = ink_draft_node(&draft, "relu", "a b=c", first, "%s", "");
    const char *third = ink_draft_node(&draft, "relu", "input", second, "%s", "");
    const char *fourth = ink_draft_node(&draft, "leaky_relu", NULL, third, "alpha=%.9g", 0.25);
    char inputs[100];
    snprintf(inputs, sizeof inputs, "%s,%s", first, fourth);
    ink_draft_node(&draft, "add", "abcdefghijklmnopqrstuvowxyz0123456789012345678901234567890123456789.end", inputs, "%s",
                   "");
    assert_int_equal(ink_draft_finish(&draft, &error), INK_OK);
    assert_int_equal(ink_draft_text(&draft, 0.5, -1, &allocator, &text, &error), INK_OK);
    assert_string_equal(text.data, wanted);
    ink_buffer_close(&text);
}

static void tensors_are_named_after_nodes(void **state)
{
    (void)state;
    const char *name = ink_draft_node(&draft, "dense", "fc", "input", "units=%d", 3);
    float *data = ink_draft_tensor(&draft, name, "weight", 2, (const uint64_t[]){ 3, 2 });
    assert_non_null(data);
    assert_true(data[5] == 0);
    assert_string_equal(draft.weights[0].name, "fc.weight");
    assert_true(draft.weights[0].elements == 6 && draft.weights[0].dim[1] == 2 && draft.weights[0].data == data);
    ink_error error;
    assert_null(ink_draft_tensor(&draft, name, "bias", 2, (const uint64_t[]){ UINT64_MAX, 2 }));
    check_error(ink_draft_finish(&draft, &error), &error, INK_ERR_MEMORY, "fc.bias");
}

static void faults_are_told_at_once(void **state)
{
    (void)state;
    ink_error error;
    ink_draft_node(&draft, "relu", NULL, "input", "%s", "");
    ink_draft_fault(&draft, "layer '%s' (Lambda): is code", "a\033[1mb");
    check_error(ink_draft_finish(&draft, &error), &error, INK_ERR_OP, "layer 'a?[1mb' (Lambda): is code");
    ink_draft_fault(&draft, "layer 'c' (LSTM): is recurrent");
    check_error(ink_draft_finish(&draft, &error), &error, INK_ERR_OP, "2 things");
    assert_string_equal(draft.faults.data, "layer 'a?[1mb' (Lambda): is code\nlayer 'c' (LSTM): is recurrent\n");
    for (int i = 0; i < 200; i++)
        ink_draft_fault(&draft, "again");
    assert_true(draft.faults.size < 1000 && draft.fault_count == 202);
}

static void there_are_limits(void **state)
{
    (void)state;
    ink_error error;
    check_error(ink_draft_finish(&draft, &error), &error, INK_ERR_GRAPH, "without a layer");
    for (int i = 0; i < 1024; i++)
        ink_draft_node(&draft, "relu", "same", "input", "%s", "");
    assert_int_equal(ink_draft_finish(&draft, &error), INK_OK);
    assert_string_equal(ink_draft_node(&draft, "relu", "same", "input", "%s", ""), "relu");
    check_error(ink_draft_finish(&draft, &error), &error, INK_ERR_LIMIT, "more than 1024");
    char inputs[1001];
    memset(inputs, 'a', sizeof inputs - 1);
    inputs[sizeof inputs - 1] = 0;
    ink_draft_free(&draft);
    ink_draft_init(&draft, &arena);
    ink_draft_node(&draft, "add", "sum", inputs, "%s", "");
    check_error(ink_draft_finish(&draft, &error), &error, INK_ERR_LIMIT, "layer 'sum' (add) has too many");
}

/* ---- companions ---- */

static void companions_are_found_or_wanted(void **state)
{
    (void)state;
    static const ink_companion files[] = { { "a.bin", (const uint8_t *)"x", 1 }, { "b/c.bin", (const uint8_t *)"", 0 } };
    ink_text wanted;
    ink_text_init(&wanted, &allocator);
    const ink_companions set = { files, 2, &wanted };
    assert_ptr_equal(ink_companion_find(&set, "b/c.bin"), &files[1]);
    assert_null(wanted.data);
    assert_null(ink_companion_find(&set, "a"));
    assert_null(ink_companion_find(&set, "a.bin.data"));
    assert_null(ink_companion_find(&set, "a"));
    assert_string_equal(wanted.data, "a\na.bin.data\n");
    ink_free(&allocator, wanted.data);
}

static void companions_stay_in_their_folder(void **state)
{
    static const char *const good[] = { "a", "a.bin", "a/b", "a..b", "..a", "a/..b/c", "a.", "a/b..", "\xc3\xa4" };
    static const char *const bad[] = { "", "/a", "..", "../a", "a/..", "a/../b", "a//b", "a\\b", "c:a", "a\n", "a\033b",
                                       "a/../", "\x7f" };
    ink_error error;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (ink_companion_check(good[i], &error))
            fail_msg("'%s' is refused", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_error(ink_companion_check(bad[i], &error), &error, INK_ERR_FORMAT, "outside its folder");
    char name[257];
    memset(name, 'a', 256);
    name[256] = 0;
    check_error(ink_companion_check(name, &error), &error, INK_ERR_FORMAT, "outside its folder");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nodes_become_a_text, begin, end),
        cmocka_unit_test_setup_teardown(tensors_are_named_after_nodes, begin, end),
        cmocka_unit_test_setup_teardown(faults_are_told_at_once, begin, end),
        cmocka_unit_test_setup_teardown(there_are_limits, begin, end),
        cmocka_unit_test_setup_teardown(companions_are_found_or_wanted, begin, end),
        cmocka_unit_test(companions_stay_in_their_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
