/* A Keras model as JSON becomes a draft: which nodes, which weights, what is refused, and what it computes. */
#include "keras_weights.h"

#include "import/assemble.h"

#include <math.h>

/* JSON with ' for ", so that it can be read here. */
static char *json_of(const char *text)
{
    char *json = malloc(strlen(text) + 1);
    assert_non_null(json);
    strcpy(json, text);
    for (char *at = json; *at; at++)
        if (*at == '\'')
            *at = '"';
    return json;
}

#define SEQUENTIAL(shape, layers) \
    "{'class_name':'Sequential','config':{'name':'s','layers':[{'class_name':'InputLayer','config':{'name':'i'," \
    "'batch_shape':[null," shape "]}}," layers "]}}"
#define LAYER(class, name, settings) "{'class_name':'" class "','config':{'name':'" name "'" settings "}}"
#define FLAT LAYER("Flatten", "flat", "")
#define DENSE LAYER("Dense", "d", ",'units':2")

typedef struct reading {
    keras_recipe recipe;
    ink_draft draft;
    ink_buffer text;
    ink_status status;
    ink_error error;
} reading;

static void read_model(const char *model, const char *recipe, reading *r)
{
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    char *json = json_of(model);
    *r = (reading){ .recipe = { .recipe = recipe } };
    ink_arena_init(&r->recipe.arena, &allocator);
    ink_draft_init(&r->draft, &r->recipe.arena);
    const ink_keras_weights weights = { .context = &r->recipe, .find = keras_recipe_find };
    r->status = ink_keras_draft(json, strlen(json), NULL, &weights, &r->draft, &r->error);
    free(json);
    if (r->status == INK_ERR_OPEN) {
        print_message("skipped: built without jansson\n");
        skip();
    }
    if (!r->status)
        assert_int_equal(ink_draft_text(&r->draft, r->draft.scale, r->draft.offset, &allocator, &r->text, &r->error),
                         INK_OK);
}

static void reading_free(reading *r)
{
    ink_buffer_close(&r->text);
    ink_draft_free(&r->draft);
    ink_arena_free(&r->recipe.arena);
}

#define PICTURE(size) "input shape=" size " scale=0.00392156863 offset=0\n"
#define DENSE_TEXT(input) "dense name=d inputs=" input " units=2\n"
#define FUNCTIONAL(layers, outputs) \
    "{'class_name':'Functional','config':{'name':'f','layers':[{'class_name':'InputLayer','name':'i','config':" \
    "{'name':'i','batch_input_shape':[null,4,4,1]},'inbound_nodes':[]}," layers "],'input_layers':[['i',0,0]]," \
    "'output_layers':[" outputs "]}}"
#define USED(class, name, settings, nodes) \
    "{'class_name':'" class "','name':'" name "','config':{'name':'" name "'" settings "},'inbound_nodes':[" nodes "]}"

static const struct {
    const char *model, *weights, *text;
} texts[] = {
    /* pictures: flat ones, of two axes, of three, with channels first */
    { SEQUENTIAL("4", DENSE), "d/kernel 4 2;d/bias 2",
      PICTURE("1,2,2") "flatten name=d_flat inputs=input\ndense name=d inputs=d_flat units=2\n" },
    { SEQUENTIAL("2,3", FLAT "," DENSE), "d/kernel 6 2;d/bias 2",
      PICTURE("1,2,3") "flatten name=flat inputs=input\n" DENSE_TEXT("flat") },
    { SEQUENTIAL("2,3,1", FLAT "," DENSE), "d/kernel 6 2;d/bias 2",
      PICTURE("1,2,3") "flatten name=flat inputs=input\n" DENSE_TEXT("flat") },
    { SEQUENTIAL("2,3,3", FLAT "," DENSE), "d/kernel 18 2;d/bias 2",
      PICTURE("3,2,3") "permute name=flat_channels_last inputs=input order=1,2,0\n"
      "flatten name=flat inputs=flat_channels_last\n" DENSE_TEXT("flat") },
    { SEQUENTIAL("3,2,2", LAYER("GlobalMaxPooling2D", "g", ",'data_format':'channels_first'") "," DENSE),
      "d/kernel 3 2;d/bias 2",
      PICTURE("3,2,2") "global_max_pool2d name=g inputs=input\nflatten name=g_flat inputs=g\n" DENSE_TEXT("g_flat") },
    /* a rank that is none of a picture's */
    { SEQUENTIAL("2,3", LAYER("Dense", "e", ",'use_bias':false,'activation':'relu'") "," FLAT "," DENSE),
      "e/kernel 3 5;d/kernel 10 2;d/bias 2",
      PICTURE("1,2,3") "reshape name=e_shape inputs=input shape=2,3\ndense name=e inputs=e_shape units=5\n"
      "relu name=e_relu inputs=e\nflatten name=flat inputs=e_relu\n" DENSE_TEXT("flat") },
    { SEQUENTIAL("4", LAYER("Reshape", "r", ",'target_shape':[2,-1,1]") "," LAYER("ZeroPadding2D", "z",
      ",'padding':[[1,2],[3,4]]")
                 "," FLAT "," DENSE), "d/kernel 45 2;d/bias 2",
      PICTURE("1,2,2") "reshape name=r_shape inputs=input shape=1,2,2\npad name=z inputs=r_shape padding=1,3,2,4\n"
      "flatten name=flat inputs=z\n" DENSE_TEXT("flat") },
    /* activations; layers of training are not there */
    { SEQUENTIAL("4", LAYER("Dropout", "o", ",'rate':0.5") "," LAYER("Dense", "e", ",'activation':'selu'") ","
                 LAYER("LeakyReLU", "l", ",'alpha':0.25") "," LAYER("LeakyReLU", "m", "") "," LAYER("ReLU", "n",
                   ",'negative_slope':0.5")
                 "," LAYER("Dense", "d", ",'activation':{'class_name':'LeakyReLU','config':{'negative_slope':0.125}}")
                 "," LAYER("Activation", "a", ",'activation':{'class_name':'function','config':'leaky_relu'}")
                 "," LAYER("Softmax", "s", ",'axis':-1")),
      "e/kernel 4 3;e/bias 3;d/kernel 3 2;d/bias 2",
      PICTURE("1,2,2") "flatten name=e_flat inputs=input\ndense name=e inputs=e_flat units=3\n"
      "elu name=e_elu inputs=e alpha=1.67326324\nbatch_norm name=e_scale inputs=e_elu epsilon=0\n"
      "leaky_relu name=l_leaky_relu inputs=e_scale alpha=0.25\n"
      "leaky_relu name=m_leaky_relu inputs=l_leaky_relu alpha=0.3\n"
      "leaky_relu name=n_leaky_relu inputs=m_leaky_relu alpha=0.5\ndense name=d inputs=n_leaky_relu units=2\n"
      "leaky_relu name=d_leaky_relu inputs=d alpha=0.125\nleaky_relu name=a_leaky_relu inputs=d_leaky_relu alpha=0.2\n"
      "softmax name=s_softmax inputs=a_leaky_relu\n" },
    /* Keras 3 calls the kernel so, Keras 2 depthwise_kernel */
    { SEQUENTIAL("4,4,1", LAYER("DepthwiseConv2D", "c", ",'kernel_size':4,'depth_multiplier':3")),
      "c/kernel 4 4 1 3;c/bias 3",
      PICTURE("1,4,4") "conv2d name=c inputs=input filters=3 kernel=4,4\nflatten name=output inputs=c\n" },
    /* the scaling of pixels, and one that is not of pixels */
    { SEQUENTIAL("4", LAYER("Rescaling", "q", ",'scale':0.5,'offset':-1.0") "," LAYER("RandomFlip", "z",
      ",'mode':'horizontal'")
                 "," LAYER("Rescaling", "r", ",'scale':2.0") "," DENSE "," LAYER("Rescaling", "t",
                   ",'scale':2.0,'offset':1")),
      "d/kernel 4 2;d/bias 2",
      "input shape=1,2,2 scale=1 offset=-2\nflatten name=d_flat inputs=input\ndense name=d inputs=d_flat units=2\n"
      "batch_norm name=t_scale inputs=d epsilon=0\n" },
    /* a scaling of pixels that others read as they are, behind a layer that does nothing */
    { FUNCTIONAL(USED("Dropout", "o", "", "[['i',0,0,{}]]") "," USED("Rescaling", "r", ",'scale':0.5",
      "[['o',0,0,{}]]") ","
                 USED("Add", "a", "", "[['r',0,0,{}],['o',0,0,{}]]") "," USED("Flatten", "flat", "", "[['a',0,0,{}]]")
                   ","
                 USED("Dense", "d", "", "[['flat',0,0,{}]]"), "['d',0,0]"),
      "d/kernel 16 2;d/bias 2",
      PICTURE("1,4,4") "batch_norm name=r_scale inputs=input epsilon=0\nadd name=a inputs=r_scale,input\n"
      "flatten name=flat inputs=a\n" DENSE_TEXT("flat") },
    /* one layer used twice, a sum, a concatenation; the file's order is not the order of computing */
    { FUNCTIONAL(USED("Dense", "d", ",'units':2", "[['flat',0,0,{}]]") ","
                 USED("Conv2D", "c", ",'kernel_size':[1,1]", "[['i',0,0,{}]],[['c',0,0,{}]]") ","
                 USED("Concatenate", "k", ",'axis':-1", "[['p',0,0,{}],['c',1,0,{}]]") ","
                 USED("Add", "p", "", "[['c',0,0,{}],['c',1,0,{}]]") "," USED("Flatten", "flat", "", "[['k',0,0,{}]]"),
                 "['d',0,0]"),
      "c/kernel 1 1 1 1;c/bias 1;d/kernel 32 2;d/bias 2",
      PICTURE("1,4,4")
        "conv2d name=c inputs=input filters=1 kernel=1,1\nconv2d name=c_2 inputs=c filters=1 kernel=1,1\n"
      "add name=p inputs=c,c_2\nconcat name=k inputs=p,c_2 axis=0\n"
      "permute name=flat_channels_last inputs=k order=1,2,0\nflatten name=flat inputs=flat_channels_last\n"
        DENSE_TEXT("flat") },
    /* Keras 3's names of tensors; a model within the model */
    { FUNCTIONAL("{'class_name':'Sequential','name':'s','config':{'name':'s','layers':[" FLAT
      "]},'inbound_nodes':[{'args':"
                 "[{'class_name':'__keras_tensor__','config':{'keras_history':['i',0,0]}}],"
                 "'kwargs':{'training':null}}]},"
                 USED("Dense", "d", ",'units':2",
                   "{'args':[[{'class_name':'__keras_tensor__','config':{'keras_history':"
                      "['s',0,0]}}]],'kwargs':{}}"), "'d',0,0"),
      "d/kernel 16 2;d/bias 2", PICTURE("1,4,4") "flatten name=flat inputs=input\n" DENSE_TEXT("flat") },
    /* scores on three axes of which two are 1 */
    { SEQUENTIAL("4,4,1", LAYER("Conv2D", "c", ",'kernel_size':4,'use_bias':false")), "c/kernel 4 4 1 3",
      PICTURE("1,4,4") "conv2d name=c inputs=input filters=3 kernel=4,4\nflatten name=output inputs=c\n" },
    /* Keras 1 */
    { "{'class_name':'Sequential','config':[" LAYER("Convolution2D", "c",
      ",'batch_input_shape':[null,4,4,1],'nb_filter':2,"
      "'nb_row':3,'nb_col':1,'border_mode':'same','subsample':[2,1],'dim_ordering':'tf','bias':false,'init':'he'") ","
      LAYER("MaxPooling2D", "m", ",'pool_size':[2,2],'strides':[2,2],'border_mode':'valid','dim_ordering':'tf'") ","
        FLAT ","
      LAYER("Dense", "d", ",'output_dim':2,'bias':true") "]}", "c/kernel 3 1 1 2;d/kernel 4 2;d/bias 2",
      PICTURE("1,4,4") "conv2d name=c inputs=input filters=2 kernel=3,1 stride=2,1 padding=0,0,1,0\n"
      "max_pool2d name=m inputs=c kernel=2,2\npermute name=flat_channels_last inputs=m order=1,2,0\n"
      "flatten name=flat inputs=flat_channels_last\n" DENSE_TEXT("flat") },
};

static void models_become_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        reading r;
        char text[2000];
        read_model(texts[i].model, texts[i].weights, &r);
        if (r.status)
            fail_msg("%zu: %s", i, r.error.text);
        snprintf(text, sizeof text, "%.*s", (int)r.text.size, (const char *)r.text.data);
        assert_string_equal(text, texts[i].text);
        reading_free(&r);
    }
}

/* ---- where weights are looked for ---- */

static bool has_older(void *context, const char *path)
{
    (void)context;
    return strcmp(path, "_layer_checkpoint_dependencies") == 0;
}

static ink_status find_and_note(void *context, const ink_keras_place *place, size_t index, const char *role,
                                ink_weight *out, ink_error *error)
{
    static char noted[1000];
    keras_recipe *r = context;
    (void)index;
    (void)error;
    if (!r->recipe[0])
        noted[0] = 0;
    snprintf(noted + strlen(noted), sizeof noted - strlen(noted), "%s %s;", place->path, role);
    r->recipe = noted;
    *out = (ink_weight){ .name = role, .rank = role[0] == 'b' ? 1 : 2, .dim = { 4, 4 }, .elements = 16 };
    out->data = ink_arena_array(&r->arena, 16, sizeof(float));
    return INK_OK;
}

static void layers_are_counted_by_class(void **state)
{
    static const char model[] = SEQUENTIAL("4,1", LAYER("Flatten", "f", "") "," LAYER("Dense", "a", "") ","
                                           LAYER("ReLU", "r", "") "," LAYER("Dense", "b", ",'use_bias':false") ","
                                           "{'class_name':'Sequential','config':{'name':'s','layers':["
                                           LAYER("Dense", "c", ",'use_bias':false") "]}}");
    static const char *const wanted[] = {
        "layers/dense kernel;layers/dense bias;layers/dense_1 kernel;layers/sequential/layers/dense kernel;",
        "_layer_checkpoint_dependencies/dense kernel;_layer_checkpoint_dependencies/dense bias;"
        "_layer_checkpoint_dependencies/dense_2 kernel;_layer_checkpoint_dependencies/sequential/layers/dense kernel;",
    };
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    (void)state;
    for (int older = 0; older < 2; older++) {
        keras_recipe r = { .recipe = "" };
        const ink_keras_weights weights = { .context = &r, .find = find_and_note, .has = older ? has_older : NULL };
        char *json = json_of(model);
        ink_draft draft;
        ink_error error;
        ink_arena_init(&r.arena, &allocator);
        ink_draft_init(&draft, &r.arena);
        const ink_status status = ink_keras_draft(json, strlen(json), NULL, &weights, &draft, &error);
        if (status == INK_ERR_OPEN)
            skip();
        assert_string_equal(r.recipe, wanted[older]);
        free(json);
        ink_draft_free(&draft);
        ink_arena_free(&r.arena);
    }
}

/* ---- what is refused ---- */

#define AFTER(layer) SEQUENTIAL("4,4,1", layer "," FLAT "," DENSE)

static const struct {
    const char *model, *words;
} faults[] = {
    { AFTER(LAYER("LSTM", "l", "")), "layer 'l' (LSTM): recurrent" },
    { AFTER(LAYER("Mystery", "l", "")), "layers of this class are not supported" },
    { AFTER("{'class_name':'Dense','registered_name':'Mine>Dense','config':{'name':'l'}}"),
      "a class of its author (Mine>Dense)" },
    { AFTER("{'class_name':'Dense','module':'__main__','config':{'name':'l'}}"), "a class of its author (__main__)" },
    { AFTER(LAYER("Lambda", "l", ",'function':'x'")), "a program of its author, which is not run" },
    { AFTER(LAYER("ReLU", "l", ",'max_value':600.0")), "a max_value of 600 is not supported" },
    { AFTER(LAYER("ReLU", "l", ",'max_value':0.0")), "a max_value of 0 is not supported" },
    { AFTER(LAYER("ReLU", "l", ",'threshold':1")), "a threshold is not supported" },
    { AFTER(LAYER("Activation", "l", ",'activation':'swish'")), "its activation 'swish' is not supported" },
    { AFTER(LAYER("Activation", "l", ",'activation':{'class_name':'Dense','config':{}}")),
      "its activation Dense is not supported" },
    { AFTER(LAYER("Conv2D", "l", ",'kernel_size':[3,3],'filters':1,'activation':'softplus'")), "'softplus'" },
    { AFTER(LAYER("Conv2D", "l", ",'kernel_size':[3,3,3]")), "kernel_size is no two whole numbers" },
    { AFTER(LAYER("Conv2D", "l", ",'kernel_size':[9,9]")), "its window of 9 is larger than its input of 4" },
    { AFTER(LAYER("Conv2D", "l", ",'kernel_size':3,'padding':'causal'")), "padding 'causal' is not supported" },
    { AFTER(LAYER("Conv2D", "l", ",'kernel_size':3,'groups':2")), "its groups do not divide the 1 channels" },
    { AFTER(LAYER("Conv2D", "l", ",'kernel_size':3,'sparkle':1")), "its setting 'sparkle' is not supported" },
    { AFTER(LAYER("Dropout", "l", ",'dtype':'int8'")), "it computes in int8" },
    { AFTER(LAYER("Softmax", "l", ",'axis':1")), "its axis is not the last" },
    { AFTER(LAYER("BatchNormalization", "l", ",'axis':2")), "its axis is not that of the channels" },
    { AFTER(LAYER("Reshape", "l", ",'target_shape':[5,-1]")), "does not fit the 16 elements" },
    { AFTER(LAYER("Permute", "l", ",'dims':[1,1,2]")), "its dims are no order" },
    { AFTER(LAYER("Resizing", "l", ",'height':8,'width':4")), "it changes the picture's size" },
    { AFTER(LAYER("Masking", "l", ",'mask_value':1")), "a mask_value other than 0" },
    { SEQUENTIAL("4,4,1", LAYER("Conv2D", "c", ",'kernel_size':1,'use_bias':false")),
      "its output has 16 numbers, as many" },
    { SEQUENTIAL("null,4,1", FLAT "," DENSE), "axes of no fixed size" },
    { SEQUENTIAL("5", DENSE), "a list of 5 numbers, which is no square" },
    { SEQUENTIAL("2,2,2,2", FLAT "," DENSE), "4 axes besides the batch" },
    { SEQUENTIAL("4", LAYER("Dense", "o", "")), "its output is one number" },
    { "{'class_name':'Sequential','config':{'layers':[" FLAT "]}}", "does not say of what size its pictures are" },
    { "{'class_name':'MyNet','config':{}}", "of the class 'MyNet', whose layers do not stand in the file" },
    { FUNCTIONAL(USED("Flatten", "a", "", "[['i',0,0,{}]]"), "['a',0,0],['a',0,0]"), "it has 2 outputs, wanted one" },
    { FUNCTIONAL(USED("Flatten", "a", "", "[['i',0,0,{'training':true}]]"), "['a',0,0]"),
      "called with more than its inputs" },
    { FUNCTIONAL(USED("Add", "a", "",
      "{'args':[{'class_name':'__keras_tensor__','config':{'keras_history':['i',0,0]}},1.5]}"),
                 "['a',0,0]"), "called with more than its inputs" },
    { FUNCTIONAL("{'class_name':'Mean','module':'keras.src.ops.numpy','name':'a','config':{},"
                 "'inbound_nodes':[[['i',0,0]]]}",
                 "['a',0,0]"), "functions of keras.ops" },
    { FUNCTIONAL(USED("Flatten", "a", "", "[['i',0,0]]") "," USED("Add", "b", "", "[['a',0,0],['i',0,0]]"),
      "['b',0,0]"),
      "its inputs have different shapes" },
};

static void faults_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        reading r;
        read_model(faults[i].model,
            "d/kernel 16 2;d/bias 2;o/kernel 4 1;o/bias 1;c/kernel 1 1 1 1;l/kernel 3 3 1 1;l/bias 1", &r);
        char told[1000];
        snprintf(told, sizeof told, "%.*s", (int)r.draft.faults.size, r.draft.faults.data ? r.draft.faults.data : "");
        if (r.status != INK_ERR_OP || !strstr(told, faults[i].words))
            fail_msg("%zu: %d %s, wanted %s", i, r.status, told, faults[i].words);
        reading_free(&r);
    }
}

/* All are told, not the first alone; what comes behind one is checked as far as it can be. */
static void all_faults_are_named(void **state)
{
    (void)state;
    reading r;
    read_model(AFTER(LAYER("LSTM", "l", "") "," LAYER("Conv2D", "c", ",'kernel_size':3,'activation':'mish'") ","
                     LAYER("GRU", "g", "")), "", &r);
    check_error(r.status, &r.error, INK_ERR_OP, "3 things");
    reading_free(&r);
}

static const struct {
    const char *model, *weights;
    ink_status status;
    const char *words;
} errors[] = {
    { "{", "", INK_ERR_FORMAT, "no JSON" },
    { "[]", "", INK_ERR_FORMAT, "no class_name and config" },
    { "{'class_name':'Sequential','config':{'layers':[]}}", "", INK_ERR_FORMAT, "no layers" },
    { SEQUENTIAL("4", DENSE), "", INK_ERR_MISSING, "layer 'd' (Dense): its kernel is not in the file" },
    { SEQUENTIAL("4", DENSE), "d/kernel 4 2", INK_ERR_MISSING, "its bias is not in the file" },
    { SEQUENTIAL("4", DENSE), "d/kernel 5 2", INK_ERR_SHAPE, "its kernel has the shape [5,2], wanted [4,...]" },
    { SEQUENTIAL("4", DENSE), "d/kernel 4 2 1", INK_ERR_SHAPE, "its kernel has the shape [4,2,1]" },
    { SEQUENTIAL("4", DENSE), "d/kernel 4 0", INK_ERR_SHAPE, "its kernel has the shape [4,0]" },
    { FUNCTIONAL(USED("Flatten", "a", "", "[['b',0,0]]") "," USED("Flatten", "b", "", "[['a',0,0]]"), "['a',0,0]"), "",
      INK_ERR_GRAPH, "needs its own output" },
    { FUNCTIONAL(USED("Flatten", "a", "", "[['x',0,0]]"), "['a',0,0]"), "", INK_ERR_GRAPH,
      "of layer 'x', which is not there" },
    { FUNCTIONAL(USED("Flatten", "a", "", "[['i',0,1]]"), "['a',0,0]"), "", INK_ERR_GRAPH, "needs output 1 of use 0" },
    { FUNCTIONAL(USED("Flatten", "i", "", "[['i',0,0]]"), "['i',0,0]"), "", INK_ERR_FORMAT, "has two layers 'i'" },
};

static void broken_models_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        reading r;
        read_model(errors[i].model, errors[i].weights, &r);
        if (r.status != errors[i].status || !strstr(r.error.text, errors[i].words))
            fail_msg("%zu: %d %s, wanted %s", i, r.status, r.error.text, errors[i].words);
        reading_free(&r);
    }
}

/* A model within a model within a model, each used 20 times: 8000 uses from a few bytes. */
static void growth_has_a_limit(void **state)
{
    (void)state;
    char model[20000] = LAYER("Dropout", "m", ""), inner[20000];
    for (int depth = 0; depth < 3; depth++) {
        snprintf(inner, sizeof inner, "%s", model);
        snprintf(model, sizeof model,
            "{'class_name':'Functional','config':{'name':'m','layers':[{'class_name':'InputLayer',"
                 "'name':'i','config':{'batch_shape':[null,4,4,1]}},{'inbound_nodes':[[['i',0,0]]");
        for (int use = 0; use < 19; use++)
            snprintf(model + strlen(model), sizeof model - strlen(model), ",[['m',%d,0]]", use);
        snprintf(model + strlen(model), sizeof model - strlen(model), "],%.10000s],'input_layers':[['i',0,0]],"
                 "'output_layers':[['m',19,0]]}}", inner + 1);
    }
    reading r;
    read_model(model, "", &r);
    check_error(r.status, &r.error, INK_ERR_LIMIT, "more than 4096 layers");
    reading_free(&r);
}

/* ---- what it computes, against Keras' formulas in Keras' order, H,W,C ---- */

enum { H = 7, W = 6 };

typedef struct tensor {
    int h, w, c;
    double v[400];
} tensor;

static double at(const tensor *t, int y, int x, int c, double outside)
{
    return y < 0 || x < 0 || y >= t->h || x >= t->w ? outside : t->v[(y * t->w + x) * t->c + c];
}

static int same(int in, int kernel, int stride, int *before)
{
    const int out = (in + stride - 1) / stride, need = (out - 1) * stride + kernel - in;
    *before = need > 0 ? need / 2 : 0;
    return out;
}

/* 'same', with two groups or one for each channel */
static tensor conv(const tensor *x, const char *role, int kernel, int stride, int groups, int out, bool bias)
{
    int top, left;
    tensor y = { .h = same(x->h, kernel, stride, &top), .w = same(x->w, kernel, stride, &left), .c = out };
    const int in = x->c / groups, of_group = out / groups;
    for (int i = 0; i < y.h * y.w * out; i++) {
        const int o = i % out, col = i / out % y.w, row = i / out / y.w;
        double sum = bias ? (double)keras_value_of("bias", (uint64_t)o) : 0;
        for (int a = 0; a < kernel; a++)
            for (int b = 0; b < kernel; b++)
                for (int c = 0; c < in; c++) {
                    /* Keras has a depthwise kernel as [KH,KW,C,M], and others as [KH,KW,C / groups,O] */
                    const int index = strcmp(role, "depthwise_kernel") == 0 ? (a * kernel + b) * out + o
                                                                            : ((a * kernel + b) * in + c) * out + o;
                    sum += at(x, row * stride - top + a, col * stride - left + b, o / of_group * in + c, 0) *
                           (double)keras_value_of(role, (uint64_t)index);
                }
        y.v[i] = sum;
    }
    return y;
}

static tensor pool(const tensor *x, int kernel, int stride, bool max)
{
    int top, left;
    tensor y = { .h = same(x->h, kernel, stride, &top), .w = same(x->w, kernel, stride, &left), .c = x->c };
    for (int i = 0; i < y.h * y.w * y.c; i++) {
        const int c = i % y.c, col = i / y.c % y.w, row = i / y.c / y.w;
        double most = -HUGE_VAL, sum = 0, count = 0;
        for (int a = 0; a < kernel; a++)
            for (int b = 0; b < kernel; b++) {
                const double v = at(x, row * stride - top + a, col * stride - left + b, c, NAN);
                most = fmax(most, v);
                sum += isnan(v) ? 0 : v;
                count += !isnan(v);
            }
        y.v[i] = max ? most : sum / count;
    }
    return y;
}

static void norm(tensor *x, double epsilon)
{
    for (int i = 0; i < x->h * x->w * x->c; i++) {
        const uint64_t c = (uint64_t)(i % x->c);
        x->v[i] = (x->v[i] - (double)keras_value_of("moving_mean", c)) /
                      sqrt((double)keras_value_of("moving_variance", c) + epsilon) +
                  (double)keras_value_of("beta", c);
    }
}

static void run_text(const reading *r, const float *input, float *output)
{
    ink_builder *builder = NULL;
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_model *model = NULL;
    ink_session *session = NULL;
    ink_error error;
    options.output = INK_OUTPUT_AS_WRITTEN;
    if (ink_assemble(r->text.data, r->text.size, "text", 0, r->draft.weights, r->draft.weight_count, &builder, &error)
        ||
        ink_builder_model(builder, &options, &model, &error) || ink_session_open(model, NULL, &session, &error) ||
        ink_session_run_f32(session, input, 1, output, &error))
        fail_msg("%s", error.text);
    ink_session_close(&session);
    ink_model_close(&model);
    ink_builder_close(&builder);
}

static void it_computes_what_keras_does(void **state)
{
    (void)state;
    reading r;
    float input[H * W], output[3];
    tensor x = { .h = H, .w = W, .c = 1 };
    for (int i = 0; i < H * W; i++)
        x.v[i] = (double)(input[i] = (float)(i * 29 % 17) / 16);
    read_model(SEQUENTIAL("7,6,1",
                          LAYER("Conv2D", "c", ",'filters':4,'kernel_size':[3,3],'strides':[2,2],'padding':'same'") ","
                          LAYER("BatchNormalization", "n", ",'axis':[3],'scale':false,'epsilon':0.01") ","
                          LAYER("MaxPooling2D", "m", ",'pool_size':[3,3],'strides':[1,1],'padding':'same'") ","
                          LAYER("DepthwiseConv2D", "w",
                            ",'kernel_size':[2,2],'padding':'same','depth_multiplier':2,'use_bias':false") ","
                          LAYER("Conv2D", "g", ",'filters':6,'kernel_size':[3,3],'padding':'same','groups':2") ","
                          LAYER("AveragePooling2D", "a", ",'pool_size':[2,2],'padding':'same'") "," FLAT "," DENSE),
               "c/kernel 3 3 1 4;c/bias 4;n/beta 4;n/moving_mean 4;n/moving_variance 4;w/depthwise_kernel 2 2 4 2;"
               "g/kernel 3 3 4 6;g/bias 6;d/kernel 24 3;d/bias 3", &r);
    if (r.status)
        fail_msg("%s", r.error.text);
    x = conv(&x, "kernel", 3, 2, 1, 4, true);
    norm(&x, 0.01);
    x = pool(&x, 3, 1, true);
    x = conv(&x, "depthwise_kernel", 2, 1, 4, 8, false);
    x = conv(&x, "kernel", 3, 1, 2, 6, true);
    x = pool(&x, 2, 2, false);
    assert_int_equal(x.h * x.w * x.c, 24);
    run_text(&r, input, output);
    for (int o = 0; o < 3; o++) {
        double sum = (double)keras_value_of("bias", (uint64_t)o), size = 0;
        for (int i = 0; i < 24; i++) {
            sum += x.v[i] * (double)keras_value_of("kernel", (uint64_t)(i * 3 + o));
            size += fabs(x.v[i]);
        }
        /* Roundings of sums of at most 36 products, five layers deep, each of which grows them by less than 10. */
        assert_true(fabs(sum - (double)output[o]) <= 1e-5 * (size + 1));
    }
    reading_free(&r);
}

/* min(max(x, 0), 6), and with a leak below: the highest value of ReLU, and relu6. */
static void values_are_bounded(void **state)
{
    static const struct {
        const char *layer;
        double most, leak;
    } rows[] = {
        { LAYER("ReLU", "r", ",'max_value':2.5"), 2.5, 0 },
        { LAYER("ReLU", "r", ",'max_value':2.5,'negative_slope':0.25"), 2.5, 0.25 },
        { LAYER("Activation", "r", ",'activation':'relu6'"), 6, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char model[2000];
        float input[H * W], output[3];
        reading r;
        snprintf(model, sizeof model, SEQUENTIAL("7,6,1", "%s," FLAT "," DENSE), rows[i].layer);
        read_model(model, "d/kernel 42 3;d/bias 3", &r);
        if (r.status)
            fail_msg("%s", r.error.text);
        for (int k = 0; k < H * W; k++)
            input[k] = (float)(k * 29 % 17) - 8; /* -8 to 8 */
        run_text(&r, input, output);
        for (int o = 0; o < 3; o++) {
            double sum = (double)keras_value_of("bias", (uint64_t)o), size = 0;
            for (int k = 0; k < H * W; k++) {
                const double x = (double)input[k], y = fmin(x < 0 ? rows[i].leak * x : x, rows[i].most);
                sum += y * (double)keras_value_of("kernel", (uint64_t)(k * 3 + o));
                size += fabs(y) + rows[i].most;
            }
            assert_true(fabs(sum - (double)output[o]) <= 44 * ldexp(1, -24) * 4 * size);
        }
        reading_free(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_become_text),
        cmocka_unit_test(layers_are_counted_by_class),
        cmocka_unit_test(faults_are_named),
        cmocka_unit_test(all_faults_are_named),
        cmocka_unit_test(broken_models_are_refused),
        cmocka_unit_test(growth_has_a_limit),
        cmocka_unit_test(it_computes_what_keras_does),
        cmocka_unit_test(values_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
