/* Pickles: what tensors need is read, all else is refused by its name, and nothing is run. The pickles are made
 * by hand, operation by operation; that Python's own are read is a matter of the readers of PyTorch's files. */
#include "support.h"

#include "import/torch/pickle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reading {
    blob bytes;
    ink_arena arena;
    const ink_pickle *value;
    size_t used;
    ink_error error;
    ink_status status;
} reading;

static reading read_bytes(blob bytes)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    reading r = { .bytes = bytes };
    ink_arena_init(&r.arena, &allocator);
    fence copy = fence_make(bytes.data, bytes.size);
    r.status = ink_pickle_parse(copy.data, copy.size, &r.arena, &r.value, &r.used, &r.error);
    fence_free(&copy);
    return r;
}

static void reading_end(reading *r)
{
    ink_arena_free(&r->arena);
    blob_free(&r->bytes);
}

static reading must_read(const char *recipe)
{
    reading r = read_bytes(blob_make(recipe));
    if (r.status)
        fail_msg("%s: %s", recipe, r.error.text);
    assert_int_equal(r.used, r.bytes.size);
    return r;
}

/* ---- values ---- */

static void numbers(void **state)
{
    static const struct {
        const char *recipe;
        ink_pickle_kind kind;
        int64_t integer;
        double number;
    } rows[] = {
        { "t:N.", INK_PICKLE_NONE, 0, 0 },
        { "x:88 t:.", INK_PICKLE_BOOL, 1, 0 },
        { "x:89 t:.", INK_PICKLE_BOOL, 0, 0 },
        { "t:K 1:255 t:.", INK_PICKLE_INT, 255, 0 },
        { "t:M 2:65535 t:.", INK_PICKLE_INT, 65535, 0 },
        { "t:J 4:2147483647 t:.", INK_PICKLE_INT, 2147483647, 0 },
        { "t:J 4:-2 t:.", INK_PICKLE_INT, -2, 0 },
        { "x:8a00 t:.", INK_PICKLE_INT, 0, 0 },
        { "x:8a01ff t:.", INK_PICKLE_INT, -1, 0 },
        { "x:8a02ff00 t:.", INK_PICKLE_INT, 255, 0 },
        { "x:8a08 8:-9223372036854775807 t:.", INK_PICKLE_INT, -INT64_MAX, 0 },
        { "x:8a09000000000000000001 t:.", INK_PICKLE_FLOAT, 0, 18446744073709551616.0 },
        { "x:8b 4:3 x:010203 t:.", INK_PICKLE_INT, 0x030201, 0 },
        { "t:I-120 x:0a t:.", INK_PICKLE_INT, -120, 0 },
        { "t:I01 x:0a t:.", INK_PICKLE_BOOL, 1, 0 },
        { "t:I00 x:0a t:.", INK_PICKLE_BOOL, 0, 0 },
        { "t:I1 x:0a t:.", INK_PICKLE_INT, 1, 0 },
        { "t:G x:bff8000000000000 t:.", INK_PICKLE_FLOAT, 0, -1.5 },
        { "x:8004 x:95 8:2 t:K 1:7 t:.", INK_PICKLE_INT, 7, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reading r = must_read(rows[i].recipe);
        if (r.value->kind != rows[i].kind || r.value->integer != rows[i].integer || r.value->number != rows[i].number)
            fail_msg("%s: kind %d, %lld, %g", rows[i].recipe, (int)r.value->kind, (long long)r.value->integer,
                     r.value->number);
        reading_end(&r);
    }
}

static void texts(void **state)
{
    static const struct {
        const char *recipe;
        ink_pickle_kind kind;
        const char *text;
        size_t length;
    } rows[] = {
        { "t:X 4:6 t:weight t:.", INK_PICKLE_TEXT, "weight", 6 },
        { "x:8c 1:0 t:.", INK_PICKLE_TEXT, "", 0 },
        { "x:8d 8:2 t:ab t:.", INK_PICKLE_TEXT, "ab", 2 },
        { "t:U 1:3 x:610062 t:.", INK_PICKLE_TEXT, "a\0b", 3 },
        { "t:T 4:1 t:a t:.", INK_PICKLE_TEXT, "a", 1 },
        { "t:C 1:2 x:00ff t:.", INK_PICKLE_BYTES, "\0\xff", 2 },
        { "t:B 4:1 t:z t:.", INK_PICKLE_BYTES, "z", 1 },
        { "x:8e 8:1 t:z t:.", INK_PICKLE_BYTES, "z", 1 },
        { "t:ctorch x:0a t:FloatStorage x:0a t:.", INK_PICKLE_GLOBAL, "torch.FloatStorage", 18 },
        { "x:8c 1:1 t:a x:8c 1:1 t:b x:93 t:.", INK_PICKLE_GLOBAL, "a.b", 3 },
        /* U+00E9, U+0080 and U+007F, each a byte */
        { "t:c_codecs x:0a t:encode x:0a t:X 4:5 x:c3a9c2807f t:U 1:6 t:latin1 x:86 t:R.", INK_PICKLE_BYTES,
          "\xe9\x80\x7f", 3 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reading r = must_read(rows[i].recipe);
        if (r.value->kind != rows[i].kind || r.value->length != rows[i].length ||
            memcmp(r.value->text, rows[i].text, r.value->length + 1))
            fail_msg("%s: kind %d, '%s'", rows[i].recipe, (int)r.value->kind, r.value->text);
        reading_end(&r);
    }
}

/* What a value looks like, on one line. */
static void draw(const ink_pickle *v, char *to, size_t room)
{
    const size_t at = strlen(to);
    char *end = to + at;
    const size_t left = room - at;
    switch (v->kind) {
    case INK_PICKLE_NONE: snprintf(end, left, "None"); return;
    case INK_PICKLE_BOOL: snprintf(end, left, v->integer ? "True" : "False"); return;
    case INK_PICKLE_INT: snprintf(end, left, "%lld", (long long)v->integer); return;
    case INK_PICKLE_FLOAT: snprintf(end, left, "%g", v->number); return;
    case INK_PICKLE_TEXT: snprintf(end, left, "'%s'", v->text); return;
    case INK_PICKLE_BYTES: snprintf(end, left, "b'%s'", v->text); return;
    case INK_PICKLE_GLOBAL: snprintf(end, left, "%s", v->text); return;
    case INK_PICKLE_TUPLE: snprintf(end, left, "("); break;
    case INK_PICKLE_LIST: snprintf(end, left, "["); break;
    case INK_PICKLE_SET: snprintf(end, left, "set("); break;
    case INK_PICKLE_DICT: snprintf(end, left, "{"); break;
    case INK_PICKLE_PERSISTENT: snprintf(end, left, "outside("); break;
    case INK_PICKLE_CALL: snprintf(end, left, "call %s(", v->text); break;
    case INK_PICKLE_OBJECT: snprintf(end, left, "new %s(", v->text); break;
    }
    for (size_t i = 0; i < v->count; i++) {
        draw(v->items[i], to, room);
        strncat(to, ",", room - strlen(to) - 1);
    }
    strncat(to, ";", room - strlen(to) - 1);
    if (v->state)
        draw(v->state, to, room);
}

#define TENSOR_CALL "t:ctorch._utils x:0a t:_rebuild_tensor_v2 x:0a"
#define STORAGE                                                                                                  \
    "t:(( t:X 4:7 t:storage t:ctorch x:0a t:FloatStorage x:0a t:X 4:1 t:0 t:X 4:3 t:cpu t:K 1:6 t:t t:Q"
#define ORDERED "t:ccollections x:0a t:OrderedDict x:0a t:)R"

static const char state_dict[] =
    "x:8002 " ORDERED " t:q 1:0 t:( t:X 4:1 t:w " TENSOR_CALL " " STORAGE
    " t:K 1:0 t:K 1:2 t:K 1:3 x:86 t:K 1:3 t:K 1:1 x:86 x:89 " ORDERED " t:t t:R"
    " t:X 4:1 t:b t:N t:u t:}X 4:9 t:_metadata t:h 1:0 t:sb.";

static void shapes(void **state)
{
    static const struct {
        const char *recipe, *drawn;
    } rows[] = {
        { "t:).", "(;" },
        { "t:K 1:1 x:85 t:.", "(1,;" },
        { "t:K 1:1 t:K 1:2 x:86 t:.", "(1,2,;" },
        { "t:NNN x:87 t:.", "(None,None,None,;" },
        { "t:(K 1:1 t:K 1:2 t:K 1:3 t:K 1:4 t:t.", "(1,2,3,4,;" },
        { "t:(t.", "(;" },
        { "t:]K 1:1 t:a.", "[1,;" },
        { "t:](K 1:1 t:K 1:2 t:e.", "[1,2,;" },
        { "t:(NNl.", "[None,None,;" },
        { "t:}.", "{;" },
        { "t:}K 1:1 t:K 1:2 t:s.", "{1,2,;" },
        { "t:}(K 1:1 t:K 1:2 t:K 1:3 t:K 1:4 t:u.", "{1,2,3,4,;" },
        { "t:(K 1:1 t:K 1:2 t:d.", "{1,2,;" },
        { "x:8f t:(NN x:90 t:.", "set(None,None,;" },
        { "t:(NN x:91 t:.", "set(None,None,;" },
        { "t:N2 x:86 t:.", "(None,None,;" },
        { "t:NN0.", "None" },
        { "t:N(NNN1.", "None" },
        { "t:NN x:94 t:0 t:h 1:0 x:86 t:.", "(None,None,;" },
        { "t:K 1:5 t:q 1:200 t:0 t:h 1:200 t:j 4:200 x:86 t:.", "(5,5,;" },
        { "t:K 1:5 t:r 4:70000 t:0 t:j 4:70000 t:.", "5" },
        { "t:K 1:9 t:Q.", "outside(9,;" },
        { "t:ccollections x:0a t:OrderedDict x:0a t:]K 1:1 t:K 1:2 x:86 t:a x:85 t:R.", "{1,2,;" },
        { "t:ccollections x:0a t:OrderedDict x:0a t:) x:81 t:.", "{;" },
        { "t:cbuiltins x:0a t:set x:0a t:](NNe x:85 t:R.", "set(None,None,;" },
        { "t:ctorch x:0a t:device x:0a t:X 4:3 t:cpu x:85 t:R.", "call torch.device(('cpu',;,;" },
        { "t:c__main__ x:0a t:Net x:0a t:) x:81 t:}X 4:1 t:a t:Nsb.", "new __main__.Net((;,;{'a',None,;" },
        { "t:c__main__ x:0a t:Net x:0a t:)} x:92 t:.", "new __main__.Net((;,;" },
        { "t:ccopy_reg x:0a t:_reconstructor x:0a t:(c__main__ x:0a t:Net x:0a t:NNtR.",
          "new __main__.Net((__main__.Net,None,None,;,;" },
        { "t:(X 4:6 t:module t:c__main__ x:0a t:Net x:0a t:NNtQ t:) x:81 t:.", "new __main__.Net((;,;" },
        { "t:c__main__ x:0a t:List x:0a t:) x:81 t:(NNe t:.", "new __main__.List((;,;" },
        { state_dict,
          "{'w',call torch._utils._rebuild_tensor_v2((outside(('storage',torch.FloatStorage,'0','cpu',6,;,;,0,(2,3,;,"
          "(3,1,;,False,{;,;,;,'b',None,;" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reading r = must_read(rows[i].recipe);
        char drawn[1000] = "";
        draw(r.value, drawn, sizeof drawn);
        assert_string_equal(drawn, rows[i].drawn);
        reading_end(&r);
    }
}

static void a_list_within_itself_is_read(void **state)
{
    (void)state;
    reading r = must_read("t:] t:q 1:0 t:h 1:0 t:a.");
    assert_int_equal(r.value->count, 1);
    assert_ptr_equal(r.value->items[0], r.value);
    reading_end(&r);
}

static void one_of_several_is_read(void **state)
{
    (void)state;
    reading r = read_bytes(blob_make("t:N. t:K 1:7 t:."));
    assert_int_equal(r.status, INK_OK);
    assert_int_equal(r.used, 2);
    reading_end(&r);
}

static void keys_and_calls_are_found(void **state)
{
    (void)state;
    reading r = must_read(state_dict);
    const ink_pickle *w = ink_pickle_get(r.value, "w");
    assert_true(ink_pickle_calls(w, "torch._utils._rebuild_tensor_v2", 6));
    assert_false(ink_pickle_calls(w, "torch._utils._rebuild_tensor_v2", 7));
    assert_false(ink_pickle_calls(w, "torch._utils._rebuild_tensor", 1));
    assert_false(ink_pickle_calls(NULL, "torch._utils._rebuild_tensor", 1));
    assert_int_equal(ink_pickle_get(r.value, "b")->kind, INK_PICKLE_NONE);
    assert_null(ink_pickle_get(r.value, "c"));
    assert_null(ink_pickle_get(w, "w"));
    reading_end(&r);
    r = must_read("t:}(X 4:1 t:a t:K 1:1 t:X 4:1 t:a t:K 1:2 t:u.");
    assert_int_equal(ink_pickle_get(r.value, "a")->integer, 2);
    reading_end(&r);
}

/* ---- what is refused ---- */

static void bad_pickles_are_told(void **state)
{
    static const struct {
        const char *recipe;
        ink_status status;
        const char *words;
    } rows[] = {
        { "", INK_ERR_TRUNCATED, "the pickle has no end" },
        { "t:N", INK_ERR_TRUNCATED, "the pickle has no end" },
        { "t:X 4:8 t:weight t:.", INK_ERR_TRUNCATED, "ends within an operation" },
        { "t:X 4:0xffffffff t:.", INK_ERR_TRUNCATED, "ends within an operation" },
        { "x:8d 8:0xffffffffffffffff t:.", INK_ERR_TRUNCATED, "ends within an operation" },
        { "x:8b 4:0xffffffff t:.", INK_ERR_TRUNCATED, "ends within an operation" },
        { "t:ctorch x:0a t:Size", INK_ERR_TRUNCATED, "ends within an operation" },
        { "x:95 4:1", INK_ERR_TRUNCATED, "ends within an operation" },
        { "t:.", INK_ERR_FORMAT, "from an empty stack" },
        { "t:NN.", INK_ERR_FORMAT, "left over" },
        { "t:(N.", INK_ERR_FORMAT, "left over" },
        { "t:N(.", INK_ERR_FORMAT, "from an empty stack" },
        { "t:0.", INK_ERR_FORMAT, "from an empty stack" },
        { "t:t.", INK_ERR_FORMAT, "a mark that is not there" },
        { "t:N( x:85 t:.", INK_ERR_FORMAT, "from an empty stack" },
        { "t:N x:86 t:.", INK_ERR_FORMAT, "from an empty stack" },
        { "t:(Nd.", INK_ERR_FORMAT, "a key without a value" },
        { "t:}(Nu.", INK_ERR_FORMAT, "a key without a value" },
        { "t:(u.", INK_ERR_FORMAT, "from an empty stack" },
        { "t:a.", INK_ERR_FORMAT, "appends nothing" },
        { "t:Ns.", INK_ERR_FORMAT, "sets nothing" },
        { "t:NNa.", INK_ERR_FORMAT, "items are given to what has none" },
        { "t:N}b.", INK_ERR_FORMAT, "attributes are given to what has none" },
        { "t:h 1:3 t:.", INK_ERR_FORMAT, "never put there" },
        { "t:N t:q 1:3 t:0 t:h 1:2 t:.", INK_ERR_FORMAT, "never put there" },
        { "t:NN x:93 t:.", INK_ERR_FORMAT, "name of a global is no text" },
        { "t:N)R.", INK_ERR_FORMAT, "what is called is no global" },
        { "t:ctorch x:0a t:Size x:0a t:NR.", INK_ERR_FORMAT, "arguments of a call are no tuple" },
        { "t:c_codecs x:0a t:encode x:0a t:)R.", INK_ERR_FORMAT, "is given no text" },
        { "t:ccopyreg x:0a t:_reconstructor x:0a t:)R.", INK_ERR_FORMAT, "has no class" },
        { "t:ccollections x:0a t:OrderedDict x:0a t:]Na x:85 t:R.", INK_ERR_FORMAT, "no pairs" },
        { "t:I12x x:0a t:.", INK_ERR_FORMAT, "something else in it" },
        { "t:I x:0a t:.", INK_ERR_FORMAT, "empty or too long" },
        { "t:I1234567890123456789 x:0a t:.", INK_ERR_FORMAT, "empty or too long" },
        { "x:ff t:.", INK_ERR_FORMAT, "byte 0xff is no operation" },
        { "t:N t:r 4:0xffffffff t:.", INK_ERR_LIMIT, "place 4294967295" },
        /* code, by each way that a pickle may call it */
        { "t:cos x:0a t:system x:0a t:X 4:4 t:true x:85 t:R.", INK_ERR_OP, "would call os.system" },
        { "t:cposix x:0a t:system x:0a t:X 4:4 t:true x:85 t:R.", INK_ERR_OP, "would call posix.system" },
        { "t:cbuiltins x:0a t:eval x:0a t:X 4:1 t:1 x:85 t:R.", INK_ERR_OP, "would call builtins.eval" },
        { "x:8c 1:8 t:builtins x:8c 1:4 t:exec x:93 t:X 4:1 t:1 x:85 t:R.", INK_ERR_OP, "would call builtins.exec" },
        { "t:cbuiltins x:0a t:getattr x:0a t:NN x:86 t:R.", INK_ERR_OP, "would call builtins.getattr" },
        { "t:ctorch.hub x:0a t:load x:0a t:)R.", INK_ERR_OP, "would call torch.hub.load" },
        { "t:ctorch.storage x:0a t:_load_from_bytes x:0a t:)R.", INK_ERR_OP, "torch.storage._load_from_bytes" },
        { "t:(ios x:0a t:system x:0a t:.", INK_ERR_OP, "operation INST" },
        { "t:(cos x:0a t:system x:0a t:o.", INK_ERR_OP, "operation OBJ" },
        { "x:8201 t:.", INK_ERR_OP, "operation EXT1" },
        { "x:830100 t:.", INK_ERR_OP, "operation EXT2" },
        { "x:97 t:.", INK_ERR_OP, "operation NEXT_BUFFER" },
        { "t:Pid x:0a t:.", INK_ERR_OP, "operation PERSID" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reading r = read_bytes(blob_make(rows[i].recipe));
        check_error(r.status, &r.error, rows[i].status, rows[i].words);
        reading_end(&r);
    }
}

/* A few bytes may ask for a copy of what is large. */
static void memory_is_limited(void **state)
{
    (void)state;
    blob bytes = blob_make("t:c_codecs x:0a t:encode x:0a t:q 1:0 t:0 t:X 4:1000000 a:1000000 x:85 t:q 1:1 t:0");
    for (size_t i = 0; i < 1000; i++)
        blob_append(&bytes, "h\0h\1R", 5);
    reading r = read_bytes(bytes);
    check_error(r.status, &r.error, INK_ERR_LIMIT, "needs more than 128 MiB");
    reading_end(&r);

    bytes = blob_make("");
    for (size_t i = 0; i < 3000000; i++)
        blob_append(&bytes, "N", 1);
    r = read_bytes(bytes);
    check_error(r.status, &r.error, INK_ERR_LIMIT, "needs more than 128 MiB");
    reading_end(&r);

    bytes = blob_make("");
    for (size_t i = 0; i < 30000000; i++)
        blob_append(&bytes, "(", 1);
    r = read_bytes(bytes);
    check_error(r.status, &r.error, INK_ERR_LIMIT, "needs more than 128 MiB");
    reading_end(&r);
}

/* Every prefix fails, and no byte changed does harm. */
static void broken_pickles_do_no_harm(void **state)
{
    (void)state;
    blob whole = blob_make(state_dict);
    for (size_t size = 0; size < whole.size; size++) {
        blob part = { 0 };
        blob_append(&part, whole.data, size);
        reading r = read_bytes(part);
        check_error(r.status, &r.error, INK_ERR_TRUNCATED, "");
        reading_end(&r);
    }
    for (size_t at = 0; at < whole.size; at++)
        for (unsigned change = 1; change < 256; change++) {
            blob other = { 0 };
            blob_append(&other, whole.data, whole.size);
            other.data[at] ^= (uint8_t)change;
            reading r = read_bytes(other);
            assert_true(r.status == INK_OK || r.error.text[0]);
            reading_end(&r);
        }
    blob_free(&whole);
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    blob bytes = blob_make(state_dict);
    size_t failures = 0;
    for (size_t at = 1;; at++, failures++) {
        test_memory memory = { .fail_at = at };
        const ink_allocator allocator = test_allocator(&memory);
        ink_arena arena;
        const ink_pickle *value;
        size_t used;
        ink_error error;
        ink_arena_init(&arena, &allocator);
        const ink_status status = ink_pickle_parse(bytes.data, bytes.size, &arena, &value, &used, &error);
        ink_arena_free(&arena);
        assert_int_equal(memory.live, 0);
        if (status == INK_OK)
            break;
        check_error(status, &error, INK_ERR_MEMORY, "no memory");
    }
    assert_true(failures > 0);
    blob_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(texts),
        cmocka_unit_test(shapes),
        cmocka_unit_test(a_list_within_itself_is_read),
        cmocka_unit_test(one_of_several_is_read),
        cmocka_unit_test(keys_and_calls_are_found),
        cmocka_unit_test(bad_pickles_are_told),
        cmocka_unit_test(memory_is_limited),
        cmocka_unit_test(broken_pickles_do_no_harm),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
