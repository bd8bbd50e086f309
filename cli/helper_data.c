/* inkling-data: the program behind `inkling data`. */
#include "common/data_options.h"

#include "common/catalog.h"
#include "common/json_out.h"
#include "data/digest.h"
#include "data/download.h"
#include "data/fetch.h"
#include "data/sums_file.h"
#include "data/unpack.h"

#include <signal.h>
#include <string.h>
#include <strings.h>

static int unknown(const char *name)
{
    text names = { 0 };
    cli_guess guess = cli_guess_begin(name);
    for (size_t i = 0; catalog_at(i); i++) {
        text_printf(&names, "%s%s", i ? ", " : "", catalog_at(i)->name);
        cli_guess_try(&guess, catalog_at(i)->name);
    }
    int code = guess.nearest
             ? cli_misused("'%s' is no data set, did you mean '%s'?", name, guess.nearest)
             : cli_misused("'%s' is no data set, wanted %s; another one needs --sums and --mirror",
                           name, text_string(&names));
    text_free(&names);
    return code;
}

static int check_call(const data_options *how, const char *what, const char *name)
{
    if (strcmp(what, "fetch") != 0)
        return cli_misused("data: wanted 'fetch', found '%s'", what);
    if (!sums_plain_name(name))
        return cli_misused("'%s' is no name for a data set", name);
    if (!catalog_named(name) && !how->sums)
        return unknown(name);
    if (!catalog_named(name) && !how->mirrors.word[0])
        return cli_misused("'%s' has no mirrors of its own: --mirror is missing", name);
    for (size_t i = 0; how->mirrors.word[i]; i++) {
        const char *mirror = how->mirrors.word[i];
        if (strncasecmp(mirror, "http://", 7) != 0 && strncasecmp(mirror, "https://", 8) != 0)
            return cli_misused("--mirror: wanted an address with http:// or https://, found '%s'",
                               mirror);
    }
    return CLI_DONE;
}

static int refused(const data_options *how)
{
    int code = js_refused(how->json);
    if (!code)
        code = download_refused();
    if (!code)
        code = digest_refused();
    return code ? code : unpack_refused();
}

static int run(const void *given, char *const *operand, size_t count)
{
    const data_options *how = given;
    const char *name = operand[1];
    (void)count;
    int code = check_call(how, operand[0], name);
    if (!code)
        code = refused(how);
    if (code)
        return code;
    catalog_set set = { .name = name };
    catalog_file *files = NULL;
    if (catalog_named(name))
        set = *catalog_named(name);
    if (how->sums && sums_open(how->sums, &files))
        return CLI_FAILED;
    if (files)
        set.files = files;
    text folder = { 0 };
    text_printf(&folder, "%s%s", how->folder ? "" : "data/", how->folder ? how->folder : name);
    code = fetch_set(&set, folder.data, how);
    text_free(&folder);
    sums_close(&files);
    return code;
}

int main(int argc, char **argv)
{
    cli_start("inkling");
    signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is an error like a full disk */
    cli_command command = data_command;
    command.run = run;
    return cli_run(&command, argc, argv);
}
