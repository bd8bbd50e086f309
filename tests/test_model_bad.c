/* Model files that are bad: a table of them with the status that each must give, then every truncation
 * and every changed byte of small good ones. */
#include "models.h"

#include <ctype.h>

#define TEN(text) text text text text text text text text text text
#define SIXTY_FOUR TEN("abcdef") "ghij"
#define SIXTY_FIVE_INPUTS TEN("a,a,a,a,a,a,") "a,a,a,a,a"

/* One node that gives back the picture. */
static const char *const small_flat[] = {
    "general.architecture str inkling", "inkling.version u32 1", "inkling.input.shape u32[] 1,2,2",
    "inkling.input.scale f32 1", "inkling.input.offset f32 0", "inkling.node.count u32 1",
    "inkling.node.0.op str flatten", "inkling.node.0.name str flat",
    "inkling.node.0.inputs str[] input", NULL
};

typedef struct bad {
    const char *name;
    ink_status status;
    const char *words;
    const char *changes[10]; /* of the table's lines */
    uint64_t max_file, max_memory, max_macs;
} bad;

#define ROW(name, status, words, ...) { name, INK_ERR_##status, words, { __VA_ARGS__ }, 0, 0, 0 }

/* Changes of small_inkling. */
static const bad bad_inkling[] = {
    /* general.architecture */
    ROW("no architecture", MISSING, "key 'general.architecture': missing", "-general.architecture"),
    ROW("architecture is a number", MISSING, "is no string", "general.architecture u32 1"),
    ROW("architecture is an array", MISSING, "is no string", "general.architecture str[] inkling"),
    ROW("architecture is unknown", ARCHITECTURE, "'llama'", "general.architecture str llama"),
    ROW("architecture is empty", ARCHITECTURE, "''", "general.architecture str "),
    ROW("architecture has another case", ARCHITECTURE, "'Inkling'", "general.architecture str Inkling"),
    ROW("architecture with a NUL", ARCHITECTURE, "NUL", "general.architecture str inkling~"),
    ROW("architecture that moves the cursor", ARCHITECTURE, "'?[2J?",
        "general.architecture str \033[2J\r\n"),
    ROW("architecture that is long", ARCHITECTURE, "wanted inkling",
        "general.architecture str " TEN(SIXTY_FOUR)),
    ROW("legacy is no architecture of GGUF", ARCHITECTURE, "'legacy'", "general.architecture str legacy"),

    /* inkling.version */
    ROW("no version", MISSING, "key 'inkling.version': missing", "-inkling.version"),
    ROW("version is a string", FORMAT, "key 'inkling.version': found string", "inkling.version str 1"),
    ROW("version is a bool", FORMAT, "found bool", "inkling.version bool 1"),
    ROW("version is an array", FORMAT, "found u32 array", "inkling.version u32[] 1"),
    ROW("version 0", VERSION, "found 0, wanted 1", "inkling.version u32 0"),
    ROW("version 2", VERSION, "found 2, wanted 1", "inkling.version u32 2"),
    ROW("version 1.5", VERSION, "found 1.5", "inkling.version f32 1.5"),
    ROW("version NaN", VERSION, "nan", "inkling.version f64 nan"),

    /* inkling.input */
    ROW("no shape", MISSING, "key 'inkling.input.shape': missing", "-inkling.input.shape"),
    ROW("shape is a number", FORMAT, "found u32 with 1", "inkling.input.shape u32 36"),
    ROW("shape is strings", FORMAT, "found string array", "inkling.input.shape str[] 1,6,6"),
    ROW("shape is empty", FORMAT, "0 values", "inkling.input.shape u32[] "),
    ROW("shape of 2", FORMAT, "2 values", "inkling.input.shape u32[] 6,6"),
    ROW("shape of 4", FORMAT, "4 values", "inkling.input.shape u32[] 1,1,6,6"),
    ROW("shape with 0 channels", SHAPE, "found 0x6x6", "inkling.input.shape u32[] 0,6,6"),
    ROW("shape with 0 columns", SHAPE, "found 1x6x0", "inkling.input.shape u32[] 1,6,0"),
    ROW("shape below 0", FORMAT, "three sizes", "inkling.input.shape i32[] 1,-6,6"),
    ROW("shape between", FORMAT, "three sizes", "inkling.input.shape f32[] 1,6.5,6"),
    ROW("shape NaN", FORMAT, "three sizes", "inkling.input.shape f32[] 1,6,nan"),
    ROW("shape just too large", SHAPE, "1x65537x6", "inkling.input.shape u32[] 1,65537,6"),
    ROW("shape far too large", FORMAT, "three sizes",
        "inkling.input.shape u64[] 1,18446744073709551615,6"),
    ROW("shape of another channel count", SHAPE, "tensor 'conv.weight': found shape 2x1x3x3",
        "inkling.input.shape u32[] 2,6,6"),
    ROW("shape smaller than the kernel", SHAPE, "larger than the padded input 1x2x6",
        "inkling.input.shape u32[] 1,2,6"),
    ROW("shape for other weights", SHAPE, "tensor 'dense.weight': found shape 3x8",
        "inkling.input.shape u32[] 1,8,6"),
    ROW("shape of 4 gigapixels", LIMIT, "node 'conv' (conv2d): its output 2x65534x65534",
        "inkling.input.shape u32[] 1,65536,65536"),
    ROW("no scale", MISSING, "key 'inkling.input.scale': missing", "-inkling.input.scale"),
    ROW("scale is a string", FORMAT, "found string", "inkling.input.scale str 1"),
    ROW("scale 0", FORMAT, "scale is 0", "inkling.input.scale f32 0"),
    ROW("scale NaN", NOT_FINITE, "scale nan", "inkling.input.scale f32 nan"),
    ROW("scale infinite", NOT_FINITE, "scale inf", "inkling.input.scale f32 inf"),
    ROW("scale too large for float", NOT_FINITE, "scale inf", "inkling.input.scale f64 1e300"),
    ROW("scale too small for float", FORMAT, "scale is 0", "inkling.input.scale f64 1e-300"),
    ROW("no offset", MISSING, "key 'inkling.input.offset': missing", "-inkling.input.offset"),
    ROW("offset is a bool", FORMAT, "found bool", "inkling.input.offset bool 0"),
    ROW("offset NaN", NOT_FINITE, "offset nan", "inkling.input.offset f32 nan"),
    ROW("offset infinite", NOT_FINITE, "offset -inf", "inkling.input.offset f64 -1e300"),

    /* inkling.classes */
    ROW("classes is a string", FORMAT, "array of strings", "inkling.classes str abc"),
    ROW("classes is numbers", FORMAT, "array of strings", "inkling.classes u32[] 1,2,3"),
    ROW("a class less", SHAPE, "found 2 names, the output has 3", "inkling.classes str[] a,b"),
    ROW("a class more", SHAPE, "found 4 names", "inkling.classes str[] a,b,c,d"),
    ROW("class with a NUL", FORMAT, "without NUL", "inkling.classes str[] a,b~,c"),

    /* inkling.node.count and the numbers of nodes */
    ROW("no node count", MISSING, "key 'inkling.node.count': missing", "-inkling.node.count"),
    ROW("node count is a string", FORMAT, "found string", "inkling.node.count str 5"),
    ROW("no nodes", LIMIT, "found 0, wanted 1 to 4096", "inkling.node.count u32 0"),
    ROW("node count below 0", LIMIT, "found -1", "inkling.node.count i32 -1"),
    ROW("node count between", LIMIT, "found 4.5", "inkling.node.count f32 4.5"),
    ROW("node count too large", LIMIT, "found 4097", "inkling.node.count u32 4097"),
    ROW("node count far too large", LIMIT, "wanted 1 to", "inkling.node.count u64 18446744073709551615"),
    ROW("a node less", GRAPH, "key 'inkling.node.4.op': there are 4 nodes", "inkling.node.count u32 4"),
    ROW("a node more", MISSING, "key 'inkling.node.5.op': missing", "inkling.node.count u32 6"),
    ROW("nodes in plenty", MISSING, "key 'inkling.node.5.op': missing", "inkling.node.count u32 4096"),
    ROW("node beyond", GRAPH, "there are 5 nodes", "inkling.node.5.op str relu"),
    ROW("attribute of a node beyond", GRAPH, "there are 5 nodes", "inkling.node.4095.kernel u32 1"),
    ROW("node far beyond", GRAPH, "there are 5 nodes", "inkling.node.4294967295.op str relu"),

    /* inkling.node.<i>.op */
    ROW("no operator", MISSING, "key 'inkling.node.1.op': missing", "-inkling.node.1.op"),
    ROW("operator is a number", FORMAT, "'inkling.node.1.op': found u32", "inkling.node.1.op u32 1"),
    ROW("operator is an array", FORMAT, "found string array", "inkling.node.1.op str[] relu"),
    ROW("operator is unknown", OP, "node 'leaky': unknown operator 'magic'", "inkling.node.1.op str magic"),
    ROW("operator is empty", OP, "unknown operator ''", "inkling.node.1.op str "),
    ROW("operator has another case", OP, "'Relu'", "inkling.node.1.op str Relu"),
    ROW("operator of the plan alone", OP, "'copy'", "inkling.node.1.op str copy"),
    ROW("operator with a NUL", FORMAT, "'inkling.node.1.op'", "inkling.node.1.op str relu~"),

    /* inkling.node.<i>.name */
    ROW("no name", MISSING, "key 'inkling.node.2.name': missing", "-inkling.node.2.name"),
    ROW("name is a number", FORMAT, "found i8", "inkling.node.2.name i8 1"),
    ROW("name is empty", GRAPH, "node 2: its name is ''", "inkling.node.2.name str "),
    ROW("name of 64 bytes", GRAPH, "wanted 1 to 63 bytes", "inkling.node.2.name str " SIXTY_FOUR),
    ROW("name with a comma", GRAPH, "without commas", "inkling.node.2.name str a,b"),
    ROW("name with a blank", GRAPH, "'a b'", "inkling.node.2.name str a b"),
    ROW("name with a line end", GRAPH, "'a?b'", "inkling.node.2.name str a\nb"),
    ROW("name with a NUL", FORMAT, "'inkling.node.2.name'", "inkling.node.2.name str po~ol"),
    ROW("name twice", GRAPH, "node 'conv': the name is taken", "inkling.node.2.name str conv"),
    ROW("name of the picture", GRAPH, "node 'input': the name is taken", "inkling.node.2.name str input"),
    ROW("other name than the others say", GRAPH, "its input 'pool' is no node before it",
        "inkling.node.2.name str other"),
    ROW("other name than the tensors say", MISSING, "tensor 'other.weight': missing",
        "inkling.node.4.name str other"),

    /* inkling.node.<i>.inputs */
    ROW("no inputs", MISSING, "key 'inkling.node.3.inputs': missing", "-inkling.node.3.inputs"),
    ROW("inputs is a string", FORMAT, "array of 1 to 64 strings", "inkling.node.3.inputs str pool"),
    ROW("inputs is numbers", FORMAT, "array of 1 to 64 strings", "inkling.node.3.inputs u32[] 3"),
    ROW("inputs is empty", FORMAT, "array of 1 to 64 strings", "inkling.node.3.inputs str[] "),
    ROW("65 inputs", FORMAT, "65 values", "inkling.node.3.inputs str[] " SIXTY_FIVE_INPUTS),
    ROW("input is a later node", GRAPH, "node 'flat': its input 'dense' is no node before it",
        "inkling.node.3.inputs str[] dense"),
    ROW("input is itself", GRAPH, "its input 'flat' is no", "inkling.node.3.inputs str[] flat"),
    ROW("input is nothing", GRAPH, "its input 'x' is no", "inkling.node.3.inputs str[] x"),
    ROW("input is a tensor", GRAPH, "its input 'conv.weight' is no",
        "inkling.node.3.inputs str[] conv.weight"),
    ROW("input with a NUL", FORMAT, "without NUL", "inkling.node.3.inputs str[] pool~"),
    ROW("two inputs for one", GRAPH, "has 2 inputs, wanted 1", "inkling.node.3.inputs str[] pool,pool"),
    ROW("two inputs that are empty", GRAPH, "'' is no node before it", "inkling.node.3.op str add",
        "inkling.node.3.inputs str[] ,"),
    ROW("one input for two", GRAPH, "node 'flat' (add): has 1 inputs, wanted 2 to 64",
        "inkling.node.3.op str add"),
    ROW("inputs of two shapes", SHAPE, "2x4x4 and 2x2x2", "inkling.node.3.op str add",
        "inkling.node.3.inputs str[] leaky,pool"),
    ROW("input of the wrong rank", SHAPE, "node 'dense' (max_pool2d): its input has the shape 8",
        "inkling.node.4.op str max_pool2d", "inkling.node.4.kernel u32 1", "-dense.weight", "-dense.bias"),

    /* attributes */
    ROW("attribute is unknown", ATTRIBUTE, "node 'conv': found attribute 'nonsense', it takes kernel",
        "inkling.node.0.nonsense u32 1"),
    ROW("attribute of another operator", ATTRIBUTE, "node 'flat': found attribute 'kernel', it takes none",
        "inkling.node.3.kernel u32 1"),
    ROW("attribute with a long name", ATTRIBUTE, "node 'conv'", "inkling.node.0." SIXTY_FOUR " u32 1"),
    ROW("attribute with a control character", ATTRIBUTE, "attribute 'a?b'", "inkling.node.0.a\033b u32 1"),
    ROW("attribute is a string", FORMAT, "wanted 1 to 4 numbers", "inkling.node.0.stride str 1"),
    ROW("attribute is empty", FORMAT, "0 values", "inkling.node.0.stride u32[] "),
    ROW("attribute of 5", FORMAT, "5 values", "inkling.node.0.padding u32[] 1,1,1,1,1"),
    ROW("attribute of 3 for 2", ATTRIBUTE, "'stride' has 3 values", "inkling.node.0.stride u32[] 1,1,1"),
    ROW("attribute of 2 for 1", ATTRIBUTE, "'groups' has 2 values, wanted 1", "inkling.node.0.groups u32[] 1,1"),
    ROW("kernel 0", ATTRIBUTE, "'kernel' is 0, wanted an integer from 1 to 1024",
        "inkling.node.2.kernel u32 0"),
    ROW("kernel below 0", ATTRIBUTE, "'kernel' is -2", "inkling.node.2.kernel i32[] 2,-2"),
    ROW("kernel between", ATTRIBUTE, "'kernel' is 1.5", "inkling.node.2.kernel f32 1.5"),
    ROW("kernel NaN", ATTRIBUTE, "'kernel' is nan", "inkling.node.2.kernel f64 nan"),
    ROW("kernel too large", ATTRIBUTE, "'kernel' is 1025", "inkling.node.2.kernel u32 1025"),
    ROW("kernel far too large", ATTRIBUTE, "'kernel' is 1.84467e+19",
        "inkling.node.2.kernel u64 18446744073709551615"),
    ROW("kernel larger than the picture", SHAPE, "its kernel of 5", "inkling.node.2.kernel u32 5"),
    ROW("kernel missing", ATTRIBUTE, "node 'pool': attribute 'kernel' is missing", "-inkling.node.2.kernel"),
    ROW("kernel that its weight is not", SHAPE, "found kernel=3,2, its weight is 3x3",
        "inkling.node.0.kernel u32[] 3,2"),
    ROW("stride 0", ATTRIBUTE, "'stride' is 0", "inkling.node.0.stride u32[] 1,0"),
    ROW("stride too large", ATTRIBUTE, "'stride' is 1025", "inkling.node.2.stride u32 1025"),
    ROW("padding below 0", ATTRIBUTE, "'padding' is -1", "inkling.node.0.padding i32[] 0,0,0,-1"),
    ROW("padding too large", ATTRIBUTE, "'padding' is 1025", "inkling.node.0.padding u32 1025"),
    ROW("padding changes the output", SHAPE, "tensor 'dense.weight'", "inkling.node.0.padding u32 1"),
    ROW("padding as large as the kernel", ATTRIBUTE, "padding of 2, wanted less than the kernel's 2",
        "inkling.node.2.padding u32[] 0,0,2,0"),
    ROW("dilation 0", ATTRIBUTE, "'dilation' is 0", "inkling.node.0.dilation u32 0"),
    ROW("dilation beyond the picture", SHAPE, "larger than the padded input", "inkling.node.0.dilation u32 3"),
    ROW("dilation far beyond the picture", SHAPE, "larger than", "inkling.node.0.dilation u32 1024"),
    ROW("groups 0", ATTRIBUTE, "'groups' is 0", "inkling.node.0.groups u32 0"),
    ROW("groups that do not divide", ATTRIBUTE, "groups=2 does not divide", "inkling.node.0.groups u32 2"),
    ROW("groups too large", ATTRIBUTE, "'groups' is 65537", "inkling.node.0.groups u32 65537"),
    ROW("ceil 2", ATTRIBUTE, "'ceil' is 2", "inkling.node.2.ceil u32 2"),
    ROW("alpha NaN", ATTRIBUTE, "'alpha' is nan", "inkling.node.1.alpha f32 nan"),
    ROW("alpha too large", ATTRIBUTE, "'alpha' is 1e+07", "inkling.node.1.alpha f32 1e7"),
    ROW("shape with two unknowns", ATTRIBUTE, "at most one -1", "inkling.node.3.op str reshape",
        "inkling.node.3.shape i32[] -1,-1"),
    ROW("shape with 0", ATTRIBUTE, "shape[1] is 0", "inkling.node.3.op str reshape",
        "inkling.node.3.shape i32[] 8,0"),
    ROW("shape of more elements", SHAPE, "cannot reshape 2x2x2 to 3x3", "inkling.node.3.op str reshape",
        "inkling.node.3.shape i32[] 3,3"),
    ROW("shape that does not divide", SHAPE, "cannot reshape 2x2x2", "inkling.node.3.op str reshape",
        "inkling.node.3.shape i32[] 3,-1"),
    ROW("shape of 2^96 elements", LIMIT, "its shape is too large", "inkling.node.3.op str reshape",
        "inkling.node.3.shape i32[] 16777216,16777216,16777216,16777216"),
    ROW("shape too large", ATTRIBUTE, "'shape' is 1.67772e+07", "inkling.node.3.op str reshape",
        "inkling.node.3.shape u32 16777217"),
    ROW("order missing", ATTRIBUTE, "'order' is missing", "inkling.node.3.op str permute"),
    ROW("order of two axes", ATTRIBUTE, "each of the 3 axes", "inkling.node.3.op str permute",
        "inkling.node.3.order u32[] 1,0"),
    ROW("order with an axis twice", ATTRIBUTE, "each of the 3 axes", "inkling.node.3.op str permute",
        "inkling.node.3.order u32[] 0,1,1"),
    ROW("order with an axis beyond", ATTRIBUTE, "'order' is 4", "inkling.node.3.op str permute",
        "inkling.node.3.order u32[] 0,1,4"),
    ROW("axis beyond", ATTRIBUTE, "axis=3 of the input 2x2x2", "inkling.node.3.op str concat",
        "inkling.node.3.inputs str[] pool,pool", "inkling.node.3.axis i32 3"),
    ROW("axis not the last", ATTRIBUTE, "axis=0", "inkling.node.3.op str softmax",
        "inkling.node.3.axis i32 0"),

    /* tensors */
    ROW("weight missing", MISSING, "tensor 'conv.weight': missing, node 'conv' (conv2d) needs it",
        "-conv.weight"),
    ROW("both weights missing", MISSING, "tensor 'conv.weight'", "-conv.weight", "-dense.weight"),
    ROW("tensor of no node", GRAPH, "tensor 'other.weight': belongs to no node", "other.weight f32:1 0"),
    ROW("tensor of a node without tensors", GRAPH, "tensor 'flat.weight'", "flat.weight f32:1 0"),
    ROW("tensor that the operator has not", GRAPH, "tensor 'conv.mean'", "conv.mean f32:2 0"),
    ROW("tensor with a control character", GRAPH, "tensor 'a?b'", "a\177b f32:1 0"),
    ROW("weight of the wrong shape", SHAPE, "tensor 'conv.weight': found shape 2x2x3x3",
        "conv.weight f32:2,2,3,3 random"),
    ROW("weight turned round", SHAPE, "'dense.weight': found shape 8x3", "dense.weight f32:8,3 random"),
    ROW("weight of rank 3", SHAPE, "3 dimensions, wanted 4", "conv.weight f32:2,3,3 random"),
    ROW("weight of rank 1", SHAPE, "1 dimensions, wanted 2", "dense.weight f16:24 random"),
    ROW("weight of rank 0", SHAPE, "tensor 'dense.weight': has 0 dimensions", "dense.weight f16: 1"),
    ROW("bias of the wrong length", SHAPE, "'conv.bias': found shape 3", "conv.bias f32:3 random"),
    ROW("bias of rank 2", SHAPE, "'dense.bias': found shape 3x1", "dense.bias f32:3,1 random"),
    ROW("weight NaN", NOT_FINITE, "tensor 'conv.weight'", "conv.weight f32:2,1,3,3 random@17=nan"),
    ROW("weight infinite", NOT_FINITE, "tensor 'conv.weight'", "conv.weight f32:2,1,3,3 random@0=inf"),
    ROW("weight -infinite", NOT_FINITE, "tensor 'conv.bias'", "conv.bias f32:2 random@1=-inf"),
    ROW("half weight NaN", NOT_FINITE, "tensor 'dense.weight'", "dense.weight f16:3,8 random@23=nan"),
    ROW("half weight infinite", NOT_FINITE, "'dense.weight'", "dense.weight f16:3,8 random@9=inf"),
    ROW("half weight -infinite", NOT_FINITE, "'dense.weight'", "dense.weight f16:3,8 random@9=-inf"),
    ROW("variance without a root", NOT_FINITE, "the variance of channel 1 is -1",
        "inkling.node.1.op str batch_norm", "-inkling.node.1.alpha", "leaky.mean f32:2 0",
        "leaky.variance f32:2 1@1=-1"),
    ROW("variance 0 and epsilon 0", NOT_FINITE, "the variance of channel 0 is 0",
        "inkling.node.1.op str batch_norm", "-inkling.node.1.alpha", "inkling.node.1.epsilon f32 0",
        "leaky.mean f32:2 0", "leaky.variance f32:2 0"),

    /* I8 weights */
    ROW("i8 without a scale", MISSING, "tensor 'conv.scale': missing, the weight of node 'conv' (conv2d) is i8",
        "conv.weight i8:2,1,3,3 random", "inkling.node.0.input_scale f32 1"),
    ROW("scale of another length", SHAPE, "tensor 'conv.scale': found shape 3", "conv.weight i8:2,1,3,3 random",
        "conv.scale f32:3 1", "inkling.node.0.input_scale f32 1"),
    ROW("scale of rank 2", SHAPE, "tensor 'dense.scale': found shape 3x1", "dense.weight i8:3,8 random",
        "dense.scale f32:3,1 1", "inkling.node.4.input_scale f32 1"),
    ROW("scale that is no number", NOT_FINITE, "tensor 'conv.scale'", "conv.weight i8:2,1,3,3 random",
        "conv.scale f32:2 1@1=nan", "inkling.node.0.input_scale f32 1"),
    ROW("scale of i8", TYPE, "tensor 'conv.scale': is i8", "conv.weight i8:2,1,3,3 random", "conv.scale i8:2 1",
        "inkling.node.0.input_scale f32 1"),
    ROW("bias of i8", TYPE, "tensor 'dense.bias': is i8", "dense.bias i8:3 1"),
    ROW("i8 of another operator", TYPE, "tensor 'leaky.mean': is i8, which only the weight",
        "inkling.node.1.op str batch_norm", "-inkling.node.1.alpha", "leaky.mean i8:2 0", "leaky.variance f32:2 1"),
    ROW("scale of a weight that is f32", TYPE, "which goes with a weight of i8, and its weight is f32",
        "conv.scale f32:2 1"),
    ROW("scale of a weight that is f16", TYPE, "its weight is f16", "dense.weight f16:3,8 random", "dense.scale f32:3 1"),
    ROW("input_scale of a weight that is f32", ATTRIBUTE, "'input_scale', which goes with a weight of i8",
        "inkling.node.0.input_scale f32 1"),
    ROW("input_zero of a weight that is f32", ATTRIBUTE, "'input_zero', which goes with", "inkling.node.4.input_zero u32 1"),
    ROW("i8 without input_scale", ATTRIBUTE, "attribute 'input_scale' is missing", "conv.weight i8:2,1,3,3 random",
        "conv.scale f32:2 1"),
    ROW("input_scale 0", ATTRIBUTE, "'input_scale' is 0", "conv.weight i8:2,1,3,3 random", "conv.scale f32:2 1",
        "inkling.node.0.input_scale f32 0"),
    ROW("input_scale below 0", ATTRIBUTE, "'input_scale' is -1", "conv.weight i8:2,1,3,3 random", "conv.scale f32:2 1",
        "inkling.node.0.input_scale f32 -1"),
    ROW("input_scale NaN", ATTRIBUTE, "'input_scale' is nan", "conv.weight i8:2,1,3,3 random", "conv.scale f32:2 1",
        "inkling.node.0.input_scale f32 nan"),
    ROW("input_zero 256", ATTRIBUTE, "'input_zero' is 256", "conv.weight i8:2,1,3,3 random", "conv.scale f32:2 1",
        "inkling.node.0.input_scale f32 1", "inkling.node.0.input_zero u32 256"),
    ROW("input_zero between", ATTRIBUTE, "'input_zero' is 1.5", "conv.weight i8:2,1,3,3 random", "conv.scale f32:2 1",
        "inkling.node.0.input_scale f32 1", "inkling.node.0.input_zero f32 1.5"),
    ROW("i8 weight of -128", FORMAT, "its weight 17 is -128, wanted -127 to 127", "conv.weight i8:2,1,3,3 0@17=-128",
        "conv.scale f32:2 1", "inkling.node.0.input_scale f32 1"),
    ROW("i8 with groups", ATTRIBUTE, "groups=2, with a weight of i8", "inkling.input.shape u32[] 2,6,6",
        "inkling.node.0.groups u32 2", "conv.weight i8:2,1,3,3 random", "conv.scale f32:2 1",
        "inkling.node.0.input_scale f32 1"),
    ROW("i8 with sums over 32 bits", LIMIT, "a sum of 66564 products, with a weight of i8 the limit is 66311",
        "inkling.input.shape u32[] 1,258,258", "-inkling.node.0.kernel", "conv.weight i8:2,1,258,258 0",
        "conv.scale f32:2 1", "inkling.node.0.input_scale f32 1"),
    ROW("kernel of 1025 columns", LIMIT, "its kernel is 1x1025, the limit is 1024",
        "-inkling.node.0.kernel", "conv.weight f32:1,1,1,1025 0"),

    /* limits */
    { "file over its limit", INK_ERR_LIMIT, NULL, { NULL }, 1000, 0, 0 },
    { "values over the limit of memory", INK_ERR_LIMIT, "node 'conv' (conv2d): its output 2x4x4 is over",
      { NULL }, 0, 127, 0 },
    { "the input over the limit of memory", INK_ERR_LIMIT, "the input of 1x6x6", { NULL }, 0, 143, 0 },
    { "weights over the limit of memory", INK_ERR_LIMIT, "packed weights are over", { NULL }, 0, 600, 0 },
    { "too many multiply-adds", INK_ERR_LIMIT, "the limit of 100 operations", { NULL }, 0, 0, 100 },
};

/* Changes of small_flat. */
static const bad bad_flat[] = {
    ROW("too many classes", LIMIT, "the output has 65792 elements, the limit is 65536",
        "inkling.input.shape u32[] 1,256,257"),
    ROW("an output of 2^48 elements", LIMIT, "too many elements", "inkling.input.shape u32[] 65536,65536,65536"),
    ROW("an input of 2^48 elements", LIMIT, "the input of 65536x65536x65536 is over",
        "inkling.input.shape u32[] 65536,65536,65536", "inkling.node.count u32 2",
        "inkling.node.0.op str max_pool2d", "inkling.node.0.kernel u32 1", "inkling.node.0.stride u32 1024",
        "inkling.node.1.op str global_max_pool2d", "inkling.node.1.name str all",
        "inkling.node.1.inputs str[] flat"),
    ROW("an input of 2^32 elements", LIMIT, "the input of 1x65536x65536 is over",
        "inkling.input.shape u32[] 1,65536,65536", "inkling.node.0.op str max_pool2d",
        "inkling.node.0.kernel u32 1", "inkling.node.0.stride u32 1024"),
    ROW("an afternoon of pooling", LIMIT, "an image takes more than the limit of 100000000000 operations",
        "inkling.input.shape u32[] 1,4096,4096", "inkling.node.0.op str avg_pool2d",
        "inkling.node.0.kernel u32 1024", "inkling.node.0.stride u32 1"),
    ROW("padding larger than memory", LIMIT, "is over",
        "inkling.input.shape u32[] 65536,1,1", "inkling.node.0.op str pad", "inkling.node.0.padding u32 1024"),
    { "values that fit one by one", INK_ERR_LIMIT, "one image needs 128 bytes, the limit is 100",
      { "inkling.node.0.op str max_pool2d", "inkling.node.0.kernel u32 1" }, 0, 100, 0 },
    ROW("tensors without a node", GRAPH, "tensor 'flat.weight': belongs to no node", "flat.weight f32:2 0"),
};

/* Changes of small_fc. */
static const bad bad_fc[] = {
    ROW("no tensors", MISSING, "tensor 'fc1.weight': missing, the architecture 'mnist-fc' (layout ggml)",
        "-fc1.weight", "-fc1.bias", "-fc2.weight", "-fc2.bias"),
    ROW("fc1.weight missing", MISSING, "tensor 'fc1.weight': missing", "-fc1.weight"),
    ROW("fc1.bias missing", MISSING, "tensor 'fc1.bias': missing", "-fc1.bias"),
    ROW("fc2.weight missing", MISSING, "tensor 'fc2.weight': missing", "-fc2.weight"),
    ROW("fc2.bias missing", MISSING, "tensor 'fc2.bias': missing", "-fc2.bias"),
    ROW("a third layer", GRAPH, "tensor 'fc3.weight': the architecture 'mnist-fc'", "fc3.weight f32:3,3 0"),
    ROW("a convolution", GRAPH, "tensor 'conv1.kernel'", "conv1.kernel f32:1,1,3,3 0"),
    ROW("the other network's tensors", MISSING, "tensor 'conv1.kernel'", "general.architecture str mnist-cnn"),
    ROW("no square picture", SHAPE, "tensor 'fc1.weight': found shape 5x10, wanted an input of H * H",
        "fc1.weight f32:5,10 random"),
    ROW("fc1.weight of rank 1", SHAPE, "hidden x pixels", "fc1.weight f32:45 random"),
    ROW("fc1.weight of rank 3", SHAPE, "hidden x pixels", "fc1.weight f32:5,3,3 random"),
    ROW("fc1.weight of rank 0", SHAPE, "hidden x pixels", "fc1.weight f32: 1"),
    ROW("fc1.bias too long", SHAPE, "tensor 'fc1.bias': found shape 6", "fc1.bias f32:6 random"),
    ROW("fc2.weight too wide", SHAPE, "tensor 'fc2.weight': found shape 3x6", "fc2.weight f32:3,6 random"),
    ROW("fc2.bias of rank 2", SHAPE, "tensor 'fc2.bias': found shape 1x3", "fc2.bias f32:1,3 random"),
    ROW("fc2.bias of rank 0", SHAPE, "'fc2.bias': has 0 dimensions", "fc2.bias f32: 1"),
    ROW("fc2.weight NaN", NOT_FINITE, "tensor 'fc2.weight'", "fc2.weight f32:3,5 random@14=nan"),
    ROW("too many classes", LIMIT, "65537 elements", "fc1.weight f16:1,1 0", "fc1.bias f16:1 0",
        "fc2.weight f16:65537,1 0", "fc2.bias f16:65537 0"),
    ROW("fc1 in half precision, infinite", NOT_FINITE, "'fc1.weight'", "fc1.weight f16:5,9 random@44=-inf"),
};

/* Changes of small_cnn. */
static const bad bad_cnn[] = {
    ROW("conv1.kernel missing", MISSING, "tensor 'conv1.kernel': missing", "-conv1.kernel"),
    ROW("conv2.bias missing", MISSING, "tensor 'conv2.bias': missing", "-conv2.bias"),
    ROW("dense.bias missing", MISSING, "tensor 'dense.bias': missing", "-dense.bias"),
    ROW("tensors of the other generation too", GRAPH, "tensor 'kernel1': the architecture 'mnist-cnn' "
        "(layout ggml)", "kernel1 f16:2,1,3,3 random"),
    ROW("tensors of the other generation instead", MISSING, "tensor 'conv1.kernel'",
        "-conv1.kernel", "kernel1 f16:2,1,3,3 random"),
    ROW("the other network's tensors", MISSING, "tensor 'fc1.weight'", "general.architecture str mnist-fc"),
    ROW("bias without its ones", SHAPE, "tensor 'conv1.bias': found shape 2, wanted 1 x C x 1 x 1",
        "conv1.bias f32:2 random"),
    ROW("bias as a map", SHAPE, "wanted 1 x C x 1 x 1", "conv1.bias f32:1,2,8,8 map"),
    ROW("bias of two pictures", SHAPE, "wanted 1 x C x 1 x 1", "conv1.bias f32:2,2,1,1 random"),
    ROW("bias of another length", SHAPE, "tensor 'conv1.bias': found shape 3", "conv1.bias f32:3,1,1 random"),
    ROW("picture of three channels", SHAPE, "'conv1.weight': found shape 2x3x3x3",
        "conv1.kernel f32:2,3,3,3 random"),
    ROW("channels that do not fit", SHAPE, "'conv2.weight'", "conv2.kernel f32:3,1,3,3 random"),
    ROW("kernels of 5x5", SHAPE, "'dense.weight': found shape 4x12", "conv1.kernel f32:2,1,5,5 random"),
    ROW("kernel of 1025 rows", LIMIT, "its kernel is 1025x1", "conv1.kernel f32:2,1,1025,1 random"),
    ROW("dense inputs no multiple of channels", SHAPE, "classes x (H * W * channels)",
        "dense.weight f32:4,13 random"),
    ROW("dense inputs no square", SHAPE, "an input of H * H * channels", "dense.weight f32:4,15 random"),
    ROW("dense of rank 3", SHAPE, "classes x (H * W * channels)", "dense.weight f32:4,4,3 random"),
    ROW("dense.bias too short", SHAPE, "tensor 'dense.bias'", "dense.bias f32:3 random"),
    ROW("conv2.kernel infinite", NOT_FINITE, "'conv2.weight'", "conv2.kernel f32:3,2,3,3 random@1=inf"),
};

/* Changes of small_cnn_2023. */
static const bad bad_cnn_2023[] = {
    ROW("kernel2 missing", MISSING, "tensor 'kernel2': missing, the architecture 'mnist-cnn' "
        "(layout ggml-2023)", "-kernel2"),
    ROW("bias1 missing", MISSING, "tensor 'bias1'", "-bias1"),
    ROW("dense_b missing", MISSING, "tensor 'dense_b'", "-dense_b"),
    ROW("a tensor too many", GRAPH, "tensor 'bias3'", "bias3 f32:1 0"),
    ROW("a tensor of the other generation too", MISSING, "tensor 'conv1.kernel'", "dense.bias f32:4 random"),
    ROW("bias1 not constant at its end", FORMAT, "tensor 'bias1': channel 1 holds",
        "bias1 f32:1,2,8,9 map@143=9"),
    ROW("bias1 not constant", FORMAT, "channel 0 holds", "bias1 f32:1,2,8,9 map@0=9"),
    ROW("bias2 not constant", FORMAT, "tensor 'bias2': channel 2 holds", "bias2 f32:1,3,2,3 map@13=9"),
    ROW("bias1 NaN", NOT_FINITE, "tensor 'bias1'", "bias1 f32:1,2,8,9 map@7=nan"),
    ROW("bias2 infinite", NOT_FINITE, "tensor 'bias2'", "bias2 f32:1,3,2,3 inf"),
    ROW("bias1 of two pictures", SHAPE, "tensor 'bias1': found shape 2x2x8x9, wanted 1 x C x H x W",
        "bias1 f32:2,2,8,9 map"),
    ROW("bias1 of another size", SHAPE, "tensor 'bias2'", "bias1 f32:1,2,12,9 map"),
    ROW("bias2 of another size", SHAPE, "tensor 'bias2': found shape 1x3x3x3", "bias2 f32:1,3,3,3 map"),
    ROW("bias2 of one value", SHAPE, "tensor 'bias2'", "bias2 f32:1,3,1,1 map"),
    ROW("bias1 of other channels", SHAPE, "tensor 'conv1.bias': found shape 3", "bias1 f32:1,3,8,9 map"),
    ROW("bias1 of 65537 columns", SHAPE, "at most 65536x65536", "bias1 f32:1,1,1,65537 map"),
    ROW("kernel1 of 1025 columns", SHAPE, "tensor 'kernel1': found shape 1x1x1x1025, wanted a kernel of "
        "at most 1024", "kernel1 f16:1,1,1,1025 random"),
    ROW("kernel2 of another size", SHAPE, "tensor 'bias2'", "kernel2 f16:3,2,2,2 random"),
    ROW("kernel2 of other channels", SHAPE, "'conv2.weight': found shape 3x1x3x2", "kernel2 f16:3,1,3,2 random"),
    ROW("kernel1 infinite", NOT_FINITE, "tensor 'conv1.weight'", "kernel1 f16:2,1,3,3 random@17=inf"),
    ROW("kernel2 NaN", NOT_FINITE, "tensor 'conv2.weight'", "kernel2 f16:3,2,3,2 random@0=nan"),
    ROW("dense_w of other inputs", SHAPE, "'dense.weight': found shape 4x4", "dense_w f32:4,4 random"),
    ROW("dense_b of rank 0", SHAPE, "'dense.bias': has 0 dimensions", "dense_b f32: 1"),
};

/* Whole files of the legacy layout; its structure is tested in test_bin.c. */
static const struct {
    const char *name;
    ink_status status;
    const char *words, *recipe;
} bad_legacy[] = {
    { "weight NaN", INK_ERR_NOT_FINITE, "tensor 'fc1.weight'",
      "4:0x67676d6c 4:2 4:1 4:1 4:0x7fc00000 4:1 4:1 f:0 4:2 4:1 4:1 f:0 4:1 4:1 f:0" },
    { "bias infinite", INK_ERR_NOT_FINITE, "tensor 'fc2.bias'",
      "4:0x67676d6c 4:2 4:1 4:1 f:1 4:1 4:1 f:0 4:2 4:1 4:1 f:0 4:1 4:1 4:0xff800000" },
    { "no square picture", INK_ERR_SHAPE, "tensor 'fc1.weight': found shape 1x2",
      "4:0x67676d6c 4:2 4:2 4:1 f:1 f:1 4:1 4:1 f:0 4:2 4:1 4:1 f:0 4:1 4:1 f:0" },
    { "bias of another length", INK_ERR_SHAPE, "tensor 'fc1.bias': found shape 2",
      "4:0x67676d6c 4:2 4:1 4:1 f:1 4:1 4:2 f:0 f:0 4:2 4:1 4:1 f:0 4:1 4:1 f:0" },
    { "layers that do not fit", INK_ERR_SHAPE, "tensor 'fc2.weight': found shape 1x2",
      "4:0x67676d6c 4:2 4:1 4:1 f:1 4:1 4:1 f:0 4:2 4:2 4:1 f:0 f:0 4:1 4:1 f:0" },
    { "big-endian", INK_ERR_ENDIAN, "big-endian", "b4:0x67676d6c b4:2 b4:1 b4:1" },
    { "something else", INK_ERR_MAGIC, "89 50 4e 47", "x:89504e470d0a1a0a z:100" },
    { "three bytes", INK_ERR_MAGIC, "GGUF", "t:lmg" },
};

/* ---- one bad file ---- */

static void check_text(const char *name, const ink_error *error)
{
    const size_t length = strnlen(error->text, sizeof error->text);
    if (length == 0 || length == sizeof error->text)
        fail_msg("%s: the text has %zu bytes", name, length);
    for (size_t i = 0; i < length; i++)
        if (iscntrl((unsigned char)error->text[i]))
            fail_msg("%s: byte %d in the text '%s'", name, error->text[i], error->text);
}

/* Opens it from memory, from memory under another name and from a file: but for the prefix they all
 * say the same. */
static void check_bad(const char *name, const blob *file, ink_status status, const char *words,
                      const ink_model_options *given, const char *path)
{
    ink_model_options options = *given;
    test_memory memory = { 0 };
    const ink_allocator allocator = test_allocator(&memory);
    const char *prefixes[] = { "memory", "a name", path, path };
    char first[sizeof((ink_error *)0)->text] = "";
    fence bytes = fence_make(file->data, file->size);
    file_put(path, file->data, file->size);
    options.allocator = &allocator;
    options.cpu = test_cpu();
    for (int way = 0; way < 4; way++) {
        ink_model *model = (ink_model *)(void *)&options;
        ink_error error;
        memset(&error, 0x77, sizeof error);
        options.name = way == 1 ? prefixes[1] : NULL;
        const ink_status got =
            way == 3 ? ink_model_open(path, &options, &model, NULL)
            : way == 2 ? ink_model_open(path, &options, &model, &error)
                       : ink_model_open_memory(bytes.data, bytes.size, &options, &model, &error);
        if (got != status)
            fail_msg("%s: got %d (%s), wanted %d (%s)", name, got, got && way < 3 ? error.text : "",
                     status, words);
        assert_null(model);
        assert_int_equal(memory.live, 0);
        if (way == 3)
            continue;
        check_error(got, &error, status, words);
        check_text(name, &error);
        const size_t length = strlen(prefixes[way]);
        assert_true(!strncmp(error.text, prefixes[way], length) && !strncmp(error.text + length, ": ", 2));
        if (way == 0)
            strcpy(first, error.text + length);
        else if (!options.max_file) /* a file that is too large is not even read */
            assert_string_equal(error.text + length, first);
    }
    fence_free(&bytes);
}

static void check_table(const char *const *lines, const bad *rows, size_t count)
{
    char *folder = folder_make(), *path = folder_path(folder, "bad.gguf");
    const ink_model_options defaults = INK_MODEL_OPTIONS_INIT;
    blob good = model_make(lines, NULL);
    ink_model *model;
    assert_int_equal(ink_model_open_memory(good.data, good.size, NULL, &model, NULL), INK_OK);
    ink_model_close(&model);
    blob_free(&good);
    for (size_t i = 0; i < count; i++) {
        ink_model_options options = defaults;
        options.max_file = rows[i].max_file;
        options.max_memory = rows[i].max_memory;
        options.max_macs = rows[i].max_macs;
        blob file = model_make(lines, rows[i].changes);
        check_bad(rows[i].name, &file, rows[i].status, rows[i].words, &options, path);
        blob_free(&file);
    }
    free(path);
    folder_remove(folder);
}

#define TABLE(name, lines)                                                                         \
    static void name##_files_are_refused(void **state)                                             \
    {                                                                                              \
        (void)state;                                                                               \
        check_table(lines, name, sizeof name / sizeof *name);                                      \
    }
TABLE(bad_inkling, small_inkling)
TABLE(bad_flat, small_flat)
TABLE(bad_fc, small_fc)
TABLE(bad_cnn, small_cnn)
TABLE(bad_cnn_2023, small_cnn_2023)

static void bad_legacy_files_are_refused(void **state)
{
    (void)state;
    char *folder = folder_make(), *path = folder_path(folder, "bad.bin");
    const ink_model_options options = INK_MODEL_OPTIONS_INIT;
    for (size_t i = 0; i < sizeof bad_legacy / sizeof *bad_legacy; i++) {
        blob file = blob_make(bad_legacy[i].recipe);
        check_bad(bad_legacy[i].name, &file, bad_legacy[i].status, bad_legacy[i].words, &options, path);
        blob_free(&file);
    }
    free(path);
    folder_remove(folder);
}

/* A builder has the limits of files; the first node too many is refused. */
static void builders_know_the_limits(void **state)
{
    (void)state;
    static char inputs[65 * 6 + 1];
    ink_builder *builder;
    ink_error error;
    ink_status status = INK_OK;
    char name[16];
    size_t nodes = 0;
    for (size_t i = 0; i < 65; i++)
        memcpy(inputs + 6 * i, ",input", 7);
    assert_int_equal(ink_builder_open(NULL, 1, 1, 1, 1, 0, &builder, NULL), INK_OK);
    check_error(ink_builder_node(builder, "add", "sum", inputs + 1, NULL, &error), &error, INK_ERR_LIMIT,
                "node 'sum': more than 64 inputs");
    for (; !status; nodes += !status) {
        snprintf(name, sizeof name, "%zu", nodes);
        status = ink_builder_node(builder, "add", name, inputs + 7, NULL, &error);
    }
    check_error(status, &error, INK_ERR_LIMIT, "more than 16384 inputs in all");
    assert_int_equal(nodes, 16384 / 64);
    ink_builder_close(&builder);

    assert_int_equal(ink_builder_open(NULL, 1, 1, 1, 1, 0, &builder, NULL), INK_OK);
    for (nodes = 0, status = INK_OK; !status; nodes += !status) {
        snprintf(name, sizeof name, "%zu", nodes);
        status = ink_builder_node(builder, "tanh", name, NULL, NULL, &error);
    }
    check_error(status, &error, INK_ERR_LIMIT, "node '4096': more than 4096 nodes");
    assert_int_equal(nodes, 4096);
    opened it; /* and with as many as there may be it runs */
    ink_model *model;
    check_error(ink_builder_model(builder, NULL, &model, &error), &error, INK_OK, NULL);
    ink_buffer out = save(model, INK_LAYOUT_INKLING);
    open_bytes(&it, out.data, out.size, NULL);
    free(run_model(it.model, (const uint8_t[]){ 1 }, 1));
    close_opened(&it);
    ink_buffer_close(&out);
    ink_model_close(&model);
    ink_builder_close(&builder);
}

/* A long path and a long reason: the line ends within its buffer, and both are still told. */
static void long_names_fit_in_the_text(void **state)
{
    (void)state;
    static char name[3000];
    blob file = model_make(small_inkling, LINES("general.architecture str " TEN(SIXTY_FOUR)));
    for (size_t length = 0; length < sizeof name; length += length < 600 ? 1 : 399) {
        memset(name, length % 2 ? '\n' : 'n', length);
        name[length] = 0;
        ink_model_options options = INK_MODEL_OPTIONS_INIT;
        options.name = name;
        ink_model *model;
        ink_error error;
        memset(&error, 0x77, sizeof error);
        check_error(ink_model_open_memory(file.data, file.size, &options, &model, &error), &error,
                    INK_ERR_ARCHITECTURE, ": key 'general.architecture'");
        check_text("long name", &error);
    }
    blob_free(&file);
}

/* ---- what looks bad and is not ---- */

static void harmless_files_are_taken(void **state)
{
    (void)state;
    static const struct {
        const char *name, *changes[8];
    } rows[] = {
        { "unknown keys", { "inkling.other u32 1", "other.version u32 9", "general.url str x" } },
        { "keys that only look like a node's",
          { "inkling.node.05.op str x", "inkling.node.x.op str x", "inkling.node.-1.op str x",
            "inkling.node.5 u32 1", "inkling.node.1. u32 1", "inkling.nodes u32 1",
            "inkling.node.99999999999.op str x" } },
        { "a version of blocks, and none that has one", { "general.quantization_version u32 1" } },
        { "no classes", { "-inkling.classes" } },
        { "classes without names", { "inkling.classes str[] " } },
        { "classes with empty names", { "inkling.classes str[] ,," } },
        { "classes with one name", { "inkling.classes str[] same,same,same" } },
        { "no biases", { "-conv.bias", "-dense.bias" } },
        { "numbers of other types",
          { "inkling.version u8 1", "inkling.input.shape f64[] 1,6,6", "inkling.input.scale f64 0.25",
            "inkling.input.offset i8 -1", "inkling.node.count u64 5", "inkling.node.0.kernel f32 3",
            "inkling.node.2.ceil bool 1" } },
        { "a name of 63 bytes", { "inkling.node.3.name str " TEN("abcdef") "ghi",
                                  "inkling.node.4.inputs str[] " TEN("abcdef") "ghi" } },
        { "names that are not letters", { "inkling.node.3.name str \xff\x01%s%n\"\\",
                                          "inkling.node.4.inputs str[] \xff\x01%s%n\"\\" } },
        { "a node that nothing reads", { "inkling.node.3.inputs str[] input",
                                         "dense.weight f32:3,36 random" } },
        { "the largest limits", { "inkling.node.0.padding u32[] 1024,1024,0,0",
                                  "inkling.node.2.stride u32 1024", "inkling.node.0.stride u32 1024",
                                  "dense.weight f32:3,2 random" } },
        { "huge weights", { "conv.weight f32:2,1,3,3 3e38", "dense.weight f16:3,8 -65504" } },
        { "tiny weights", { "conv.weight f32:2,1,3,3 1e-45", "dense.weight f16:3,8 6e-8" } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        opened it;
        open_lines(&it, small_inkling, rows[i].changes);
        const uint8_t pixels[36] = { 1, 2, 3 };
        free(run_model(it.model, pixels, 1));
        ink_buffer first = save(it.model, INK_LAYOUT_INKLING), text;
        opened again;
        open_bytes(&again, first.data, first.size, NULL);
        ink_buffer second = save(again.model, INK_LAYOUT_INKLING);
        check_same_bytes(rows[i].name, second.data, second.size, first.data, first.size);
        ink_buffer_close(&second);
        close_opened(&again);
        ink_buffer_close(&first);
        for (int what = 0; what < 2; what++) {
            assert_int_equal(ink_model_dot(it.model, (ink_dot)what, NULL, &text, NULL), INK_OK);
            ink_buffer_close(&text);
        }
        close_opened(&it);
    }
}

/* ---- every truncation, every changed byte ---- */

/* Opens the bytes and, when that works, runs a picture. */
static ink_status try_bytes(const char *name, const fence *bytes)
{
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_session_options session_options = INK_SESSION_OPTIONS_INIT;
    test_memory memory = { 0 };
    const ink_allocator allocator = test_allocator(&memory);
    ink_model *model = (ink_model *)(void *)&options;
    ink_error error;
    options.allocator = session_options.allocator = &allocator;
    options.cpu = test_cpu();
    options.max_memory = 1 << 20; /* so that a size that has become large costs no time */
    options.max_macs = 1 << 20;
    const ink_status status = ink_model_open_memory(bytes->data, bytes->size, &options, &model, &error);
    if (status) {
        assert_null(model);
        check_text(name, &error);
    } else {
        const ink_model_info *info = ink_model_get_info(model);
        const size_t pixels = (size_t)info->channels * info->height * info->width;
        uint8_t *picture = calloc(pixels, 1);
        float *output = calloc(info->classes, sizeof *output);
        ink_session *session;
        ink_buffer text;
        assert_true(picture && output);
        memset(picture, 100, pixels / 2);
        assert_int_equal(ink_session_open(model, &session_options, &session, NULL), INK_OK);
        assert_int_equal(ink_session_run_u8(session, picture, 1, output, NULL), INK_OK);
        ink_session_close(&session);
        assert_int_equal(ink_model_dot(model, INK_DOT_PLAN, NULL, &text, NULL), INK_OK);
        ink_buffer_close(&text);
        free(picture);
        free(output);
        ink_model_close(&model);
    }
    assert_int_equal(memory.live, 0);
    return status;
}

static void truncations_are_seen_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < SMALL_MODELS; i++) {
        blob whole = small_model(i);
        size_t end = whole.size; /* GGUF's last padding may be missing */
        while (i != 4 && end > 0 && !whole.data[end - 1])
            end--;
        for (size_t size = 0; size <= whole.size; size++) {
            fence part = fence_make(whole.data, size);
            const ink_status status = try_bytes(small_names[i], &part);
            /* Two or three bytes could be the beginning of anything. */
            const ink_status want = size >= end ? INK_OK : i == 4 && size > 0 && size < 4
                                                               ? INK_ERR_MAGIC : INK_ERR_TRUNCATED;
            if (status != want)
                fail_msg("%s: %zu of %zu bytes: %d, wanted %d", small_names[i], size, whole.size,
                         status, want);
            fence_free(&part);
        }
        blob_free(&whole);
    }
}

static void changed_bytes_do_no_harm(void **state)
{
    (void)state;
    for (size_t i = 0; i < SMALL_MODELS; i++) {
        blob whole = small_model(i);
        fence changed = fence_make(whole.data, whole.size);
        size_t taken = 0, refused = 0;
        for (size_t at = 0; at < whole.size; at++) {
            const uint8_t was = whole.data[at];
            const uint8_t values[] = { 0, 0xff, was ^ 1, was ^ 0x80, (uint8_t)(was + 1) };
            for (size_t k = 0; k < sizeof values; k++) {
                changed.data[at] = values[k];
                if (try_bytes(small_names[i], &changed))
                    refused++;
                else
                    taken++;
            }
            changed.data[at] = was;
        }
        assert_true(taken > whole.size / 4 && refused > whole.size / 4);
        fence_free(&changed);
        blob_free(&whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_inkling_files_are_refused),
        cmocka_unit_test(bad_flat_files_are_refused),
        cmocka_unit_test(bad_fc_files_are_refused),
        cmocka_unit_test(bad_cnn_files_are_refused),
        cmocka_unit_test(bad_cnn_2023_files_are_refused),
        cmocka_unit_test(bad_legacy_files_are_refused),
        cmocka_unit_test(builders_know_the_limits),
        cmocka_unit_test(long_names_fit_in_the_text),
        cmocka_unit_test(harmless_files_are_taken),
        cmocka_unit_test(truncations_are_seen_at_every_byte),
        cmocka_unit_test(changed_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
