/* inkling.h - run small image classifiers: load a model, read a digit.
 *
 * A complete program (tests/test_header.c compiles and runs it):
 *
 *     #include <inkling.h>
 *     #include <stdio.h>
 *
 *     int main(int argc, char **argv)
 *     {
 *         static unsigned char pixels[28 * 28];   // 0 = paper, 255 = ink, row by row
 *         float probability[10];
 *         ink_model *model = NULL;
 *         ink_session *session = NULL;
 *         ink_error error;
 *         if (ink_model_open(argc > 1 ? argv[1] : "models/cnn.gguf", NULL, &model, &error) ||
 *             ink_session_open(model, NULL, &session, &error) ||
 *             ink_session_run_u8(session, pixels, 1, probability, &error))
 *             return fprintf(stderr, "%s\n", error.text), 1;
 *         printf("%zu\n", ink_argmax(probability, 10));
 *         ink_session_close(&session);
 *         ink_model_close(&model);
 *     }
 *
 * Rules that hold for every function here:
 * - A function that can fail returns an ink_status and fills an ink_error that the caller owns; the
 *   ink_error may be NULL. On failure nothing is half made: outputs are NULL or untouched.
 * - `..._open(..., T **out, ...)` makes an object, `..._close(T **)` ends it and sets the pointer
 *   to NULL; closing NULL does nothing.
 * - Option structs begin with their own size; use the INK_..._OPTIONS_INIT macros. NULL means the
 *   defaults, and a field left 0 means its default.
 * - A model is immutable: any number of threads may use one model at once. A session, a builder and
 *   a buffer belong to one thread at a time.
 * - Strings that the library returns are UTF-8 only if the file was honest: a program that prints
 *   them to a terminal should mask control characters.
 * - The library never prints, exits, aborts, or keeps global state.
 */
#ifndef INKLING_H
#define INKLING_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32) && defined(INK_SHARED)
#  ifdef INK_BUILD
#    define INK_API __declspec(dllexport)
#  else
#    define INK_API __declspec(dllimport)
#  endif
#elif defined(__GNUC__)
#  define INK_API __attribute__((visibility("default")))
#else
#  define INK_API
#endif

#define INK_VERSION_MAJOR 0
#define INK_VERSION_MINOR 1
#define INK_VERSION_PATCH 0
#define INK_VERSION "0.1.0"

/* The version of the library that is linked, e.g. "0.1.0". */
INK_API const char *ink_version(void);

/* ---- errors ---------------------------------------------------------------------------------- */

/* The values are part of the interface and never change meaning. */
typedef enum ink_status {
    INK_OK = 0,
    /* the call */
    INK_ERR_ARGUMENT = 10,     /* an argument is NULL or out of range */
    INK_ERR_CPU = 11,          /* the requested instruction set is unknown or not on this machine */
    INK_ERR_LAYOUT = 12,       /* the network cannot be written in the requested file layout */
    /* the system */
    INK_ERR_MEMORY = 20,       /* the allocator returned NULL */
    INK_ERR_OPEN = 21,         /* a file cannot be opened */
    INK_ERR_READ = 22,         /* reading failed */
    INK_ERR_WRITE = 23,        /* writing, syncing or renaming failed; the old file is untouched */
    INK_ERR_THREAD = 24,       /* a thread could not be started */
    /* the bytes of a file */
    INK_ERR_TRUNCATED = 30,    /* the file ends before what it promises */
    INK_ERR_MAGIC = 31,        /* not a file of a known format */
    INK_ERR_VERSION = 32,      /* a version of the format that is not supported */
    INK_ERR_ENDIAN = 33,       /* a big-endian file */
    INK_ERR_FORMAT = 34,       /* a field holds what the format forbids */
    INK_ERR_LIMIT = 35,        /* larger than the limits in the options allow */
    INK_ERR_TRAILING = 36,     /* bytes after the end of the contents */
    INK_ERR_TYPE = 37,         /* an element type that is unknown or not usable there */
    /* the network in a file */
    INK_ERR_ARCHITECTURE = 40, /* no architecture that this library knows */
    INK_ERR_MISSING = 41,      /* a tensor or key that is needed is not there */
    INK_ERR_SHAPE = 42,        /* a tensor's or value's shape does not fit */
    INK_ERR_OP = 43,           /* an operator that this library does not have */
    INK_ERR_ATTRIBUTE = 44,    /* an attribute is unknown, malformed or out of range */
    INK_ERR_GRAPH = 45,        /* the nodes do not make a graph */
    INK_ERR_NOT_FINITE = 46    /* a weight is NaN or infinite */
} ink_status;

typedef struct ink_error {
    ink_status status;
    uint64_t offset; /* byte offset in the file where that is known, else 0 */
    char text[496];  /* one line: file, field, what was found, what was wanted */
} ink_error;

/* A status in words, e.g. "file is truncated"; "unknown status" for other values. Never NULL. */
INK_API const char *ink_status_text(ink_status status);

/* ---- memory ---------------------------------------------------------------------------------- */

/* Where objects take their memory from. `alloc` returns `size` bytes aligned to at least 64 or NULL;
 * `free` takes what `alloc` gave, never NULL. They are called on the thread that calls the library; a
 * run allocates nothing. Objects of several threads that share an allocator, or several threads that ask
 * one model for buffers, call it at the same time. */
typedef struct ink_allocator {
    void *context;
    void *(*alloc)(void *context, size_t size);
    void (*free)(void *context, void *block);
} ink_allocator;

/* Bytes that the library made, e.g. a model file or a .dot text. `data` ends with a NUL that `size`
 * does not count. */
typedef struct ink_buffer {
    char *data;
    size_t size;
    ink_allocator allocator;
} ink_buffer;

/* Frees the bytes and zeroes the buffer. A zeroed buffer may be closed too. */
INK_API void ink_buffer_close(ink_buffer *buffer);

/* ---- processor ------------------------------------------------------------------------------- */

/* Which kernels run. Each machine has SCALAR; the results of all agree to float32 rounding. Of a machine's own, a larger
 * number is the better one, and what it has no kernel of its own for runs by the next lower. */
typedef enum ink_cpu {
    INK_CPU_BEST = 0,
    INK_CPU_SCALAR = 1,
    INK_CPU_AVX2 = 2,       /* AVX2 and FMA */
    INK_CPU_AVX512 = 3,     /* AVX-512 F, BW, DQ, VL */
    INK_CPU_AVX512VNNI = 4, /* and its products of bytes */
    INK_CPU_NEON = 5,       /* 64-bit ARM */
    INK_CPU_SIMD128 = 6     /* WebAssembly */
} ink_cpu;

/* The best instruction set that this machine has; never INK_CPU_BEST. */
INK_API ink_cpu ink_cpu_detect(void);
/* "best", "scalar", "avx2", "avx512", "avx512vnni", "neon", "simd128"; NULL for a value that is none of these. */
INK_API const char *ink_cpu_name(ink_cpu cpu);
/* The reverse. INK_ERR_CPU for an unknown name, or for one that this machine does not have. */
INK_API ink_status ink_cpu_from_name(const char *name, ink_cpu *cpu, ink_error *error);

/* Multiply-adds of float32 a second that one thread can do at most with these kernels' instructions, measured on numbers in
 * registers for a few milliseconds; 0 for what this machine does not have. */
INK_API double ink_cpu_peak(ink_cpu cpu);

/* ---- tensors --------------------------------------------------------------------------------- */

#define INK_MAX_DIMS 4

/* Element types of weights, with the numbers that GGUF gives them. Those that begin with Q store 32
 * elements, neighbours in the last dimension, as a block; it is a multiple of 32 then. I8 is for the weights of conv2d
 * and dense alone, with a scale for each output channel (docs/formats.md, "I8 weights"). */
typedef enum ink_type {
    INK_F32 = 0, INK_F16 = 1, INK_Q4_0 = 2, INK_Q4_1 = 3, INK_Q5_0 = 6, INK_Q5_1 = 7, INK_Q8_0 = 8,
    INK_I8 = 24, INK_F64 = 28, INK_BF16 = 30
} ink_type;

/* "f32", "f16", "q8_0" and so on; NULL for other values. */
INK_API const char *ink_type_name(ink_type type);

/* ---- models ---------------------------------------------------------------------------------- */

typedef struct ink_model ink_model;

/* What a run returns. */
typedef enum ink_output {
    INK_OUTPUT_PROBABILITIES = 0, /* a graph that ends in logits is given a softmax */
    INK_OUTPUT_AS_WRITTEN = 1     /* whatever the last node of the graph gives */
} ink_output;

typedef struct ink_model_options {
    size_t size; /* sizeof(ink_model_options) */
    const ink_allocator *allocator; /* NULL: malloc; copied, but `context` must outlive the model */
    ink_cpu cpu;                    /* which kernels */
    ink_output output;
    const char *name;       /* names the data in errors when it comes from memory; "memory" */
    float input_scale;      /* x = pixel * input_scale + the model's offset; 0: the model's own */
    uint64_t max_file;      /* bytes; 0: 1 GiB */
    uint64_t max_memory;    /* bytes for packed weights, and for one image's activations; 0: 1 GiB */
    uint64_t max_macs;      /* multiply-adds an image; 0: 100 thousand million */
} ink_model_options;
#define INK_MODEL_OPTIONS_INIT { sizeof(ink_model_options), NULL, INK_CPU_BEST, \
    INK_OUTPUT_PROBABILITIES, NULL, 0.0f, 0, 0, 0 }

/* Opens a model file: GGUF version 2 or 3 (inkling's own layout, or one of ggml's MNIST layouts) or
 * the legacy ggml .bin of the fully connected network. docs/formats.md describes them all.
 * The whole file is read, checked, and its weights packed for the chosen kernels; the file is closed
 * again. Errors: INK_ERR_OPEN, INK_ERR_READ, INK_ERR_MEMORY, INK_ERR_CPU, and everything from 30 on. */
INK_API ink_status ink_model_open(const char *path, const ink_model_options *options,
                                  ink_model **out, ink_error *error);

/* The same from memory. The bytes are borrowed: they must stay unchanged until the model is closed. */
INK_API ink_status ink_model_open_memory(const void *data, size_t size,
                                         const ink_model_options *options,
                                         ink_model **out, ink_error *error);

/* Ends a model; every session on it must have been closed before. */
INK_API void ink_model_close(ink_model **model);

/* File layouts. */
typedef enum ink_layout {
    INK_LAYOUT_INKLING = 0,   /* GGUF with the graph inside; takes every network */
    INK_LAYOUT_GGML = 1,      /* GGUF as today's ggml example writes: mnist-fc, mnist-cnn (padded) */
    INK_LAYOUT_GGML_2023 = 2, /* GGUF as the 2023 example's mnist-cnn */
    INK_LAYOUT_LEGACY = 3     /* the .bin of the 2023 example's fully connected network */
} ink_layout;

/* "inkling", "ggml", "ggml-2023", "legacy"; NULL for other values. */
INK_API const char *ink_layout_name(ink_layout layout);

typedef struct ink_model_info {
    const char *name;         /* general.name, or "" */
    const char *architecture; /* general.architecture, or "legacy" */
    const char *format;       /* "GGUF v3", "GGUF v2" or "ggml .bin" */
    ink_layout layout;
    uint32_t channels, height, width; /* of the input */
    float input_scale, input_offset;  /* as the model will be run */
    uint32_t classes;                 /* floats a run gives for each image */
    const char *const *labels;        /* one for each class */
    uint64_t parameters, macs;        /* of the whole network; macs are for one image */
    uint64_t file_bytes, packed_bytes;
    uint64_t image_bytes;             /* activations of one image */
    size_t nodes, steps, tensors, metadata; /* how many of each */
    ink_cpu cpu;                      /* the kernels that run */
} ink_model_info;

/* Facts about a model. The pointer and all that it leads to live as long as the model; so it is for
 * the four functions after it, which return NULL when `index` is out of range. */
INK_API const ink_model_info *ink_model_get_info(const ink_model *model);

/* A node of the graph as written. Shapes are those of one image: the batch is left out. */
typedef struct ink_node_info {
    const char *name, *op;
    const char *attributes; /* as ink_builder_node takes them, defaults left out, e.g. "kernel=3,3" */
    const char *const *inputs; /* names of nodes; "input" is the picture */
    size_t input_count;
    uint32_t rank, dim[INK_MAX_DIMS]; /* of the output */
    uint64_t parameters, macs;
} ink_node_info;
INK_API const ink_node_info *ink_model_node(const ink_model *model, size_t index);

/* A step of the plan: what really runs. */
typedef struct ink_step_info {
    const char *name;   /* of the last node that it computes */
    const char *ops;    /* e.g. "conv2d+relu" */
    const char *kernel; /* e.g. "igemm_f32_avx2"; "F(4x4) igemm_f32_avx2" where Winograd's transforms surround it */
    const char *const *inputs; /* names of the steps that it reads; "input" is the picture */
    size_t input_count;
    uint32_t rank, dim[INK_MAX_DIMS];
    uint64_t macs, weight_bytes;
    uint64_t offset, bytes;   /* the output's place in one image's share of the arena */
    uint64_t scratch_bytes;   /* temporary space of the step itself */
} ink_step_info;
INK_API const ink_step_info *ink_model_step(const ink_model *model, size_t index);

typedef struct ink_tensor_info {
    const char *name;
    ink_type type;
    uint32_t rank, dim[INK_MAX_DIMS]; /* slowest first, as in NumPy */
    uint64_t bytes;
    const void *data; /* as in the file: little-endian, may be unaligned */
} ink_tensor_info;
INK_API const ink_tensor_info *ink_model_tensor(const ink_model *model, size_t index);

typedef enum ink_value_kind { INK_VALUE_NUMBER = 0, INK_VALUE_BOOL = 1, INK_VALUE_STRING = 2 } ink_value_kind;

/* A key and its values in the file's metadata. */
typedef struct ink_metadata {
    const char *key;
    const char *type;    /* GGUF's name: "u32", "f32", "bool", "string", ... */
    ink_value_kind kind;
    int is_array;
    size_t count;        /* 1 unless it is an array */
    const void *values;  /* read them with the two functions below */
} ink_metadata;
INK_API const ink_metadata *ink_model_metadata(const ink_model *model, size_t index);
/* The i-th value as a number (a bool is 0 or 1); 0 when it is none or i is out of range. */
INK_API double ink_metadata_number(const ink_metadata *metadata, size_t i);
/* The i-th value as a string; "" when it is none or i is out of range. */
INK_API const char *ink_metadata_string(const ink_metadata *metadata, size_t i);

/* Writes the model as a file in `layout`: to a temporary file beside `path`, synced, then renamed, so
 * that `path` holds the old or the new contents and nothing between. INK_ERR_LAYOUT, with the reason,
 * when the layout cannot hold this network; INK_ERR_WRITE. */
INK_API ink_status ink_model_save(const ink_model *model, const char *path, ink_layout layout,
                                  ink_error *error);
/* The same into `out`, which ink_buffer_close frees. */
INK_API ink_status ink_model_save_memory(const ink_model *model, ink_layout layout, ink_buffer *out,
                                         ink_error *error);

/* ---- sessions -------------------------------------------------------------------------------- */

typedef struct ink_session ink_session;

typedef struct ink_session_options {
    size_t size; /* sizeof(ink_session_options) */
    const ink_allocator *allocator; /* NULL: malloc; copied */
    uint32_t threads; /* 1 to 256; 0: 1. Images are shared out among them: one image uses one thread, see
                         ink_session_threads */
    uint32_t batch;   /* images that a thread takes at once; 0: the plan's choice, see docs/architecture.md */
    int profile;      /* not 0: time each step, see ink_session_step_seconds */
} ink_session_options;
#define INK_SESSION_OPTIONS_INIT { sizeof(ink_session_options), NULL, 0, 0, 0 }

/* Bytes that ink_session_open will take for these options; 0 if the options are bad. */
INK_API size_t ink_session_memory(const ink_model *model, const ink_session_options *options);

/* Makes a session: one arena, and the threads. The model must outlive it.
 * Errors: INK_ERR_ARGUMENT, INK_ERR_MEMORY, INK_ERR_THREAD. */
INK_API ink_status ink_session_open(const ink_model *model, const ink_session_options *options,
                                    ink_session **out, ink_error *error);
INK_API void ink_session_close(ink_session **session);

/* Runs the network on `images` pictures, any number. `pixels` is [images, C, H, W] bytes, to which
 * the model's own scale and offset are applied; `output` takes [images, classes] floats.
 * An image's result does not depend on the images beside it, nor on the number of threads.
 * Errors: INK_ERR_ARGUMENT. Allocates nothing. */
INK_API ink_status ink_session_run_u8(ink_session *session, const uint8_t *pixels, size_t images,
                                      float *output, ink_error *error);
/* The same from floats that are the network's input as it is: no scale or offset is applied. */
INK_API ink_status ink_session_run_f32(ink_session *session, const float *input, size_t images,
                                       float *output, ink_error *error);

/* Runs the network on one picture, [C, H, W] bytes, and keeps what its steps compute, for those who want to look.
 * `outputs` has an entry for each step of the plan (ink_model_step): NULL, or where the step's output goes, as many
 * floats as its shape has elements, in the order of that shape: channels, rows, columns for a picture, wherever they lie
 * in the arena. What a step gives as bytes (I8 weights) is given as the floats that they stand for.
 * Errors: INK_ERR_ARGUMENT. Allocates nothing. */
INK_API ink_status ink_session_run_steps(ink_session *session, const uint8_t *pixels, float *const *outputs,
                                         ink_error *error);

/* How many of the session's threads a run of so many images uses: a few small images are done before another thread
 * would be awake. 0 for NULL. */
INK_API uint32_t ink_session_threads(const ink_session *session, size_t images);

/* Seconds that the step has taken in this session so far, summed over threads; 0 without `profile`. */
INK_API double ink_session_step_seconds(const ink_session *session, size_t step);

/* The index of the largest of n floats, the first of equals; 0 for n = 0. */
INK_API size_t ink_argmax(const float *x, size_t n);

/* ---- pictures from anywhere ------------------------------------------------------------------- */

/* A picture: rows from the top, of `width` pixels of `channels` bytes. It is borrowed. */
typedef struct ink_picture {
    const uint8_t *pixels;
    uint32_t width, height;
    uint32_t channels; /* 1: grey; 3: red, green, blue */
    size_t stride;     /* bytes from one row to the next; 0: width * channels */
} ink_picture;

/* What the writing is. */
typedef enum ink_polarity {
    INK_POLARITY_FIND = 0, /* whichever explains the picture with less ink */
    INK_POLARITY_DARK = 1, /* dark on light paper */
    INK_POLARITY_LIGHT = 2 /* light on a dark board */
} ink_polarity;

typedef struct ink_read_options {
    size_t size; /* sizeof(ink_read_options) */
    const ink_allocator *allocator; /* NULL: malloc; copied */
    ink_polarity polarity;
    int single;          /* not 0: the whole picture is one digit */
    float threshold;     /* a digit of a lower probability is unsure; 0: INK_READ_THRESHOLD; up to 1 */
    int steps;           /* not 0: keep a picture of each step */
    uint64_t max_pixels; /* of the picture; 0: 200 million */
} ink_read_options;
#define INK_READ_OPTIONS_INIT { sizeof(ink_read_options), NULL, INK_POLARITY_FIND, 0, 0.0f, 0, 0 }
#define INK_READ_THRESHOLD 0.7f
/* A picture of more pixels is reduced by a whole factor before it is worked on. Who can decode at a scale need give no
 * more than about as many. */
#define INK_READ_PIXELS 4000000

/* Something written that may be a digit. */
typedef struct ink_mark {
    size_t digit;         /* the likeliest class */
    float probability;    /* its own */
    int unsure;           /* not 0: below the threshold, so perhaps no digit at all */
    uint32_t x, y, width, height; /* its box in the picture, in pixels from the upper left corner */
    uint32_t line;        /* from 0, the topmost */
    const float *probabilities; /* [classes] */
    const uint8_t *pixels; /* [H, W] of the model's input: what the network saw, before it was turned */
} ink_mark;

/* A picture of a step on the way, grey. */
typedef struct ink_read_step {
    const char *name;
    uint32_t width, height;
    const uint8_t *pixels;
} ink_read_step;

typedef struct ink_reading {
    size_t count;
    const ink_mark *marks; /* in reading order: line by line, from left to right */
    const char *text;      /* the labels, '?' for an unsure one, a blank where a gap is wide, '\n' between lines */
    uint32_t lines;
    size_t steps;
    const ink_read_step *step;
} ink_reading;

/* Finds what is written in a picture, drawing, photo or scan, and reads each mark with the session's model, of one input
 * channel. Specks and ruled lines are left out, digits that touch are split where the model likes the parts best
 * (docs/handwriting.md). A mark's probabilities are the geometric mean of three: as it was prepared, and turned by six
 * degrees each way. With `single` there is one mark at most: the ink of the whole picture; and if that has the model's
 * own size it is shown to it as it is too, and the mean of that and of the former three counts. A picture without ink
 * gives none.
 * Errors: INK_ERR_ARGUMENT, INK_ERR_LIMIT, INK_ERR_MEMORY. */
INK_API ink_status ink_read(ink_session *session, const ink_picture *picture, const ink_read_options *options,
                            ink_reading **out, ink_error *error);
INK_API void ink_reading_close(ink_reading **reading);

/* The preparation alone: the picture's one digit as MNIST has them, [height, width] bytes, white on black, its longer
 * side 20/28 of the whole, its mass in the middle. All 0 where the picture has no ink. Errors as ink_read's. */
INK_API ink_status ink_picture_prepare(const ink_picture *picture, const ink_read_options *options,
                                       uint32_t height, uint32_t width, uint8_t *pixels, ink_error *error);

/* ---- the graph, drawn and built -------------------------------------------------------------- */

typedef enum ink_dot { INK_DOT_GRAPH = 0, INK_DOT_PLAN = 1 } ink_dot;

/* Draws the graph as written, or the plan as run, as a graphviz .dot text: the same text at every
 * call. With a session that profiled, the plan shows each step's share of the time. */
INK_API ink_status ink_model_dot(const ink_model *model, ink_dot what, const ink_session *session,
                                 ink_buffer *out, ink_error *error);

/* A builder makes a model from nodes and tensors, without a file. */
typedef struct ink_builder ink_builder;

/* The input is channels x height x width; x = pixel * scale + offset for byte input. */
INK_API ink_status ink_builder_open(const ink_allocator *allocator,
                                    uint32_t channels, uint32_t height, uint32_t width,
                                    float scale, float offset, ink_builder **out, ink_error *error);

/* Adds a node. `op` is an operator's name (docs/operators.md). `inputs` names nodes, separated by
 * commas; NULL means the node added last, or the picture, whose name is "input". `attributes` are
 * like "kernel=3,3 stride=2 padding=1", NULL for none. The last node added is the output. */
INK_API ink_status ink_builder_node(ink_builder *builder, const char *op, const char *name,
                                    const char *inputs, const char *attributes, ink_error *error);

/* Adds a tensor, e.g. "conv1.weight" of the node "conv1". `dim` slowest first; `data` is copied. */
INK_API ink_status ink_builder_tensor(ink_builder *builder, const char *name, ink_type type,
                                      uint32_t rank, const uint32_t *dim, const void *data,
                                      ink_error *error);

/* Names the classes: as many as the output has elements. Without it they are "0", "1", .... */
INK_API ink_status ink_builder_labels(ink_builder *builder, const char *const *labels, size_t count,
                                      ink_error *error);

/* Sets a metadata string, e.g. "general.name". INK_ERR_ARGUMENT for a key that the library writes itself,
 * e.g. "general.architecture" or "inkling.version". */
INK_API ink_status ink_builder_metadata(ink_builder *builder, const char *key, const char *value,
                                        ink_error *error);

/* Checks everything and makes the model, which does not need the builder any more. */
INK_API ink_status ink_builder_model(ink_builder *builder, const ink_model_options *options,
                                     ink_model **out, ink_error *error);
INK_API void ink_builder_close(ink_builder **builder);

/* ---- networks as text ------------------------------------------------------------------------- */

/* What a network's text may leave open; see docs/networks.md. */
typedef struct ink_network_options {
    size_t size; /* sizeof(ink_network_options) */
    const ink_allocator *allocator; /* NULL: malloc; copied */
    const char *name;        /* names the text in errors; "network" */
    uint32_t channels, height, width; /* of the input, where no line `input` gives them; 0: 1, 28, 28 */
    uint32_t classes;        /* what the word `classes` stands for; 0: 10 */
} ink_network_options;
#define INK_NETWORK_OPTIONS_INIT { sizeof(ink_network_options), NULL, NULL, 0, 0, 0, 0 }

/* Makes a builder from a text that lists a network's nodes, one a line (docs/networks.md):
 *
 *     conv2d filters=32 kernel=3
 *     relu
 *     flatten
 *     dense units=classes
 *
 * Errors name the line: INK_ERR_FORMAT, INK_ERR_SHAPE where the text's input is not the options', and
 * those of ink_builder_node. */
INK_API ink_status ink_network_open(const char *text, size_t size, const ink_network_options *options,
                                    ink_builder **out, ink_error *error);

/* The networks that are built in: the i-th name, or NULL behind the last; and a network's text, or NULL
 * for another name. */
INK_API const char *ink_network_name(size_t index);
INK_API const char *ink_network_text(const char *name);

/* Draws weights for the nodes that have none: before a rectifier normal with the variance 2 / inputs (K. He
 * et al., "Delving Deep into Rectifiers", 2015), else uniform up to sqrt(6 / (inputs + outputs)) (X. Glorot,
 * Y. Bengio, 2010). Biases are 0, batch norms pass their input on. The same seed gives the same weights.
 * Errors: INK_ERR_ATTRIBUTE where `filters`, `kernel` or `units` is missing, and those of
 * ink_builder_model. */
INK_API ink_status ink_builder_init_weights(ink_builder *builder, uint64_t seed, ink_error *error);

/* ---- training --------------------------------------------------------------------------------- */

/* Pictures and what they show. */
typedef struct ink_examples {
    const uint8_t *pixels; /* [count, C, H, W], of the network's input */
    const uint8_t *labels; /* [count], each below the number of classes */
    size_t count;
} ink_examples;

/* Checks settings (docs/training.md) and gives the seed and those that are not the defaults, in a fixed order.
 * `text` may be NULL. Errors: INK_ERR_ARGUMENT, INK_ERR_MEMORY. */
INK_API ink_status ink_training_settings(const char *text, ink_buffer *out, ink_error *error);

typedef struct ink_trainer ink_trainer;

typedef struct ink_trainer_options {
    size_t size; /* sizeof(ink_trainer_options) */
    const ink_allocator *allocator; /* NULL: malloc; copied */
    ink_cpu cpu;
    uint32_t threads;     /* 1 to 256; 0: 1. Their number changes no bit of the result */
    const char *settings; /* "epochs=10 rate=0.001 augment=light", see docs/training.md; NULL: the defaults.
                             Of two of a name the later holds */
    int resume;           /* not 0: the model is a checkpoint; go on where it was saved. It must have been
                             made with the same examples and settings, but for epochs and patience */
} ink_trainer_options;
#define INK_TRAINER_OPTIONS_INIT { sizeof(ink_trainer_options), NULL, INK_CPU_BEST, 0, NULL, 0 }

typedef struct ink_trainer_info {
    uint64_t step, steps;          /* done so far, and in all */
    uint64_t epoch, epochs;        /* whole epochs done so far, and in all */
    uint64_t epoch_steps;          /* of one epoch */
    size_t batch;                  /* images of a step */
    size_t training, validation;   /* images */
    const uint32_t *validation_indices; /* which examples were set aside */
    const char *settings;          /* the seed, and those that are not the defaults */
    const char *note;              /* of the checkpoint, see ink_trainer_save; else "" */
    uint64_t best_epoch;           /* that ink_trainer_validate liked best so far; 0: none yet */
    double best_accuracy, best_loss; /* its results; accuracies are from 0 to 1 */
    uint64_t parameters;           /* floats that are trained */
    int done;                      /* not 0: the last step is done, or patience is at its end */
} ink_trainer_info;

typedef struct ink_train_step {
    double loss;           /* the mean over the batch, before the step */
    size_t images, correct; /* of the batch, without the pictures that `negatives` replaced */
    double rate;           /* the learning rate */
} ink_train_step;

typedef struct ink_validation {
    double loss, accuracy; /* mean cross-entropy; 0 to 1 */
    size_t correct, count;
    int best;              /* not 0: better than all epochs before, and kept */
} ink_validation;

/* Prepares a training of the model's network. The weights begin as the model's. `settings` decide the rest;
 * `validation` examples, drawn by `seed`, are set aside. The model may be closed at once; the examples are
 * borrowed. Errors: INK_ERR_ARGUMENT (a setting, a label, too few examples, a checkpoint that does not fit),
 * INK_ERR_GRAPH, INK_ERR_MISSING for a model that is no checkpoint where `resume` wants one, INK_ERR_LIMIT,
 * INK_ERR_MEMORY, INK_ERR_THREAD. */
INK_API ink_status ink_trainer_open(const ink_model *model, const ink_examples *examples,
                                    const ink_trainer_options *options, ink_trainer **out,
                                    ink_error *error);
INK_API void ink_trainer_close(ink_trainer **trainer);

/* Lives as long as the trainer; each call below brings it up to date. */
INK_API const ink_trainer_info *ink_trainer_get_info(const ink_trainer *trainer);

/* Trains on one batch. INK_ERR_NOT_FINITE when the loss has left the numbers: a lower rate may help. After
 * the last step it does nothing. */
INK_API ink_status ink_trainer_step(ink_trainer *trainer, ink_train_step *out, ink_error *error);

/* Runs the weights as they are now (averaged, if `average` is set) on the examples set aside, and keeps them
 * if they are the best so far. To be called at the end of an epoch.
 * Errors: INK_ERR_ARGUMENT without validation, INK_ERR_MEMORY. */
INK_API ink_status ink_trainer_validate(ink_trainer *trainer, ink_validation *out, ink_error *error);

/* The trained network: the weights that validated best, or without validation those of now. Batch norms
 * behind a conv2d or dense layer become a part of it, dropout is left out. The metadata are the first model's,
 * and "training.settings", ".examples", ".epoch", ".validation_accuracy" and ".temperature" (docs/formats.md). With the setting
 * `calibrate` the last layer is divided by that. */
INK_API ink_status ink_trainer_model(const ink_trainer *trainer, const ink_model_options *options,
                                     ink_model **out, ink_error *error);

/* Writes a checkpoint: a model file with the network and its weights as they are, and all that the training
 * needs to go on, bit for bit, from this step (docs/formats.md). `note` is the caller's, NULL for none.
 * Temporary file, sync and rename as ink_model_save. */
INK_API ink_status ink_trainer_save(const ink_trainer *trainer, const char *path, const char *note,
                                    ink_error *error);

/* The picture that an example is trained on in an epoch, counted from 0: changed by augmentation or, for the share
 * `negatives`, replaced by one that shows none of the classes, which `negative` tells if it is not NULL. `to` takes
 * [channels, height, width]. For those who want to look. Errors: INK_ERR_ARGUMENT, INK_ERR_MEMORY. */
INK_API ink_status ink_trainer_picture(const ink_trainer *trainer, uint64_t epoch, size_t example, uint8_t *to,
                                       int *negative, ink_error *error);

/* ---- I8 weights ------------------------------------------------------------------------------- */

/* A quantizer looks on while a model runs, and then writes it with weights of a byte each, a quarter of the file, which
 * a processor that multiplies bytes runs faster (docs/formats.md, "I8 weights"). */
typedef struct ink_quantizer ink_quantizer;

typedef struct ink_quantizer_options {
    size_t size; /* sizeof(ink_quantizer_options) */
    const ink_allocator *allocator; /* NULL: malloc; copied */
    const char *keep; /* names of nodes whose weights stay as they are, separated by commas; NULL: none */
} ink_quantizer_options;
#define INK_QUANTIZER_OPTIONS_INIT { sizeof(ink_quantizer_options), NULL, NULL }

/* The model must outlive the quantizer. Errors: INK_ERR_ARGUMENT where `keep` names no conv2d or dense node,
 * INK_ERR_TYPE for a model that has I8 weights already, INK_ERR_GRAPH for one that has no layer for them, INK_ERR_MEMORY. */
INK_API ink_status ink_quantizer_open(const ink_model *model, const ink_quantizer_options *options,
                                      ink_quantizer **out, ink_error *error);
INK_API void ink_quantizer_close(ink_quantizer **quantizer);

/* Shows it pictures [images, C, H, W] of the kind that the model will see, those that it was trained on for example: what
 * ranges the inputs of its layers have is learnt from these, in as many calls as you like. Some hundred do. */
INK_API ink_status ink_quantizer_add(ink_quantizer *quantizer, const uint8_t *pixels, size_t images, ink_error *error);

/* Gives the model file with I8 weights, which ink_buffer_close frees. Of the conv2d nodes those of one group, and all dense
 * nodes; batch norms behind them become a part of them. INK_ERR_ARGUMENT before any picture was shown. */
INK_API ink_status ink_quantizer_make(const ink_quantizer *quantizer, ink_buffer *out, ink_error *error);

/* ---- IDX, MNIST's format of images and labels ------------------------------------------------- */

/* A view of an IDX file of bytes (Y. LeCun, C. Cortes, "The IDX file format"; docs/formats.md).
 * Images have rank 3 (items, rows, columns), labels rank 1. */
typedef struct ink_idx {
    uint32_t rank, dim[INK_MAX_DIMS];
    size_t items;      /* dim[0] */
    size_t item_bytes; /* the product of the other dimensions; 1 for labels */
    const uint8_t *data; /* [items, item_bytes], inside the bytes given */
} ink_idx;

/* Checks the header against `size`: bytes missing are INK_ERR_TRUNCATED, bytes left over
 * INK_ERR_TRAILING, another element type INK_ERR_TYPE. `name` names the file in errors. */
INK_API ink_status ink_idx_parse(const void *data, size_t size, const char *name, ink_idx *out,
                                 ink_error *error);

/* Writes an IDX file of bytes, temporary file and rename as ink_model_save. */
INK_API ink_status ink_idx_save(const char *path, uint32_t rank, const uint32_t *dim,
                                const uint8_t *data, ink_error *error);

#ifdef __cplusplus
}
#endif
#endif
