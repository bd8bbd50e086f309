/* TensorFlow Lite's files as tensors and operators: FlatBuffers of the schema
 * https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs */
#ifndef INK_TFLITE_FILE_H
#define INK_TFLITE_FILE_H

#include "import/tflite/flatbuffer.h"
#include "import/weights.h"

enum { INK_TFLITE_MOST_TENSORS = 1 << 16, INK_TFLITE_MOST_NODES = 4096, INK_TFLITE_MOST_INPUTS = 64 };

/* Types of elements that are told apart here. */
typedef enum ink_tflite_type {
    INK_TFLITE_FLOAT32 = 0, INK_TFLITE_INT32 = 2, INK_TFLITE_UINT8 = 3, INK_TFLITE_INT64 = 4
} ink_tflite_type;

/* Operators that are read here; others are only named. */
typedef enum ink_tflite_op {
    INK_TFLITE_ADD = 0, INK_TFLITE_AVERAGE_POOL_2D = 1, INK_TFLITE_CONCATENATION = 2, INK_TFLITE_CONV_2D = 3,
    INK_TFLITE_DEPTHWISE_CONV_2D = 4, INK_TFLITE_DEQUANTIZE = 6, INK_TFLITE_FULLY_CONNECTED = 9,
    INK_TFLITE_LOGISTIC = 14, INK_TFLITE_MAX_POOL_2D = 17, INK_TFLITE_MUL = 18, INK_TFLITE_RELU = 19,
    INK_TFLITE_RELU_N1_TO_1 = 20, INK_TFLITE_RELU6 = 21, INK_TFLITE_RESHAPE = 22, INK_TFLITE_SOFTMAX = 25,
    INK_TFLITE_TANH = 28, INK_TFLITE_CUSTOM = 32, INK_TFLITE_PAD = 34, INK_TFLITE_GATHER = 36,
    INK_TFLITE_BATCH_TO_SPACE_ND = 37, INK_TFLITE_SPACE_TO_BATCH_ND = 38, INK_TFLITE_TRANSPOSE = 39,
    INK_TFLITE_MEAN = 40, INK_TFLITE_SUB = 41, INK_TFLITE_DIV = 42, INK_TFLITE_SQUEEZE = 43,
    INK_TFLITE_STRIDED_SLICE = 45, INK_TFLITE_LOG_SOFTMAX = 50, INK_TFLITE_CAST = 53, INK_TFLITE_PRELU = 54,
    INK_TFLITE_MAXIMUM = 55, INK_TFLITE_MINIMUM = 57,
    INK_TFLITE_PADV2 = 60, INK_TFLITE_EXPAND_DIMS = 70, INK_TFLITE_SHAPE = 77, INK_TFLITE_REDUCE_PROD = 81,
    INK_TFLITE_REDUCE_MAX = 82, INK_TFLITE_PACK = 83, INK_TFLITE_FILL = 94, INK_TFLITE_LEAKY_RELU = 98,
    INK_TFLITE_ELU = 111, INK_TFLITE_QUANTIZE = 114, INK_TFLITE_BATCH_MATMUL = 126, INK_TFLITE_GELU = 150,
    INK_TFLITE_RELU_0_TO_1 = 152
} ink_tflite_op;

typedef struct ink_tflite_tensor {
    const char *name; /* its beginning, if it is long */
    int32_t type;
    uint32_t rank;
    int32_t dim[INK_WEIGHT_DIMS]; /* the batch too; -1 for one that is not known */
    const uint8_t *data; /* NULL: it is computed */
    size_t bytes;
    bool quantized, sparse;
} ink_tflite_tensor;

typedef struct ink_tflite_node {
    int32_t op;
    const char *custom; /* of INK_TFLITE_CUSTOM, which one */
    uint32_t input_count, output_count;
    int32_t input[INK_TFLITE_MOST_INPUTS]; /* numbers of tensors, -1 for one that is left out */
    int32_t output;                        /* the first */
    uint32_t options_type;
    ink_flat_table options;
} ink_tflite_node;

typedef struct ink_tflite_file {
    ink_flat flat;
    ink_tflite_tensor *tensors;
    ink_tflite_node *nodes;
    size_t tensor_count, node_count;
    int32_t input, output; /* tensors */
} ink_tflite_file;

/* The file, with what it holds in the arena, but for constants, which stay where they are. Numbers of tensors are
 * right, and a node reads no output of a later one.
 * Errors: INK_ERR_FORMAT, INK_ERR_LIMIT, INK_ERR_MEMORY; INK_ERR_GRAPH for what has not one graph of one input and
 * one output. */
ink_status ink_tflite_open(const uint8_t *data, size_t size, ink_arena *arena, ink_tflite_file *file,
                           ink_error *error);

/* "CONV_2D"; "operator 7" for none that is known. In memory of the arena. */
const char *ink_tflite_op_name(int32_t op, ink_arena *arena);
const char *ink_tflite_type_name(int32_t type);

#endif
