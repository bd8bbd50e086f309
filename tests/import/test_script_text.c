/* The source text in TorchScript archives: what becomes of it, and what is refused. */
#include "support.h"

#include "base/memory.h"
#include "import/torch/script_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ink_status parse(const char *text, size_t size, ink_arena *arena, ink_script *script, ink_error *error)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    fence bytes = fence_make(text, size);
    ink_arena_init(arena, &allocator);
    const ink_status status = ink_script_parse("net.py", bytes.data, bytes.size, arena, script, error);
    fence_free(&bytes);
    return status;
}

static void print_tree(const ink_script_tree *tree, char *to, size_t room)
{
    static const char *const signs[] = {
        [INK_SCRIPT_LIST] = "list", [INK_SCRIPT_DICT] = "dict",
        [INK_SCRIPT_ATTRIBUTE] = ".", [INK_SCRIPT_INDEX] = "index", [INK_SCRIPT_CALL] = "call",
    };
    size_t at = strlen(to);
    switch (tree->kind) {
    case INK_SCRIPT_BOOL: snprintf(to + at, room - at, "%s", tree->integer ? "True" : "False"); return;
    case INK_SCRIPT_INT: snprintf(to + at, room - at, "%lld", (long long)tree->integer); return;
    case INK_SCRIPT_FLOAT: snprintf(to + at, room - at, "%.17gf", tree->number); return;
    case INK_SCRIPT_TEXT: snprintf(to + at, room - at, "'%s'", tree->text); return;
    case INK_SCRIPT_NAME: snprintf(to + at, room - at, "%s", tree->text); return;
    case INK_SCRIPT_NONE: snprintf(to + at, room - at, "None"); return;
    default: break;
    }
    snprintf(to + at, room - at, "%s%s%s(", signs[tree->kind], *tree->text ? ":" : "", tree->text);
    for (size_t i = 0; i < tree->count; i++) {
        at = strlen(to);
        if (i)
            snprintf(to + at, room - at, " ");
        at = strlen(to);
        if (tree->keywords && tree->keywords[i])
            snprintf(to + at, room - at, "%s=", tree->keywords[i]);
        print_tree(tree->items[i], to, room);
    }
    at = strlen(to);
    snprintf(to + at, room - at, ")");
}

static void values_are_read(void **state)
{
    static const struct {
        const char *text, *tree;
    } rows[] = {
        { "-12", "-12" },
        { "1.0000000000000001e-05", "1.0000000000000001e-05f" },
        { "9223372036854775807", "9223372036854775807" },
        { "2.", "2f" },
        { "-inf", "-inff" },
        { "True", "True" },
        { "[1, None, \"a\\\"b\"]", "list(1 None 'a\\\"b')" },
        { "(1,)", "list(1)" },
        { "(x)", "x" },
        { "()", "list()" },
        { "{'a': 1}", "dict('a' 1)" },
        { "(f).forward((pad).forward(x, ), )", "call(.:forward(f) call(.:forward(pad) x))" },
        { "torch.add(x, y, alpha=2)", "call(.:add(torch) x y alpha=2)" },
        { "CONSTANTS.c0", ".:c0(CONSTANTS)" },
        { "size[-1]", "index(size -1)" },
        { "annotate(List[int], [])", "call(annotate index(List int) list())" },
        { "f(1,\n\n     # a remark\n  2)", "call(f 1 2)" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[300], tree[300] = "";
        ink_arena arena;
        ink_script script;
        ink_error error;
        snprintf(text, sizeof text, "def f():\n  return %s\n", rows[i].text);
        if (parse(text, strlen(text), &arena, &script, &error))
            fail_msg("%s: %s", rows[i].text, error.text);
        assert_int_equal(script.count, 1);
        assert_int_equal(script.functions[0].body.lines[0].step, INK_SCRIPT_RETURN);
        print_tree(script.functions[0].body.lines[0].value, tree, sizeof tree);
        assert_string_equal(tree, rows[i].tree);
        ink_arena_free(&arena);
    }
}

static const char whole[] =
    "op_version_set = 1\n"
    "import __torch__.a\n"
    "class Net(Module):\n"
    "  __parameters__ = [\"weight\", ]\n"
    "  training : bool\n"
    "  k : Final[Tuple[int, int]] = (1, 2)\n"
    "  __annotations__[\"0\"] = __torch__.a.B\n"
    "  def forward(self: __torch__.Net,\n"
    "    x: Tensor,\n"
    "    n: List[int]=[0, 0]) -> Tuple[Tensor, int]:\n"
    "    if torch.__is__(x, None):\n"
    "      y = 1\n"
    "    else:\n"
    "      pass\n"
    "    a, b, = f(x)\n"
    "    (c, d) = f(x)\n"
    "    for i in range(3):\n"
    "      g(i)\n"
    "\n"
    "    z : int = 3\n"
    "    return (a, b)\n"
    "  def num(self) -> int:\n"
    "    return 1\n"
    "def relu(x: Tensor) -> Tensor:\n"
    "  return x\n";

static void functions_are_read(void **state)
{
    (void)state;
    ink_arena arena;
    ink_script script;
    ink_error error;
    if (parse(whole, sizeof whole - 1, &arena, &script, &error))
        fail_msg("%s", error.text);
    const ink_script_function *f = ink_script_find(&script, "Net", "forward");
    assert_non_null(f);
    assert_int_equal(f->line, 8);
    assert_int_equal(f->count, 3);
    assert_string_equal(f->parameters[1].name, "x");
    assert_null(f->parameters[1].value);
    assert_int_equal(f->parameters[2].value->count, 2);
    static const ink_script_step steps[] = { INK_SCRIPT_IF, INK_SCRIPT_ASSIGN, INK_SCRIPT_ASSIGN, INK_SCRIPT_FOR,
                                             INK_SCRIPT_ASSIGN, INK_SCRIPT_RETURN };
    assert_int_equal(f->body.count, sizeof steps / sizeof *steps);
    for (size_t i = 0; i < f->body.count; i++)
        assert_int_equal(f->body.lines[i].step, steps[i]);
    assert_int_equal(f->body.lines[0].body.count, 1);
    assert_int_equal(f->body.lines[0].other.count, 0);
    for (int i = 1; i < 3; i++) {
        assert_true(f->body.lines[i].unpacks);
        assert_int_equal(f->body.lines[i].target_count, 2);
    }
    assert_false(f->body.lines[4].unpacks);
    assert_int_equal(f->body.lines[4].line, 20);
    assert_non_null(ink_script_find(&script, "Net", "num"));
    assert_non_null(ink_script_find(&script, "", "relu"));
    assert_null(ink_script_find(&script, "", "forward"));
    assert_int_equal(script.constant_count, 2);
    assert_string_equal(script.constants[1].name, "k");
    ink_arena_free(&arena);
}

static void what_is_no_script_is_refused(void **state)
{
    static const struct {
        const char *text;
        ink_status status;
        const char *words;
    } rows[] = {
        { "def f():\n  x = \n", INK_ERR_FORMAT, "net.py:2: found the end of the line, wanted a value" },
        { "def f():\n  x = 1 2\n", INK_ERR_FORMAT, "found a number, wanted the end of the line" },
        { "def f():\n  x = (1, 2\n", INK_ERR_FORMAT, "found the end" },
        { "def f():\n  x = 'abc\n", INK_ERR_FORMAT, "the end of a string" },
        { "def f():\n  x = -y\n", INK_ERR_FORMAT, "found 'y', wanted a number" },
        { "def f():\nreturn 1\n", INK_ERR_FORMAT, "net.py:2: found 'return', wanted an indented line" },
        { "def f():\n    x = 1\n  y = 2\n", INK_ERR_FORMAT, "as far indented" },
        { "def f(:\n  pass\n", INK_ERR_FORMAT, "wanted a name" },
        { "def f(x y):\n  pass\n", INK_ERR_FORMAT, "wanted ',' or ')'" },
        { "class N(Module):\n  def forward(self):\n    while True:\n      pass\n", INK_ERR_OP,
          "net.py:3: the statement 'while' is not supported" },
        { "def f():\n  with a:\n    pass\n", INK_ERR_OP, "'with'" },
        { "def f():\n  self.x = 1\n", INK_ERR_OP, "assigns to what is no local name" },
        { "def f():\n  x = a + b\n", INK_ERR_FORMAT, "found '+'" },
        { "def f():\n  x = \x80\n", INK_ERR_FORMAT, "found '?'" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ink_arena arena;
        ink_script script;
        ink_error error;
        check_error(parse(rows[i].text, strlen(rows[i].text), &arena, &script, &error), &error, rows[i].status,
                    rows[i].words);
        ink_arena_free(&arena);
    }
}

/* Cut anywhere, it is read or refused. */
static void truncations_end(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof whole; size++) {
        ink_arena arena;
        ink_script script;
        ink_error error;
        if (parse(whole, size, &arena, &script, &error))
            assert_non_null(strstr(error.text, "net.py:"));
        ink_arena_free(&arena);
    }
}

static void depth_is_limited(void **state)
{
    static const char *const openings[] = { "(", "f(", "x[", "{1: ", "[" };
    (void)state;
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
        blob text = blob_make("");
        ink_arena arena;
        ink_script script;
        ink_error error;
        blob_append(&text, "def f():\n  return ", 18);
        for (int depth = 0; depth < 100000; depth++)
            blob_append(&text, openings[i], strlen(openings[i]));
        check_error(parse((const char *)text.data, text.size, &arena, &script, &error), &error, INK_ERR_LIMIT,
                    "nested too deep");
        ink_arena_free(&arena);
        blob_free(&text);
    }
    blob text = blob_make(""); /* blocks, and chains of attributes */
    ink_arena arena;
    ink_script script;
    ink_error error;
    blob_append(&text, "def f():\n", 9);
    for (int depth = 1; depth < 300; depth++) {
        for (int blank = 0; blank < depth; blank++)
            blob_append(&text, " ", 1);
        blob_append(&text, "if x:\n", 6);
    }
    check_error(parse((const char *)text.data, text.size, &arena, &script, &error), &error, INK_ERR_LIMIT,
                "nested too deep");
    ink_arena_free(&arena);
    blob_free(&text);
    text = blob_make("");
    blob_append(&text, "def f():\n  return x", 19);
    for (int depth = 0; depth < 1000; depth++)
        blob_append(&text, ".x", 2);
    check_error(parse((const char *)text.data, text.size, &arena, &script, &error), &error, INK_ERR_LIMIT,
                "nested too deep");
    ink_arena_free(&arena);
    blob_free(&text);
}

static void size_is_limited(void **state)
{
    (void)state;
    char *text = calloc(1, INK_SCRIPT_MOST_BYTES + 1);
    ink_arena arena;
    ink_script script;
    ink_error error;
    check_error(parse(text, INK_SCRIPT_MOST_BYTES + 1, &arena, &script, &error), &error, INK_ERR_LIMIT,
                "net.py has 1048577 bytes");
    ink_arena_free(&arena);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(functions_are_read),
        cmocka_unit_test(what_is_no_script_is_refused),
        cmocka_unit_test(truncations_end),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(size_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
