/* inkling graph: draw a model. */
#include "commands.h"

#include "common/chance.h"
#include "common/graph_file.h"
#include "common/run.h"

#include <stdlib.h>
#include <string.h>

typedef struct graph_options {
    run_options run;
    bool plan, times;
    const char *output;
} graph_options;

static const cli_operand operands[] = {
    { "MODEL", "a model file: GGUF, or ggml's .bin", CLI_ONCE },
    { NULL, NULL, CLI_ONCE },
};

static const cli_option options[] = {
    { .name = "output", .letter = 'o', .kind = CLI_FILE, .value = "FILE",
      .at = offsetof(graph_options, output),
      .help = "the file to write: .dot and .gv are text, .svg, .png and .pdf are drawn by "
              "graphviz; without it the text goes to standard output" },
    { .name = "plan", .letter = 'p', .kind = CLI_FLAG, .at = offsetof(graph_options, plan),
      .help = "draw what really runs, and not the graph as written" },
    { .name = "times", .kind = CLI_FLAG, .at = offsetof(graph_options, times),
      .help = "show each step's share of the time in a run of made-up pictures; goes with --plan" },
    RUN_CPU_ROW(graph_options),
    { .name = NULL },
};

static const cli_example examples[] = {
    { "a picture of the network", "inkling graph models/cnn.gguf -o cnn.svg" },
    { "what really runs, and where the time goes",
      "inkling graph models/cnn.gguf --plan --times -o plan.png" },
    { NULL, NULL },
};

static const graph_options defaults = { .run = RUN_DEFAULTS };

/* A session that has run pictures, so that it knows the time of each step. */
static int profiled_session(const ink_model *model, const char *path, const graph_options *how,
                            ink_session **out)
{
    const ink_model_info *info = ink_model_get_info(model);
    size_t size = (size_t)info->channels * info->height * info->width;
    run_options profiled = how->run;
    profiled.profile = true;
    int code = run_open_session(model, &profiled, out);
    if (code)
        return code;
    uint8_t *pixels = must_alloc(size, 1);
    float *answer = must_alloc(info->classes, sizeof *answer);
    chance random = { 0 };
    double end = clock_seconds() + 1;
    for (int done = 0; done < 1000 && !code && clock_seconds() < end; done++) {
        for (size_t i = 0; i < size; i++)
            pixels[i] = (uint8_t)chance_next(&random);
        code = run_images(*out, path, pixels, 1, info->classes, answer);
    }
    free(pixels);
    free(answer);
    return code;
}

static int print_dot(const ink_model *model, ink_dot what, const ink_session *session)
{
    ink_buffer dot = { 0 };
    ink_error error;
    if (ink_model_dot(model, what, session, &dot, &error))
        return cli_failed("%s", error.text);
    text answer = { 0 };
    text_bytes(&answer, dot.data, dot.size);
    ink_buffer_close(&dot);
    int code = cli_print(&answer);
    text_free(&answer);
    return code;
}

static int draw(const ink_model *model, const char *path, const graph_options *how)
{
    ink_session *session = NULL;
    ink_dot what = how->plan ? INK_DOT_PLAN : INK_DOT_GRAPH;
    int code = how->times ? profiled_session(model, path, how, &session) : CLI_DONE;
    if (!code && !how->output) {
        code = print_dot(model, what, session);
    } else if (!code) {
        out_file file = { 0 };
        code = graph_begin(model, what, session, how->output, &file);
        if (!code)
            code = out_file_commit(&file);
        out_file_close(&file);
    }
    ink_session_close(&session);
    return code;
}

static int run(const void *given, char *const *operand, size_t count)
{
    graph_options how = *(const graph_options *)given;
    ink_model *model = NULL;
    (void)count;
    if (how.output && strcmp(how.output, "-") == 0)
        how.output = NULL;
    if (how.times && !how.plan)
        return cli_misused("--times goes with --plan only");
    int code = how.output ? graph_check_name("--output", how.output) : CLI_DONE;
    if (!code)
        code = run_open_model(operand[0], &how.run, &model, NULL);
    if (!code)
        code = draw(model, operand[0], &how);
    ink_model_close(&model);
    return code;
}

const cli_command graph_command = {
    .name = "graph",
    .summary = "draw a model's graph, as .dot, .svg, .png or .pdf",
    .description = "Draws the network as written in the file, or, with --plan, as it really runs: "
                   "with the shapes, types and bytes of everything. The same model gives the same "
                   "text each time.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .defaults = &defaults,
    .options_size = sizeof defaults,
    .run = run,
};
