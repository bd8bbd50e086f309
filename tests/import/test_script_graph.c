/* TorchScript archives: which nodes their forward methods become, and what is refused. */
#include "torch_files.h"

#include "import/torch/script_graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(length, text) "x:8c 1:" length " t:" text " "
#define FOUR(a, b, c, d) "t:( t:J 4:" a " t:J 4:" b " t:J 4:" c " t:J 4:" d " t:t"
/* All their elements are one float of the storage. */
#define CONV_WEIGHT TENSOR("FloatStorage", "0", "1", FOUR("2", "1", "3", "3"), FOUR("0", "0", "0", "0"))
#define DENSE_WEIGHT TENSOR("FloatStorage", "0", "2", PAIR("3", "784"), PAIR("0", "0"))
#define SMALL_WEIGHT TENSOR("FloatStorage", "0", "2", PAIR("3", "64"), PAIR("0", "0"))
#define BIAS3 TENSOR("FloatStorage", "0", "3", ONE("3"), ONE("0"))
#define TWO_ONES TENSOR("FloatStorage", "0", "1", ONE("2"), ONE("0"))
#define SCALAR TENSOR("FloatStorage", "0", "2", "t:)", "t:)")
#define OBJECT(module, class, contents) "t:c" module " x:0a t:" class " x:0a t:) x:81 t:}( " contents "t:u t:b "
#define NET                                                                                                         \
    "x:8002 " OBJECT("__torch__", "Net", TEXT("8", "training") "x:88 " TEXT("1", "w") DENSE_WEIGHT TEXT("1", "b") BIAS3  \
                     TEXT("1", "s") SMALL_WEIGHT TEXT("4", "conv") OBJECT("__torch__.nn", "Conv",                      \
                     TEXT("6", "weight") CONV_WEIGHT TEXT("4", "bias") TWO_ONES)) "t:."

static const char conv_code[] =
    "class Conv(Module):\n"
    "  k : Final[Tuple[int, int]] = (1, 1)\n"
    "  def forward(self: __torch__.nn.Conv,\n    x: Tensor) -> Tensor:\n"
    "    weight = self.weight\n"
    "    return torch._convolution(x, weight, self.bias, self.k, [1, 1], [1, 1], False, [0, 0], 1, False, False, True)\n"
    "def act(x: Tensor,\n    slope: float=0.25) -> Tensor:\n"
    "  if torch.lt(slope, 0.):\n"
    "    ops.prim.RaiseException(\"negative\", \"builtins.ValueError\")\n"
    "  else:\n"
    "    pass\n"
    "  return torch.leaky_relu(x, slope)\n";

/* An archive of a module Net whose forward has this body. */
static blob archive(const char *body, const char *pickle)
{
    static const char head[] = "class Net(Module):\n  def forward(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n";
    zip_entry entries[] = {
        { .name = "net/data.pkl", .data = blob_make(pickle) },
        { .name = "net/data/0", .data = blob_make("f:0 f:1 f:2 f:3 f:4 f:5") },
        { .name = "net/constants.pkl", .data = blob_make("x:8002 t:( " DENSE_WEIGHT SCALAR TWO_ONES "t:t.") },
        { .name = "net/constants/0", .data = blob_make("f:0 f:0.5 f:2 f:3") },
        { .name = "net/code/__torch__.py", .data = blob_make("") },
        { .name = "net/code/__torch__/nn.py", .data = blob_make("") },
        { .name = "net/version", .data = blob_make("t:3 x:0a") },
    };
    blob_append(&entries[4].data, head, sizeof head - 1);
    blob_append(&entries[4].data, body, strlen(body));
    blob_append(&entries[5].data, conv_code, sizeof conv_code - 1);
    blob zip = zip_make(entries, sizeof entries / sizeof *entries);
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        blob_free(&entries[i].data);
    return zip;
}

typedef struct reading {
    fence bytes;
    ink_arena arena;
    ink_torch_file file;
    ink_draft draft;
    ink_error error;
    ink_status status;
} reading;

static void read_script(blob zip, reading *r)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    *r = (reading){ .status = INK_OK };
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
    assert_true(ink_script_has_graph(&r->file));
    ink_draft_init(&r->draft, &r->arena);
    r->status = ink_script_draft(&r->file, &r->draft, &r->error);
    if (!r->status)
        r->status = ink_draft_finish(&r->draft, &r->error);
}

static void reading_end(reading *r)
{
    ink_draft_free(&r->draft);
    ink_torch_close(&r->file);
    ink_arena_free(&r->arena);
    fence_free(&r->bytes);
}

#define FLAT "flatten name=flatten inputs=input\n"
#define DENSE(inputs) "dense name=dense inputs=" inputs " units=3\n"
#define CONV "conv2d name=conv inputs=input filters=2 kernel=3,3 padding=1,1,1,1\n"
#define END(from) "flatten name=flatten inputs=" from "\n"

static void scripts_become_nodes(void **state)
{
    static const struct {
        const char *body, *nodes;
    } rows[] = {
        { "    return torch.linear(torch.flatten(x, 1), self.w, self.b)\n", FLAT DENSE("flatten") },
        { "    y = torch.view(x, [torch.size(x, 0), -1])\n    return torch.addmm(self.b, y, torch.t(self.w))\n",
          FLAT DENSE("flatten") },
        { "    n = ops.prim.NumToTensor(torch.size(x, 2))\n    m = torch.mul(n, CONSTANTS.c1)\n"
          "    y = torch.reshape(x, [-1, int(torch.mul(m, 14))])\n    return torch.matmul(y, torch.t(CONSTANTS.c0))\n",
          FLAT DENSE("flatten") }, /* 28 * 2 * 14 */
        { "    n = 1\n    for i in range(torch.__range_length(1, 4, 1)):\n      j = torch.__derive_index(i, 1, 1)\n"
          "      n = torch.mul(n, torch.size(x)[j])\n    return torch.linear(torch.view(x, [-1, n]), self.w, None)\n",
          FLAT DENSE("flatten") },
        { "    conv = self.conv\n    return torch.mean((conv).forward(x, ), [2, 3])\n",
          CONV "global_avg_pool2d name=global_avg_pool2d inputs=conv\n" END("global_avg_pool2d") },
        /* training is off, defaults are taken, a change in place is seen by who holds the value */
        { "    if self.training:\n      y = torch.foo(x)\n    else:\n      y = (self.conv).forward(x, )\n"
          "    z = torch.relu_(y)\n    w = __torch__.nn.act(y, )\n    return torch.dropout(torch.max_pool2d(w, [14, 14]), 0.5, False)\n",
          CONV "relu name=relu inputs=conv\nleaky_relu name=leaky_relu inputs=relu alpha=0.25\n"
          "max_pool2d name=max_pool2d inputs=leaky_relu kernel=14,14\n" END("max_pool2d") },
        { "    y = (getattr(self, \"conv\")).forward(x, )\n    return torch.cat([torch.add(y, y), torch.tanh(y)], 1)\n",
          CONV "add name=add inputs=conv,conv\ntanh name=tanh inputs=conv\n"
          "concat name=concat inputs=add,tanh axis=0\n" END("concat") },
        { "    a, b, = torch.max_pool2d_with_indices(x, [2, 2], annotate(List[int], []), [0, 0], [1, 1], True)\n"
          "    y = torch.avg_pool2d(torch.pad(a, [1, 2, 0, 1], \"constant\", None), [3, 3], [2, 2], [1, 1], False, True)\n"
          "    return torch.softmax(torch.adaptive_avg_pool2d(y, [8, 9]), -1)\n",
          "max_pool2d name=max_pool2d inputs=input kernel=2,2 ceil=1\n"
          "pad name=pad inputs=max_pool2d padding=0,1,1,2 value=0\n"
          "avg_pool2d name=avg_pool2d inputs=pad kernel=3,3 stride=2,2 padding=1,1,1,1 count_padding=1\n"
          "softmax name=softmax inputs=avg_pool2d\n" END("softmax") },
        { "    y = torch.div(torch.sub(x, CONSTANTS.c1), 0.5)\n    return torch.permute(torch.squeeze(y, 1), [0, 2, 1])\n",
          "batch_norm name=batch_norm inputs=input epsilon=0\nbatch_norm name=batch_norm_2 inputs=batch_norm epsilon=0\n"
          "reshape name=reshape inputs=batch_norm_2 shape=28,28\npermute name=permute inputs=reshape order=1,0\n"
          END("permute") },
        { "    y = torch.batch_norm((self.conv).forward(x, ), None, None, CONSTANTS.c2, CONSTANTS.c2, False, 0.1, 0.001, True)\n"
          "    return torch.gelu(torch.elu(y, 0.5), approximate=\"tanh\")\n",
          CONV "batch_norm name=batch_norm inputs=conv epsilon=0.001\nelu name=elu inputs=batch_norm alpha=0.5\n"
          "gelu name=gelu inputs=elu approximate=1\n" END("gelu") },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reading r;
        char nodes[1000];
        read_script(archive(rows[i].body, NET), &r);
        if (r.status)
            fail_msg("row %d: %s: %.*s", (int)i, r.error.text, (int)r.draft.faults.size, r.draft.faults.data);
        snprintf(nodes, sizeof nodes, "%.*s", (int)r.draft.nodes.size, r.draft.nodes.data);
        assert_string_equal(nodes, rows[i].nodes);
        assert_true(r.draft.channels == 1 && r.draft.height == 28 && r.draft.width == 28);
        reading_end(&r);
    }
}

static const ink_weight *weight_named(const reading *r, const char *name)
{
    for (size_t i = 0; i < r->draft.weight_count; i++)
        if (strcmp(r->draft.weights[i].name, name) == 0)
            return &r->draft.weights[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

static void weights_are_taken(void **state)
{
    (void)state;
    reading r;
    read_script(archive("    y = torch.flatten((self.conv).forward(torch.sub(1, x), ), 1)\n"
                        "    return torch.softmax(y, 1)\n", NET), &r);
    if (r.status)
        fail_msg("%s", r.error.text);
    const ink_weight *w = weight_named(&r, "conv.weight");
    assert_true(w->rank == 4 && w->elements == 18 && w->data[0] == 1 && w->data[17] == 1);
    assert_true(weight_named(&r, "conv.bias")->data[1] == 1);
    assert_true(weight_named(&r, "batch_norm.weight")->data[0] == -1); /* 1 - x */
    assert_true(weight_named(&r, "batch_norm.bias")->data[0] == 1);
    assert_true(weight_named(&r, "batch_norm.variance")->data[0] == 1);
    reading_end(&r);
}

/* Where the file does not tell, the size is one that fits; where it was traced, that. */
static void the_picture_has_a_size(void **state)
{
    static const struct {
        const char *body;
        uint32_t channels, side;
        const char *nodes;
    } rows[] = {
        { "    return torch.linear(torch.flatten(x, 1), self.s, self.b)\n", 1, 8, FLAT DENSE("flatten") },
        { "    return torch.linear(x, self.w, None)\n", 1, 28, FLAT DENSE("flatten") },
        { "    return torch.linear(x, self.s, None)\n", 1, 8, FLAT DENSE("flatten") },
        { "    return torch.mean((self.conv).forward(torch.unsqueeze(x, 1), ), [2, 3])\n", 1, 28,
          "reshape name=reshape inputs=input shape=28,28\nreshape name=reshape_2 inputs=reshape shape=1,28,28\n"
          "conv2d name=conv inputs=reshape_2 filters=2 kernel=3,3 padding=1,1,1,1\n"
          "global_avg_pool2d name=global_avg_pool2d inputs=conv\n" END("global_avg_pool2d") },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reading r;
        char nodes[1000];
        read_script(archive(rows[i].body, NET), &r);
        if (r.status)
            fail_msg("row %d: %s", (int)i, r.error.text);
        snprintf(nodes, sizeof nodes, "%.*s", (int)r.draft.nodes.size, r.draft.nodes.data);
        assert_string_equal(nodes, rows[i].nodes);
        assert_true(r.draft.channels == rows[i].channels && r.draft.height == rows[i].side);
        reading_end(&r);
    }
}

static void what_is_not_known_is_refused(void **state)
{
    static const struct {
        const char *body;
        ink_status status;
        const char *words;
    } rows[] = {
        { "    return torch.lstm(x)\n", INK_ERR_OP, "__torch__.py:4: torch.lstm: is not supported" },
        { "    y = torch.foo(x)\n    z = torch.relu(y)\n    return torch.bar(z)\n", INK_ERR_OP, "2 things" },
        { "    return torch.dropout(x, 0.5, True)\n", INK_ERR_OP, "traced while training" },
        { "    return torch.softmax(x, 0)\n", INK_ERR_OP, "over the pictures of a batch" },
        { "    return torch.relu(x, other=1)\n", INK_ERR_OP, "an argument that is not known" },
        { "    return torch.max_pool2d(x, [2, 2], [2, 2], [0, 0], [2, 2])\n", INK_ERR_OP, "dilation" },
        { "    return torch.pad(x, [1, 1, 1, 1], \"reflect\")\n", INK_ERR_OP, "constant padding" },
        { "    return torch.adaptive_avg_pool2d(x, [3, 3])\n", INK_ERR_OP, "not divided evenly" },
        { "    return torch.mul(x, x)\n", INK_ERR_OP, "the sum is" },
        { "    return (x, x)\n", INK_ERR_OP, "several values" },
        { "    return 3\n", INK_ERR_OP, "not computed from the picture" },
        { "    y = torch.view(x, [-1, 784])\n    z = torch.relu_(y)\n    return x\n", INK_ERR_OP, "changed in place" },
        { "    if torch.foo(x):\n      pass\n    return x\n", INK_ERR_OP, "torch.foo: is not supported" },
        { "    if x:\n      pass\n    return x\n", INK_ERR_OP, "which way to go" },
        { "    return torch.to_mkldnn(x)\n", INK_ERR_MISSING, "optimize_for_inference" },
        { "    return torch.linear(torch.flatten(x, 0), self.w)\n", INK_ERR_SHAPE, "axes behind that of the batch" },
        { "    return torch.linear(torch.view(x, [-1, 65]), self.s)\n", INK_ERR_SHAPE, "65" },
        { "    ops.prim.RaiseException(\"no\")\n    return x\n", INK_ERR_SHAPE, "'no'" },
        { "    return self.nothing\n", INK_ERR_MISSING, "the module has no 'nothing'" },
        { "    return CONSTANTS.c9\n", INK_ERR_MISSING, "no constant 'c9'" },
        { "    return CONSTANTS.d\n", INK_ERR_MISSING, "no constant 'd'" },
        { "    return __torch__.nn.gone(x)\n", INK_ERR_MISSING, "no function '__torch__.nn.gone'" },
        { "    return __torch__.nn.act()\n", INK_ERR_FORMAT, "no argument is given for 'x'" },
        { "    return __torch__.nn.act(x, 0.5, 1)\n", INK_ERR_FORMAT, "too many arguments" },
        { "    a, b, = [1, 2, 3]\n    return x\n", INK_ERR_FORMAT, "as many values as names" },
        { "    return torch.floordiv(1, 0)\n", INK_ERR_FORMAT, "divides by 0" },
        { "    return [1][2]\n", INK_ERR_SHAPE, "no item 2 of 1" },
        { "    return torch.conv2d(x, x)\n", INK_ERR_FORMAT, "no tensor of the file" },
        { "    return torch.conv2d(1, self.w)\n", INK_ERR_FORMAT, "nothing that is computed" },
        { "    return {}\n", INK_ERR_OP, "a dict" },
        { "    return x(1)\n", INK_ERR_OP, "calls what is no function" },
        { "    while x:\n      pass\n", INK_ERR_OP, "'while' is not supported" },
        { "    return (self).forward(x, )\n", INK_ERR_LIMIT, "calls itself" },
        { "    for i in range(100000):\n      pass\n    return x\n", INK_ERR_LIMIT, "more than 10000 times" },
        { "    for i in range(9000):\n      for j in range(9000):\n        pass\n    return x\n", INK_ERR_LIMIT, "steps" },
        { "    a = [1]\n    for i in range(9000):\n      a = torch.append(a, torch.slice(a, 0))\n    return x\n",
          INK_ERR_LIMIT, "steps" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reading r;
        read_script(archive(rows[i].body, NET), &r);
        if (r.status == INK_OK)
            fail_msg("row %d is taken", (int)i);
        check_error(r.status, &r.error, rows[i].status, rows[i].words);
        reading_end(&r);
    }
}

static void bad_constants_and_roots_are_refused(void **state)
{
    (void)state;
    reading r;
    /* a module that holds itself, and a list that does */
    read_script(archive("    return (self.m).forward(x, )\n",
                        "x:8002 t:c__torch__ x:0a t:Net x:0a t:) x:81 t:q x:00 t:}( " TEXT("1", "m") "t:h x:00 t:u t:b."), &r);
    check_error(r.status, &r.error, INK_ERR_LIMIT, "calls itself");
    reading_end(&r);
    read_script(archive("    return self.m\n",
                        "x:8002 " OBJECT("__torch__", "Net", TEXT("1", "m") "t:]q x:00 t:h x:00 t:a ") "t:."), &r);
    check_error(r.status, &r.error, INK_ERR_LIMIT, "nested too deep");
    reading_end(&r);
    /* a tensor that reaches beyond its storage */
    read_script(archive("    return torch.linear(x, self.w)\n",
                        "x:8002 " OBJECT("__torch__", "Net", TEXT("1", "w") TENSOR("FloatStorage", "0", "0", PAIR("3", "784"),
                        PAIR("784", "1"))) "t:."), &r);
    check_error(r.status, &r.error, INK_ERR_FORMAT, "its storage has 6");
    reading_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts_become_nodes),
        cmocka_unit_test(weights_are_taken),
        cmocka_unit_test(the_picture_has_a_size),
        cmocka_unit_test(what_is_not_known_is_refused),
        cmocka_unit_test(bad_constants_and_roots_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
