#include "convert/foreign.h"

#include "common/folder_list.h"
#include "common/say.h"
#include "common/slurp.h"
#include "convert/samples.h"

#include "import/import.h"

#ifdef INK_HAVE_OPENSSL
#include "data/digest.h"
#endif

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Enough for the largest model that is taken (1 GiB of floats would be none of these), and little for a server. */
static const sandbox_limits limits = { .memory = (size_t)3 << 30, .seconds = 60, .answer = (size_t)1 << 30 };

enum { MOST_COMPANIONS = 64, MAX_NAME = 256 };

/* ---- in the sandbox ---- */

typedef struct task {
    const uint8_t *data;
    size_t size;
    const char *path, *digest;
    ink_import_options options;
} task;

/* What the child says, before the bytes of the graph, the faults, the companions that it wants, and the model. */
typedef struct head {
    int32_t status, graph_from, scaling_from;
    uint64_t correct;
    char format[64], key[64], error[sizeof(((ink_error *)NULL)->text)];
    uint64_t graph, faults, wanted, model;
} head;

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static const char *source_name(int from)
{
    static const char *const names[] = { "the file", "--graph", "samples", "assumed", "--input-scale" };
    return from >= 0 && (size_t)from < sizeof names / sizeof *names ? names[from] : "";
}

static ink_status add_metadata(ink_builder *builder, const task *job, const ink_import_report *report,
                               ink_error *error)
{
    const struct {
        const char *key, *value;
    } rows[] = {
        { "inkling.source.file", base_name(job->path) },
        { "inkling.source.format", report->format },
        { "inkling.source.sha256", job->digest },
        { "inkling.source.key", report->key },
        { "inkling.source.graph", source_name((int)report->graph_from) },
        { "inkling.source.scaling", source_name((int)report->scaling_from) },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (*rows[i].value) {
            text plain = { 0 };
            text_masked(&plain, rows[i].value);
            const ink_status status = ink_builder_metadata(builder, rows[i].key, plain.data, error);
            text_free(&plain);
            if (status)
                return status;
        }
    return INK_OK;
}

static ink_status make_model(const task *job, ink_import_report *report, ink_buffer *out, ink_error *error)
{
    ink_builder *builder = NULL;
    ink_model *model = NULL;
    ink_status status = ink_import(job->data, job->size, &job->options, &builder, report, error);
    if (!status)
        status = add_metadata(builder, job, report, error);
    if (!status)
        status = ink_builder_model(builder, NULL, &model, error);
    ink_builder_close(&builder);
    if (!status)
        status = ink_model_save_memory(model, INK_LAYOUT_INKLING, out, error);
    ink_model_close(&model);
    return status;
}

static bool import_in_sandbox(void *context, const sandbox_pipe *to)
{
    ink_import_report report;
    ink_buffer model = { .data = NULL };
    ink_error error = { .status = INK_OK };
    head first = { .status = (int32_t)make_model(context, &report, &model, &error) };
    first.graph_from = (int32_t)report.graph_from;
    first.scaling_from = (int32_t)report.scaling_from;
    first.correct = report.correct;
    snprintf(first.format, sizeof first.format, "%s", report.format ? report.format : "");
    snprintf(first.key, sizeof first.key, "%s", report.key);
    snprintf(first.error, sizeof first.error, "%s", error.text);
    const ink_buffer *parts[] = { &report.graph, &report.faults, &report.wanted, &model };
    uint64_t *const sizes[] = { &first.graph, &first.faults, &first.wanted, &first.model };
    for (size_t i = 0; i < 4; i++)
        *sizes[i] = parts[i]->data ? parts[i]->size + 1 : 0; /* with the NUL */
    bool sent = sandbox_put(to, &first, sizeof first);
    for (size_t i = 0; i < 4; i++)
        sent = sent && (!*sizes[i] || sandbox_put(to, parts[i]->data, (size_t)*sizes[i]));
    ink_import_report_close(&report);
    ink_buffer_close(&model);
    return sent;
}

/* ---- outside ---- */

/* The child is as little trusted as the file: a size or a string of it is checked before it is used. */
static int take_answer(const char *path, const sandbox_answer *answer, head *first, char *part[4])
{
    if (answer->size < sizeof *first)
        return cli_failed("%s: its reader said nothing", path);
    memcpy(first, answer->data, sizeof *first);
    size_t at = sizeof *first;
    const uint64_t sizes[] = { first->graph, first->faults, first->wanted, first->model };
    for (size_t i = 0; i < 4; i++) {
        if (sizes[i] > answer->size - at)
            return cli_failed("%s: its reader said less than it announced", path);
        part[i] = sizes[i] ? (char *)answer->data + at : NULL;
        at += (size_t)sizes[i];
        if (sizes[i])
            answer->data[at - 1] = 0;
    }
    first->format[sizeof first->format - 1] = first->key[sizeof first->key - 1] = 0;
    first->error[sizeof first->error - 1] = 0;
    return CLI_DONE;
}

static int tell_failure(const char *path, const head *first, char *const part[4])
{
    text words = { 0 }, below = { 0 };
    text_masked(&words, first->error);
    const int code = cli_failed("%s: %s", path, text_string(&words));
    text_free(&words);
    if (part[1] && strchr(part[1], '\n') && strchr(part[1], '\n')[1])
        text_masked_lines(&below, part[1], "  ");
    if (part[0] && first->status == INK_ERR_GRAPH) {
        text_add(&below, "Its network has to be told: complete this draft, made from its tensors, and give the file "
                         "with --graph (docs/networks.md):\n\n");
        text_masked_lines(&below, part[0], "");
    }
    cli_print_error(&below);
    text_free(&below);
    return code;
}

typedef struct companion_file {
    ink_companion file;
    bytes contents;
    char *name;
} companion_file;

typedef struct companion_set {
    companion_file files[MOST_COMPANIONS];
    ink_companion view[MOST_COMPANIONS];
    size_t count;
} companion_set;

static int load_companion(const char *path, const char *name, companion_set *set)
{
    ink_error error;
    const char *base = base_name(path);
    text whole = { 0 };
    if (ink_companion_check(name, &error))
        return cli_failed("%s: %s", path, error.text);
    if (set->count == MOST_COMPANIONS)
        return cli_failed("%s: consists of more than %d files", path, MOST_COMPANIONS);
    companion_file *one = &set->files[set->count];
    text_bytes(&whole, path, (size_t)(base - path));
    text_add(&whole, name);
    int code = path_kind_of(whole.data) == PATH_NONE
                   ? cli_failed("%s: a part of its weights is in '%s', which is not in its folder", path, name)
                   : slurp(whole.data, &one->contents);
    text_free(&whole);
    if (code)
        return code;
    one->name = must_alloc(strlen(name) + 1, 1);
    strcpy(one->name, name);
    set->view[set->count++] = (ink_companion){ one->name, one->contents.data, one->contents.size };
    return CLI_DONE;
}

static int load_companions(const char *path, const char *wanted, companion_set *set)
{
    int code = CLI_DONE;
    for (const char *at = wanted; *at && !code; at += strcspn(at, "\n"), at += *at == '\n') {
        char name[MAX_NAME];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "\n"), at);
        code = load_companion(path, name, set);
    }
    return code;
}

static void close_companions(companion_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        free(set->files[i].contents.data);
        free(set->files[i].name);
    }
}

static int open_model(const char *path, const head *first, char *const part[4], foreign *out)
{
    ink_model_options how = INK_MODEL_OPTIONS_INIT;
    ink_error error;
    how.name = path;
    snprintf(out->format, sizeof out->format, "%s", first->format);
    snprintf(out->key, sizeof out->key, "%s", first->key);
    out->graph = part[0] ? part[0] : "";
    out->graph_from = source_name(first->graph_from);
    out->scaling_from = source_name(first->scaling_from);
    out->correct = first->correct;
    if (!part[3] || ink_model_open_memory(part[3], (size_t)first->model - 1, &how, &out->model, &error))
        return cli_failed("%s: its reader made no model: %s", path, part[3] ? error.text : "nothing came");
    out->scale = (double)ink_model_get_info(out->model)->input_scale;
    out->offset = (double)ink_model_get_info(out->model)->input_offset;
    return CLI_DONE;
}

static int read_with(const char *path, task *job, companion_set *companions, foreign *out)
{
    for (int again = 0;; again++) {
        head first = { .status = 0 };
        char *part[4] = { NULL };
        job->options.companions = companions->view;
        job->options.companion_count = companions->count;
        int code = sandbox_run(path, import_in_sandbox, job, &limits, &out->answer);
        if (!code)
            code = take_answer(path, &out->answer, &first, part);
        if (code)
            return code;
        if (first.status == INK_OK)
            return open_model(path, &first, part, out);
        if (first.status != INK_ERR_OPEN || !part[2] || again)
            return tell_failure(path, &first, part);
        code = load_companions(path, part[2], companions);
        free(out->answer.data);
        out->answer = (sandbox_answer){ NULL, 0 };
        if (code)
            return code;
    }
}

bool foreign_is(const uint8_t *data, size_t size)
{
    return ink_import_is(data, size);
}

int foreign_refuse_folder(const char *path)
{
    if (path_kind_of(path) != PATH_FOLDER)
        return CLI_DONE;
    static const struct {
        const char *inside, *advice;
    } rows[] = {
        { "saved_model.pb", "is a TensorFlow SavedModel; save the Keras model as one file, "
                            "model.save(\"model.keras\"), and convert that" },
        { "model.json", "is a directory; give the file model.json in it" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *inside = path_join(path, rows[i].inside);
        const bool found = path_kind_of(inside) == PATH_FILE;
        free(inside);
        if (found)
            return cli_failed("%s: %s", path, rows[i].advice);
    }
    return cli_failed("%s: is a directory, wanted a model file", path);
}

static void make_digest(const uint8_t *data, size_t size, char digits[65])
{
    *digits = 0;
#ifdef INK_HAVE_OPENSSL
    digest *sum = digest_open();
    digest_add(sum, data, size);
    digest_close(&sum, digits);
#else
    (void)data;
    (void)size;
#endif
}

int foreign_read(const char *path, const uint8_t *data, size_t size, const foreign_options *how, foreign *out)
{
    enum { IMAGES_HEADER = 16, LABELS_HEADER = 8 };
    const ink_evidence evidence = {
        .pixels = samples_images + IMAGES_HEADER,
        .labels = samples_labels + LABELS_HEADER,
        .count = samples_labels_size - LABELS_HEADER,
        .side = 28,
        .scaling_known = !isnan(how->scale),
        .scale = how->scale,
        .offset = how->offset,
    };
    const ink_allocator allocator = ink_allocator_or_default(NULL);
    bytes graph = { NULL, 0 };
    companion_set companions = { .count = 0 };
    task job = { .data = data, .size = size, .path = path, .digest = out->digest };
    *out = (foreign){ .pictures = evidence.count };
    make_digest(data, size, out->digest);
    job.options = (ink_import_options){ .allocator = &allocator, .evidence = &evidence };
    int code = how->graph_path ? slurp(how->graph_path, &graph) : CLI_DONE;
    if (how->graph_path) {
        job.options.graph = graph.data ? (const char *)graph.data : "";
        job.options.graph_size = graph.size;
        job.options.graph_name = how->graph_path;
    }
    if (!code)
        code = read_with(path, &job, &companions, out);
    close_companions(&companions);
    free(graph.data);
    return code;
}

void foreign_close(foreign *from)
{
    ink_model_close(&from->model);
    free(from->answer.data);
    *from = (foreign){ .model = NULL };
}
