/* Pickled modules: the nodes that a Sequential becomes, and what attributes say where the forward is not in the file. */
#include "torch_files.h"

#include "import/torch/module_graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(length, text) "x:8c 1:" length " t:" text " "
#define FOUR(a, b, c, d) "t:( t:J 4:" a " t:J 4:" b " t:J 4:" c " t:J 4:" d " t:t "
#define CONV_WEIGHT TENSOR("FloatStorage", "0", "1", FOUR("2", "1", "3", "3"), FOUR("0", "0", "0", "0"))
#define ITEMS(contents) "t:}( " contents "t:u "
#define CLASS(module, class, contents) "t:c" module " x:0a t:" class " x:0a t:) x:81 " ITEMS(contents) "t:b "
#define PARAMETERS(contents) TEXT("11", "_parameters") ITEMS(contents)
#define BUFFERS(contents) TEXT("8", "_buffers") ITEMS(contents)
#define MODULES(contents) TEXT("8", "_modules") ITEMS(contents)
#define LAYER(class, contents) CLASS("torch.nn", class, MODULES("") contents) /* of two, the last counts */
#define INT(value) "t:K 1:" value " "
#define TRUE "x:88 "
#define NOTHING "t:N "
#define FLOAT_HALF "t:G b8:0x3fe0000000000000 "
#define ONES(size) TENSOR("FloatStorage", "0", "1", ONE(size), ONE("0"))
#define DENSE(out, in) \
    LAYER("Linear", PARAMETERS(TEXT("6", "weight") TENSOR("FloatStorage", "0", "1", PAIR(out, in), PAIR("0", "0")) \
                               TEXT("4", "bias") NOTHING))
#define CONV(more) LAYER("Conv2d", PARAMETERS(TEXT("6", "weight") CONV_WEIGHT TEXT("4", "bias") ONES("2")) more)
#define NORM(more) \
    LAYER("BatchNorm2d", PARAMETERS(TEXT("6", "weight") NOTHING) \
                         BUFFERS(TEXT("12", "running_mean") TENSOR("FloatStorage", "0", "2", ONE("2"), ONE("0")) \
                                 TEXT("11", "running_var") TENSOR("FloatStorage", "0", "3", ONE("2"), ONE("0"))) more)
#define SEQUENTIAL(contents) LAYER("Sequential", MODULES(contents))
#define FLATTEN LAYER("Flatten", TEXT("9", "start_dim") INT("1"))

typedef struct reading {
    fence bytes;
    ink_arena arena;
    ink_torch_file file;
    ink_torch_state state;
    ink_draft draft;
    ink_error error;
} reading;

static void read_state(const char *pickle, reading *r)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    blob zip = zip_of(pickle, numbers);
    *r = (reading){ .draft = { .arena = NULL } };
    ink_arena_init(&r->arena, &allocator);
    r->bytes = fence_make(zip.data, zip.size);
    blob_free(&zip);
    const ink_status status = ink_torch_open(r->bytes.data, r->bytes.size, &r->arena, &r->file, &r->error);
    if (status == INK_ERR_OPEN) {
        print_message("skipped: built without libzip\n");
        skip();
    }
    if (status || ink_torch_state_read(&r->file, &r->state, &r->error))
        fail_msg("%s", r->error.text);
    ink_draft_init(&r->draft, &r->arena);
}

static ink_status read_module(const char *pickle, reading *r)
{
    read_state(pickle, r);
    assert_true(ink_module_has_graph(&r->state));
    const ink_status status = ink_module_draft(&r->file, &r->state, &r->draft, &r->error);
    return status ? status : ink_draft_finish(&r->draft, &r->error);
}

static void reading_end(reading *r)
{
    ink_draft_free(&r->draft);
    ink_torch_close(&r->file);
    ink_arena_free(&r->arena);
    fence_free(&r->bytes);
}

static void sequentials_become_nodes(void **state)
{
    static const struct {
        const char *pickle, *nodes;
    } rows[] = {
        { SEQUENTIAL(TEXT("1", "0") FLATTEN TEXT("1", "1") DENSE("4", "784") TEXT("1", "2") LAYER("Dropout", "")
                     TEXT("1", "3") LAYER("LeakyReLU", TEXT("14", "negative_slope") FLOAT_HALF) TEXT("1", "4") DENSE("3", "4")
                     TEXT("1", "5") LAYER("LogSoftmax", TEXT("3", "dim") INT("1"))),
          "flatten name=0 inputs=input\ndense name=1 inputs=0 units=4\nleaky_relu name=3 inputs=1 alpha=0.5\n"
          "dense name=4 inputs=3 units=3\nlog_softmax name=5 inputs=4\n" },
        { SEQUENTIAL(TEXT("1", "a") SEQUENTIAL(TEXT("1", "c") CONV(TEXT("6", "stride") INT("2") TEXT("7", "padding") TEXT("4", "same")
                         TEXT("8", "dilation") PAIR("2", "1") " ") TEXT("1", "n") NORM(TEXT("3", "eps") FLOAT_HALF))
                     TEXT("1", "p") LAYER("MaxPool2d", TEXT("11", "kernel_size") INT("3") TEXT("6", "stride") INT("2")
                         TEXT("7", "padding") INT("1") TEXT("9", "ceil_mode") TRUE)
                     TEXT("1", "q") LAYER("AvgPool2d", TEXT("11", "kernel_size") INT("2") TEXT("6", "stride") NOTHING)
                     TEXT("1", "z") LAYER("ZeroPad2d", TEXT("7", "padding") FOUR("1", "2", "3", "4"))
                     TEXT("1", "g") LAYER("AdaptiveAvgPool2d", TEXT("11", "output_size") INT("1"))),
          "conv2d name=a.c inputs=input filters=2 kernel=3,3 stride=2,2 padding=2,1,2,1 dilation=2,1\n"
          "batch_norm name=a.n inputs=a.c epsilon=0.5\n"
          "max_pool2d name=p inputs=a.n kernel=3,3 stride=2,2 padding=1,1,1,1 ceil=1\n"
          "avg_pool2d name=q inputs=p kernel=2,2\npad name=z inputs=q padding=3,1,4,2 value=0\n"
          "global_avg_pool2d name=g inputs=z\nflatten name=flatten inputs=g\n" },
        { LAYER("DataParallel", MODULES(TEXT("6", "module") SEQUENTIAL(TEXT("1", "0") DENSE("3", "784")))),
          "flatten name=flatten inputs=input\ndense name=module.0 inputs=flatten units=3\n" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reading r;
        char pickle[8000], nodes[1000];
        snprintf(pickle, sizeof pickle, "x:8002 %st:.", rows[i].pickle);
        if (read_module(pickle, &r))
            fail_msg("row %d: %s", (int)i, r.error.text);
        snprintf(nodes, sizeof nodes, "%.*s", (int)r.draft.nodes.size, r.draft.nodes.data);
        assert_string_equal(nodes, rows[i].nodes);
        reading_end(&r);
    }
}

static void what_is_not_supported_is_told(void **state)
{
    static const struct {
        const char *pickle;
        ink_status status;
        const char *words;
    } rows[] = {
        { SEQUENTIAL(TEXT("1", "0") LAYER("LSTM", PARAMETERS(TEXT("1", "w") ONES("2")))), INK_ERR_OP,
          "layer '0' (LSTM): layers of this class are not supported" },
        { SEQUENTIAL(TEXT("1", "0") CONV(TEXT("12", "padding_mode") TEXT("7", "reflect"))), INK_ERR_OP, "other than zeros" },
        { SEQUENTIAL(TEXT("1", "0") FLATTEN TEXT("1", "1") DENSE("4", "784") TEXT("1", "2") LAYER("Softmax", TEXT("3", "dim") INT("0"))),
          INK_ERR_OP, "give it dim=1" },
        { SEQUENTIAL(TEXT("1", "0") CONV("") TEXT("1", "1") LAYER("ReLU", TEXT("14", "_forward_hooks") ITEMS(INT("0") INT("1")))),
          INK_ERR_OP, "has hooks" },
        { SEQUENTIAL(TEXT("1", "0") CONV("") TEXT("1", "1") FLATTEN TEXT("1", "2") DENSE("3", "7")), INK_ERR_SHAPE,
          "layer '2' (Linear): gets [1352], wanted 7 numbers" },
        { SEQUENTIAL(TEXT("1", "0") CONV(TEXT("6", "stride") INT("0"))), INK_ERR_FORMAT, "'stride' is malformed" },
        { SEQUENTIAL(TEXT("1", "0") CONV("") TEXT("1", "1") LAYER("MaxPool2d", "")), INK_ERR_SHAPE, "a larger picture" },
        { "t:ctorch.nn x:0a t:Sequential x:0a t:) x:81 t:q x:00 t:}( " PARAMETERS(TEXT("1", "w") ONES("2"))
          TEXT("8", "_modules") ITEMS(TEXT("1", "0") CONV("")) "t:u t:b ", INK_OK, "" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reading r;
        char pickle[8000];
        snprintf(pickle, sizeof pickle, "x:8002 %st:.", rows[i].pickle);
        const ink_status status = read_module(pickle, &r);
        if (rows[i].status)
            check_error(status, &r.error, rows[i].status, rows[i].words);
        else
            assert_int_equal(status, INK_OK);
        reading_end(&r);
    }
}

/* A class of someone's own: its forward is not in the file, but attributes are. */
static void attributes_leave_less_to_guess(void **state)
{
    (void)state;
    reading r;
    ink_chain chain;
    read_state("x:8002 " CLASS("__main__", "Net", MODULES(
                   TEXT("1", "c") CONV(TEXT("6", "stride") INT("2") TEXT("7", "padding") PAIR("1", "0") " ") TEXT("1", "n")
                   NORM(TEXT("3", "eps") FLOAT_HALF) TEXT("1", "a") LAYER("LeakyReLU", TEXT("14", "negative_slope") FLOAT_HALF)
                   TEXT("1", "p") LAYER("AvgPool2d", TEXT("11", "kernel_size") INT("3") TEXT("6", "stride") INT("2"))
                   TEXT("1", "d") DENSE("3", "72"))) "t:.", &r);
    assert_false(ink_module_has_graph(&r.state));
    assert_int_equal(ink_chain_read(r.state.weights, r.state.weight_count, &r.arena, &chain, &r.error), INK_OK);
    assert_int_equal(ink_module_hints(&r.state, &r.arena, &chain, &r.error), INK_OK);
    assert_string_equal(chain.activation, "leaky_relu alpha=0.5");
    assert_string_equal(chain.pool_op, "avg_pool2d");
    ink_chain_guess guesses[INK_CHAIN_GUESSES];
    assert_int_equal(ink_chain_guess_all(&chain, guesses), 1);
    const ink_chain_style style = { .activation = chain.activation, .pool = chain.pool_op, .scale = 1 };
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_buffer text;
    assert_int_equal(ink_chain_text(&chain, guesses, &style, &allocator, &text, &r.error), INK_OK);
    static const char want[] = "input shape=1,28,28 scale=1 offset=0\n"
                               "conv2d name=c filters=2 kernel=3,3 stride=2,2 padding=1,0,1,0\nbatch_norm name=n epsilon=0.5\n"
                               "leaky_relu alpha=0.5\navg_pool2d kernel=3 stride=2\nflatten\ndense name=d units=3\n";
    assert_int_equal(text.size, sizeof want - 1);
    assert_memory_equal(text.data, want, text.size);
    ink_buffer_close(&text);
    reading_end(&r);
}

/* Two kinds of activation say nothing. */
static void what_differs_is_no_hint(void **state)
{
    (void)state;
    reading r;
    ink_chain chain;
    read_state("x:8002 " CLASS("__main__", "Net", MODULES(TEXT("1", "a") LAYER("ReLU", "") TEXT("1", "b") LAYER("Tanh", "")
               TEXT("1", "d") DENSE("3", "784"))) "t:.", &r);
    assert_int_equal(ink_chain_read(r.state.weights, r.state.weight_count, &r.arena, &chain, &r.error), INK_OK);
    assert_int_equal(ink_module_hints(&r.state, &r.arena, &chain, &r.error), INK_OK);
    assert_null(chain.activation);
    assert_null(chain.pool);
    reading_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequentials_become_nodes),
        cmocka_unit_test(what_is_not_supported_is_told),
        cmocka_unit_test(attributes_leave_less_to_guess),
        cmocka_unit_test(what_differs_is_no_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
