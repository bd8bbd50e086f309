/* Models as the public functions show them: what a model tells of itself, what a layout cannot hold,
 * bad arguments. What the older layouts compute is in test_layouts.c, bad files in test_model_bad.c. */
#include "models.h"

#include <math.h>

/* ---- networks that a layout cannot hold ---- */

/* A network in a line: the input, then nodes with ';' between. A node has an operator, a name, and
 * what it needs: the shape of its weight, attributes, "nobias", "<name" for the node that it reads,
 * "large" for a weight of a million. */
#define FC "1x4x4; flatten flat; dense one 3,16; relu r; dense two 2,3"
#define CNN_HEAD "1x8x8; conv2d one 2,1,3,3 padding=1; relu r1; max_pool2d p1 kernel=2; "
#define CNN_TAIL "; relu r2; max_pool2d p2 kernel=2; flatten flat; dense end 2,12"
#define CNN CNN_HEAD "conv2d two 3,2,3,3 padding=1" CNN_TAIL
#define OLD_NODES "; conv2d one 2,1,3,3; relu r1; max_pool2d p1 kernel=2; conv2d two 3,2,3,3; relu r2; " \
                  "max_pool2d p2 kernel=2; flatten flat; dense end 2,3"
#define OLD "1x10x10" OLD_NODES

static const struct fit {
    const char *name, *network;
    ink_layout layout;
    const char *words; /* NULL: it fits */
} fits[] = {
    { "fc", FC, INK_LAYOUT_LEGACY, NULL },
    { "fc", FC, INK_LAYOUT_GGML, NULL },
    { "fc with softmax", FC "; softmax s", INK_LAYOUT_LEGACY, NULL },
    { "fc with softmax", FC "; softmax s", INK_LAYOUT_GGML, NULL },
    { "fc with dropouts",
      "1x4x4; dropout a; flatten flat; dropout b rate=0.1; dense one 3,16; relu r; dense two 2,3; dropout c",
      INK_LAYOUT_GGML, NULL },
    { "cnn", CNN, INK_LAYOUT_GGML, NULL },
    { "cnn, 8x8 all the same", "1x8x8; conv2d one 2,1,5,5 padding=1; relu r1; "
      "max_pool2d p1 kernel=2; conv2d two 3,2,2,2 padding=1" CNN_TAIL, INK_LAYOUT_GGML, NULL },
    { "cnn of 2023", OLD, INK_LAYOUT_GGML_2023, NULL },
    { "cnn of 2023, not square", "1x11x10" OLD_NODES, INK_LAYOUT_GGML_2023, NULL },

    { "layer missing", "1x4x4; flatten flat; dense one 3,16; relu r", INK_LAYOUT_GGML, "ends too early" },
    { "layer missing", "1x4x4; flatten flat; dense one 3,16", INK_LAYOUT_LEGACY, "ends too early" },
    { "layer more", FC "; relu r2; dense three 2,2", INK_LAYOUT_GGML,
      "mnist-fc): the network goes on with node 'r2'" },
    { "layer behind the softmax", FC "; softmax s; softmax again", INK_LAYOUT_LEGACY,
      "goes on with node 'again'" },
    { "other activation", "1x4x4; flatten flat; dense one 3,16; leaky_relu leaky; dense two 2,3",
      INK_LAYOUT_LEGACY, "differs at node 'leaky'" },
    { "no activation", "1x4x4; flatten flat; dense one 3,16; dense two 2,3", INK_LAYOUT_GGML,
      "differs at node 'two'" },
    { "no bias", "1x4x4; flatten flat; dense one 3,16; relu r; dense two 2,3 nobias", INK_LAYOUT_GGML,
      "no bias at node 'two'" },
    { "no bias in a convolution", CNN_HEAD "conv2d two 3,2,3,3 padding=1 nobias" CNN_TAIL,
      INK_LAYOUT_GGML, "no bias at node 'two'" },
    { "no padding", OLD, INK_LAYOUT_GGML, "differs at node 'one'" },
    { "padding", CNN, INK_LAYOUT_GGML_2023, "differs at node 'one'" },
    { "no convolutions", FC, INK_LAYOUT_GGML_2023, "differs at node 'flat'" },
    { "convolutions", CNN, INK_LAYOUT_LEGACY, "differs at node 'one'" },
    { "stride", CNN_HEAD "conv2d two 3,2,3,3 padding=1 stride=2; flatten flat; dense end 2,12",
      INK_LAYOUT_GGML, "mnist-cnn): the network differs at node 'two'" },
    { "dilation", "1x8x8; conv2d one 2,1,1,1 padding=1 dilation=2; flatten flat; dense end 2,200",
      INK_LAYOUT_GGML, "differs at node 'one'" },
    { "groups", CNN_HEAD "conv2d two 2,1,3,3 padding=1 groups=2; flatten flat; dense end 2,32",
      INK_LAYOUT_GGML, "differs at node 'two'" },
    { "average pooling", CNN_HEAD "conv2d two 3,2,3,3 padding=1; relu r2; avg_pool2d p2 kernel=2; "
      "flatten flat; dense end 2,12", INK_LAYOUT_GGML, "differs at node 'p2'" },
    { "pooling that overlaps", CNN_HEAD "conv2d two 3,2,3,3 padding=1; relu r2; "
      "max_pool2d p2 kernel=2 stride=1; flatten flat; dense end 2,27", INK_LAYOUT_GGML,
      "differs at node 'p2'" },
    { "another permute", CNN_HEAD "conv2d two 3,2,3,3 padding=1; relu r2; max_pool2d p2 kernel=2; "
      "permute other order=2,1,0; flatten flat; dense end 2,12", INK_LAYOUT_GGML,
      "differs at node 'other'" },
    { "two ends", "1x4x4; flatten flat; dense one 3,16; relu r; dense two 2,3 <one", INK_LAYOUT_LEGACY,
      "branches" },
    { "a shortcut", "1x4x4; flatten flat; dense one 3,16; relu r; add sum <one,r; dense two 2,3",
      INK_LAYOUT_GGML, "differs at node 'sum'" },
    { "three channels", "3x4x4; flatten flat; dense one 3,48; relu r; dense two 2,3", INK_LAYOUT_GGML,
      "not one channel" },
    { "another scale", "1x4x4*2" "; flatten flat; dense one 3,16; relu r; dense two 2,3",
      INK_LAYOUT_LEGACY, "not one channel of pixel / 255" },
    { "an offset", "1x4x4+1; flatten flat; dense one 3,16; relu r; dense two 2,3", INK_LAYOUT_GGML,
      "not one channel of pixel / 255" },
    /* A reader would take the picture to be another: these layouts do not hold its size. */
    { "not square", "1x2x8; flatten flat; dense one 3,16; relu r; dense two 2,3", INK_LAYOUT_LEGACY,
      "picture's size" },
    { "not square", "1x16x1; flatten flat; dense one 3,16; relu r; dense two 2,3", INK_LAYOUT_GGML,
      "picture's size" },
    { "no square", "1x3x5; flatten flat; dense one 3,15; relu r; dense two 2,3", INK_LAYOUT_GGML,
      "picture's size" },
    { "cnn, not square", "1x4x16; conv2d one 2,1,3,3 padding=1; relu r1; max_pool2d p1 kernel=2; "
      "conv2d two 3,2,3,3 padding=1" CNN_TAIL, INK_LAYOUT_GGML, "picture's size" },
    { "cnn, a little higher", "1x10x8; conv2d one 2,1,3,3 padding=1; relu r1; max_pool2d p1 kernel=2; "
      "conv2d two 3,2,3,3 padding=1" CNN_TAIL, INK_LAYOUT_GGML, "picture's size" },
    { "cnn, a little wider", "1x8x10; conv2d one 2,1,3,3 padding=1; relu r1; max_pool2d p1 kernel=2; "
      "conv2d two 3,2,3,3 padding=1" CNN_TAIL, INK_LAYOUT_GGML, "picture's size" },
    { "cnn, no multiple of 4", "1x10x10; conv2d one 2,1,3,3 padding=1; relu r1; "
      "max_pool2d p1 kernel=2; conv2d two 3,2,3,3 padding=1" CNN_TAIL, INK_LAYOUT_GGML,
      "picture's size" },
    { "cnn, padding that is not same", "1x8x8; conv2d one 2,1,5,5 padding=1; relu r1; "
      "max_pool2d p1 kernel=2; conv2d two 3,2,3,3 padding=1; relu r2; max_pool2d p2 kernel=2; "
      "flatten flat; dense end 2,3", INK_LAYOUT_GGML, "picture's size" },
    { "weight too large for half precision", "1x10x10; conv2d one 2,1,3,3; relu r1; "
      "max_pool2d p1 kernel=2; conv2d two 3,2,3,3 large; relu r2; max_pool2d p2 kernel=2; "
      "flatten flat; dense end 2,3", INK_LAYOUT_GGML_2023, "too large for F16 at node 'two'" },
    { "unknown layout", FC, INK_LAYOUT_LEGACY + 1, "unknown layout 4" },
};

/* Adds the node that a part of a line says. */
static void add_node(ink_builder *builder, char *text)
{
    char *words[10] = { strtok(text, " ") }, *inputs = NULL, attributes[80] = "", name[80];
    uint32_t dim[4], rank = 0;
    bool bias = true, large = false;
    ink_error error;
    for (size_t i = 1; i < 10 && words[i - 1]; i++)
        words[i] = strtok(NULL, " ");
    for (size_t i = 2; i < 10 && words[i]; i++)
        if (*words[i] >= '0' && *words[i] <= '9')
            rank = (uint32_t)sscanf(words[i], "%u,%u,%u,%u", &dim[0], &dim[1], &dim[2], &dim[3]);
        else if (*words[i] == '<')
            inputs = words[i] + 1;
        else if (strcmp(words[i], "nobias") == 0)
            bias = false;
        else if (strcmp(words[i], "large") == 0)
            large = true;
        else
            strcat(strcat(attributes, " "), words[i]);
    check_error(ink_builder_node(builder, words[0], words[1], inputs, attributes, &error), &error,
                INK_OK, NULL);
    static float values[1024];
    uint64_t random = 5;
    for (size_t i = 0; i < 1024; i++)
        values[i] = large ? 1e6f : random_float(&random);
    if (rank) {
        snprintf(name, sizeof name, "%s.weight", words[1]);
        check_error(ink_builder_tensor(builder, name, INK_F32, rank, dim, values, &error), &error,
                    INK_OK, NULL);
        snprintf(name, sizeof name, "%s.bias", words[1]);
        if (bias)
            check_error(ink_builder_tensor(builder, name, INK_F32, 1, dim, values, &error), &error,
                        INK_OK, NULL);
    }
}

static ink_model *build_line(const char *line)
{
    ink_builder *builder;
    ink_model *model;
    ink_error error;
    uint32_t c, h, w;
    assert_int_equal(sscanf(line, "%ux%ux%u", &c, &h, &w), 3);
    const char *behind = line + strcspn(line, ";*+");
    check_error(ink_builder_open(NULL, c, h, w, *behind == '*' ? 2.0f : 1.0f / 255,
                                 *behind == '+' ? 1.0f : 0, &builder, &error), &error, INK_OK, NULL);
    for (const char *at = strchr(line, ';'); at;) {
        char text[128];
        const size_t length = strcspn(++at, ";");
        assert_in_range(length, 1, sizeof text - 1);
        memcpy(text, at, length);
        text[length] = 0;
        add_node(builder, text);
        at = at[length] ? at + length : NULL;
    }
    check_error(ink_builder_model(builder, NULL, &model, &error), &error, INK_OK, NULL);
    ink_builder_close(&builder);
    return model;
}

static void layouts_say_what_they_cannot_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fits / sizeof *fits; i++) {
        const struct fit *fit = &fits[i];
        ink_model *model = build_line(fit->network);
        ink_buffer out = { .size = 7 };
        ink_error error = { .status = INK_OK };
        const ink_status status = ink_model_save_memory(model, fit->layout, &out, &error);
        if (!status == !!fit->words)
            fail_msg("%s to %d: %s", fit->name, fit->layout, status ? error.text : "is written");
        if (status) {
            check_error(status, &error, fit->layout > INK_LAYOUT_LEGACY ? INK_ERR_ARGUMENT
                                                                        : INK_ERR_LAYOUT, fit->words);
            assert_true(!out.data && !out.size);
            assert_int_equal(ink_model_save_memory(model, fit->layout, &out, NULL), status);
        } else {
            opened it;
            open_bytes(&it, out.data, out.size, NULL);
            const ink_model_info *a = ink_model_get_info(model), *b = ink_model_get_info(it.model);
            assert_true(a->height == b->height && a->width == b->width && a->channels == b->channels);
            assert_true(a->parameters == b->parameters && a->macs == b->macs);
            close_opened(&it);
        }
        ink_buffer_close(&out);
        out = save(model, INK_LAYOUT_INKLING); /* which holds them all */
        ink_buffer_close(&out);
        ink_model_close(&model);
    }
}

/* ---- metadata ---- */

static const char *const every_kind[] = {
    "general.name str zip code ~reader", "m.u8 u8 200", "m.i8 i8 -100", "m.u16 u16 60000",
    "m.i16 i16 -30000", "m.u32 u32 4000000000", "m.i32 i32 -2000000000", "m.u64 u64 18446744073709551615",
    "m.i64 i64 -5000000000", "m.f32 f32 -1.5", "m.f64 f64 3.141592653589793", "m.bool bool 1",
    "m.string str with blanks, commas: \xc3\xa4", "m.empty str ", "m.u8s u8[] 1,2,255",
    "m.i16s i16[] -1,1", "m.f32s f32[] 0.5,nan,inf", "m.f64s f64[] 1e300,-2", "m.bools bool[] 1,0,1",
    "m.strings str[] one,,two~three", "m.none str[] ", "m.no.numbers i64[] ", "general.file_type u32 1",
    "inkling.training.seed u64 7", NULL,
};

/* What is not about the file itself stays with the model through every layout of GGUF, in order. */
static void metadata_is_kept(void **state)
{
    (void)state;
    static const struct {
        const char *const *lines;
        ink_layout to[3];
    } rows[] = {
        { small_inkling, { INK_LAYOUT_INKLING, INK_LAYOUT_INKLING, INK_LAYOUT_INKLING } },
        { small_fc, { INK_LAYOUT_INKLING, INK_LAYOUT_GGML, INK_LAYOUT_INKLING } },
        { small_cnn, { INK_LAYOUT_GGML, INK_LAYOUT_INKLING, INK_LAYOUT_GGML } },
        { small_cnn_2023, { INK_LAYOUT_INKLING, INK_LAYOUT_GGML_2023, INK_LAYOUT_INKLING } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        opened before, after;
        open_lines(&before, rows[i].lines, every_kind);
        assert_string_equal(ink_model_get_info(before.model)->name, "zip code ");
        for (size_t k = 0; k < 3; k++) {
            ink_buffer out = save(k ? after.model : before.model, rows[i].to[k]);
            blob file = { 0 };
            blob_append(&file, out.data, out.size);
            ink_buffer_close(&out);
            if (k)
                close_opened(&after);
            open_bytes(&after, file.data, file.size, NULL);
            blob_free(&file);
        }
        size_t same = 0;
        for (size_t a = 0, b = 0; a < ink_model_get_info(before.model)->metadata; a++) {
            const ink_metadata *was = ink_model_metadata(before.model, a), *is = NULL;
            if (strncmp(was->key, "m.", 2) && strcmp(was->key, "general.name") &&
                strcmp(was->key, "general.file_type") && strcmp(was->key, "inkling.training.seed"))
                continue;
            while (b < ink_model_get_info(after.model)->metadata &&
                   strcmp((is = ink_model_metadata(after.model, b++))->key, was->key))
                is = NULL;
            assert_non_null(is);
            assert_string_equal(is->type, was->type);
            assert_true(is->kind == was->kind && is->is_array == was->is_array);
            assert_int_equal(is->count, was->count);
            for (size_t v = 0; v <= was->count; v++) {
                const double x = ink_metadata_number(was, v), y = ink_metadata_number(is, v);
                assert_true(isnan(x) ? isnan(y) : x == y);
                assert_string_equal(ink_metadata_string(is, v), ink_metadata_string(was, v));
            }
            same++;
        }
        assert_int_equal(same, sizeof every_kind / sizeof *every_kind - 1);
        close_opened(&before);
        close_opened(&after);
    }
}

static void names_are_strings_or_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *change, *name;
    } rows[] = {
        { "general.name str seven", "seven" }, { "general.name str ", "" }, { "-general.name", "" },
        { "general.name u32 7", "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        opened it;
        open_lines(&it, small_inkling, LINES(rows[i].change));
        assert_string_equal(ink_model_get_info(it.model)->name, rows[i].name);
        close_opened(&it);
    }
}

/* ---- what a model tells of itself ---- */

static void facts_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *architecture, *format;
        uint32_t height, width, classes;
        uint64_t parameters, macs;
        size_t nodes, tensors, metadata;
    } want[SMALL_MODELS] = {
        /* The multiply-adds of convolutions and dense layers: pixels * outputs * inputs. */
        { "inkling", "GGUF v3", 6, 6, 3, 18 + 2 + 24 + 3, 16 * 18 + 24, 5, 4, 26 },
        { "mnist-fc", "GGUF v3", 3, 3, 3, 45 + 5 + 15 + 3, 45 + 15, 4, 4, 1 },
        { "mnist-cnn", "GGUF v3", 8, 8, 4, 18 + 2 + 54 + 3 + 48 + 4, 64 * 18 + 16 * 54 + 48, 9, 6, 1 },
        { "mnist-cnn", "GGUF v3", 10, 11, 4, 18 + 2 + 36 + 3 + 12 + 4, 72 * 18 + 6 * 36 + 12, 10, 6, 1 },
        { "legacy", "ggml .bin", 3, 3, 2, 27 + 3 + 6 + 2, 27 + 6, 5, 4, 0 },
    };
    for (size_t i = 0; i < SMALL_MODELS; i++) {
        blob file = small_model(i);
        opened it;
        open_bytes(&it, file.data, file.size, NULL);
        const ink_model_info *info = ink_model_get_info(it.model);
        assert_string_equal(info->architecture, want[i].architecture);
        assert_string_equal(info->format, want[i].format);
        assert_true(info->channels == 1 && info->height == want[i].height &&
                    info->width == want[i].width && info->classes == want[i].classes);
        assert_true(info->input_scale == (i ? 1.0f / 255 : 1.0f / 128));
        assert_true(info->input_offset == (i ? 0.0f : -1.0f));
        assert_int_equal(info->parameters, want[i].parameters);
        assert_int_equal(info->macs, want[i].macs);
        assert_int_equal(info->file_bytes, file.size);
        assert_int_equal(info->nodes, want[i].nodes);
        assert_int_equal(info->tensors, want[i].tensors);
        assert_int_equal(info->metadata, want[i].metadata);
        assert_int_equal(info->cpu, test_cpu() == INK_CPU_BEST ? ink_cpu_detect() : test_cpu());
        for (uint32_t c = 0; c < info->classes; c++) {
            const char digit[2] = { (char)('0' + c), 0 }, letter[2] = { (char)('a' + c), 0 };
            assert_string_equal(info->labels[c], i ? digit : letter);
        }
        /* The weights are packed, each at least once, and a step's output lies inside the image's
         * share of memory. */
        uint64_t weights = 0, macs = 0;
        assert_true(info->steps > 0 && info->steps <= info->nodes + 1);
        for (size_t k = 0; k < info->steps; k++) {
            const ink_step_info *step = ink_model_step(it.model, k);
            assert_true(step->offset % 64 == 0 && step->offset + step->bytes <= info->image_bytes);
            assert_true(*step->name && *step->ops && step->input_count > 0);
            assert_string_equal(step->inputs[0], k ? ink_model_step(it.model, k - 1)->name : "input");
            weights += step->weight_bytes;
            macs += step->macs;
            uint64_t elements = 1;
            for (uint32_t d = 0; d < step->rank; d++)
                elements *= step->dim[d];
            assert_int_equal(step->bytes, elements * sizeof(float));
        }
        assert_int_equal(info->packed_bytes, weights);
        assert_true(weights >= info->parameters * sizeof(float));
        assert_int_equal(macs, info->macs);
        assert_true(info->image_bytes >= sizeof(float) * info->height * info->width);
        /* Past the ends there is nothing. */
        for (size_t k = 0; k < 3; k++) {
            const size_t far[3] = { 0, 1, SIZE_MAX / 2 };
            assert_null(ink_model_node(it.model, info->nodes + far[k]));
            assert_null(ink_model_step(it.model, info->steps + far[k]));
            assert_null(ink_model_tensor(it.model, info->tensors + far[k]));
            assert_null(ink_model_metadata(it.model, info->metadata + far[k]));
        }
        close_opened(&it);
        blob_free(&file);
    }
}

static void check_shape(uint32_t rank, const uint32_t *dim, const char *want)
{
    char text[64] = "";
    for (uint32_t i = 0; i < rank; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), i ? "x%u" : "%u", dim[i]);
    assert_string_equal(text, want);
}

static void nodes_tensors_and_steps_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *name, *op, *attributes, *input, *shape;
        uint64_t parameters, macs;
    } nodes[] = {
        { "conv1", "conv2d", "padding=1,1,1,1", "input", "2x8x8", 20, 1152 },
        { "conv1_relu", "relu", "", "conv1", "2x8x8", 0, 0 },
        { "pool1", "max_pool2d", "kernel=2,2", "conv1_relu", "2x4x4", 0, 0 },
        { "conv2", "conv2d", "padding=1,1,1,1", "pool1", "3x4x4", 57, 864 },
        { "conv2_relu", "relu", "", "conv2", "3x4x4", 0, 0 },
        { "pool2", "max_pool2d", "kernel=2,2", "conv2_relu", "3x2x2", 0, 0 },
        { "channels_last", "permute", "order=1,2,0", "pool2", "2x2x3", 0, 0 },
        { "flatten", "flatten", "", "channels_last", "12", 0, 0 },
        { "dense", "dense", "", "flatten", "4", 52, 48 },
    };
    static const struct {
        const char *name, *shape;
        ink_type type;
    } tensors[] = {
        { "conv1.weight", "2x1x3x3", INK_F32 }, { "conv1.bias", "2", INK_F32 },
        { "conv2.weight", "3x2x3x3", INK_F16 }, { "conv2.bias", "3", INK_F32 },
        { "dense.weight", "4x12", INK_F32 },    { "dense.bias", "4", INK_F32 },
    };
    static const struct {
        const char *name, *ops, *shape;
    } steps[] = {
        { "pool1", "conv2d+relu+max_pool2d", "2x4x4" },
        { "pool2", "conv2d+relu+max_pool2d", "3x2x2" },
        { "dense", "dense", "4" },
        { "probabilities", "softmax", "4" },
    };
    opened it;
    open_lines(&it, small_cnn, LINES("conv2.kernel f16:3,2,3,3 random"));
    const ink_model_info *info = ink_model_get_info(it.model);
    assert_int_equal(info->nodes, sizeof nodes / sizeof *nodes);
    for (size_t i = 0; i < info->nodes; i++) {
        const ink_node_info *node = ink_model_node(it.model, i);
        assert_string_equal(node->name, nodes[i].name);
        assert_string_equal(node->op, nodes[i].op);
        assert_string_equal(node->attributes, nodes[i].attributes);
        assert_int_equal(node->input_count, 1);
        assert_string_equal(node->inputs[0], nodes[i].input);
        check_shape(node->rank, node->dim, nodes[i].shape);
        assert_int_equal(node->parameters, nodes[i].parameters);
        assert_int_equal(node->macs, nodes[i].macs);
    }
    assert_int_equal(info->tensors, sizeof tensors / sizeof *tensors);
    for (size_t i = 0; i < info->tensors; i++) {
        const ink_tensor_info *tensor = ink_model_tensor(it.model, i);
        assert_string_equal(tensor->name, tensors[i].name);
        assert_int_equal(tensor->type, tensors[i].type);
        check_shape(tensor->rank, tensor->dim, tensors[i].shape);
        uint64_t bytes = tensor->type == INK_F16 ? 2 : 4;
        for (uint32_t d = 0; d < tensor->rank; d++)
            bytes *= tensor->dim[d];
        assert_int_equal(tensor->bytes, bytes);
    }
    assert_int_equal(info->steps, sizeof steps / sizeof *steps);
    for (size_t i = 0; i < info->steps; i++) {
        const ink_step_info *step = ink_model_step(it.model, i);
        assert_string_equal(step->name, steps[i].name);
        assert_string_equal(step->ops, steps[i].ops);
        check_shape(step->rank, step->dim, steps[i].shape);
        assert_non_null(strstr(step->kernel, "_f32_"));
    }
    close_opened(&it);
}

/* Quotes and backslashes are escaped, control characters masked; the same text at every call. */
static void drawings_are_dot_text(void **state)
{
    (void)state;
    opened it;
    ink_buffer first, second;
    open_lines(&it, small_inkling, LINES("general.name str \"\\\n\x1b", "inkling.node.3.name str \"",
                                         "inkling.node.4.inputs str[] \""));
    const ink_session_options options = { sizeof options, NULL, 1, 0, 1 };
    ink_session *session;
    float output[3];
    assert_int_equal(ink_session_open(it.model, &options, &session, NULL), INK_OK);
    for (int what = INK_DOT_GRAPH; what <= INK_DOT_PLAN; what++) {
        assert_int_equal(ink_model_dot(it.model, (ink_dot)what, NULL, &first, NULL), INK_OK);
        assert_int_equal(ink_model_dot(it.model, (ink_dot)what, session, &second, NULL), INK_OK);
        assert_string_equal(first.data, second.data); /* nothing has run yet */
        assert_int_equal(strlen(first.data), first.size);
        assert_non_null(strstr(first.data, "label=\"\\\"\\\\??"));
        assert_true((strstr(first.data, "label=\"\\\"\\nflatten") != NULL) == (what == INK_DOT_GRAPH));
        ink_buffer_close(&first);
        ink_buffer_close(&second);
    }
    assert_int_equal(ink_session_run_u8(session, (const uint8_t[36]){ 9 }, 1, output, NULL), INK_OK);
    assert_int_equal(ink_model_dot(it.model, INK_DOT_PLAN, session, &first, NULL), INK_OK);
    assert_non_null(strstr(first.data, "% of the time"));
    ink_buffer_close(&first);
    ink_session_close(&session);
    close_opened(&it);
}

static void version_2_files_are_told(void **state)
{
    (void)state;
    blob file = small_model(0);
    file.data[4] = 2;
    opened it;
    open_bytes(&it, file.data, file.size, NULL);
    assert_string_equal(ink_model_get_info(it.model)->format, "GGUF v2");
    close_opened(&it);
    blob_free(&file);
}

/* ---- options ---- */

/* The option says how pixels become input; what is written stays the model's own. */
static void input_scale_is_an_option(void **state)
{
    (void)state;
    enum { PIXELS = 36, CLASSES = 3 };
    blob file = small_model(0);
    for (int i = 0; i < 3; i++) {
        const float scales[] = { 0, 1, -0.03125f }, used[] = { 0.0078125f, 1, -0.03125f };
        ink_model_options options = INK_MODEL_OPTIONS_INIT;
        options.input_scale = scales[i];
        opened it;
        open_bytes(&it, file.data, file.size, &options);
        assert_true(ink_model_get_info(it.model)->input_scale == used[i]);
        uint8_t pixels[PIXELS];
        float input[PIXELS], from_floats[CLASSES];
        for (int k = 0; k < PIXELS; k++) {
            pixels[k] = (uint8_t)(k * 7);
            input[k] = (float)pixels[k] * used[i] - 1; /* exact, so the same whether fused or not */
        }
        ink_session *session;
        ink_error error;
        check_error(ink_session_open(it.model, NULL, &session, &error), &error, INK_OK, NULL);
        check_error(ink_session_run_f32(session, input, 1, from_floats, &error), &error, INK_OK, NULL);
        ink_session_close(&session);
        float *from_pixels = run_model(it.model, pixels, 1);
        assert_memory_equal(from_pixels, from_floats, sizeof from_floats);
        free(from_pixels);
        ink_buffer out = save(it.model, INK_LAYOUT_INKLING);
        opened again;
        open_bytes(&again, out.data, out.size, NULL);
        assert_true(ink_model_get_info(again.model)->input_scale == 0.0078125f);
        close_opened(&again);
        ink_buffer_close(&out);
        close_opened(&it);
    }
    blob_free(&file);
}

/* A caller that was compiled when the structs were shorter: nothing behind its fields is read. */
static void options_of_older_callers_are_taken(void **state)
{
    (void)state;
    blob file = small_model(0);
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_session_options session_options = INK_SESSION_OPTIONS_INIT;
    test_memory memory = { 0 };
    const ink_allocator allocator = test_allocator(&memory);
    options.allocator = session_options.allocator = &allocator;
    session_options.threads = 2;
    static const size_t sizes[] = { sizeof(size_t), offsetof(ink_model_options, cpu),
                                    offsetof(ink_model_options, name),
                                    offsetof(ink_model_options, input_scale),
                                    offsetof(ink_model_options, max_macs) };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memory.allocations = 0;
        options.size = sizes[i];
        fence given = fence_make(&options, sizes[i]);
        ink_model *model;
        ink_error error;
        check_error(ink_model_open_memory(file.data, file.size, (const ink_model_options *)(void *)given.data,
                                          &model, &error), &error, INK_OK, NULL);
        assert_true((memory.allocations > 0) == (sizes[i] > sizeof(size_t)));
        fence_free(&given);

        session_options.size = i ? offsetof(ink_session_options, batch) : sizeof(size_t);
        given = fence_make(&session_options, session_options.size);
        ink_session *session;
        check_error(ink_session_open(model, (const ink_session_options *)(void *)given.data, &session,
                                     &error), &error, INK_OK, NULL);
        assert_true(ink_session_memory(model, (const ink_session_options *)(void *)given.data) > 0);
        fence_free(&given);
        ink_session_close(&session);
        ink_model_close(&model);
        assert_int_equal(memory.live, 0);
    }
    blob_free(&file);
}

/* ---- arguments ---- */

/* Every one of them fails with `status`, with an error to fill and without. */
#define REFUSED(want, words, call)                                                                 \
    do {                                                                                           \
        ink_error filled, *error = &filled;                                                        \
        memset(error, 0x77, sizeof *error);                                                        \
        check_error(call, &filled, want, words);                                                   \
        error = NULL;                                                                              \
        assert_int_equal(call, want);                                                              \
    } while (0)
#define BAD(call) REFUSED(INK_ERR_ARGUMENT, NULL, call)

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    blob file = small_model(0);
    opened it;
    open_bytes(&it, file.data, file.size, NULL);
    const ink_model *model = it.model;
    ink_session *session;
    assert_int_equal(ink_session_open(model, NULL, &session, NULL), INK_OK);
    ink_model *const poison = (ink_model *)(void *)&file;
    ink_model *out = poison;
    ink_session *session_out = (ink_session *)(void *)&file;
    ink_buffer buffer = { 0 };
    uint8_t pixels[36] = { 0 };
    float values[36] = { 0 };

    BAD(ink_model_open_memory(NULL, 5, NULL, &out, error));
    BAD(ink_model_open_memory(file.data, file.size, NULL, NULL, error));
    BAD(ink_model_open(NULL, NULL, &out, error));
    BAD(ink_model_open("x", NULL, NULL, error));
    assert_ptr_equal(out, poison); /* untouched so far */
    REFUSED(INK_ERR_TRUNCATED, "memory: file is empty",
            ink_model_open_memory(NULL, 0, NULL, &out, error));
    assert_null(out);
    REFUSED(INK_ERR_OPEN, "no/such/file: cannot open", ink_model_open("no/such/file", NULL, &out, error));

    ink_model_options options = INK_MODEL_OPTIONS_INIT;
#define OPTION(status, words, field, value)                                                        \
    do {                                                                                           \
        ink_model_options changed = options;                                                       \
        changed.field = value;                                                                     \
        out = poison;                                                                              \
        REFUSED(status, words, ink_model_open_memory(file.data, file.size, &changed, &out, error)); \
        assert_null(out);                                                                          \
        out = poison;                                                                              \
        REFUSED(status, words, ink_model_open("no/such/file", &changed, &out, error));             \
        assert_null(out);                                                                          \
    } while (0)
    OPTION(INK_ERR_ARGUMENT, "size", size, 0);
    OPTION(INK_ERR_ARGUMENT, "size", size, sizeof(size_t) - 1);
    OPTION(INK_ERR_ARGUMENT, "size", size, SIZE_MAX);
    OPTION(INK_ERR_CPU, "cpu 77", cpu, (ink_cpu)77);
    OPTION(INK_ERR_ARGUMENT, "output 2", output, (ink_output)2);
    OPTION(INK_ERR_ARGUMENT, "input_scale", input_scale, NAN);
    OPTION(INK_ERR_ARGUMENT, "input_scale", input_scale, -INFINITY);

    assert_null(ink_model_get_info(NULL));
    assert_null(ink_model_node(NULL, 0));
    assert_null(ink_model_step(NULL, 0));
    assert_null(ink_model_tensor(NULL, 0));
    assert_null(ink_model_metadata(NULL, 0));
    assert_null(ink_layout_name(INK_LAYOUT_LEGACY + 1));
    ink_model_close(NULL);
    ink_session_close(NULL);
    ink_builder_close(NULL);
    ink_buffer_close(NULL);

    BAD(ink_model_save_memory(NULL, INK_LAYOUT_INKLING, &buffer, error));
    BAD(ink_model_save_memory(model, INK_LAYOUT_INKLING, NULL, error));
    BAD(ink_model_save_memory(model, (ink_layout)99, &buffer, error));
    BAD(ink_model_save(NULL, "/nowhere/x", INK_LAYOUT_INKLING, error));
    BAD(ink_model_save(model, NULL, INK_LAYOUT_INKLING, error));
    BAD(ink_model_save(model, "/nowhere/x", (ink_layout)-1, error));
    BAD(ink_model_dot(NULL, INK_DOT_GRAPH, NULL, &buffer, error));
    BAD(ink_model_dot(model, INK_DOT_GRAPH, NULL, NULL, error));
    BAD(ink_model_dot(model, (ink_dot)2, NULL, &buffer, error));
    assert_null(buffer.data);

    BAD(ink_session_open(NULL, NULL, &session_out, error));
    BAD(ink_session_open(model, NULL, NULL, error));
    static const ink_session_options bad_sessions[] = {
        { 0, NULL, 0, 0, 0 }, { sizeof(ink_session_options), NULL, 257, 0, 0 },
        { sizeof(ink_session_options), NULL, UINT32_MAX, 0, 0 },
        { sizeof(ink_session_options), NULL, 1, 65537, 0 },
        { sizeof(ink_session_options), NULL, 1, UINT32_MAX, 0 },
    };
    for (size_t i = 0; i < sizeof bad_sessions / sizeof *bad_sessions; i++) {
        session_out = (ink_session *)(void *)&file;
        BAD(ink_session_open(model, &bad_sessions[i], &session_out, error));
        assert_null(session_out);
        assert_int_equal(ink_session_memory(model, &bad_sessions[i]), 0);
    }
    assert_int_equal(ink_session_memory(NULL, NULL), 0);
    BAD(ink_session_run_u8(NULL, pixels, 1, values, error));
    BAD(ink_session_run_u8(session, NULL, 1, values, error));
    BAD(ink_session_run_u8(session, pixels, 1, NULL, error));
    BAD(ink_session_run_u8(session, pixels, SIZE_MAX, values, error));
    BAD(ink_session_run_f32(NULL, values, 1, values, error));
    BAD(ink_session_run_f32(session, NULL, 1, values, error));
    BAD(ink_session_run_f32(session, values, 1, NULL, error));
    assert_int_equal(ink_session_run_u8(session, NULL, 0, NULL, NULL), INK_OK); /* no pictures */
    assert_int_equal(ink_session_run_f32(session, NULL, 0, NULL, NULL), INK_OK);
    assert_true(ink_session_step_seconds(NULL, 0) == 0);
    assert_true(ink_session_step_seconds(session, 0) == 0);
    assert_true(ink_session_step_seconds(session, SIZE_MAX) == 0);
    assert_int_equal(ink_argmax(NULL, 0), 0);
    assert_int_equal(ink_argmax((const float[]){ 1, 3, 2, 3 }, 4), 1);
    assert_int_equal(ink_argmax((const float[]){ -3, -2 }, 2), 1);
    ink_session_close(&session);
    close_opened(&it);
    blob_free(&file);
}

static void bad_builder_arguments_are_refused(void **state)
{
    (void)state;
    ink_builder *builder = (ink_builder *)(void *)&state;
    ink_model *model = (ink_model *)(void *)&state;
    const uint32_t dim[4] = { 2, 36, 1, 1 };
    static const float data[72] = { 0 };
    const char *const labels[2] = { "a", NULL };

    BAD(ink_builder_open(NULL, 1, 2, 3, 1, 0, NULL, error));
    REFUSED(INK_ERR_SHAPE, "0x2x3", ink_builder_open(NULL, 0, 2, 3, 1, 0, &builder, error));
    assert_null(builder);
    REFUSED(INK_ERR_SHAPE, "1x65537x3", ink_builder_open(NULL, 1, 65537, 3, 1, 0, &builder, error));
    REFUSED(INK_ERR_NOT_FINITE, "scale", ink_builder_open(NULL, 1, 2, 3, NAN, 0, &builder, error));
    REFUSED(INK_ERR_FORMAT, "scale is 0", ink_builder_open(NULL, 1, 2, 3, 0, 0, &builder, error));
    REFUSED(INK_ERR_NOT_FINITE, "offset", ink_builder_open(NULL, 1, 2, 3, 1, INFINITY, &builder, error));
    assert_null(builder);
    BAD(ink_builder_node(NULL, "relu", "r", NULL, NULL, error));
    BAD(ink_builder_tensor(NULL, "t", INK_F32, 1, dim, data, error));
    BAD(ink_builder_labels(NULL, labels, 1, error));
    BAD(ink_builder_metadata(NULL, "k", "v", error));
    BAD(ink_builder_model(NULL, NULL, &model, error));

    assert_int_equal(ink_builder_open(NULL, 1, 6, 6, 1, 0, &builder, NULL), INK_OK);
    REFUSED(INK_ERR_LIMIT, "inkling.node.count", ink_builder_model(builder, NULL, &model, error));
    assert_null(model);
    BAD(ink_builder_node(builder, NULL, "r", NULL, NULL, error));
    BAD(ink_builder_node(builder, "relu", NULL, NULL, NULL, error));
    REFUSED(INK_ERR_OP, "'relux'", ink_builder_node(builder, "relux", "r", NULL, NULL, error));
    REFUSED(INK_ERR_GRAPH, "its name", ink_builder_node(builder, "relu", "", NULL, NULL, error));
    REFUSED(INK_ERR_GRAPH, "taken", ink_builder_node(builder, "relu", "input", NULL, NULL, error));
    REFUSED(INK_ERR_GRAPH, "'x'", ink_builder_node(builder, "relu", "r", "x", NULL, error));
    REFUSED(INK_ERR_ATTRIBUTE, "alpha",
            ink_builder_node(builder, "relu", "r", NULL, "alpha=1", error));
    /* What failed left nothing behind, however often. */
    for (int i = 0; i < 400; i++) {
        static const char many[] = "no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,"
                                   "no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no";
        assert_int_equal(ink_builder_node(builder, "add", "sum", many, NULL, NULL), INK_ERR_GRAPH);
    }
    assert_int_equal(ink_builder_node(builder, "flatten", "f", NULL, NULL, NULL), INK_OK);
    assert_int_equal(ink_builder_node(builder, "dense", "d", NULL, NULL, NULL), INK_OK);
    REFUSED(INK_ERR_GRAPH, "taken", ink_builder_node(builder, "relu", "d", NULL, NULL, error));

    BAD(ink_builder_tensor(builder, NULL, INK_F32, 1, dim, data, error));
    BAD(ink_builder_tensor(builder, "t", INK_F32, 1, NULL, data, error));
    BAD(ink_builder_tensor(builder, "t", INK_F32, 1, dim, NULL, error));
    REFUSED(INK_ERR_TYPE, "type 25", ink_builder_tensor(builder, "t", (ink_type)25, 1, dim, data, error));
    REFUSED(INK_ERR_SHAPE, "0 dimensions", ink_builder_tensor(builder, "t", INK_F32, 0, dim, data, error));
    REFUSED(INK_ERR_SHAPE, "5 dimensions", ink_builder_tensor(builder, "t", INK_F32, 5, dim, data, error));
    REFUSED(INK_ERR_SHAPE, "too large", ink_builder_tensor(builder, "t", INK_F32, 2,
            (const uint32_t[]){ UINT32_MAX, UINT32_MAX }, data, error));
    REFUSED(INK_ERR_SHAPE, "are 0", ink_builder_tensor(builder, "t", INK_F32, 2,
            (const uint32_t[]){ 4, 0 }, data, error));
    BAD(ink_builder_labels(builder, NULL, 2, error));
    BAD(ink_builder_labels(builder, labels, 2, error));
    BAD(ink_builder_metadata(builder, NULL, "v", error));
    BAD(ink_builder_metadata(builder, "k", NULL, error));
    BAD(ink_builder_metadata(builder, "", "v", error));
    static const char *const own[] = { "general.architecture", "general.alignment", "inkling.version",
                                       "inkling.classes", "inkling.input.scale", "inkling.node.0.op" };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        REFUSED(INK_ERR_ARGUMENT, own[i], ink_builder_metadata(builder, own[i], "v", error));

    BAD(ink_builder_model(builder, NULL, NULL, error));
    REFUSED(INK_ERR_ARGUMENT, "size",
            ink_builder_model(builder, &(ink_model_options){ .size = 1 }, &model, error));
    assert_null(model);
    REFUSED(INK_ERR_MISSING, "builder: tensor 'd.weight'", ink_builder_model(builder, NULL, &model, error));
    assert_null(model);
    /* And with what is missing it works; the builder may make another. */
    assert_int_equal(ink_builder_tensor(builder, "d.weight", INK_F32, 2, dim, data, NULL), INK_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ink_builder_model(builder, NULL, &model, NULL), INK_OK);
        ink_model_close(&model);
    }
    assert_int_equal(ink_builder_labels(builder, (const char *const[]){ "a", "b", "c" }, 3, NULL), INK_OK);
    REFUSED(INK_ERR_SHAPE, "3 names", ink_builder_model(builder, NULL, &model, error));
    ink_builder_close(&builder);
    assert_null(builder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts_say_what_they_cannot_hold),
        cmocka_unit_test(metadata_is_kept),
        cmocka_unit_test(names_are_strings_or_nothing),
        cmocka_unit_test(facts_are_told),
        cmocka_unit_test(nodes_tensors_and_steps_are_told),
        cmocka_unit_test(drawings_are_dot_text),
        cmocka_unit_test(version_2_files_are_told),
        cmocka_unit_test(input_scale_is_an_option),
        cmocka_unit_test(options_of_older_callers_are_taken),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(bad_builder_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
