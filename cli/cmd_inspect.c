/* inkling inspect: what is in a model file. */
#include "commands.h"

#include "common/answer_json.h"
#include "common/run.h"
#include "common/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct inspect_options {
    run_options run;
    bool kernels, json;
} inspect_options;

static const cli_operand operands[] = {
    { "MODEL", "a model file: GGUF, or ggml's .bin", CLI_ONCE },
    { NULL, NULL, CLI_ONCE },
};

static const cli_option options[] = {
    { .name = "kernels", .letter = 'k', .kind = CLI_FLAG, .at = offsetof(inspect_options, kernels),
      .help = "show what really runs: the steps of the plan, their kernels and memory" },
    RUN_SCALE_ROW(inspect_options),
    RUN_CPU_ROW(inspect_options),
    JS_OPTION_ROW(inspect_options),
    { .name = NULL },
};

static const cli_example examples[] = {
    { "all about a model", "inkling inspect models/cnn.gguf" },
    { "what would run on a machine without vector instructions",
      "inkling inspect models/cnn.gguf --kernels --cpu scalar" },
    { NULL, NULL },
};

static const inspect_options defaults = { .run = RUN_DEFAULTS };

/* ---- small pieces of text ---- */

static void add_bytes(text *to, uint64_t size)
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB" };
    double value = (double)size;
    size_t unit = 0;
    for (; value >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1024;
    text_printf(to, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void add_shape(text *to, uint32_t rank, const uint32_t *dim)
{
    for (uint32_t i = 0; i < rank; i++)
        text_printf(to, "%s%u", i ? "x" : "", dim[i]);
    if (rank == 0)
        text_add(to, "1");
}

/* A size, or nothing for 0: most steps have no weights. */
static void cell_bytes(table *to, uint64_t size)
{
    text cell = { 0 };
    if (size)
        add_bytes(&cell, size);
    table_cell(to, text_string(&cell));
    text_free(&cell);
}

static void cell_shape(table *to, uint32_t rank, const uint32_t *dim)
{
    text cell = { 0 };
    add_shape(&cell, rank, dim);
    table_cell(to, cell.data);
    text_free(&cell);
}

/* The same for a count. */
static void cell_count(table *to, uint64_t count)
{
    if (count)
        table_format(to, "%llu", (unsigned long long)count);
    else
        table_cell(to, "");
}

/* `names` of what a node reads, only where it is not simply the row above. */
static void cell_inputs(table *to, const char *const *names, size_t count, const char *above)
{
    text cell = { 0 };
    if (count != 1 || strcmp(names[0], above) != 0)
        for (size_t i = 0; i < count; i++)
            text_printf(&cell, "%s%s", i ? ", " : "", names[i]);
    table_cell(to, text_string(&cell));
    text_free(&cell);
}

static void headings(table *to, const char *const *names)
{
    for (; *names; names++)
        table_cell(to, *names);
}

static void add_title(text *to, const terminal *facts, const char *title)
{
    text_printf(to, "\n%s%s%s\n", style_begin(facts, STYLE_BOLD), title,
                style_end(facts, STYLE_BOLD));
}

/* ---- the answer for a person ---- */

static void add_labels(text *to, const ink_model_info *info)
{
    enum { SHOWN = 20 };
    text_printf(to, "  classes     %u:", info->classes);
    for (uint32_t i = 0; i < info->classes && i < SHOWN; i++) {
        text_add(to, " ");
        text_masked_short(to, info->labels[i], 24);
    }
    text_add(to, info->classes > SHOWN ? " ...\n" : "\n");
}

static void add_facts(text *to, const ink_model_info *info)
{
    text_printf(to, "  format      %s, layout %s, ", info->format, ink_layout_name(info->layout));
    add_bytes(to, info->file_bytes);
    text_add(to, "\n  network     ");
    text_masked_short(to, *info->name ? info->name : "without a name", 60);
    text_add(to, ", architecture ");
    text_masked_short(to, info->architecture, 60);
    text_printf(to, "\n  input       %ux%ux%u, x = pixel * %.7g", info->channels, info->height,
                info->width, (double)info->input_scale);
    if (info->input_offset < 0 || info->input_offset > 0)
        text_printf(to, " %c %.7g", info->input_offset < 0 ? '-' : '+',
                    fabs((double)info->input_offset));
    text_add(to, "\n");
    add_labels(to, info);
    text_printf(to, "  size        %llu parameters in %zu tensors, %llu multiply-adds an image\n",
                (unsigned long long)info->parameters, info->tensors,
                (unsigned long long)info->macs);
    text_add(to, "  memory      ");
    add_bytes(to, info->packed_bytes);
    text_add(to, " of weights for the kernels, ");
    add_bytes(to, info->image_bytes);
    text_printf(to, " of activations an image\n  kernels     %s, %zu nodes in %zu steps\n",
                ink_cpu_name(info->cpu), info->nodes, info->steps);
}

static void add_value(text *to, const ink_metadata *entry, size_t i)
{
    if (entry->kind == INK_VALUE_STRING) {
        text_add(to, "\"");
        text_masked_short(to, ink_metadata_string(entry, i), entry->is_array ? 30 : 140);
        text_add(to, "\"");
    } else if (entry->kind == INK_VALUE_BOOL) {
        text_add(to, ink_metadata_number(entry, i) != 0 ? "true" : "false");
    } else {
        text_printf(to, "%.*g", entry->type[0] == 'f' ? 9 : 20, ink_metadata_number(entry, i));
    }
}

static void cell_values(table *to, const ink_metadata *entry)
{
    enum { SHOWN = 4 };
    text cell = { 0 };
    for (size_t k = 0; k < entry->count && k < SHOWN; k++) {
        text_add(&cell, k ? " " : "");
        add_value(&cell, entry, k);
    }
    text_add(&cell, entry->count > SHOWN ? " ..." : "");
    table_cell(to, text_string(&cell));
    text_free(&cell);
}

static void add_metadata(text *to, const ink_model *model, const terminal *facts)
{
    static const char of_graph[] = "inkling.node.";
    size_t count = ink_model_get_info(model)->metadata, left_out = 0;
    table rows = { .alignment = "lll" };
    headings(&rows, (const char *const[]){ "key", "type", "value", NULL });
    for (size_t i = 0; i < count; i++) {
        const ink_metadata *entry = ink_model_metadata(model, i);
        if (strncmp(entry->key, of_graph, strlen(of_graph)) == 0) {
            left_out++;
            continue;
        }
        table_cell(&rows, entry->key);
        if (entry->is_array)
            table_format(&rows, "%s[%zu]", entry->type, entry->count);
        else
            table_cell(&rows, entry->type);
        cell_values(&rows, entry);
    }
    if (count) /* a .bin has none */
        add_title(to, facts, "metadata");
    table_write(&rows, to, 2, facts);
    if (left_out)
        text_printf(to, "  and %zu keys %s*, which are the graph below\n", left_out, of_graph);
}

static void add_tensors(text *to, const ink_model *model, const terminal *facts)
{
    size_t count = ink_model_get_info(model)->tensors;
    table rows = { .alignment = "lllr" };
    headings(&rows, (const char *const[]){ "name", "type", "shape", "bytes", NULL });
    for (size_t i = 0; i < count; i++) {
        const ink_tensor_info *tensor = ink_model_tensor(model, i);
        table_cell(&rows, tensor->name);
        table_cell(&rows, ink_type_name(tensor->type));
        cell_shape(&rows, tensor->rank, tensor->dim);
        table_format(&rows, "%llu", (unsigned long long)tensor->bytes);
    }
    add_title(to, facts, "tensors");
    table_write(&rows, to, 2, facts);
}

static void add_graph(text *to, const ink_model *model, const terminal *facts)
{
    size_t count = ink_model_get_info(model)->nodes;
    const char *above = "input";
    table rows = { .alignment = "lllllrr" };
    headings(&rows, (const char *const[]){ "node", "op", "attributes", "reads", "output",
                                           "parameters", "multiply-adds", NULL });
    for (size_t i = 0; i < count; i++) {
        const ink_node_info *node = ink_model_node(model, i);
        table_cell(&rows, node->name);
        table_cell(&rows, node->op);
        table_cell(&rows, node->attributes);
        cell_inputs(&rows, node->inputs, node->input_count, above);
        cell_shape(&rows, node->rank, node->dim);
        cell_count(&rows, node->parameters);
        cell_count(&rows, node->macs);
        above = node->name;
    }
    add_title(to, facts, "graph");
    table_write(&rows, to, 2, facts);
}

static void add_plan(text *to, const ink_model *model, const terminal *facts)
{
    size_t count = ink_model_get_info(model)->steps;
    const char *above = "input";
    table rows = { .alignment = "lllllrrr" };
    headings(&rows, (const char *const[]){ "step", "computes", "kernel", "reads", "output",
                                           "multiply-adds", "weights", "scratch", NULL });
    for (size_t i = 0; i < count; i++) {
        const ink_step_info *step = ink_model_step(model, i);
        table_cell(&rows, step->name);
        table_cell(&rows, step->ops);
        table_cell(&rows, step->kernel);
        cell_inputs(&rows, step->inputs, step->input_count, above);
        cell_shape(&rows, step->rank, step->dim);
        cell_count(&rows, step->macs);
        cell_bytes(&rows, step->weight_bytes);
        cell_bytes(&rows, step->scratch_bytes);
        above = step->name;
    }
    add_title(to, facts, "plan");
    table_write(&rows, to, 2, facts);
}

static int print_text(const ink_model *model, const char *path, bool kernels)
{
    terminal facts = terminal_facts();
    text answer = { 0 };
    text_add(&answer, style_begin(&facts, STYLE_BOLD));
    text_masked(&answer, path);
    text_printf(&answer, "%s\n", style_end(&facts, STYLE_BOLD));
    add_facts(&answer, ink_model_get_info(model));
    add_metadata(&answer, model, &facts);
    add_tensors(&answer, model, &facts);
    add_graph(&answer, model, &facts);
    if (kernels)
        add_plan(&answer, model, &facts);
    int code = cli_print(&answer);
    text_free(&answer);
    return code;
}

/* ---- the answer for a program ---- */

static json_t *shape_json(uint32_t rank, const uint32_t *dim)
{
    json_t *list = js_list();
    for (uint32_t i = 0; i < rank; i++)
        js_push(list, js_count(dim[i]));
    return list;
}

static json_t *names_json(const char *const *names, size_t count)
{
    json_t *list = js_list();
    for (size_t i = 0; i < count; i++)
        js_push(list, js_text(names[i]));
    return list;
}

static json_t *value_json(const ink_metadata *entry, size_t i)
{
    if (entry->kind == INK_VALUE_STRING)
        return js_text(ink_metadata_string(entry, i));
    double number = ink_metadata_number(entry, i);
    if (entry->kind == INK_VALUE_BOOL)
        return js_flag(number != 0);
    bool whole = entry->type[0] != 'f' && fabs(number) < 9e18; /* else it fits no json_int_t */
    return whole ? js_integer((int64_t)number) : js_number(number);
}

static json_t *metadata_json(const ink_model *model)
{
    json_t *list = js_list();
    const ink_metadata *entry;
    for (size_t i = 0; (entry = ink_model_metadata(model, i)) != NULL; i++) {
        json_t *row = js_map(), *values = js_list();
        for (size_t k = 0; k < entry->count; k++)
            js_push(values, value_json(entry, k));
        js_put(row, "key", js_text(entry->key));
        js_put(row, "type", js_text(entry->type));
        js_put(row, "array", js_flag(entry->is_array));
        js_put(row, "values", values);
        js_push(list, row);
    }
    return list;
}

static json_t *tensors_json(const ink_model *model)
{
    json_t *list = js_list();
    const ink_tensor_info *tensor;
    for (size_t i = 0; (tensor = ink_model_tensor(model, i)) != NULL; i++) {
        json_t *row = js_map();
        js_put(row, "name", js_text(tensor->name));
        js_put(row, "type", js_text(ink_type_name(tensor->type)));
        js_put(row, "shape", shape_json(tensor->rank, tensor->dim));
        js_put(row, "bytes", js_count(tensor->bytes));
        js_push(list, row);
    }
    return list;
}

static json_t *nodes_json(const ink_model *model)
{
    json_t *list = js_list();
    const ink_node_info *node;
    for (size_t i = 0; (node = ink_model_node(model, i)) != NULL; i++) {
        json_t *row = js_map();
        js_put(row, "name", js_text(node->name));
        js_put(row, "op", js_text(node->op));
        js_put(row, "attributes", js_text(node->attributes));
        js_put(row, "inputs", names_json(node->inputs, node->input_count));
        js_put(row, "output", shape_json(node->rank, node->dim));
        js_put(row, "parameters", js_count(node->parameters));
        js_put(row, "multiply_adds", js_count(node->macs));
        js_push(list, row);
    }
    return list;
}

static json_t *steps_json(const ink_model *model)
{
    json_t *list = js_list();
    const ink_step_info *step;
    for (size_t i = 0; (step = ink_model_step(model, i)) != NULL; i++) {
        json_t *row = js_map();
        js_put(row, "name", js_text(step->name));
        js_put(row, "ops", js_text(step->ops));
        js_put(row, "kernel", js_text(step->kernel));
        js_put(row, "inputs", names_json(step->inputs, step->input_count));
        js_put(row, "output", shape_json(step->rank, step->dim));
        js_put(row, "multiply_adds", js_count(step->macs));
        js_put(row, "weight_bytes", js_count(step->weight_bytes));
        js_put(row, "offset", js_count(step->offset));
        js_put(row, "bytes", js_count(step->bytes));
        js_put(row, "scratch_bytes", js_count(step->scratch_bytes));
        js_push(list, row);
    }
    return list;
}

static int print_json(const ink_model *model, const char *path, bool kernels)
{
    const ink_model_info *info = ink_model_get_info(model);
    json_t *document = js_map();
    js_put(document, "model", js_text(path));
    json_put_model(document, info);
    js_put(document, "metadata", metadata_json(model));
    js_put(document, "tensors", tensors_json(model));
    js_put(document, "nodes", nodes_json(model));
    if (kernels)
        js_put(document, "steps", steps_json(model));
    return js_print(document);
}

/* ---- the command ---- */

static int run(const void *given, char *const *operand, size_t count)
{
    const inspect_options *how = given;
    ink_model *model = NULL;
    (void)count;
    int code = js_refused(how->json);
    if (!code)
        code = run_open_model(operand[0], &how->run, &model, NULL);
    if (!code)
        code = how->json ? print_json(model, operand[0], how->kernels)
                         : print_text(model, operand[0], how->kernels);
    ink_model_close(&model);
    return code;
}

const cli_command inspect_command = {
    .name = "inspect",
    .summary = "show what is in a model file",
    .description = "Shows a model's metadata, tensors and graph, what it costs to run, and with "
                   "--kernels which code would run it on this machine.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .defaults = &defaults,
    .options_size = sizeof defaults,
    .run = run,
};
