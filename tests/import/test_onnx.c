/* ONNX: graphs become the networks that they mean, all that is not supported is told at once, and no file does harm.
 * What they compute is compared with another program's results in test_onnx_golden.c. */
#include "onnx_files.h"

#include "import/onnx/onnx.h"

typedef struct reading {
    fence bytes;
    ink_arena arena;
    ink_draft draft;
    ink_companion files[4];
    size_t file_count;
    ink_text wanted;
    ink_error error;
    ink_status status;
} reading;

static void read_bytes(blob bytes, reading *r)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_arena_init(&r->arena, &allocator);
    ink_text_init(&r->wanted, &allocator);
    ink_draft_init(&r->draft, &r->arena);
    r->bytes = fence_make(bytes.data, bytes.size);
    blob_free(&bytes);
    const ink_companions companions = { r->files, r->file_count, &r->wanted };
    r->status = ink_onnx_read(r->bytes.data, r->bytes.size, &companions, &r->draft, &r->error);
    if (r->status == INK_ERR_OPEN && !r->wanted.size) {
        print_message("skipped: built without protobuf-c\n");
        skip();
    }
}

static void reading_end(reading *r)
{
    ink_draft_free(&r->draft);
    ink_free(&r->wanted.allocator, r->wanted.data);
    ink_arena_free(&r->arena);
    fence_free(&r->bytes);
}

#define PICTURE "in x 0,1,4,4\nout y\n"

static const struct {
    const char *what, *graph;
    int opset;
    const char *network;
} networks[] = {
    { "a convolution as PyTorch writes it",
      "in input 0,1,4,4\nout y\nf conv1.weight 2,1,3,3\nf conv1.bias 2\nf fc.weight 3,32\nf fc.bias 3\n"
      "Conv input,conv1.weight,conv1.bias a dilations=[1,1] group=1 kernel_shape=[3,3] pads=[1,1,1,1] strides=[1,1]\n"
      "Relu a b\nFlatten b c axis=1\nGemm c,fc.weight,fc.bias y alpha=~1 beta=~1 transB=1\n", 17,
      "conv2d name=conv1 inputs=input filters=2 kernel=3,3 padding=1,1,1,1\nrelu name=b inputs=conv1\n"
      "flatten name=flatten inputs=b\ndense name=fc inputs=flatten units=3\n" },
    { "nodes in any order", PICTURE "f w 16,3\nSoftmax c y\nMatMul b,w c\nFlatten a b\nRelu x a\n", 13,
      "relu name=a inputs=input\nflatten name=flatten inputs=a\ndense name=c inputs=flatten units=3\n"
      "softmax name=y inputs=c\n" },
    { "nodes that nothing needs", PICTURE "f w 16,3\nFlatten x b\nMatMul b,w y\nLSTM x u\n", 13,
      "flatten name=flatten inputs=input\ndense name=y inputs=flatten units=3\n" },
    { "initializers among the inputs", "in x 1,1,4,4\nin w 16,3\nout y\nf w 16,3\nFlatten x b\nMatMul b,w y\n", 8,
      "flatten name=flatten inputs=input\ndense name=y inputs=flatten units=3\n" },
    { "view(x.size(0), -1)",
      PICTURE "f w 16,3\ni zero -\nShape x s\nGather s,zero n axis=0\nUnsqueeze n u axes=[0]\n"
      "Constant - m value=@i:1:-1\nConcat u,m t axis=0\nReshape x,t b\nMatMul b,w y\n", 11,
      "flatten name=flatten inputs=input\ndense name=y inputs=flatten units=3\n" },
    { "a shape that is computed",
      PICTURE "f w 16,3\ni two 1 2\ni end 1 9223372036854775807\ni m 1 -1\nShape x s\nSlice s,two,end t\n"
      "ReduceProd t p keepdims=1\nConcat m,p q axis=0\nReshape x,q b\nMatMul b,w y\n", 13,
      "flatten name=flatten inputs=input\ndense name=y inputs=flatten units=3\n" },
    { "channels last, as Keras has them",
      "in x 0,6,6,3\nout y\nf k 2,3,3,3\nf w 8,3\ni s 2 -1,8\nTranspose x a perm=[0,3,1,2]\nConv a,k b\n"
      "MaxPool b c kernel_shape=[2,2] strides=[2,2]\nTranspose c d perm=[0,2,3,1]\nReshape d,s e\nMatMul e,w y\n", 9,
      "conv2d name=b inputs=input filters=2 kernel=3,3\nmax_pool2d name=c inputs=b kernel=2,2 stride=2,2\n"
      "permute name=permute inputs=c order=1,2,0\nflatten name=flatten inputs=permute\n"
      "dense name=y inputs=flatten units=3\n" },
    { "an input of rank 2", "in x 0,16\nout y\nf w 16,3\nMatMul x,w y\n", 13,
      "flatten name=flatten inputs=input\ndense name=y inputs=flatten units=3\n" },
    { "a flat input of rank 3", "in x 0,1,16\nout y\nf w 16,3\nFlatten x a\nMatMul a,w y\n", 13,
      "flatten name=flatten inputs=input\ndense name=y inputs=flatten units=3\n" },
    { "an input of rank 3", "in x 0,4,4\nout y\nf w 2,1,3,3\ni a 1 1\nUnsqueeze x,a u\nConv u,w c\nGlobalMaxPool c y\n",
      13, "conv2d name=c inputs=input filters=2 kernel=3,3\nglobal_max_pool2d name=y inputs=c\n"
      "flatten name=flatten inputs=y\n" },
    { "a bias behind a layer", PICTURE "f k 2,1,3,3\nf b 2,1,1\nf w 8,3\nf v 3\nConv x,k c\nAdd c,b d\nFlatten d e\n"
      "MatMul e,w f\nAdd v,f y\n", 8,
      "conv2d name=c inputs=input filters=2 kernel=3,3\nflatten name=flatten inputs=c\n"
      "dense name=f inputs=flatten units=3\n" },
    { "padding by itself and by its size",
      "in x 0,1,7,7\nout y\nf k 2,1,3,2\nf w 18,3\ni p 8 0,0,1,2,0,0,0,0\nPad x,p a\nConv a,k b auto_pad='SAME_UPPER' "
      "strides=[3,3]\nFlatten b c\nMatMul c,w y\n", 13,
      "pad name=a inputs=input padding=1,2,0,0 value=0\n"
      "conv2d name=b inputs=a filters=2 kernel=3,2 stride=3,3 padding=0,0,1,0\nflatten name=flatten inputs=b\n"
      "dense name=y inputs=flatten units=3\n" },
    { "gelu written out",
      PICTURE "f w 16,3\nf r - 1.41421356\nf o - 1\nf h - 0.5\nDiv x,r a\nErf a b\nAdd b,o c\nMul x,c d\nMul d,h e\n"
      "Flatten e f\nMatMul f,w y\n", 13,
      "gelu name=e inputs=input\nflatten name=flatten inputs=e\ndense name=y inputs=flatten units=3\n" },
    { "a list that goes backward",
      PICTURE "f w 16,3\ni r 2 16,-1\ni b 1 -1\ni e 1 -9223372036854775807\ni a 1 0\nSlice r,b,e,a,b q\nReshape x,q f\n"
      "MatMul f,w y\n", 13, "flatten name=flatten inputs=input\ndense name=y inputs=flatten units=3\n" },
    { "a window that would begin in the padding behind the picture",
      "in x 0,1,8,8\nout y\nf w 9,3\nMaxPool x a kernel_shape=[3,3] strides=[3,3] pads=[1,1,1,1] ceil_mode=1\n"
      "Flatten a b\nMatMul b,w y\n", 19,
      "max_pool2d name=a inputs=input kernel=3,3 stride=3,3 padding=1,1,1,1 ceil=1\n"
      "flatten name=flatten inputs=a\ndense name=y inputs=flatten units=3\n" },
    { "a bias behind a layer that something else reads too",
      PICTURE "f k 2,1,3,3\nf b 2,1,1\nf w 8,3\nConv x,k c\nAdd c,b d\nAdd c,d e\nFlatten e f\nMatMul f,w y\n", 13,
      "conv2d name=c inputs=input filters=2 kernel=3,3\nbatch_norm name=d inputs=c epsilon=0\nadd name=e inputs=c,d\n"
      "flatten name=flatten inputs=e\ndense name=y inputs=flatten units=3\n" },
    { "the class is found from the scores",
      PICTURE "f w 16,3\nFlatten x a\nMatMul a,w b\nArgMax b c axis=1\nCast c y to=6\n", 13,
      "# ArgMax at the end is left out: the scores 'b' are the output\nflatten name=flatten inputs=input\n"
      "dense name=b inputs=flatten units=3\n" },
};

static void networks_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        reading r = { 0 };
        read_bytes(onnx_model(networks[i].graph, networks[i].opset), &r);
        if (r.status)
            fail_msg("%s: %s\n%s", networks[i].what, r.error.text, r.draft.faults.data ? r.draft.faults.data : "");
        if (strcmp(r.draft.nodes.data, networks[i].network) != 0)
            fail_msg("%s: is\n%s, wanted\n%s", networks[i].what, r.draft.nodes.data, networks[i].network);
        reading_end(&r);
    }
}

/* The number at `at` of a weight of the draft. */
static float weight_of(const reading *r, const char *name, size_t at)
{
    for (size_t i = 0; i < r->draft.weight_count; i++)
        if (strcmp(r->draft.weights[i].name, name) == 0 && at < r->draft.weights[i].elements)
            return r->draft.weights[i].data[at];
    fail_msg("no weight '%s'", name);
    return 0;
}

/* Gemm of every kind: what it multiplies by, and the order of its matrix. */
static void weights_are_placed(void **state)
{
    (void)state;
    reading r = { 0 };
    read_bytes(onnx_model("in x 0,4\nout y\nf w 4,2 1,2,3,4,5,6,7,8\nf b 1,2 10,20\nf v 2,2 1,2,3,4\n"
                          "Gemm x,w,b a alpha=~0.5 beta=~2\nGemm a,v y transB=1\n", 13), &r);
    if (r.status)
        fail_msg("%s", r.error.text);
    const float wanted[] = { 0.5f, 1.5f, 2.5f, 3.5f, 1, 2, 3, 4 };
    for (size_t i = 0; i < 8; i++)
        assert_true(weight_of(&r, "a.weight", i) == wanted[i]);
    assert_true(weight_of(&r, "a.bias", 0) == 20 && weight_of(&r, "a.bias", 1) == 40);
    for (size_t i = 0; i < 4; i++)
        assert_true(weight_of(&r, "y.weight", i) == (float)(i + 1));
    assert_int_equal(r.draft.weight_count, 3);
    reading_end(&r);
}

/* What divides by 255 first takes bytes as they are; what takes a mean away that small does not tell. */
static void the_scaling_is_told(void **state)
{
    static const struct {
        const char *first;
        bool known, bytes;
    } rows[] = {
        { "Div x,c", true, false },  { "Mul x,d", true, false },  { "Sub x,e", true, false }, { "Relu x", true, true },
        { "Sub x,d", false, false }, { "Div x,e", false, false }, { "Relu x", false, false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[200];
        reading r = { 0 };
        snprintf(text, sizeof text, "%s x 0,1,4,4\nout y\nf w 16,3\nf c - 255\nf d - 0.01\nf e - 3\n%s a\nFlatten a b\n"
                 "MatMul b,w y\n", rows[i].bytes ? "bytes" : "in", rows[i].first);
        read_bytes(onnx_model(text, 13), &r);
        if (r.status)
            fail_msg("%s", r.error.text);
        assert_true(r.draft.scaling_known == rows[i].known);
        assert_true(!rows[i].known || (r.draft.scale == 1 && r.draft.offset == 0));
        reading_end(&r);
    }
}

/* One number in each way that a file may hold it. */
static void types_are_read(void **state)
{
    static const struct {
        int type;
        unsigned field;
        const char *bytes; /* of the field */
        float value;
    } rows[] = {
        { 1, 9, "f:1.5", 1.5f },               { 1, 4, "f:1.5", 1.5f },
        { 10, 9, "x:003e", 1.5f },             { 10, 5, "x:807c", 1.5f },
        { 16, 9, "x:c03f", 1.5f },             { 16, 5, "x:c07f", 1.5f },
        { 11, 9, "x:000000000000f83f", 1.5f }, { 11, 10, "x:000000000000f83f", 1.5f },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reading r = { 0 };
        blob graph = onnx_graph("in x 0,4\nout y\nf v 4,2\nMatMul x,v a\nMul a,s y\n"), tensor = { 0 };
        blob bytes = blob_make(rows[i].bytes);
        pb_int(&tensor, 2, rows[i].type);
        pb_text(&tensor, 8, "s");
        pb_part(&tensor, rows[i].field, &bytes);
        pb_part(&graph, 5, &tensor);
        read_bytes(onnx_model_of(graph, 13), &r);
        if (r.status)
            fail_msg("type %d, field %u: %s", rows[i].type, rows[i].field, r.error.text);
        assert_true(weight_of(&r, "y.weight", 0) == rows[i].value);
        reading_end(&r);
    }
}

/* ---- weights in a file beside ---- */

static void put_entry(blob *to, const char *key, const char *value)
{
    blob entry = { 0 };
    pb_text(&entry, 1, key);
    pb_text(&entry, 2, value);
    pb_part(to, 13, &entry);
}

static blob external(const char *location, const char *offset, const char *length)
{
    blob graph = onnx_graph("in x 0,4\nout y\nMatMul x,w y\n"), tensor = { 0 };
    pb_int(&tensor, 1, 4);
    pb_int(&tensor, 1, 2);
    pb_int(&tensor, 2, ONNX_FLOAT);
    pb_text(&tensor, 8, "w");
    put_entry(&tensor, "location", location);
    if (offset)
        put_entry(&tensor, "offset", offset);
    if (length)
        put_entry(&tensor, "length", length);
    pb_int(&tensor, 14, 1);
    pb_part(&graph, 5, &tensor);
    return onnx_model_of(graph, 13);
}

static void companions_are_read(void **state)
{
    static const float numbers[9] = { -1, 1, 2, 3, 4, 5, 6, 7, 8 };
    static const struct {
        const char *location, *offset, *length;
        ink_status status;
        const char *words;
    } rows[] = {
        { "m.data", "4", "32", INK_OK, "" },
        { "m.data", "4", NULL, INK_OK, "" },
        { "m.data", NULL, "32", INK_OK, "" },
        { "other", NULL, NULL, INK_ERR_OPEN, "another file" },
        { "../m.data", NULL, NULL, INK_ERR_FORMAT, "outside its folder" },
        { "", NULL, NULL, INK_ERR_FORMAT, "outside its folder" },
        { "m.data", "8", "32", INK_ERR_TRUNCATED, "needs 32 bytes from 8 on of 'm.data', which has 36" },
        { "m.data", "18446744073709551615", "32", INK_ERR_TRUNCATED, "needs 32 bytes" },
        { "m.data", "18446744073709551616", "32", INK_ERR_FORMAT, "offset of its external data" },
        { "m.data", "-4", "32", INK_ERR_FORMAT, "offset of its external data" },
        { "m.data", "4", "28", INK_ERR_SHAPE, "its shape wants 32 bytes, its entry says 28" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reading r = { .files = { { "m.data", (const uint8_t *)numbers, sizeof numbers } }, .file_count = 1 };
        read_bytes(external(rows[i].location, rows[i].offset, rows[i].length), &r);
        if (rows[i].status) {
            check_error(r.status, &r.error, rows[i].status, rows[i].words);
        } else {
            assert_int_equal(r.status, INK_OK);
            assert_true(weight_of(&r, "y.weight", 0) == (rows[i].offset ? 1 : -1));
            assert_true(weight_of(&r, "y.weight", 1) == (rows[i].offset ? 3 : 2));
        }
        if (rows[i].status == INK_ERR_OPEN)
            assert_string_equal(r.wanted.data, "other\n");
        reading_end(&r);
    }
}

/* ---- what is not supported ---- */

static void faults_are_told(void **state)
{
    static const struct {
        const char *graph, *words; /* what the faults say, with | between */
        int opset;
    } rows[] = {
        { PICTURE "f w 16,3\nLSTM x a\nFoo a b\nFlatten b c\nMatMul c,w y\n",
          "node 'a' (LSTM): recurrent|node 'b' (Foo): not supported", 13 },
        { PICTURE "If x a\nFlatten a b\nLoop b y\n", "(If): control flow|(Loop): control flow", 13 },
        { PICTURE "f w 16,3\nFlatten x a\nMatMul a,w b\nSoftmax b y axis=0\n", "across the pictures", 13 },
        { PICTURE "f w 16,3\nFlatten x a foo=3\nMatMul a,w y\n", "has the attribute 'foo', which is not known", 13 },
        { PICTURE "f w 15,3\nFlatten x a\nMatMul a,w y\n", "15 x 3, which does not fit inputs of 16", 13 },
        { PICTURE "f w 2,1,3\nConv x,w y\n", "its weight is no constant of 4 dimensions", 13 },
        { PICTURE "f w 2,1,9,9\nConv x,w y\n", "its window is larger", 13 },
        { PICTURE "f w 2,1,3,3\nConv x,w y group=2\n", "do not fit each other", 13 },
        { PICTURE "f w 2,1,3,3\nConv x,w y auto_pad='MORE'\n", "auto_pad is none", 13 },
        { PICTURE "f w 2,1,3,3\nConv x,w y pads=[-1,0,0,0]\n", "pads holds -1", 13 },
        { PICTURE "f w 2,1,3,3\nConv x,w y strides=[0,1]\n", "strides holds 0", 13 },
        { PICTURE "f w 2,1,3,3\nConv x,w y strides=[1]\n", "strides has 1 numbers", 13 },
        { PICTURE "MaxPool x y kernel_shape=[2,2] dilations=[2,2]\n", "dilations", 13 },
        { PICTURE "MaxPool x y kernel_shape=[2,2] pads=[2,2,2,2]\n", "pads by 2", 13 },
        { PICTURE "f w 16,3\nMaxPool x,w a,b kernel_shape=[2,2]\nFlatten b c\nMatMul c,w y\n",
          "reads 'b', an output", 13 },
        { PICTURE "Mul x,x y\n", "of two computed values", 13 },
        { PICTURE "MatMul x,x y\n", "attention", 13 },
        { PICTURE "i s 2 3,-1\nReshape x,s y\n", "makes N x 1x4x4 to 3 x -1", 13 },
        { PICTURE "i s 2 3,16\ni t 2 4,-1\nReshape x,s a\nReshape a,t y\n", "makes N x 16 to 4 x -1", 13 },
        { "in x 1,1,4,4\nout y\ni s 2 4,4\nReshape x,s y\n", "makes N x 1x4x4 to 4 x 4", 13 },
        { PICTURE "i s 1 -1\nReshape x,s y\n", "makes N x 1x4x4 to -1", 13 },
        { PICTURE "i s 6 0,1,1,1,4,4\nReshape x,s y\n", "4 dimensions at most", 13 },
        { PICTURE "Shape x s\nReshape x,s a\nTranspose a y perm=[1,0,2,3]\n", "moves the batch", 13 },
        { "in x 1,1,4,4\nout y\nf w 16,3\nFlatten x a\nMatMul a,w b\nSqueeze b y\n", "that of the batch too", 13 },
        { PICTURE "i a 1 0\nSqueeze x,a y\n", "across the pictures", 13 },
        { PICTURE "i p 8 1,0,0,0,0,0,0,0\nPad x,p y\n", "across the pictures", 13 },
        { PICTURE "i p 8 0,0,1,1,0,0,1,1\nPad x,p y mode='edge'\n", "mode=edge", 13 },
        { PICTURE "i k -\nGather x,k y\n", "supported for constants only", 13 },
        { PICTURE "f r - 1.5\nf o - 1\nf h - 0.5\nDiv x,r a\nErf a b\nAdd b,o c\nMul x,c d\nMul d,h y\n",
          "node 'b' (Erf)", 13 },
        { PICTURE "Shape x s\nSub s,s t\nReshape x,t y\n", "with the number of pictures", 13 },
        { PICTURE "Shape x s\nMul s,s t\nReshape x,t y\n", "with the number of pictures", 13 },
        { PICTURE "in z 0,3\nf w 16,3\nFlatten x a\nMatMul a,w b\nAdd b,z y\n",
          "more than one input, 'x' and 'z'", 13 },
        { PICTURE "out z\nf w 16,3\nFlatten x a\nMatMul a,w y\nRelu y z\n", "more than one output, 'y' and 'z'", 13 },
        { PICTURE "Relu x y\n", "its output 'y' is N x 1x4x4; wanted scores", 13 },
        { PICTURE "f w 16,20\nFlatten x a\nMatMul a,w y\n", "as many as a picture or more", 13 },
        { "in x 0,15\nout y\nf w 15,3\nMatMul x,w y\n", "its input 'x' is no picture of a fixed size", 13 },
        { "in x 16\nout y\nf w 16,3\nMatMul x,w y\n", "its input 'x' is no picture of a fixed size", 13 },
        { "in x 0,1,0,4\nout y\nGlobalMaxPool x y\n", "its input 'x' is no picture of a fixed size", 13 },
        { "in x 0,1,4,4\nout y\nf y 3\n", "does not depend on an input", 13 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reading r = { 0 };
        char words[300];
        size_t count = 0;
        read_bytes(onnx_model(rows[i].graph, rows[i].opset), &r);
        if (r.status != INK_ERR_OP)
            fail_msg("%s: %s", rows[i].graph, r.status ? r.error.text : "was read");
        strcpy(words, rows[i].words);
        for (char *at = words; *at; count++) {
            const char *word = onnx_word(&at, "|");
            if (!strstr(r.draft.faults.data, word))
                fail_msg("%s: wanted '%s', is\n%s", rows[i].graph, word, r.draft.faults.data);
        }
        assert_int_equal(r.draft.fault_count, count);
        reading_end(&r);
    }
}

static void bad_files_are_told(void **state)
{
    static const struct {
        const char *graph;
        ink_status status;
        const char *words;
        int opset;
    } rows[] = {
        { PICTURE "Relu b a\nRelu a b\nAdd a,x y\n", INK_ERR_GRAPH, "depends on itself", 13 },
        { PICTURE "Relu y y\n", INK_ERR_GRAPH, "depends on itself", 13 },
        { PICTURE "Relu z y\n", INK_ERR_FORMAT, "node 'y' (Relu) reads 'z', which nothing gives", 13 },
        { PICTURE "Relu x a\nRelu x a\nAdd a,a y\n", INK_ERR_FORMAT, "'a' is given to two values", 13 },
        { PICTURE "Relu x z\n", INK_ERR_FORMAT, "nothing gives its output 'y'", 13 },
        { "in x 0,1,4,4\nRelu x y\n", INK_ERR_MISSING, "no output", 13 },
        { PICTURE "Relu x y\n", INK_ERR_VERSION, "version 6 of ONNX's operators, wanted 7 to", 6 },
        { PICTURE "Relu x y\n", INK_ERR_VERSION, "version 29", 29 },
        { PICTURE "f w 1,1,1,1,1,1,1,1,1\nAdd x,w y\n", INK_ERR_SHAPE, "has 9 dimensions", 13 },
        { PICTURE "i s 1 99999999999\nConstantOfShape s a\nAdd a,x y\n", INK_ERR_LIMIT, "more numbers", 13 },
        { PICTURE "i s 2 4611686018427387904,4\nConstantOfShape s a\nAdd a,x y\n", INK_ERR_LIMIT, "more numbers", 13 },
        { PICTURE "i s 3 1048576,1048576,0\nConstantOfShape s a\nAdd a,x y\n", INK_ERR_LIMIT, "more numbers", 13 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reading r = { 0 };
        read_bytes(onnx_model(rows[i].graph, rows[i].opset), &r);
        if (r.status == INK_OK)
            fail_msg("%s: was read", rows[i].graph);
        check_error(r.status, &r.error, rows[i].status, rows[i].words);
        reading_end(&r);
    }
}

/* Tensors that are not what they say. */
static void bad_tensors_are_told(void **state)
{
    static const struct {
        int64_t type, dim;
        unsigned field;
        const char *bytes;
        ink_status status;
        const char *words;
    } rows[] = {
        { 8, 1, 9, "f:1", INK_ERR_TYPE, "tensor 's' has the type 8" },
        { 1, 2, 9, "f:1", INK_ERR_SHAPE, "wants 8 bytes, 4 are there" },
        { 1, 2, 4, "f:1", INK_ERR_SHAPE, "wants 2 numbers, 1 are there" },
        { 7, 1, 4, "f:1", INK_ERR_SHAPE, "wants 1 numbers, 0 are there" },
        { 1, -1, 9, "f:1", INK_ERR_SHAPE, "dimension 0 is -1" },
        { 1, INT64_MAX, 9, "f:1", INK_ERR_LIMIT, "more numbers" },
        { 1, 1, 4, "x:000000", INK_ERR_FORMAT, "cannot be unpacked" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reading r = { 0 };
        blob graph = onnx_graph(PICTURE "Add x,s y\n"), tensor = { 0 }, bytes = blob_make(rows[i].bytes);
        pb_int(&tensor, 1, rows[i].dim);
        pb_int(&tensor, 2, rows[i].type);
        pb_text(&tensor, 8, "s");
        pb_part(&tensor, rows[i].field, &bytes);
        pb_part(&graph, 5, &tensor);
        read_bytes(onnx_model_of(graph, 13), &r);
        check_error(r.status, &r.error, rows[i].status, rows[i].words);
        reading_end(&r);
    }
    static const struct {
        const char *bytes;
        ink_status status;
        const char *words;
    } files[] = {
        { "x:0808", INK_ERR_MISSING, "holds no graph" },
        { "", INK_ERR_MISSING, "holds no graph" },
        { "x:3a05 x:00", INK_ERR_TRUNCATED, "ends within a field" },
        { "x:08", INK_ERR_TRUNCATED, "ends within a field" },
        { "x:0f", INK_ERR_FORMAT, "has the type 7" },
        { "x:3a 1:1 x:ff", INK_ERR_FORMAT, "cannot be unpacked" },
        { "x:3a 1:0", INK_ERR_VERSION, "version 0" },
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        reading r = { 0 };
        read_bytes(blob_make(files[i].bytes), &r);
        check_error(r.status, &r.error, files[i].status, files[i].words);
        reading_end(&r);
    }
}

/* A graph that stands there again and again is merged each time, which would be quadratic; messages of two bytes
 * become hundreds; graphs within graphs are not followed. */
static void sizes_are_bounded(void **state)
{
    enum { COUNT = 300000 };
    (void)state;
    reading r = { 0 };
    blob graph = { 0 }, model = { 0 };
    for (int i = 0; i < COUNT; i++)
        blob_append(&graph, "\x0a\0", 2);
    pb_part(&model, 7, &graph);
    for (int i = 0; i < COUNT; i++)
        blob_append(&model, "\x3a\0", 2);
    read_bytes(model, &r);
    check_error(r.status, &r.error, INK_ERR_LIMIT, "too many small parts");
    reading_end(&r);

    blob inner = onnx_graph("Relu x y\n");
    for (int depth = 0; depth < 2000; depth++) {
        blob attribute = { 0 }, node = { 0 }, outer = { 0 };
        pb_part(&attribute, 6, &inner);
        pb_part(&node, 5, &attribute);
        pb_part(&outer, 1, &node);
        inner = outer;
    }
    r = (reading){ 0 };
    read_bytes(onnx_model_of(inner, 13), &r);
    check_error(r.status, &r.error, INK_ERR_MISSING, "no output");
    reading_end(&r);
}

static void it_is_told_by_its_beginning(void **state)
{
    (void)state;
    blob model = onnx_model(PICTURE "Relu x y\n", 13);
    assert_true(ink_onnx_is(model.data, model.size));
    blob_free(&model);
    assert_false(ink_onnx_is((const uint8_t *)"", 0));
    assert_false(ink_onnx_is((const uint8_t *)"\x08", 1));
    assert_false(ink_onnx_is((const uint8_t *)"\x08\x08", 2));
    assert_false(ink_onnx_is((const uint8_t *)"\x08\x01\x12\x00", 4)); /* TensorFlow's saved_model.pb */
    assert_false(ink_onnx_is((const uint8_t *)"GGUF\3\0\0\0", 8));
    assert_false(ink_onnx_is((const uint8_t *)"\x80\x02}q", 4));
}

static void memory_may_fail(void **state)
{
    (void)state;
    ink_status status = INK_ERR_MEMORY;
    blob model = onnx_model(networks[0].graph, networks[0].opset);
    for (size_t i = 1; status; i++) {
        test_memory memory = { .fail_at = i, .fail_after = true };
        const ink_allocator allocator = test_allocator(&memory);
        const ink_companions none = { NULL, 0, &(ink_text){ .allocator = allocator } };
        ink_arena arena;
        ink_draft draft;
        ink_error error;
        ink_arena_init(&arena, &allocator);
        ink_draft_init(&draft, &arena);
        status = ink_onnx_read(model.data, model.size, &none, &draft, &error);
        if (status == INK_ERR_OPEN)
            skip();
        if (status)
            check_error(status, &error, INK_ERR_MEMORY, "no memory");
        ink_draft_free(&draft);
        ink_arena_free(&arena);
        assert_int_equal(memory.live, 0);
    }
    blob_free(&model);
}

/* Every prefix fails, and no byte changed does harm. */
static void broken_files_do_no_harm(void **state)
{
    (void)state;
    blob whole = onnx_model("in x 0,1,3,3\nout y\nf k 2,1,2,2\nf w 2,2\ni z -\nShape x s\nGather s,z n axis=0\n"
                            "Constant - m value=@i:1:-1\nUnsqueeze n u axes=[0]\nConcat u,m t axis=0\nConv x,k a\n"
                            "GlobalMaxPool a b\nReshape b,t c\nGemm c,w y alpha=~2\n", 11);
    for (size_t size = 0; size < whole.size; size++) {
        blob part = { 0 };
        reading r = { 0 };
        blob_append(&part, whole.data, size);
        read_bytes(part, &r);
        assert_true(r.status != INK_OK && r.error.text[0]);
        reading_end(&r);
    }
    static const uint8_t changes[] = { 1, 2, 4, 8, 16, 32, 64, 128, 0x7f, 0xff };
    for (size_t at = 0; at < whole.size; at++)
        for (size_t k = 0; k < sizeof changes; k++) {
            blob other = { 0 };
            reading r = { 0 };
            blob_append(&other, whole.data, whole.size);
            other.data[at] ^= changes[k];
            read_bytes(other, &r);
            assert_true(r.status == INK_OK || r.error.text[0]);
            reading_end(&r);
        }
    blob_free(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_are_read),
        cmocka_unit_test(weights_are_placed),
        cmocka_unit_test(the_scaling_is_told),
        cmocka_unit_test(types_are_read),
        cmocka_unit_test(companions_are_read),
        cmocka_unit_test(faults_are_told),
        cmocka_unit_test(bad_files_are_told),
        cmocka_unit_test(bad_tensors_are_told),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(it_is_told_by_its_beginning),
        cmocka_unit_test(memory_may_fail),
        cmocka_unit_test(broken_files_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
