/* Which tensors of a PyTorch file are the model's, under which names, and what is known of the modules. */
#include "torch_files.h"

#include "import/torch/torch_state.h"

#include <stdio.h>
#include <string.h>

typedef struct reading {
    fence bytes;
    ink_arena arena;
    ink_torch_file file;
    ink_torch_state state;
    ink_error error;
    ink_status status;
} reading;

static void read_state(const char *pickle, reading *r)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    blob zip = zip_of(pickle, numbers);
    ink_arena_init(&r->arena, &allocator);
    r->bytes = fence_make(zip.data, zip.size);
    blob_free(&zip);
    r->status = ink_torch_open(r->bytes.data, r->bytes.size, &r->arena, &r->file, &r->error);
    if (r->status == INK_ERR_OPEN) {
        print_message("skipped: built without libzip\n");
        skip();
    }
    if (r->status)
        fail_msg("%s", r->error.text);
    r->status = ink_torch_state_read(&r->file, &r->state, &r->error);
}

static void reading_end(reading *r)
{
    ink_torch_close(&r->file);
    ink_arena_free(&r->arena);
    fence_free(&r->bytes);
}

#define TEXT(length, text) "x:8c 1:" length " t:" text " "
#define W TENSOR("FloatStorage", "0", "0", PAIR("2", "3"), PAIR("3", "1"))
#define B TENSOR("FloatStorage", "0", "2", ONE("2"), ONE("1"))
#define S TENSOR("FloatStorage", "0", "0", ONE("2"), ONE("1"))
#define ITEMS(contents) "t:}( " contents "t:u "
#define LAYER(class, contents) "t:ctorch.nn x:0a t:" class " x:0a t:) x:81 " ITEMS(contents) "t:b "
#define PARAMETERS(contents) TEXT("11", "_parameters") ITEMS(contents)
#define MODULES(contents) TEXT("8", "_modules") ITEMS(contents)
#define BUFFERS(contents) TEXT("8", "_buffers") ITEMS(contents)
#define LINEAR LAYER("Linear", TEXT("8", "training") "x:89 " PARAMETERS(TEXT("6", "weight") W TEXT("4", "bias") B)      \
                               BUFFERS("") MODULES("") TEXT("11", "in_features") "t:K 1:3 ")
#define NET LAYER("Net", PARAMETERS(TEXT("5", "scale") S) BUFFERS(TEXT("4", "mean") B1) MODULES(TEXT("2", "fc") LINEAR        \
                         TEXT("3", "act") LAYER("ReLU", PARAMETERS("") MODULES(""))))
#define B1 TENSOR("FloatStorage", "0", "4", ONE("1"), ONE("1"))

static void names_are_told(void **state)
{
    static const struct {
        const char *pickle, *key, *weights, *modules;
    } rows[] = {
        { "x:8002 " ITEMS(TEXT("4", "fc.w") W TEXT("4", "fc.b") B) "t:.", "", "fc.w fc.b ", "" },
        /* numbers beside tensors are none, and what stands twice is told once */
        { "x:8002 " ITEMS(TEXT("1", "a") W TEXT("1", "b") W TEXT("1", "c") B TEXT("1", "n") "t:K 1:3 ") "t:.", "", "a c ", "" },
        { "x:8002 " ITEMS(TEXT("5", "epoch") "t:K 1:3 " TEXT("10", "state_dict") ITEMS(TEXT("1", "w") W)) "t:.",
          "state_dict", "w ", "" },
        /* by its usual name, though another dict has more */
        { "x:8002 " ITEMS(TEXT("3", "ema") ITEMS(TEXT("1", "w") W TEXT("1", "b") B) TEXT("5", "model") ITEMS(TEXT("1", "v") W)) "t:.",
          "model", "v ", "" },
        /* by how many it has; the optimizer's are one level further down */
        { "x:8002 " ITEMS(TEXT("3", "opt") ITEMS(TEXT("5", "state") ITEMS("t:K 1:0 " ITEMS(TEXT("3", "avg") W)))
                          TEXT("4", "best") ITEMS(TEXT("1", "w") W)) "t:.", "best", "w ", "" },
        { "x:8002 " NET "t:.", "", "scale mean fc.weight fc.bias ",
          "=torch.nn.Net fc=torch.nn.Linear act=torch.nn.ReLU " },
        { "x:8002 " ITEMS(TEXT("5", "model") NET) "t:.", "model", "scale mean fc.weight fc.bias ",
          "=torch.nn.Net fc=torch.nn.Linear act=torch.nn.ReLU " },
        /* TorchScript: attributes, without the three dicts */
        { "x:8002 t:c__torch__ x:0a t:Net x:0a t:) x:81 " ITEMS(TEXT("8", "training") "x:89 " TEXT("5", "scale") B1
          TEXT("2", "fc") "t:c__torch__ x:0a t:Linear x:0a t:) x:81 " ITEMS(TEXT("6", "weight") W) "t:b ") "t:b.",
          "", "scale fc.weight ", "=__torch__.Net fc=__torch__.Linear " },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reading r = { 0 };
        char weights[200] = "", modules[400] = "";
        read_state(rows[i].pickle, &r);
        if (r.status)
            fail_msg("row %d: %s", (int)i, r.error.text);
        for (size_t k = 0; k < r.state.weight_count; k++)
            snprintf(weights + strlen(weights), sizeof weights - strlen(weights), "%s ", r.state.weights[k].name);
        for (size_t k = 0; k < r.state.module_count; k++) {
            const ink_torch_module *m = &r.state.modules[k];
            snprintf(modules + strlen(modules), sizeof modules - strlen(modules), "%s=%s ", m->path, m->class);
            assert_int_equal(m->attributes->kind, INK_PICKLE_DICT);
        }
        assert_string_equal(r.state.key, rows[i].key);
        assert_string_equal(weights, rows[i].weights);
        assert_string_equal(modules, rows[i].modules);
        reading_end(&r);
    }
}

static void attributes_and_numbers_are_there(void **state)
{
    (void)state;
    reading r = { 0 };
    read_state("x:8002 " NET "t:.", &r);
    assert_int_equal(ink_pickle_get(r.state.modules[1].attributes, "in_features")->integer, 3);
    assert_true(r.state.weights[2].data[5] == 5 && r.state.weights[3].data[0] == 2);
    reading_end(&r);
}

static void what_is_no_model_is_told(void **state)
{
    static const struct {
        const char *pickle;
        ink_status status;
        const char *words;
    } rows[] = {
        { "t:N.", INK_ERR_MISSING, "no tensors" },
        { "t:}.", INK_ERR_MISSING, "no tensors" },
        { "x:8002 " LAYER("Net", PARAMETERS("") MODULES("")) "t:.", INK_ERR_MISSING, "no tensors" },
        { "x:8002 t:}X 4:1 t:w " TENSOR("FloatStorage", "0", "0", ONE("7"), ONE("1")) "t:s.", INK_ERR_SHAPE,
          "tensor 'w' reaches" },
        /* a module that holds itself */
        { "x:8002 t:ctorch.nn x:0a t:Net x:0a t:) x:81 t:q 1:0 " ITEMS(MODULES(TEXT("4", "self") "t:h 1:0 ")) "t:b.",
          INK_ERR_LIMIT, "in a circle" },
        /* 2^20 modules, if each level's two are followed */
        { "x:8002 t:ctorch.nn x:0a t:Net x:0a t:) x:81 t:q 1:0 " ITEMS(MODULES(TEXT("1", "a") "t:h 1:0 " TEXT("1", "b")
          "t:h 1:0 ")) "t:b.", INK_ERR_LIMIT, "in a circle" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reading r = { 0 };
        read_state(rows[i].pickle, &r);
        check_error(r.status, &r.error, rows[i].status, rows[i].words);
        reading_end(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_told),
        cmocka_unit_test(attributes_and_numbers_are_there),
        cmocka_unit_test(what_is_no_model_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
