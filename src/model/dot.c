/* The graph and the plan as graphviz text. Names are the nodes' own and nothing depends on addresses or
 * time, so the same model gives the same text. */
#include "model/model.h"

#include <string.h>

/* A part of a quoted label: quotes and backslashes escaped, control characters masked. */
static void quote(ink_text *text, const char *s)
{
    for (; *s; s++) {
        const char c = *s;
        if (c == '"' || c == '\\')
            ink_text_format(text, "\\%c", c);
        else if ((unsigned char)c < 32 || c == 127)
            ink_text_bytes(text, "?", 1);
        else
            ink_text_bytes(text, s, 1);
    }
}

static void shape_label(ink_text *text, uint32_t rank, const uint32_t *dim)
{
    ink_text_format(text, "N");
    for (uint32_t i = 0; i < rank; i++)
        ink_text_format(text, "\xc3\x97%u", dim[i]); /* the multiplication sign */
}

static void bytes_label(ink_text *text, uint64_t bytes)
{
    if (bytes < 10240)
        ink_text_format(text, "%llu B", (unsigned long long)bytes);
    else
        ink_text_format(text, "%llu KiB", (unsigned long long)((bytes + 512) / 1024));
}

/* Colours by what an operator does: weights, activation, pooling, the rest. */
static const char *colour(const char *op)
{
    static const struct {
        const char *op, *colour;
    } rows[] = {
        { "conv2d", "#cfe8ff" }, { "pad+conv2d", "#cfe8ff" }, { "dense", "#cfe8ff" },
        { "batch_norm", "#e3e0ff" }, { "max_pool2d", "#d8f3dc" }, { "avg_pool2d", "#d8f3dc" },
        { "global_max_pool2d", "#d8f3dc" }, { "global_avg_pool2d", "#d8f3dc" },
        { "softmax", "#ffe5d0" }, { "log_softmax", "#ffe5d0" }, { "copy", "#f1c0c0" },
    };
    const size_t length = strncmp(op, "pad+", 4) ? strcspn(op, "+") : 4 + strcspn(op + 4, "+");
    for (size_t i = 0; i < INK_COUNT(rows); i++)
        if (strlen(rows[i].op) == length && !strncmp(rows[i].op, op, length))
            return rows[i].colour;
    return "#f2f2f2";
}

static void begin(ink_text *text, const ink_model *model, const char *what, const char *cpu)
{
    const ink_model_info *info = &model->info;
    const uint32_t dim[3] = { info->channels, info->height, info->width };
    ink_text_format(text, "digraph inkling {\n  rankdir=TB;\n"
                          "  node [shape=box, style=\"rounded,filled\", fontname=\"Helvetica\", "
                          "fontsize=11, color=\"#888888\"];\n"
                          "  edge [fontname=\"Helvetica\", fontsize=9, color=\"#888888\"];\n"
                          "  label=\"");
    quote(text, *info->name ? info->name : info->architecture);
    ink_text_format(text, ", %s%s\";\n  labelloc=t;\n  fontname=\"Helvetica\";\n", what, cpu);
    ink_text_format(text, "  input [shape=ellipse, fillcolor=\"#fff3b0\", label=\"input\\n");
    shape_label(text, 3, dim);
    ink_text_format(text, " f32\\npixel * %.6g + %.6g\"];\n", (double)info->input_scale,
                    (double)info->input_offset);
}

/* Nodes are called n1, n2, ... in the text: 0 is the input. */
static void edge(ink_text *text, size_t from, size_t to)
{
    if (from)
        ink_text_format(text, "  n%zu -> n%zu;\n", from, to);
    else
        ink_text_format(text, "  input -> n%zu;\n", to);
}

static void end(ink_text *text, const ink_model *model, size_t last)
{
    ink_text_format(text, "  output [shape=ellipse, fillcolor=\"#fff3b0\", label=\"output\\n"
                          "%u classes\"];\n  ", model->info.classes);
    if (last)
        ink_text_format(text, "n%zu -> output;\n}\n", last);
    else
        ink_text_format(text, "input -> output;\n}\n");
}

static void draw_graph(ink_text *text, const ink_model *model)
{
    begin(text, model, "as written", "");
    for (size_t i = 0; i < model->info.nodes; i++) {
        const ink_node_info *info = &model->nodes[i];
        const ink_node *node = &model->graph.nodes[i];
        ink_text_format(text, "  n%zu [fillcolor=\"%s\", label=\"", i + 1, colour(info->op));
        quote(text, info->name);
        ink_text_format(text, "\\n%s%s%s\\n", info->op, *info->attributes ? " " : "", info->attributes);
        for (size_t k = 0; k < node->op->parameter_count; k++) {
            const ink_tensor_info *tensor = node->parameters[k];
            ink_shape shape = { 0 };
            char dims[INK_SHAPE_TEXT];
            if (!tensor)
                continue;
            shape.rank = tensor->rank;
            memcpy(shape.dim, tensor->dim, sizeof shape.dim);
            ink_text_format(text, "%s %s %s\\n", node->op->parameters[k].suffix,
                            ink_shape_text(shape, dims), ink_type_name(tensor->type));
        }
        shape_label(text, info->rank, info->dim);
        ink_text_format(text, " f32\"];\n");
        for (uint32_t k = 0; k < node->input_count; k++)
            edge(text, node->inputs[k], i + 1);
    }
    end(text, model, model->info.nodes);
}

static void draw_plan(ink_text *text, const ink_model *model, const ink_session *session)
{
    double total = 0;
    for (size_t i = 0; i < model->info.steps; i++)
        total += ink_session_step_seconds(session, i);
    begin(text, model, "as run with kernels for ", ink_cpu_name(model->info.cpu));
    for (size_t i = 0; i < model->info.steps; i++) {
        const ink_step_info *info = &model->steps[i];
        ink_text_format(text, "  n%zu [fillcolor=\"%s\", label=\"%zu ", i + 1, colour(info->ops),
                        i + 1);
        quote(text, info->name);
        ink_text_format(text, "\\n%s\\n%s\\n", info->ops, info->kernel);
        if (info->macs)
            ink_text_format(text, "%llu multiply-adds\\n", (unsigned long long)info->macs);
        if (info->weight_bytes) {
            ink_text_format(text, "weights ");
            bytes_label(text, info->weight_bytes);
            ink_text_format(text, "\\n");
        }
        shape_label(text, info->rank, info->dim);
        ink_text_format(text, " f32, ");
        bytes_label(text, info->bytes);
        ink_text_format(text, " at %llu", (unsigned long long)info->offset);
        if (info->scratch_bytes) {
            ink_text_format(text, "\\nscratch ");
            bytes_label(text, info->scratch_bytes);
        }
        if (total > 0)
            ink_text_format(text, "\\n%.1f %% of the time",
                            100 * ink_session_step_seconds(session, i) / total);
        ink_text_format(text, "\"];\n");
        for (size_t k = 0; k < info->input_count; k++) {
            /* The step that wrote the buffer last is the one whose value is read. */
            size_t from = i;
            while (from && model->plan.steps[from - 1].output.buffer !=
                               model->plan.steps[i].inputs[k].buffer)
                from--;
            edge(text, from, i + 1);
        }
    }
    end(text, model, model->info.steps);
}

ink_status ink_model_dot(const ink_model *model, ink_dot what, const ink_session *session,
                         ink_buffer *out, ink_error *error)
{
    if (!model || !out || (what != INK_DOT_GRAPH && what != INK_DOT_PLAN))
        return ink_fail(error, INK_ERR_ARGUMENT, "ink_model_dot: an argument is NULL or out of range");
    ink_text text;
    *out = (ink_buffer){ 0 };
    ink_text_init(&text, &model->allocator);
    if (what == INK_DOT_GRAPH)
        draw_graph(&text, model);
    else
        draw_plan(&text, model, session);
    return ink_text_finish(&text, out, error);
}
