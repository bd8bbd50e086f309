#include "common/old_program.h"

#include "common/chance.h"
#include "common/graph_file.h"
#include "common/image_file.h"
#include "common/picture.h"
#include "common/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct old_run {
    const char *name;
    ink_model *model;
    ink_session *session;
    image_set images;
    out_file graph;
    double load_seconds;
    const uint8_t *picture;
    size_t digit;
} old_run;

/* Everything that can fail, so that no line of the output has to be taken back. */
static int prepare(old_run *state, const char *model_path, const char *images_path,
                   const char *graph_path)
{
    const run_options options = RUN_DEFAULTS;
    int code = run_open_model(model_path, &options, &state->model, &state->load_seconds);
    if (code)
        return code;
    const ink_model_info *info = ink_model_get_info(state->model);
    code = image_model_check(model_path, info);
    if (!code)
        code = image_set_read(images_path, info, &state->images);
    if (!code)
        code = image_set_need_pictures(&state->images);
    if (!code)
        code = run_open_session(state->model, &options, &state->session);
    if (code)
        return code;
    chance random = { chance_fresh_seed() };
    state->picture = state->images.data + chance_below(&random, state->images.count) *
                                              state->images.height * state->images.width;
    float *answer = must_alloc(info->classes, sizeof *answer);
    code = run_images(state->session, model_path, state->picture, 1, info->classes, answer);
    state->digit = ink_argmax(answer, info->classes);
    free(answer);
    if (!code)
        code = graph_begin(state->model, INK_DOT_GRAPH, NULL, graph_path, &state->graph);
    return code;
}

static int print(old_run *state, const char *graph_path)
{
    text loaded = { 0 }, drawn = { 0 }, rest = { 0 };
    text_printf(&loaded, "main: loaded model in %8.2f ms\n", state->load_seconds * 1e3);
    picture_text(&drawn, state->picture, state->images.height, state->images.width);
    text_add(&drawn, "\n");
    text_printf(&rest, "ggml_graph_dump_dot: dot -Tpng %s -o %s.png && open %s.png\n", graph_path,
                graph_path, graph_path);
    text_printf(&rest, "main: predicted digit is %zu\n", state->digit);
    int code = cli_print(&loaded);
    if (!code)
        code = out_file_commit(&state->graph);
    if (!code) {
        cli_print_error(&drawn);
        code = cli_print(&rest);
    }
    text_free(&loaded);
    text_free(&drawn);
    text_free(&rest);
    return code;
}

static void add_usage(text *to, const char *name, const char *model)
{
    text_printf(to, "usage: %s %s IMAGES\n", name, model);
}

static int help(const char *name, const char *model)
{
    text answer = { 0 };
    add_usage(&answer, name, model);
    text_add(&answer, "\nReads a random picture of an IDX file with a model, draws both, and says "
                      "the\ndigit. The program of ggml's example; 'inkling predict' does more.\n");
    int code = cli_print(&answer);
    text_free(&answer);
    return code;
}

int old_program(const char *name, const char *model, int argc, char **argv)
{
    cli_start(name);
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return help(name, model);
    if (argc != 3) {
        text usage = { 0 };
        add_usage(&usage, name, model);
        cli_print_error(&usage);
        text_free(&usage);
        return CLI_USAGE;
    }
    char graph_path[32];
    snprintf(graph_path, sizeof graph_path, "%s.dot", name);
    old_run state = { .name = name };
    int code = prepare(&state, argv[1], argv[2], graph_path);
    if (!code)
        code = print(&state, graph_path);
    out_file_close(&state.graph);
    image_set_close(&state.images);
    ink_session_close(&state.session);
    ink_model_close(&state.model);
    return code;
}
