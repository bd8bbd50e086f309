#include "convert/verify.h"

#include "common/image_file.h"
#include "common/json_out.h"
#include "common/run.h"
#include "convert/npy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int verify_check(const verify_options *options)
{
    const struct {
        const char *name, *value;
    } needs[] = { { "--labels", options->labels }, { "--reference", options->reference } };
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        if (needs[i].value && !options->images)
            return cli_misused("%s wants --verify IMAGES, the pictures that it is about", needs[i].name);
    return CLI_DONE;
}

typedef struct proof {
    const verify_options *options;
    const char *name;
    image_set images, labels;
    npy reference;
    verify_result *result;
} proof;

static int answers_of(const ink_model *model, const proof *work, float **out)
{
    const run_options how = RUN_DEFAULTS;
    const size_t classes = ink_model_get_info(model)->classes;
    ink_session *session = NULL;
    *out = must_alloc(work->images.count, classes * sizeof **out);
    int code = run_open_session(model, &how, &session);
    if (!code)
        code = run_images(session, work->name, work->images.data, work->images.count, classes, *out);
    ink_session_close(&session);
    return code;
}

/* Frameworks give logits where the last layer has no softmax; inkling gives probabilities then. */
static void make_probabilities(npy *reference, bool *softmax)
{
    const size_t count = reference->rows * reference->columns;
    *softmax = false;
    for (size_t i = 0; i < count; i++) /* a little more than 1 is rounding */
        *softmax = *softmax || !(reference->values[i] >= -1e-6f && reference->values[i] <= 1.00001f);
    for (size_t row = 0; *softmax && row < reference->rows; row++) {
        float *x = reference->values + row * reference->columns;
        const double most = (double)x[ink_argmax(x, reference->columns)];
        double sum = 0;
        for (size_t i = 0; i < reference->columns; i++)
            sum += exp((double)x[i] - most);
        for (size_t i = 0; i < reference->columns; i++)
            x[i] = (float)(exp((double)x[i] - most) / sum);
    }
}

static int compare(const proof *work, const float *answers, size_t classes)
{
    verify_result *result = work->result;
    const npy *reference = &work->reference;
    if (reference->columns != classes)
        return cli_failed("%s: has %zu columns, the model %zu classes", work->options->reference, reference->columns,
                          classes);
    if (reference->rows > work->images.count)
        return cli_failed("%s: has %zu rows, %s %zu pictures", work->options->reference, reference->rows,
                          work->images.name, work->images.count);
    result->images = reference->rows;
    for (size_t row = 0; row < reference->rows; row++) {
        const float *wanted = reference->values + row * classes, *found = answers + row * classes;
        result->same += ink_argmax(wanted, classes) == ink_argmax(found, classes);
        for (size_t i = 0; i < classes; i++) {
            const double difference = fabs((double)wanted[i] - (double)found[i]);
            if (!(difference <= result->difference)) { /* NaN too */
                result->difference = difference;
                result->worst = row;
            }
        }
    }
    return CLI_DONE;
}

static int count_correct(const proof *work, const float *answers, size_t classes)
{
    if (!work->options->labels)
        return CLI_DONE;
    if (!work->labels.labels || work->labels.count != work->images.count)
        return cli_failed("%s: wanted %zu labels, one for each picture of %s", work->options->labels,
                          work->images.count, work->images.name);
    work->result->labelled = work->labels.count;
    for (size_t i = 0; i < work->labels.count; i++)
        work->result->correct += ink_argmax(answers + i * classes, classes) == work->labels.data[i];
    return CLI_DONE;
}

static int prove(proof *work, const ink_model *source, const ink_model *model)
{
    const ink_model_info *info = ink_model_get_info(model);
    float *answers = NULL;
    int code = image_model_check(work->name, info);
    if (!code)
        code = image_set_read(work->options->images, info, &work->images);
    if (!code)
        code = image_set_need_pictures(&work->images);
    if (!code && work->options->labels)
        code = image_set_read(work->options->labels, info, &work->labels);
    if (!code && work->options->reference) {
        code = npy_read(work->options->reference, &work->reference);
        if (!code)
            make_probabilities(&work->reference, &work->result->softmax);
    } else if (!code) {
        work->reference = (npy){ work->images.count, ink_model_get_info(source)->classes, NULL };
        code = answers_of(source, work, &work->reference.values);
    }
    if (!code)
        code = answers_of(model, work, &answers);
    if (!code)
        code = compare(work, answers, info->classes);
    if (!code)
        code = count_correct(work, answers, info->classes);
    free(answers);
    return code;
}

static const char *reference_name(const verify_options *options)
{
    return options->reference ? options->reference : "the source as it was read";
}

int verify_run(const verify_options *options, const ink_model *source, const ink_model *model, const char *name,
               verify_result *out)
{
    proof work = { .options = options, .name = name, .result = out };
    *out = (verify_result){ .images = 0 };
    int code = prove(&work, source, model);
    if (!code && !(out->difference <= options->tolerance))
        code = cli_failed("%s: not written: it does not agree with %s: probabilities of picture %zu differ by %.3g, "
                          "tolerated is %g; %zu of %zu pictures have the same class", name, reference_name(options),
                          out->worst, out->difference, options->tolerance, out->same, out->images);
    image_set_close(&work.images);
    image_set_close(&work.labels);
    free(work.reference.values);
    return code;
}

void verify_tell(const verify_options *options, const verify_result *result, text *to)
{
    text_printf(to, "verify %zu pictures agree with ", result->images);
    text_masked(to, reference_name(options));
    text_printf(to, "%s: largest difference %.3g (tolerated %g), the same class for %zu\n",
                result->softmax ? " (logits: their softmax)" : "", result->difference, options->tolerance,
                result->same);
    if (result->labelled)
        text_printf(to, "       accuracy %.2f %%, %zu of %zu\n",
                    100 * (double)result->correct / (double)result->labelled, result->correct, result->labelled);
}

json_t *verify_json(const verify_options *options, const verify_result *result)
{
    json_t *map = js_map();
    js_put(map, "reference", options->reference ? js_text(options->reference) : js_text("source"));
    js_put(map, "images", js_count(result->images));
    js_put(map, "same_class", js_count(result->same));
    js_put(map, "largest_difference", js_number(result->difference));
    js_put(map, "tolerance", js_number(options->tolerance));
    js_put(map, "softmax_applied", js_flag(result->softmax));
    if (result->labelled) {
        js_put(map, "labelled", js_count(result->labelled));
        js_put(map, "correct", js_count(result->correct));
        js_put(map, "accuracy", js_number((double)result->correct / (double)result->labelled));
    }
    return map;
}
