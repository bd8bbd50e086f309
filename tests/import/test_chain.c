/* Guesses at the network behind a list of weights: which sizes fit, in which order, and as which text. */
#include "support.h"

#include "import/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct list {
    ink_weight weights[64];
    size_t count;
    ink_arena arena;
} list;

/* Tensors from lines like "conv1.weight 32 1 3 3", with ";" between them. */
static void list_make(const char *recipe, list *to)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    *to = (list){ .count = 0 };
    ink_arena_init(&to->arena, &allocator);
    for (const char *at = recipe; *at;) {
        ink_weight *w = &to->weights[to->count++];
        const size_t end = strcspn(at, ";"), name = strcspn(at, " ;");
        w->name = ink_arena_string(&to->arena, at, name);
        w->elements = 1;
        for (const char *p = at + name; p < at + end;) {
            char *next;
            w->dim[w->rank] = strtoull(p, &next, 10);
            w->elements *= w->dim[w->rank++];
            p = next;
        }
        at += end + (at[end] == ';');
    }
}

static ink_chain_style style = { .activation = "relu", .pool = "max_pool2d", .scale = 0.5 };

static void check_text(const ink_chain *chain, const ink_chain_guess *guess, const char *want)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_buffer buffer;
    ink_error error;
    assert_int_equal(ink_chain_text(chain, guess, &style, &allocator, &buffer, &error), INK_OK);
    char text[1000];
    snprintf(text, sizeof text, "%.*s", (int)buffer.size, (const char *)buffer.data);
    ink_buffer_close(&buffer);
    assert_string_equal(text, want);
}

#define CONV(name, out, in, side) name ".weight " out " " in " " side " " side ";" name ".bias " out ";"
#define DENSE(name, out, in) name ".weight " out " " in ";" name ".bias " out ";"
#define NORM(name, size) \
    name ".weight " size ";" name ".bias " size ";" name ".running_mean " size ";" name ".running_var " size ";"     \
    name ".num_batches_tracked;"

/* How many guesses there are, and the likeliest. */
static void first_guesses(void **state)
{
    static const struct {
        const char *recipe;
        size_t count;
        const char *text;
    } rows[] = {
        { DENSE("fc1", "128", "784") DENSE("fc2", "10", "128"), 1,
          "input shape=1,28,28 scale=0.5 offset=0\nflatten\ndense name=fc1 units=128\nrelu\ndense name=fc2 units=10\n" },
        { DENSE("1", "10", "64"), 1, "input shape=1,8,8 scale=0.5 offset=0\nflatten\ndense name=1 units=10\n" },
        { CONV("conv1", "32", "1", "3") CONV("conv2", "64", "32", "3") DENSE("fc", "10", "1600"), 2,
          "input shape=1,28,28 scale=0.5 offset=0\n"
          "conv2d name=conv1 filters=32 kernel=3,3\nrelu\nmax_pool2d kernel=2\n"
          "conv2d name=conv2 filters=64 kernel=3,3\nrelu\nmax_pool2d kernel=2\n"
          "flatten\ndense name=fc units=10\n" },
        /* PyTorch's example: one pool behind the second */
        { CONV("conv1", "32", "1", "3") CONV("conv2", "64", "32", "3") DENSE("fc1", "128", "9216") DENSE("fc2", "10", "128"), 7,
          "input shape=1,28,28 scale=0.5 offset=0\n"
          "conv2d name=conv1 filters=32 kernel=3,3\nrelu\n"
          "conv2d name=conv2 filters=64 kernel=3,3\nrelu\nmax_pool2d kernel=2\n"
          "flatten\ndense name=fc1 units=128\nrelu\ndense name=fc2 units=10\n" },
        /* names that leave no room for a pool behind the first and third */
        { CONV("f.0", "4", "1", "3") CONV("f.2", "4", "4", "3") CONV("f.5", "8", "4", "3") CONV("f.7", "8", "8", "3")
          DENSE("c.1", "10", "392"), 36,
          "input shape=1,28,28 scale=0.5 offset=0\n"
          "conv2d name=f.0 filters=4 kernel=3,3 padding=1,1\nrelu\n"
          "conv2d name=f.2 filters=4 kernel=3,3 padding=1,1\nrelu\nmax_pool2d kernel=2\n"
          "conv2d name=f.5 filters=8 kernel=3,3 padding=1,1\nrelu\n"
          "conv2d name=f.7 filters=8 kernel=3,3 padding=1,1\nrelu\nmax_pool2d kernel=2\n"
          "flatten\ndense name=c.1 units=10\n" },
        { CONV("conv1", "4", "1", "3") NORM("bn1", "4") CONV("conv2", "8", "4", "3") NORM("bn2", "8") DENSE("fc", "10", "392"), 13,
          "input shape=1,28,28 scale=0.5 offset=0\n"
          "conv2d name=conv1 filters=4 kernel=3,3 padding=1,1\nbatch_norm name=bn1\nrelu\nmax_pool2d kernel=2\n"
          "conv2d name=conv2 filters=8 kernel=3,3 padding=1,1\nbatch_norm name=bn2\nrelu\nmax_pool2d kernel=2\n"
          "flatten\ndense name=fc units=10\n" },
        /* all norms behind all layers */
        { DENSE("fc1", "16", "784") DENSE("fc2", "8", "16") DENSE("fc3", "10", "8") NORM("bn1", "16") NORM("bn2", "8"), 1,
          "input shape=1,28,28 scale=0.5 offset=0\nflatten\ndense name=fc1 units=16\nbatch_norm name=bn1\nrelu\n"
          "dense name=fc2 units=8\nbatch_norm name=bn2\nrelu\ndense name=fc3 units=10\n" },
        /* groups; a kernel of 1; even kernels are not padded */
        { CONV("a", "4", "1", "2") CONV("b", "4", "1", "1") DENSE("fc", "10", "2916"), 1,
          "input shape=1,28,28 scale=0.5 offset=0\nconv2d name=a filters=4 kernel=2,2\nrelu\n"
          "conv2d name=b filters=4 kernel=1,1 groups=4\nrelu\nflatten\ndense name=fc units=10\n" },
        { CONV("c", "10", "1", "1"), 30,
          "input shape=1,28,28 scale=0.5 offset=0\nconv2d name=c filters=10 kernel=1,1\nglobal_avg_pool2d\nflatten\n" },
        { CONV("c", "7", "1", "5") DENSE("fc", "10", "9999"), 0, NULL },
        /* a norm of the picture; one tensor without a layer's name; a stride where a pool leads to no such size; an
         * adaptive pool */
        { NORM("b", "1") CONV("c", "4", "1", "3") DENSE("fc", "10", "2704"), 1,
          "input shape=1,28,28 scale=0.5 offset=0\nbatch_norm name=b\nconv2d name=c filters=4 kernel=3,3\nrelu\n"
          "flatten\ndense name=fc units=10\n" },
        { "weight 10 784;bias 10", 1, "input shape=1,28,28 scale=0.5 offset=0\nflatten\ndense name=layer units=10\n" },
        { CONV("a", "4", "1", "4") DENSE("fc", "10", "784"), 1,
          "input shape=1,28,28 scale=0.5 offset=0\nconv2d name=a filters=4 kernel=4,4 stride=2 padding=1,1\nrelu\n"
          "flatten\ndense name=fc units=10\n" },
        { CONV("a", "4", "1", "5") DENSE("fc", "10", "144"), 3,
          "input shape=1,28,28 scale=0.5 offset=0\nconv2d name=a filters=4 kernel=5,5\nrelu\n"
          "avg_pool2d kernel=4,4\nflatten\ndense name=fc units=10\n" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        list l;
        ink_chain chain;
        ink_chain_guess guesses[INK_CHAIN_GUESSES];
        ink_error error;
        list_make(rows[i].recipe, &l);
        if (ink_chain_read(l.weights, l.count, &l.arena, &chain, &error))
            fail_msg("row %d: %s", (int)i, error.text);
        const size_t count = ink_chain_guess_all(&chain, guesses);
        if (count != rows[i].count)
            fail_msg("row %d: %d guesses, wanted %d", (int)i, (int)count, (int)rows[i].count);
        if (rows[i].text)
            check_text(&chain, guesses, rows[i].text);
        ink_arena_free(&l.arena);
    }
}

/* What else a network may do than what most do: by the words of the text. */
static void styles_are_written(void **state)
{
    static const struct {
        ink_chain_style style;
        const char *behind;
    } rows[] = {
        { { .activation = "elu", .pool = "max_pool2d" }, "batch_norm name=n\nelu\nmax_pool2d kernel=2\n" },
        { { .activation = "relu", .pool = "avg_pool2d", .norms = INK_CHAIN_NORM_SECOND },
          "relu\nbatch_norm name=n\navg_pool2d kernel=2\n" },
        { { .activation = "relu", .pool = "max_pool2d", .norms = INK_CHAIN_NORM_LAST },
          "relu\nmax_pool2d kernel=2\nbatch_norm name=n\n" },
        { { .activation = "relu", .pool = "max_pool2d", .pool_first = true },
          "batch_norm name=n\nmax_pool2d kernel=2\nrelu\n" },
        { { .activation = "relu", .pool = "max_pool2d", .bare_convs = true },
          "batch_norm name=n\nmax_pool2d kernel=2\n" },
    };
    (void)state;
    list l;
    ink_chain chain;
    ink_chain_guess guesses[INK_CHAIN_GUESSES];
    ink_error error;
    list_make(CONV("c", "4", "1", "3") NORM("n", "4") DENSE("fc", "10", "784"), &l);
    assert_int_equal(ink_chain_read(l.weights, l.count, &l.arena, &chain, &error), INK_OK);
    assert_true(ink_chain_guess_all(&chain, guesses) > 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char want[400];
        const ink_allocator allocator = ink_allocator_or_default(NULL);
        ink_buffer text;
        snprintf(want, sizeof want, "input shape=1,28,28 scale=0 offset=0\n"
                 "conv2d name=c filters=4 kernel=3,3 padding=1,1\n%sflatten\ndense name=fc units=10\n", rows[i].behind);
        assert_int_equal(ink_chain_text(&chain, guesses, &rows[i].style, &allocator, &text, &error), INK_OK);
        assert_int_equal(text.size, strlen(want));
        assert_memory_equal(text.data, want, text.size);
        ink_buffer_close(&text);
    }
    ink_arena_free(&l.arena);
}

static void guesses_are_in_order(void **state)
{
    (void)state;
    list l;
    ink_chain chain;
    ink_chain_guess guesses[INK_CHAIN_GUESSES + 1];
    ink_error error;
    memset(&guesses[INK_CHAIN_GUESSES], 0x77, sizeof *guesses);
    /* whose last picture is 1x1, so that many ways lead to it */
    list_make(CONV("a", "6", "1", "5") CONV("b", "16", "6", "5") CONV("c", "120", "16", "5") DENSE("fc", "10", "120"), &l);
    assert_int_equal(ink_chain_read(l.weights, l.count, &l.arena, &chain, &error), INK_OK);
    const size_t count = ink_chain_guess_all(&chain, guesses);
    assert_int_equal(count, INK_CHAIN_GUESSES);
    for (size_t i = 1; i < count; i++)
        assert_true(guesses[i - 1].oddity <= guesses[i].oddity);
    for (size_t i = 0; i < sizeof *guesses; i++)
        assert_int_equal(((const uint8_t *)&guesses[INK_CHAIN_GUESSES])[i], 0x77);
    ink_arena_free(&l.arena);
}

static void a_draft_says_what_is_missing(void **state)
{
    (void)state;
    list l;
    ink_chain chain;
    ink_error error;
    list_make(CONV("c", "4", "1", "3") DENSE("fc", "10", "64"), &l);
    assert_int_equal(ink_chain_read(l.weights, l.count, &l.arena, &chain, &error), INK_OK);
    check_text(&chain, NULL,
               "# a draft: the weights do not say paddings, strides, pools and activations; where it says ? put in what is "
               "right,\n# change what is not, and give this file with --graph\n"
               "input shape=1,28,28 scale=0.5 offset=0 # x = pixel * scale + offset, pixel from 0 to 255\n"
               "conv2d name=c filters=4 kernel=3,3 # padding=? stride=?\nrelu\n# max_pool2d kernel=2 ?\n"
               "flatten\ndense name=fc units=10 # takes 64: 4 channels of 4 x 4\n");
    ink_arena_free(&l.arena);
}

/* Keras' pictures are flattened with the channels last, and its norms may stand behind activations. */
static void keras_has_its_own_order(void **state)
{
    static const struct {
        bool keras;
        ink_chain_norms norms;
        const char *text;
    } rows[] = {
        { true, INK_CHAIN_NORM_FIRST, "input shape=1,28,28 scale=0.5 offset=0\nconv2d name=c filters=4 kernel=3,3\n"
                       "batch_norm name=n epsilon=0.001\nrelu\npermute order=1,2,0\nflatten\ndense name=d units=10\n" },
        { true, INK_CHAIN_NORM_SECOND, "input shape=1,28,28 scale=0.5 offset=0\nconv2d name=c filters=4 "
                      "kernel=3,3\nrelu\nbatch_norm name=n epsilon=0.001\npermute order=1,2,0\nflatten\ndense name=d units=10\n" },
        { false, INK_CHAIN_NORM_FIRST, "input shape=1,28,28 scale=0.5 offset=0\nconv2d name=c filters=4 kernel=3,3\n"
                        "batch_norm name=n\nrelu\nflatten\ndense name=d units=10\n" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        list l;
        ink_chain chain;
        ink_chain_guess guesses[INK_CHAIN_GUESSES];
        ink_error error;
        list_make(CONV("c", "4", "1", "3") NORM("n", "4") DENSE("d", "10", "2704"), &l);
        assert_int_equal(ink_chain_read(l.weights, l.count, &l.arena, &chain, &error), INK_OK);
        chain.keras = rows[i].keras;
        assert_true(ink_chain_guess_all(&chain, guesses) > 0);
        style.norms = rows[i].norms;
        check_text(&chain, guesses, rows[i].text);
        style.norms = INK_CHAIN_NORM_FIRST;
        ink_arena_free(&l.arena);
    }
}

static void what_is_no_chain_is_told(void **state)
{
    static const struct {
        const char *recipe;
        ink_status status;
        const char *words;
    } rows[] = {
        { "", INK_ERR_GRAPH, "has no layers" },
        { NORM("bn", "4"), INK_ERR_GRAPH, "'bn' of 4 channels stands behind no layer" },
        { "a.weight 4 1 3;b.weight 2 784;c.alpha 3", INK_ERR_OP, ": c.alpha" },
        { "a.weight 4 1 3;b.weight 2 784;c.weight 3", INK_ERR_OP, ": a c" },
        { "a.weight 10 784;a.bias 9", INK_ERR_OP, ": a" },
        { "n.running_mean 4;n.running_var 5", INK_ERR_OP, ": n" },
        { "rnn.weight_ih_l0 20 28;rnn.weight_hh_l0 20 20", INK_ERR_OP, ": rnn.weight_ih_l0 rnn.weight_hh_l0" },
        { DENSE("a", "16", "784") CONV("b", "4", "1", "3"), INK_ERR_GRAPH, "'b', a convolution, stands behind dense" },
        { DENSE("a", "16", "784") DENSE("b", "10", "17"), INK_ERR_GRAPH, "'b' takes 17 numbers, 'a' before it gives 16" },
        { DENSE("a", "16", "783"), INK_ERR_GRAPH, "takes 783 numbers, which is no square picture" },
        { DENSE("a", "16", "784") NORM("n", "17"), INK_ERR_GRAPH, "'n' of 17 channels" },
        { CONV("1", "1", "1", "3") CONV("2", "1", "1", "3") CONV("3", "1", "1", "3") CONV("4", "1", "1", "3")
          CONV("5", "1", "1", "3") CONV("6", "1", "1", "3") CONV("7", "1", "1", "3") CONV("8", "1", "1", "3")
          CONV("9", "1", "1", "3"), INK_ERR_GRAPH, "more than 8 convolutions" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        list l;
        ink_chain chain;
        ink_error error;
        list_make(rows[i].recipe, &l);
        check_error(ink_chain_read(l.weights, l.count, &l.arena, &chain, &error), &error, rows[i].status, rows[i].words);
        ink_arena_free(&l.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_guesses),
        cmocka_unit_test(styles_are_written),
        cmocka_unit_test(guesses_are_in_order),
        cmocka_unit_test(a_draft_says_what_is_missing),
        cmocka_unit_test(keras_has_its_own_order),
        cmocka_unit_test(what_is_no_chain_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
