#include "common/graph_file.h"

#include "common/say.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const struct {
    const char *suffix, *format; /* of graphviz; NULL: the text itself */
} formats[] = {
    { ".dot", NULL },    { ".gv", NULL },     { ".svg", "-Tsvg" },
    { ".png", "-Tpng" }, { ".pdf", "-Tpdf" },
};

enum { FORMATS = sizeof formats / sizeof *formats };

/* FORMATS when the name ends in none of them. A device has no suffix and gets the text. */
static size_t format_of(const char *path)
{
    size_t length = strlen(path), i = 0;
    if (strncmp(path, "/dev/", 5) == 0)
        return 0;
    for (; i < FORMATS; i++) {
        size_t suffix = strlen(formats[i].suffix);
        if (length > suffix && strcmp(path + length - suffix, formats[i].suffix) == 0)
            break;
    }
    return i;
}

int graph_check_name(const char *option, const char *path)
{
    if (format_of(path) < FORMATS)
        return CLI_DONE;
    return cli_misused("%s: '%s' has no known suffix, wanted .dot, .gv, .svg, .png or .pdf", option,
                       path);
}

/* Graphviz complains in many words; the first line of them must do. */
static int graphviz_failed(FILE *complaints, int status)
{
    char line[200] = "";
    rewind(complaints);
    if (!fgets(line, sizeof line, complaints))
        line[0] = 0;
    line[strcspn(line, "\n")] = 0;
    if (WIFSIGNALED(status))
        return cli_failed("graphviz' dot was ended by signal %d", WTERMSIG(status));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return cli_failed("graphviz' dot could not be started; a .dot file needs no graphviz");
    return cli_failed("graphviz' dot failed: %s", line[0] ? line : "it does not say why");
}

/* Runs `dot FORMAT` from one open file to another, without a shell. */
static int run_graphviz(const char *format, int from, int to, FILE *complaints)
{
    char name[] = "dot", argument[16];
    snprintf(argument, sizeof argument, "%s", format);
    char *const arguments[] = { name, argument, NULL };
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions))
        return cli_failed("no memory to start graphviz' dot");
    pid_t child = 0;
    int reason = posix_spawn_file_actions_adddup2(&actions, from, STDIN_FILENO);
    if (!reason)
        reason = posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
    if (!reason)
        reason = posix_spawn_file_actions_adddup2(&actions, fileno(complaints), STDERR_FILENO);
    if (!reason)
        reason = posix_spawnp(&child, name, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (reason == ENOENT)
        return cli_failed("graphviz is not installed (no program 'dot' in PATH); a .dot file needs "
                          "no graphviz");
    if (reason)
        return cli_failed("cannot start graphviz' dot: %s", strerror(reason));
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return cli_failed("cannot wait for graphviz' dot: %s", strerror(errno));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return graphviz_failed(complaints, status);
    return CLI_DONE;
}

/* Through files and not pipes: nobody waits for anybody, and nobody writes to one who has left. */
static int draw(const char *format, const ink_buffer *dot, out_file *out)
{
    if (!out->temporary)
        return cli_failed("%s: is no regular file, wanted one for a picture", out->path);
    FILE *source = tmpfile(), *complaints = tmpfile();
    int code = CLI_DONE;
    if (!source || !complaints ||
        fwrite(dot->data, 1, dot->size, source) != dot->size || fflush(source) ||
        lseek(fileno(source), 0, SEEK_SET) != 0)
        code = cli_failed("cannot write a temporary file for graphviz: %s", strerror(errno));
    if (!code)
        code = run_graphviz(format, fileno(source), out->file, complaints);
    if (source)
        fclose(source);
    if (complaints)
        fclose(complaints);
    return code;
}

int graph_begin(const ink_model *model, ink_dot what, const ink_session *session, const char *path,
                out_file *out)
{
    ink_buffer dot = { 0 };
    ink_error error;
    if (ink_model_dot(model, what, session, &dot, &error))
        return cli_failed("%s", error.text);
    size_t format = format_of(path);
    int code = out_file_begin(path, out);
    if (!code)
        code = format < FORMATS && formats[format].format
             ? draw(formats[format].format, &dot, out)
             : out_file_write(out, dot.data, dot.size);
    ink_buffer_close(&dot);
    return code;
}
