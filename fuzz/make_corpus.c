/* Writes the seed corpora: make_corpus FOLDER makes a folder in it for each target, with small models of every
 * operator and layout, small files of the other formats, and broken ones. The same files each time. */
#include "corpus_networks.h"
#include "corpus_pages.h"
#include "export/onnx_write.h"
#include "formats/ggml_bin.h"
#include "formats/gguf.h"
#include "tensor/type.h"

#include "import/tflite_files.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *folder;
static size_t files, bytes_written;

static void stop(const char *what, const char *why)
{
    fprintf(stderr, "make_corpus: %s: %s\n", what, why);
    exit(1);
}

static void save(const char *kind, const char *name, const char *ending, const void *data,
                 size_t size)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, kind);
#ifdef _WIN32
    (void)mkdir(path);
#else
    (void)mkdir(path, 0777);
#endif
    snprintf(path, sizeof path, "%s/%s/%s%s", folder, kind, name, ending);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file))
        stop(path, "cannot be written");
    files++;
    bytes_written += size;
}

/* ---- networks ---- */

/* Types that the library reads only: blocks of any bytes behind scales of 2^-6, or the floats in more or fewer bytes. */
static const void *packed_as(const ink_type_row *type, const float *values, uint32_t count, uint32_t *random)
{
    static uint8_t data[8 * 4096];
    for (uint32_t i = 0; i < count / type->block_items; i++) {
        uint8_t *block = data + i * type->block_bytes;
        const double value = values[i];
        if (type->block_items == 1) /* hosts are little-endian */
            memcpy(block, type->gguf == INK_F64 ? (const uint8_t *)&value : (const uint8_t *)&values[i] + 2,
                   type->block_bytes);
        for (uint32_t k = 0; type->block_items > 1 && k < type->block_bytes; k++) {
            *random = *random * 1664525 + 1013904223;
            block[k] = k < 2 * type->halves ? k % 2 * 0x24 : (uint8_t)(*random >> 24);
        }
    }
    return data;
}

/* Small weights, the same each time; all positive where a variance must be. */
static void add_tensor(ink_builder *builder, const row *r, uint32_t *random)
{
    static float values[4096];
    static uint16_t halves[4096];
    static int8_t bytes[4096];
    uint32_t rank = 0, count = 1;
    for (; rank < INK_MAX_DIMS && r->dim[rank]; rank++)
        count *= r->dim[rank];
    for (uint32_t i = 0; i < count; i++) {
        *random = *random * 1664525 + 1013904223;
        values[i] = (float)(*random >> 24) / 256 - (strstr(r->name, "variance") ? 0 : 0.5f);
        halves[i] = ink_f32_to_f16(values[i]);
        bytes[i] = (int8_t)(values[i] * 254);
    }
    const void *data = r->type == INK_F32 ? values : r->type == INK_F16 ? (const void *)halves
                       : r->type == INK_I8 ? (const void *)bytes
                                           : packed_as(ink_type_get(r->type), values, count, random);
    ink_error error;
    if (ink_builder_tensor(builder, r->name, r->type, rank, r->dim, data, &error))
        stop(r->name, error.text);
}

static ink_model *build(const struct network *network)
{
    ink_error error = { 0 };
    ink_builder *builder = NULL;
    ink_model *model = NULL;
    uint32_t random = 1;
    if (ink_builder_open(NULL, network->channels, network->height, network->width, 1.0f / 255, 0,
                         &builder, &error))
        stop(network->name, error.text);
    if (ink_builder_metadata(builder, "general.name", network->name, &error))
        stop(network->name, error.text);
    for (const row *r = network->rows; r->name; r++) {
        if (!r->op)
            add_tensor(builder, r, &random);
        else if (ink_builder_node(builder, r->op, r->name, r->inputs, r->attributes, &error))
            stop(network->name, error.text);
    }
    if (ink_builder_model(builder, NULL, &model, &error))
        stop(network->name, error.text);
    ink_builder_close(&builder);
    return model;
}

static void save_networks(void)
{
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        ink_model *model = build(&networks[i]);
        for (int layout = INK_LAYOUT_INKLING; layout <= INK_LAYOUT_LEGACY; layout++) {
            ink_buffer file = { 0 };
            if (ink_model_save_memory(model, (ink_layout)layout, &file, NULL))
                continue; /* most networks fit one layout only */
            char name[64];
            snprintf(name, sizeof name, "%s.%s", networks[i].name,
                     ink_layout_name((ink_layout)layout));
            bool legacy = layout == INK_LAYOUT_LEGACY;
            save(legacy ? "bin" : "gguf", name, legacy ? ".bin" : ".gguf", file.data, file.size);
            ink_buffer_close(&file);
        }
        ink_model_close(&model);
    }
}

/* ---- containers that hold no network ---- */

static ink_buffer write_gguf(const ink_gguf *file)
{
    ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_buffer out = { 0 };
    ink_error error;
    if (ink_gguf_write(file, &allocator, &out, &error))
        stop("gguf", error.text);
    return out;
}

/* Every kind of value, alone and as an array, and an alignment of its own. */
static void save_values(void)
{
    static const uint64_t numbers[3] = { 0x010001, 2, 3 }; /* its bytes are bools: 1, 0, 1 */
    static const ink_gguf_string strings[3] = { { "one", 3 }, { "", 0 }, { "a\0b", 3 } };
    ink_allocator allocator = ink_allocator_or_default(NULL);
    ink_arena arena;
    ink_arena_init(&arena, &allocator);
    ink_metadata room[2 * INK_GGUF_TYPES + 1];
    static const float weights[9] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    ink_tensor_info tensors[2] = {
        { "w", INK_F32, 2, { 3, 3 }, sizeof weights, weights },
        { "h", INK_F16, 4, { 1, 2, 1, 3 }, 12, weights },
    };
    ink_gguf file = { .metadata = room, .tensors = tensors, .tensor_count = 2 };
    ink_gguf_put_u32(&file, &arena, "general.alignment", 64);
    for (int type = 0; type < INK_GGUF_TYPES; type++) {
        char key[32];
        const void *values = type == INK_GGUF_STRING ? (const void *)strings : numbers;
        if (type == INK_GGUF_ARRAY)
            continue;
        snprintf(key, sizeof key, "one.%d", type);
        ink_gguf_put(&file, &arena, key, (ink_gguf_type)type, false, 1, values);
        snprintf(key, sizeof key, "many.%d", type);
        ink_gguf_put(&file, &arena, key, (ink_gguf_type)type, true, 3, values);
    }
    ink_buffer out = write_gguf(&file);
    save("gguf", "values", ".gguf", out.data, out.size);
    ink_buffer_close(&out);
    file = (ink_gguf){ 0 };
    out = write_gguf(&file);
    save("gguf", "empty", ".gguf", out.data, out.size);
    ink_buffer_close(&out);
    ink_arena_free(&arena);
}

/* ---- broken files: a good one with some bytes replaced, or cut ---- */

static void save_broken(const char *kind, const char *name, const char *ending, const void *good,
                        size_t size, size_t at, const char *patch, size_t patch_size)
{
    char *copy = malloc(size);
    if (!copy || at + patch_size > size)
        stop(name, "no such byte");
    memcpy(copy, good, size);
    memcpy(copy + at, patch, patch_size);
    save(kind, name, ending, copy, size);
    free(copy);
}

/* A literal's bytes without its NUL. */
#define PATCH(literal) literal, sizeof literal - 1

/* Replaces the first place where `find` stands by as many other letters. */
static void save_renamed(const char *name, const ink_buffer *file, const char *find,
                         const char *replace)
{
    size_t at = 0, length = strlen(find);
    while (at + length < file->size && memcmp(file->data + at, find, length) != 0)
        at++;
    save_broken("gguf", name, ".gguf", file->data, file->size, at, replace, strlen(replace));
}

static ink_buffer save_as(const char *name, ink_layout layout)
{
    size_t i = 0;
    while (strcmp(networks[i].name, name) != 0)
        i++;
    ink_model *model = build(&networks[i]);
    ink_buffer file = { 0 };
    ink_error error;
    if (ink_model_save_memory(model, layout, &file, &error))
        stop(name, error.text);
    ink_model_close(&model);
    return file;
}

static void save_broken_models(void)
{
    ink_buffer file = save_as("residual", INK_LAYOUT_INKLING);
    save_renamed("broken-architecture", &file, "inkling", "inklong");
    save_renamed("broken-op", &file, "conv2d", "conv9d");
    save_renamed("broken-attribute", &file, "padding", "fadding");
    save_renamed("broken-input", &file, "relu1", "relu7");
    save_renamed("broken-tensor-name", &file, "conv2.weight", "conv3.weight");
    save_renamed("broken-key", &file, "inkling.version", "inkling.vorsion");
    ink_buffer_close(&file);

    file = save_as("mnist-fc", INK_LAYOUT_GGML);
    const char *data = file.data;
    size_t size = file.size;
    save("gguf", "broken-cut", ".gguf", data, size / 2);
    save_broken("gguf", "broken-version", ".gguf", data, size, 4, PATCH("\1\0\0\0"));
    save_broken("gguf", "broken-endian", ".gguf", data, size, 4, PATCH("\0\0\0\3"));
    save_broken("gguf", "version-2", ".gguf", data, size, 4, PATCH("\2\0\0\0"));
    save_broken("gguf", "broken-tensors", ".gguf", data, size, 8, PATCH("\377\377\377\377"));
    save_broken("gguf", "broken-keys", ".gguf", data, size, 16, PATCH("\0\0\0\0\0\0\0\200"));
    save_broken("gguf", "broken-key-length", ".gguf", data, size, 24,
                PATCH("\377\377\377\377\377\377\377\377"));
    ink_buffer_close(&file);

    file = save_as("mnist-fc", INK_LAYOUT_LEGACY);
    data = file.data;
    size = file.size;
    save("bin", "broken-cut", ".bin", data, size / 2);
    save_broken("bin", "broken-rank", ".bin", data, size, 4, PATCH("\377\377\377\377"));
    save_broken("bin", "broken-dimension", ".bin", data, size, 8, PATCH("\0\0\0\200"));
    save_broken("bin", "broken-not-finite", ".bin", data, size, 16, PATCH("\0\0\200\177"));
    save_broken("bin", "broken-endian", ".bin", data, size, 0, PATCH("ggml"));
    ink_buffer_close(&file);
}

static void save_idx(void)
{
    static const char images[] = "\0\0\10\3\0\0\0\2\0\0\0\2\0\0\0\3abcdefghijkl";
    static const char labels[] = "\0\0\10\1\0\0\0\5\7\2\1\0\4";
    static const char rank_4[] = "\0\0\10\4\0\0\0\1\0\0\0\2\0\0\0\1\0\0\0\2abcd";
    const size_t size = sizeof images - 1;
    save("idx", "images", ".idx", images, size);
    save("idx", "labels", ".idx", labels, sizeof labels - 1);
    save("idx", "rank-4", ".idx", rank_4, sizeof rank_4 - 1);
    save("idx", "broken-empty", ".idx", images, 0);
    save("idx", "broken-cut", ".idx", images, size - 1);
    save("idx", "broken-header", ".idx", images, 10);
    save("idx", "broken-trailing", ".idx", images, size + 1);
    save_broken("idx", "broken-magic", ".idx", images, size, 0, PATCH("\37\213"));
    save_broken("idx", "broken-type", ".idx", images, size, 2, PATCH("\15"));
    save_broken("idx", "broken-rank", ".idx", images, size, 3, PATCH("\5"));
    save_broken("idx", "broken-dimension", ".idx", images, size, 4, PATCH("\0\0\0\0"));
    save_broken("idx", "broken-product", ".idx", images, size, 4,
                PATCH("\377\377\377\377\377\377\377\377\377\377\377\377"));
}

/* ---- pickles ---- */

#define GLOBAL(module, name) "c" module "\n" name "\n"
#define ORDERED GLOBAL("collections", "OrderedDict") ")R"
#define TENSOR_OF(key) \
    GLOBAL("torch._utils", "_rebuild_tensor_v2") \
    "((\x8c\x07storage" GLOBAL("torch", "FloatStorage") "\x8c\x01" key "\x8c\x03" "cpuK\x06tQK\0K\x02K\x03\x86K\x03" \
    "K\x01\x86\x89" ORDERED "tR"

static void save_pickles(void)
{
    static const struct {
        const char *name, *data;
        size_t size;
    } rows[] = {
#define ROW(name, data) { name, data, sizeof data - 1 }
        ROW("state-dict", "\x80\x02" ORDERED "q\0(\x8c\x09" "fc.weight" TENSOR_OF("0") "\x8c\x07" "fc.bias" TENSOR_OF("1")
            "u}\x8c\x09_metadata" ORDERED "sb."),
        ROW("checkpoint", "\x80\x02}(\x8c\x05" "epochK\x03\x8c\x04lossG?\xb9\x99\x99\x99\x99\x99\x9a\x8c\x0a" "state_dict" ORDERED
            "\x8c\x01w" TENSOR_OF("0") "su."),
        ROW("module", "\x80\x02" GLOBAL("__main__", "Net") ")\x81}(\x8c\x08training\x88\x8c\x08_modules" ORDERED
            "\x8c\x02" "fc" GLOBAL("torch.nn.modules.linear", "Linear") ")\x81}\x8c\x0b_parameters" ORDERED
            "\x8c\x06weight" TENSOR_OF("0") "ssbsub."),
        ROW("protocol-4", "\x80\x04\x95\x15\0\0\0\0\0\0\0}\x94(\x8c\x01" "a\x94\x8a\x02\xff\0\x8c\x01" "b\x94" "C\x02\0\xff" "u."),
        ROW("numbers", "(I-12\nI01\nJ\xfe\xff\xff\xffM\x01\x02\x8b\x02\0\0\0\x01\x02Nt."),
        ROW("broken-call", GLOBAL("os", "system") "\x8c\x04true\x85R."),
        ROW("broken-memo", "Nr\xff\xff\xff\xff."),
        ROW("broken-cut", "\x80\x02" ORDERED "q"),
        ROW("cycle", "]q\0h\0a."),
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        save("pickle", rows[i].name, ".pkl", rows[i].data, rows[i].size);
}

/* PyTorch's form before 1.6: a magic number, the protocol, the machine's sizes, the object, the storages. */
#define OLDER(object, storages) \
    "\x80\x02\x8a\x0al\xfc\x9c" "F\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}\x8c\x0d" "little_endian\x88s." object storages
#define ONE_STORAGE "\x80\x02](\x8c\x01" "0e.\x06\0\0\0\0\0\0\0" "aaa?bbb?ccc?ddd?eee?fff?"
#define TWO_STORAGES \
    "\x80\x02](\x8c\x01" "0\x8c\x01" "1e.\x06\0\0\0\0\0\0\0" "aaa?bbb?ccc?ddd?eee?fff?\x06\0\0\0\0\0\0\0" "ggg?hhh?iii?jjj?kkk?lll?"

static void save_torch_files(void)
{
    static const struct {
        const char *name, *data;
        size_t size;
    } rows[] = {
#define ROW(name, data) { name, data, sizeof data - 1 }
        ROW("older", OLDER("\x80\x02}(\x8c\x01w" TENSOR_OF("0") "\x8c\x01" "b" TENSOR_OF("1") "u.", TWO_STORAGES)),
        ROW("parameter", OLDER("\x80\x02}\x8c\x01w" GLOBAL("torch._utils", "_rebuild_parameter") TENSOR_OF("0") "\x89" ORDERED
                               "\x87Rs.", ONE_STORAGE)),
        ROW("broken-storage", OLDER("\x80\x02}\x8c\x01w" TENSOR_OF("7") "s.", ONE_STORAGE)),
        ROW("broken-cut", OLDER("\x80\x02}\x8c\x01w" TENSOR_OF("0") "s.", "\x80\x02](\x8c\x01" "0e.\x06")),
        ROW("broken-zip", "PK\3\4\x14\0"),
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        save("torch", rows[i].name, ".pt", rows[i].data, rows[i].size);
}

/* ---- safetensors ---- */

static void save_safetensors(void)
{
    static const struct {
        const char *name, *header;
        size_t data;
    } rows[] = {
        { "two", "{\"__metadata__\":{\"format\":\"pt\"},\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":"
                 "[0,24]},\"fc.bias\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[24,28]}}", 28 },
        { "types", "{\"a\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"BOOL\",\"shape\":[3],"
                   "\"data_offsets\":[8,11]},\"c\":{\"dtype\":\"BF16\",\"shape\":[0,4],\"data_offsets\":[11,11]}}", 11 },
        { "broken-overlap", "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\","
                            "\"shape\":[2],\"data_offsets\":[1,3]}}", 3 },
        { "broken-product", "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0 },
        { "broken-empty", "{}", 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t file[400] = { 0 };
        const size_t length = strlen(rows[i].header);
        if (length + 8 + rows[i].data > sizeof file)
            stop(rows[i].name, "is too large");
        file[0] = (uint8_t)length;
        file[1] = (uint8_t)(length >> 8);
        memcpy(file + 8, rows[i].header, length);
        for (size_t k = 0; k < rows[i].data; k++)
            file[8 + length + k] = (uint8_t)(k + 1);
        save("safetensors", rows[i].name, ".safetensors", file, 8 + length + rows[i].data);
    }
}

/* ---- Keras' models: JSON, a NUL, and shapes of weights or a file of them; ' stands for " ---- */

#define KERAS_INPUT "{'class_name':'InputLayer','name':'i','config':{'name':'i','batch_shape':[null,4,4,1]},'inbound_nodes':[]}"
#define KERAS_LAYER(class, name, settings) "{'class_name':'" class "','config':{'name':'" name "'" settings "}}"
#define KERAS_USE(class, name, settings, nodes) \
    "{'class_name':'" class "','name':'" name "','config':{'name':'" name "'" settings "},'inbound_nodes':[" nodes "]}"
#define KERAS_CHAIN(layers) \
    "{'class_name':'Sequential','config':{'name':'s','layers':[" KERAS_INPUT "," layers "]}}"
#define KERAS_GRAPH(layers, output) \
    "{'class_name':'Functional','config':{'name':'f','layers':[" KERAS_INPUT "," layers "],'input_layers':[['i',0,0]]," \
    "'output_layers':[['" output "',0,0]]}}"
#define TFJS(rest) "{'format':'layers-model','modelTopology':{'model_config':{'class_name':'Sequential','config':{'layers':[" \
    "{'class_name':'Dense','config':{'name':'d','batch_input_shape':[null,1]}}]}}},'weightsManifest':" \
    "[{'paths':['a.bin'],'weights':[{'name':'d/kernel','shape':[1,2],'dtype':'float32'}" rest "]}]}"

static void save_json(const char *kind, const char *name, const char *text, const char *rest, size_t size)
{
    char file[3000];
    const size_t length = strlen(text);
    if (length + 1 + size > sizeof file)
        stop(name, "is too large");
    for (size_t i = 0; i < length; i++)
        file[i] = text[i] == '\'' ? '"' : text[i];
    file[length] = 0;
    memcpy(file + length + 1, rest, size);
    save(kind, name, ".json", file, length + 1 + size);
}

static void save_keras(void)
{
    static const struct {
        const char *name, *text, *rest;
        size_t size;
    } rows[] = {
#define ROW(name, text, rest) { name, text, rest, sizeof rest - 1 }
        ROW("conv", KERAS_CHAIN(KERAS_LAYER("ZeroPadding2D", "z", ",'padding':[[1,0],[0,2]]") ","
            KERAS_LAYER("Conv2D", "c", ",'filters':2,'kernel_size':[3,3],'strides':[2,2],'padding':'same','activation':'relu'") ","
            KERAS_LAYER("BatchNormalization", "b", ",'axis':[3],'scale':false") ","
            KERAS_LAYER("MaxPooling2D", "m", ",'pool_size':[2,2],'padding':'same'") "," KERAS_LAYER("Flatten", "f", "") ","
            KERAS_LAYER("Dense", "d", ",'units':2,'activation':'softmax'")),
            "\4\3\3\1\2\1\2\1\2\1\2\1\2\2\10\2\1\2"),
        ROW("separable", KERAS_CHAIN(KERAS_LAYER("Rescaling", "r", ",'scale':0.5") ","
            KERAS_LAYER("SeparableConv2D", "c", ",'kernel_size':2,'activation':{'class_name':'LeakyReLU','config':{}}") ","
            KERAS_LAYER("DepthwiseConv2D", "w", ",'kernel_size':[2,1],'use_bias':false") ","
            KERAS_LAYER("GlobalAveragePooling2D", "g", "") "," KERAS_LAYER("Activation", "a", ",'activation':'selu'")),
            "\4\2\2\1\2\4\1\1\2\3\1\3\4\2\1\3\1"),
        ROW("graph", KERAS_GRAPH(KERAS_USE("Conv2D", "c", ",'kernel_size':1", "[['i',0,0,{}]],[['c',0,0,{}]]") ","
            KERAS_USE("Add", "p", "", "[['c',0,0,{}],['c',1,0,{}]]") ","
            KERAS_USE("Concatenate", "k", ",'axis':-1", "{'args':[[{'class_name':'__keras_tensor__','config':{'keras_history':"
            "['p',0,0]}},{'class_name':'__keras_tensor__','config':{'keras_history':['i',0,0]}}]],"
            "'kwargs':{'mask':null}}") ","
            KERAS_USE("Permute", "o", ",'dims':[3,1,2]", "[['k',0,0]]") ","
            KERAS_USE("Reshape", "r", ",'target_shape':[-1]", "[['o',0,0]]") "," KERAS_USE("Dense", "d", "", "[['r',0,0]]"), "d"),
            "\4\1\1\1\1\1\1\4\1\1\1\1\1\1\2\40\3\1\3"),
        ROW("nested", KERAS_CHAIN("{'class_name':'Sequential','config':{'name':'n','layers':[" KERAS_LAYER("Normalization", "q",
            ",'axis':[-1]") "," KERAS_LAYER("Flatten", "f", "") "]}}," KERAS_LAYER("Dense", "d", "")),
            "\1\1\1\1\2\20\3\1\3"),
        ROW("broken-cycle", KERAS_GRAPH(KERAS_USE("Flatten", "a", "", "[['b',0,0]]") ","
            KERAS_USE("Flatten", "b", "", "[['a',0,0]]"), "a"), ""),
        ROW("broken-layers", KERAS_CHAIN(KERAS_LAYER("LSTM", "l", "") "," KERAS_LAYER("Lambda", "m", "")), ""),
#undef ROW
    };
    static const char floats[] = "aaa?bbb?ccc?ddd?";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        save_json("keras", rows[i].name, rows[i].text, rows[i].rest, rows[i].size);
    save_json("tfjs", "dense", TFJS(",{'name':'d/bias','shape':[2],'dtype':'float32'}"), floats, 16);
    save_json("tfjs", "broken-short", TFJS(",{'name':'d/bias','shape':[2],'dtype':'float32'}"), floats, 12);
    save_json("tfjs", "broken-quantized", TFJS(",{'name':'d/bias','shape':[2],'dtype':'float32','quantization':{}}"), floats, 16);
    save_json("tfjs", "graph-model", "{'format':'graph-model','modelTopology':{}}", "", 0);
}

/* ---- TensorFlow Lite ---- */

#define TFL_FLAT { .op = 22, TFL_IN(2, 3), TFL_ENDS }

/* Numbers of operators and options are the schema's. */
static const struct {
    const char *name;
    tfl_model model;
} tflite[] = {
    { "dense",
      { .tensor = { TFL_VALUE(1, 2, 2), TFL_VALUE(1, 2),
          { .type = 1, TFL_DIM(2, 4), .halves = (const uint16_t[8]){ 1 } }, TFL_VALUE(2, 4), { TFL_DIM(2), TFL_FLOATS(1, 2) }, TFL_VALUE(1, 2) },
        { { .op = 6, TFL_IN(2), .output = 3 },
          { .op = 9, TFL_IN(0, 3, 4), .output = 5, .options_type = 8, .option = { 1 } },
          { .op = 25, TFL_IN(5), TFL_ENDS, .options_type = 9, .option = { 0x3f800000 } } } } },
    { "conv",
      { .tensor = { TFL_VALUE(1, 4, 4, 1), TFL_VALUE(1, 8), TFL_VALUE(1, 2, 2, 2), TFL_NUMBERS(1, 8),
          { TFL_DIM(2, 3, 3, 1), .floats = (const float[18]){ 1 } }, TFL_VALUE(1, 4, 4, 2) },
        { { .op = 3, TFL_IN(0, 4, -1), .output = 5, .options_type = 1, .option = { 0, 1, 1, 3 } },
          { .op = 17, TFL_IN(5), .output = 2, .options_type = 5, .option = { 1, 2, 2, 2, 2 } }, TFL_FLAT } } },
    { "dilated",
      { .tensor = { TFL_VALUE(-1, 1, 3, 1), TFL_VALUE(-1, 3), TFL_VALUE(-1, 1, 3, 1), TFL_NUMBERS(-1, 3),
          { TFL_DIM(1, 1, 2, 1), TFL_FLOATS(1, 10) }, TFL_NUMBERS(1, 2),
          { .type = 2, TFL_DIM(2, 2), .numbers = (const int32_t[]){ 0, 0, 1, 2 } },
          { .type = 2, TFL_DIM(2, 2), .numbers = (const int32_t[]){ 0, 0, 0, 1 } }, TFL_VALUE(-1, 1, 3, 1),
          TFL_VALUE(-1, 1, 2, 1) },
        { { .op = 38, TFL_IN(0, 5, 6), .output = 8 },
          { .op = 4, TFL_IN(8, 4), .output = 9, .options_type = 2, .option = { 1, 1, 1, 1 } },
          { .op = 37, TFL_IN(9, 5, 7), .output = 2 }, TFL_FLAT } } },
    { "sums",
      { .tensor = { TFL_VALUE(1, 2, 2, 1), TFL_VALUE(1, 8), TFL_VALUE(1, 2, 2, 2), TFL_NUMBERS(1, 8),
          { TFL_DIM(1), TFL_FLOATS(2) }, TFL_VALUE(1, 2, 2, 1), TFL_VALUE(1, 2, 2, 1), TFL_VALUE(1, 2, 2, 1),
          TFL_NUMBERS(0, 2, 1, 3) },
        { { .op = 18, TFL_IN(0, 4), .output = 5 }, { .op = 41, TFL_IN(4, 5), .output = 6 },
          { .op = 54, TFL_IN(6, 4), .output = 7 }, { .op = 2, TFL_IN(5, 7), .output = 2, .option = { 3 } },
          TFL_FLAT } } },
    { "shapes",
      { .tensor = { TFL_VALUE(-1, 2, 2, 1), TFL_VALUE(-1, 4), TFL_SIZES(4), TFL_NUMBERS(0), TFL_NUMBERS(1),
          TFL_SIZES(1), TFL_NUMBERS(4), TFL_SIZES(2), TFL_VALUE(-1, 2, 2, 1), TFL_NUMBERS(0, 2, 1, 3) },
        { { .op = 39, TFL_IN(0, 9), .output = 8 }, { .op = 77, TFL_IN(8), .output = 2 },
          { .op = 45, TFL_IN(2, 3, 4, 4), .output = 5, .options_type = 32, .option = { 0, 0, 0, 0, 1 } },
          { .op = 83, TFL_IN(5, 6), .output = 7 }, { .op = 22, TFL_IN(8, 7), TFL_ENDS } } } },
    { "global",
      { .tensor = { TFL_VALUE(1, 2, 2, 2), TFL_VALUE(1, 2), TFL_NUMBERS(1, 2), TFL_VALUE(1, 4, 2, 2),
          { .type = 2, TFL_DIM(4, 2), .numbers = (const int32_t[8]){ 0, 0, 1, 1 } } },
        { { .op = 34, TFL_IN(0, 4), .output = 3 }, { .op = 40, TFL_IN(3, 2), TFL_ENDS, .options_type = 27 } } } },
    { "broken-custom",
      { .tensor = { TFL_VALUE(1, 4), TFL_VALUE(1, 4) },
        { { .op = 32, .custom = "FlexErf", TFL_IN(0), TFL_ENDS } } } },
};

static void save_tflite(void)
{
    static flat_bytes file;
    for (size_t i = 0; i < sizeof tflite / sizeof *tflite; i++) {
        tfl_make(&file, &tflite[i].model);
        save("tflite", tflite[i].name, ".tflite", file.data, file.size);
    }
    save("tflite", "broken-cut", ".tflite", file.data, file.size / 2);
}

/* ---- ONNX ---- */

/* A message that is being put together: at most so many bytes. */
typedef struct message {
    uint8_t data[2000];
    size_t size;
} message;

static void put_varint(message *to, uint64_t value)
{
    do {
        if (to->size == sizeof to->data)
            stop("onnx", "is too large");
        to->data[to->size++] = (uint8_t)((value & 127) | (value > 127 ? 128 : 0));
        value >>= 7;
    } while (value);
}

static void put_bytes(message *to, unsigned field, const void *data, size_t size)
{
    put_varint(to, field << 3 | 2);
    put_varint(to, size);
    if (size > sizeof to->data - to->size)
        stop("onnx", "is too large");
    memcpy(to->data + to->size, data, size);
    to->size += size;
}

static void put_number(message *to, unsigned field, int64_t value)
{
    put_varint(to, field << 3);
    put_varint(to, (uint64_t)value);
}

/* A tensor of ONNX's type: 1 float, 7 of 64 bits; in a file beside when `beside`. */
static void put_initializer(message *graph, const char *name, int type, uint64_t a, uint64_t b, const char *beside)
{
    static const char keys[2][9] = { "location", "offset" };
    static const uint8_t zeros[512] = { 0 };
    message tensor = { .size = 0 };
    if (a)
        put_number(&tensor, 1, (int64_t)a);
    if (b)
        put_number(&tensor, 1, (int64_t)b);
    put_number(&tensor, 2, type);
    put_bytes(&tensor, 8, name, strlen(name));
    if (!beside)
        put_bytes(&tensor, 9, zeros, (a ? a : 1) * (b ? b : 1) * (type == 1 ? 4 : 8));
    for (int i = 0; beside && i < 2; i++) {
        message entry = { .size = 0 };
        put_bytes(&entry, 1, keys[i], strlen(keys[i]));
        put_bytes(&entry, 2, i ? "4" : beside, strlen(i ? "4" : beside));
        put_bytes(&tensor, 13, entry.data, entry.size);
    }
    if (beside)
        put_number(&tensor, 14, 1);
    put_bytes(graph, 5, tensor.data, tensor.size);
}

/* A node of two inputs at most, with one attribute: a number and a list of it. */
static void put_onnx_node(message *graph, const char *op, const char *first, const char *second, const char *output,
                          const char *attribute, int64_t value)
{
    message node = { .size = 0 }, part = { .size = 0 };
    put_bytes(&node, 1, first, strlen(first));
    if (second)
        put_bytes(&node, 1, second, strlen(second));
    put_bytes(&node, 2, output, strlen(output));
    put_bytes(&node, 4, op, strlen(op));
    if (attribute) {
        put_bytes(&part, 1, attribute, strlen(attribute));
        put_number(&part, 3, value);
        put_number(&part, 8, value);
        put_bytes(&node, 5, part.data, part.size);
    }
    put_bytes(graph, 1, node.data, node.size);
}

/* x: float [N, 1, 4, 4], y. */
static void put_values(message *graph)
{
    static const uint8_t input[] = "\x0a\x01x\x12\x17\x0a\x15\x08\x01\x12\x11\x0a\x03\x12\x01N\x0a\x02\x08\x01"
                                   "\x0a\x02\x08\x04\x0a\x02\x08\x04";
    put_bytes(graph, 11, input, sizeof input - 1);
    put_bytes(graph, 12, "\x0a\x01y", 3);
}

static void save_onnx_graph(const char *name, const message *graph, int64_t opset)
{
    message model = { .size = 0 }, version = { .size = 0 };
    put_number(&model, 1, 8);
    put_bytes(&model, 7, graph->data, graph->size);
    put_number(&version, 2, opset);
    put_bytes(&model, 8, version.data, version.size);
    save("onnx", name, ".onnx", model.data, model.size);
}

/* What our own writer does not write: computed shapes, weights beside, arithmetic with constants. */
static void save_onnx_graphs(void)
{
    message view = { .size = 0 }, beside = { .size = 0 }, sums = { .size = 0 };
    put_values(&view);
    put_initializer(&view, "w", 1, 16, 3, NULL);
    put_initializer(&view, "i", 7, 0, 0, NULL);
    put_initializer(&view, "z", 7, 1, 0, NULL);
    put_onnx_node(&view, "Shape", "x", NULL, "s", "start", 0);
    put_onnx_node(&view, "Gather", "s", "i", "g", "axis", 0);
    put_onnx_node(&view, "Unsqueeze", "g", NULL, "u", "axes", 0);
    put_onnx_node(&view, "Slice", "s", NULL, "l", "starts", 1);
    put_onnx_node(&view, "ReduceProd", "s", NULL, "p", "keepdims", 1);
    put_onnx_node(&view, "Sub", "z", "z", "m", NULL, 0);
    put_onnx_node(&view, "Concat", "u", "m", "c", "axis", 0);
    put_onnx_node(&view, "Reshape", "x", "c", "r", NULL, 0);
    put_onnx_node(&view, "Flatten", "x", NULL, "f", "axis", 1);
    put_onnx_node(&view, "MatMul", "f", "w", "y", NULL, 0);
    save_onnx_graph("view", &view, 11);

    put_values(&beside);
    put_initializer(&beside, "w", 1, 5, 3, "m.onnx.data");
    put_onnx_node(&beside, "ReduceMax", "x", NULL, "r", "axes", 2);
    put_onnx_node(&beside, "Transpose", "w", NULL, "t", NULL, 0);
    put_onnx_node(&beside, "Flatten", "r", NULL, "f", "axis", 1);
    put_onnx_node(&beside, "MatMul", "f", "t", "y", NULL, 0);
    save_onnx_graph("beside", &beside, 13);

    put_values(&sums);
    put_initializer(&sums, "w", 1, 16, 3, NULL);
    put_initializer(&sums, "k", 1, 4, 4, NULL);
    put_initializer(&sums, "o", 1, 1, 1, NULL);
    put_onnx_node(&sums, "Sub", "x", "o", "a", NULL, 0);
    put_onnx_node(&sums, "Mul", "k", "a", "b", NULL, 0);
    put_onnx_node(&sums, "PRelu", "b", "k", "c", NULL, 0);
    put_onnx_node(&sums, "HardSigmoid", "c", NULL, "d", NULL, 0);
    put_onnx_node(&sums, "Softmax", "d", NULL, "e", "axis", 2);
    put_onnx_node(&sums, "Add", "e", "a", "g", NULL, 0);
    put_onnx_node(&sums, "Transpose", "g", NULL, "h", NULL, 0);
    put_onnx_node(&sums, "Flatten", "g", NULL, "i", "axis", 1);
    put_onnx_node(&sums, "Gemm", "i", "w", "y", "transA", 0);
    put_onnx_node(&sums, "ArgMax", "y", NULL, "n", "axis", 1);
    save_onnx_graph("sums", &sums, 13);
    save("onnx", "broken-cut", ".onnx", view.data, view.size / 2);
    save("onnx", "broken-field", ".onnx", "\x0f", 1);
}

static void save_onnx(void)
{
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        ink_model *model = build(&networks[i]);
        ink_buffer file;
        ink_error error;
        const ink_status status = ink_onnx_write(model, &file, &error);
        if (status && status != INK_ERR_LAYOUT) /* I8 weights */
            stop(networks[i].name, error.text);
        if (!status)
            save("onnx", networks[i].name, ".onnx", file.data, file.size);
        ink_buffer_close(&file);
        ink_model_close(&model);
    }
    save_onnx_graphs();
}

/* ---- TorchScript ---- */

#define FORWARD "class Net(Module):\n  def forward(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n"

static void save_scripts(void)
{
    static const struct {
        const char *name, *text;
    } rows[] = {
        { "dense", FORWARD "    w = self.w\n    y = torch.view(x, [torch.size(x, 0), -1])\n    return torch.linear(y, w)\n" },
        { "addmm", FORWARD "    return torch.log_softmax(torch.addmm(self.v, torch.flatten(x, 1), torch.t(self.w)), 1)\n" },
        { "conv", FORWARD "    y = torch._convolution(x, self.c, self.v, [1, 2], [1, 1], [1, 1], False, [0, 0], 1, False)\n"
          "    z = torch.batch_norm(y, None, self.v, self.v, self.v, False, 0.1, 1e-05, True)\n"
          "    a = torch.max_pool2d(torch.relu_(z), [2, 2], annotate(List[int], []), [0, 0], [1, 1], True)\n"
          "    return torch.mean(torch.avg_pool2d(a, [2, 2]), [2, 3])\n" },
        { "shapes", FORWARD "    y = torch.squeeze(torch.unsqueeze(torch.transpose(x, 2, 3), 1), 1)\n"
          "    z = torch.permute(torch.pad(y, [1, 2, 0, 1], \"constant\", 0.), [0, 2, 3, 1])\n"
          "    a, b, = torch.adaptive_max_pool2d(x, [14, 14])\n"
          "    return torch.cat([torch.flatten(z, 1), torch.reshape(a, [-1, 196])], 1)\n" },
        { "numbers", FORWARD "    n = 1\n    for i in range(torch.__range_length(1, 4, 1)):\n"
          "      n = torch.mul(n, torch.slice(torch.size(x), 1)[torch.__derive_index(i, 0, 1)])\n"
          "    if torch.__isnot__(n, None):\n      k = int(ops.prim.NumToTensor(n))\n    else:\n      pass\n"
          "    return torch.div(torch.sub(torch.add(x, x), torch.floordiv(5, 2)), 0.5)\n" },
        { "functions", "op_version_set = 1\ndef act(x: Tensor,\n    slope: float=0.2) -> Tensor:\n"
          "  return torch.leaky_relu(x, slope)\n" FORWARD "    return __torch__.act(getattr(self, \"m\").f(x, ), slope=0.1)\n"
          "  def f(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n    return torch.gelu(x, approximate=\"tanh\")\n" },
        { "broken-endless", FORWARD "    return (self.m).forward(x, )\n" },
        { "broken-unknown", FORWARD "    y = torch.lstm(x)\n    return torch.relu(y)\n" },
        { "broken-in-place", FORWARD "    y = torch.view(x, [-1, 784])\n    z = torch.relu_(y)\n    return x\n" },
        { "broken-cut", "class Net(Module):\n  def forward(self" },
        { "broken-deep", FORWARD "    return ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        save("script", rows[i].name, ".py", rows[i].text, strlen(rows[i].text));
}

/* ---- pictures that are read ---- */

static void save_page(const char *name, const page *made)
{
    save("read", name, ".bin", made, sizeof made->head + (size_t)made->width * made->height);
}

static void save_pages(void)
{
    page p = page_make(100, 90, 230);
    for (int i = 0; i < 3; i++) {
        page_digit(&p, i == 1 ? 4 : 7, 8 + 30 * i, 8, 24, 40);
        page_digit(&p, i == 1 ? 1 : 4, 8 + 30 * i, 52, 24, 40);
    }
    save_page("lines", &p);
    for (int y = 0; y < 90; y++)
        for (int x = 0; x < 100; x++)
            p.greys[y * 100 + x] = (uint8_t)(p.greys[y * 100 + x] * (200 - x - y / 2) / 200 + (x * 7 + y * 13) % 5);
    save_page("shaded", &p);
    p = page_make(120, 60, 10);
    for (int i = 0; i < 4; i++)
        page_digit(&p, i & 1 ? 4 : 7, 8 + 22 * i, 14, 30, 240);
    save_page("touching-light", &p);
    p = page_make(100, 80, 220);
    for (int y = 10; y < 80; y += 20)
        page_stroke(&p, 0, y, 99, y, 1, 120);
    page_digit(&p, 4, 30, 20, 30, 30);
    save_page("ruled", &p);
    p = page_make(60, 90, 200);
    for (int i = 0; i < 4; i++) {
        page_stroke(&p, 0, 3 * i & 4, 59, 3 * i & 4, 4, 0);
        page_stroke(&p, i & 1 ? 56 : 0, 0, i & 1 ? 56 : 0, 89, 4, 0);
    }
    page_digit(&p, 7, 20, 30, 30, 60);
    save_page("frame", &p);
    p = page_make(28, 28, 0);
    page_digit(&p, 4, 8, 5, 18, 255);
    save_page("one", &p);
    p.head[2] = 1 | 2; /* the same bytes as colours, with a gap between rows */
    p.head[3] = 5;
    save_page("colours", &p);
    for (size_t i = 0; i < sizeof p.greys; i++)
        p.greys[i] = (uint8_t)((i * i * 31 + i / 7) % 251);
    save_page("noise", &p);
    p = page_make(1, 1, 0);
    save_page("one-pixel", &p);
    p = page_make(200, 1, 255);
    page_stroke(&p, 50, 0, 80, 0, 1, 0);
    save_page("row", &p);
    p = page_make(1, 200, 255);
    page_stroke(&p, 0, 50, 0, 80, 1, 0);
    save_page("column", &p);
    p = page_make(64, 64, 127);
    save_page("level", &p);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    folder = argv[1];
    save_networks();
    save_values();
    save_broken_models();
    save_idx();
    save_pickles();
    save_torch_files();
    save_safetensors();
    save_keras();
    save_tflite();
    save_onnx();
    save_scripts();
    save_pages();
    printf("%zu files, %zu bytes\n", files, bytes_written);
    return 0;
}
