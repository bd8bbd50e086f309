#include "convert/answer.h"

#include "common/say.h"

#include <math.h>
#include <string.h>

/* ---- where it comes from ---- */

/* How people write the usual ways to scale a pixel. */
static void add_scaling(text *to, double scale, double offset)
{
    static const struct {
        double scale, offset;
        const char *words;
    } rows[] = {
        { 1.0 / 255, 0, "pixel / 255" },
        { 1, 0, "pixel" },
        { 1.0 / 255 / 0.3081, -0.1307 / 0.3081, "(pixel / 255 - 0.1307) / 0.3081" },
        { 2.0 / 255, -1, "pixel / 127.5 - 1" },
        { -1.0 / 255, 1, "1 - pixel / 255" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (fabs(rows[i].scale - scale) < 1e-6 * fabs(scale) && fabs(rows[i].offset - offset) < 1e-6) {
            text_add(to, rows[i].words);
            return;
        }
    text_printf(to, "pixel * %.7g + %.7g", scale, offset);
}

static void add_foreign(text *to, const convert_job *work)
{
    const foreign *from = &work->foreign;
    const ink_model_info *info = ink_model_get_info(work->source);
    text_add(to, "read   ");
    text_masked(to, work->source_path);
    text_add(to, ": ");
    text_masked(to, from->format);
    if (*from->key) {
        text_add(to, ", under '");
        text_masked(to, from->key);
        text_add(to, "'");
    }
    text_printf(to, ", %zu tensors, %zu bytes\n", info->tensors, work->source_bytes);
    text_printf(to, "input  %ux%ux%u, x = ", info->channels, info->height, info->width);
    add_scaling(to, from->scale, from->offset);
    if (strcmp(from->scaling_from, "samples") == 0)
        text_printf(to, ", by which it reads %llu of %llu sample digits\n", (unsigned long long)from->correct,
                    (unsigned long long)from->pictures);
    else if (strcmp(from->scaling_from, "assumed") == 0)
        text_add(to, ", assumed: the file does not say, and the sample digits do not tell\n");
    else
        text_printf(to, ", by %s\n", from->scaling_from);
}

/* A guess is shown, for the user to judge. */
static void add_graph(text *to, const foreign *from)
{
    if (strcmp(from->graph_from, "samples") != 0)
        return;
    text_add(to, "graph  guessed from the weights:\n");
    text_masked_lines(to, from->graph, "         ");
}

/* ---- files ---- */

static void add_side(text *to, const char *verb, const char *path, const ink_model *model)
{
    const ink_model_info *info = ink_model_get_info(model);
    text_printf(to, "%-7s", verb);
    text_masked(to, path);
    text_printf(to, ": %s, layout %s, %zu tensors, %llu bytes\n", info->format,
                ink_layout_name(info->layout), info->tensors, (unsigned long long)info->file_bytes);
}

/* A file of another framework takes scaled pixels: who runs it there has to know. */
static void add_other(text *to, const convert_job *work)
{
    const ink_model_info *info = ink_model_get_info(work->source);
    text_add(to, "wrote  ");
    text_masked(to, work->target_path);
    text_printf(to, ": %s, %zu tensors, %zu bytes\n", work->format->name, info->tensors, work->bytes.size);
    text_add(to, "       its input is x = ");
    add_scaling(to, (double)info->input_scale, (double)info->input_offset);
    text_add(to, "\n");
}

/* ggml's programs have the sizes of one network each built in, and abort on others. Which network a file
 * holds is told by its layout, its first operator and its number of parameters. */
static const char *ggml_note(const ink_model *model)
{
    static const struct {
        ink_layout layout;
        const char *op;
        uint64_t parameters;
        const char *note;
    } rows[] = {
        { INK_LAYOUT_GGML, "flatten", 397510, "ggml's own program takes 784-500-10 only" },
        { INK_LAYOUT_LEGACY, "flatten", 397510, "ggml's own program takes 784-500-10 only" },
        { INK_LAYOUT_GGML, "conv2d", 9098, "ggml's own program takes 28x28, channels 8 and 16, and 10 "
                                           "classes only" },
        { INK_LAYOUT_GGML_2023, "conv2d", 34826, "ggml's own program takes 28x28, channels 32 and 64, "
                                                 "and 10 classes only" },
    };
    const ink_model_info *info = ink_model_get_info(model);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].layout == info->layout && !strcmp(rows[i].op, ink_model_node(model, 0)->op) &&
            rows[i].parameters != info->parameters)
            return rows[i].note;
    return NULL;
}

/* The quantised type that SRC has and DST has not, or NULL. */
static const char *lost_type(const convert_job *work)
{
    const char *found = NULL;
    for (size_t i = 0; !found && i < ink_model_get_info(work->source)->tensors; i++) {
        const char *name = ink_type_name(ink_model_tensor(work->source, i)->type);
        found = *name == 'q' ? name : NULL;
    }
    for (size_t i = 0; found && work->format->is_ours && i < ink_model_get_info(work->target)->tensors; i++)
        if (*ink_type_name(ink_model_tensor(work->target, i)->type) == 'q')
            return NULL;
    return found;
}

int answer_text(const convert_job *work)
{
    text answer = { 0 };
    if (work->is_foreign)
        add_foreign(&answer, work);
    else
        add_side(&answer, "read", work->source_path, work->source);
    if (work->is_foreign)
        add_graph(&answer, &work->foreign);
    if (work->format->is_ours)
        add_side(&answer, "wrote", work->target_path, work->target);
    else
        add_other(&answer, work);
    text_printf(&answer, "check  64 pictures, largest difference between probabilities %.3g\n",
                work->difference);
    if (work->verify.images)
        verify_tell(&work->verify, &work->proof, &answer);
    if (work->format->is_ours && ggml_note(work->target))
        text_printf(&answer, "note   %s\n", ggml_note(work->target));
    if (lost_type(work))
        text_printf(&answer, "note   SRC has weights in %s and DST has none: what rounding to %s has lost does not "
                    "come back\n", lost_type(work), lost_type(work));
    int code = cli_print(&answer);
    text_free(&answer);
    return code;
}

static json_t *side_json(const char *path, const ink_model *model)
{
    const ink_model_info *info = ink_model_get_info(model);
    json_t *side = js_map();
    js_put(side, "file", js_text(path));
    js_put(side, "format", js_text(info->format));
    js_put(side, "layout", js_text(ink_layout_name(info->layout)));
    js_put(side, "tensors", js_count(info->tensors));
    js_put(side, "parameters", js_count(info->parameters));
    js_put(side, "bytes", js_count(info->file_bytes));
    return side;
}

static json_t *foreign_json(const convert_job *work)
{
    const foreign *from = &work->foreign;
    const ink_model_info *info = ink_model_get_info(work->source);
    json_t *side = js_map(), *shape = js_list();
    js_push(shape, js_count(info->channels));
    js_push(shape, js_count(info->height));
    js_push(shape, js_count(info->width));
    js_put(side, "file", js_text(work->source_path));
    js_put(side, "format", js_text(from->format));
    js_put(side, "key", js_text(from->key));
    js_put(side, "sha256", js_text(from->digest));
    js_put(side, "tensors", js_count(info->tensors));
    js_put(side, "parameters", js_count(info->parameters));
    js_put(side, "bytes", js_count(work->source_bytes));
    js_put(side, "input_shape", shape);
    js_put(side, "input_scale", js_number(from->scale));
    js_put(side, "input_offset", js_number(from->offset));
    js_put(side, "input_scaling_from", js_text(from->scaling_from));
    js_put(side, "graph", js_text(from->graph));
    js_put(side, "graph_from", js_text(from->graph_from));
    return side;
}

static json_t *other_json(const convert_job *work)
{
    const ink_model_info *info = ink_model_get_info(work->source);
    json_t *side = js_map();
    js_put(side, "file", js_text(work->target_path));
    js_put(side, "format", js_text(work->format->name));
    js_put(side, "tensors", js_count(info->tensors));
    js_put(side, "parameters", js_count(info->parameters));
    js_put(side, "bytes", js_count(work->bytes.size));
    js_put(side, "input_scale", js_number((double)info->input_scale));
    js_put(side, "input_offset", js_number((double)info->input_offset));
    return side;
}

int answer_json(const convert_job *work)
{
    json_t *document = js_map();
    js_put(document, "read", work->is_foreign ? foreign_json(work) : side_json(work->source_path, work->source));
    js_put(document, "wrote", work->format->is_ours ? side_json(work->target_path, work->target) : other_json(work));
    js_put(document, "largest_difference", js_number(work->difference));
    if (work->verify.images)
        js_put(document, "verify", verify_json(&work->verify, &work->proof));
    if (work->format->is_ours && ggml_note(work->target))
        js_put(document, "note", js_text(ggml_note(work->target)));
    if (lost_type(work))
        js_put(document, "lost_type", js_text(lost_type(work)));
    return js_print(document);
}

