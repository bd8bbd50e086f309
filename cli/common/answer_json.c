#include "common/answer_json.h"

#include <stdlib.h>

enum { ALTERNATIVES = 3 };

void json_put_model(json_t *document, const ink_model_info *model)
{
    json_t *input = js_map(), *labels = js_list();
    js_put(input, "channels", js_count(model->channels));
    js_put(input, "height", js_count(model->height));
    js_put(input, "width", js_count(model->width));
    js_put(input, "scale", js_number(model->input_scale));
    js_put(input, "offset", js_number(model->input_offset));
    for (size_t i = 0; i < model->classes; i++)
        js_push(labels, js_text(model->labels[i]));
    js_put(document, "name", js_text(model->name));
    js_put(document, "architecture", js_text(model->architecture));
    js_put(document, "format", js_text(model->format));
    js_put(document, "layout", js_text(ink_layout_name(model->layout)));
    js_put(document, "input", input);
    js_put(document, "classes", js_count(model->classes));
    js_put(document, "labels", labels);
    js_put(document, "parameters", js_count(model->parameters));
    js_put(document, "multiply_adds", js_count(model->macs));
    js_put(document, "file_bytes", js_count(model->file_bytes));
    js_put(document, "packed_bytes", js_count(model->packed_bytes));
    js_put(document, "image_bytes", js_count(model->image_bytes));
    js_put(document, "cpu", js_text(ink_cpu_name(model->cpu)));
}

/* A box in the picture as it was decoded, told in the file's own pixels. */
static void own_box(const picture *p, const ink_mark *m, uint64_t box[4])
{
    const uint64_t right = (uint64_t)m->x + m->width, bottom = (uint64_t)m->y + m->height;
    box[0] = (uint64_t)m->x * p->full_width / p->width;
    box[1] = (uint64_t)m->y * p->full_height / p->height;
    box[2] = right * p->full_width / p->width - box[0];
    box[3] = bottom * p->full_height / p->height - box[1];
}

static json_t *json_digit(size_t digit, float probability)
{
    json_t *one = js_map();
    js_put(one, "digit", js_count(digit));
    js_put(one, "probability", js_number((double)probability));
    return one;
}

static json_t *json_mark(size_t classes, const picture *p, const ink_mark *m)
{
    json_t *one = json_digit(m->digit, m->probability), *others = js_list();
    uint64_t box[4];
    const size_t count = classes > ALTERNATIVES ? ALTERNATIVES + 1 : classes;
    size_t *likely = run_most_likely(m->probabilities, classes, count);
    own_box(p, m, box);
    js_put(one, "box", js_counts(box, 4));
    js_put(one, "line", js_count(m->line));
    for (size_t i = 1; i < count; i++) /* the first is the digit itself */
        js_push(others, json_digit(likely[i], m->probabilities[likely[i]]));
    free(likely);
    js_put(one, "alternatives", others);
    js_put(one, "unsure", js_flag(m->unsure != 0));
    return one;
}

json_t *json_of_reading(const char *file, const ink_model_info *model, const picture *shown,
                        const ink_reading *reading)
{
    json_t *image = js_map(), *digits = js_list();
    js_put(image, "file", js_text(file));
    js_put(image, "text", js_text(reading->text));
    for (size_t i = 0; i < reading->count; i++)
        js_push(digits, json_mark(model->classes, shown, &reading->marks[i]));
    js_put(image, "digits", digits);
    return image;
}

json_t *json_of_prediction(const char *file, size_t index, const ink_model_info *model, const float *answer,
                           const preparing_state *state)
{
    const size_t digit = ink_argmax(answer, model->classes);
    const bool blank = state && *state == PREPARING_BLANK;
    json_t *result = js_map();
    js_put(result, "file", js_text(file));
    js_put(result, "index", js_count(index));
    js_put(result, "digit", blank ? js_nothing() : js_count(digit));
    js_put(result, "label", blank ? js_nothing() : js_text(model->labels[digit]));
    js_put(result, "probability", js_number(blank ? 0 : (double)answer[digit]));
    js_put(result, "probabilities", js_floats(answer, model->classes));
    if (state)
        js_put(result, "unsure", js_flag(*state != PREPARING_SURE));
    return result;
}
