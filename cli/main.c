/* inkling: finds the command and lets it run. */
#include "commands.h"

#include "common/convert_options.h"
#include "common/data_options.h"
#include "common/help.h"
#include "common/image_file.h"
#include "common/serve_options.h"
#include "common/where.h"

#include "inkling.h"

#include <string.h>

#ifdef INK_HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef INK_HAVE_PNG
#include <png.h>
#endif
#ifdef INK_HAVE_JPEG
#include <stdio.h>

#include <jpeglib.h>
#endif
#ifdef INK_HAVE_JANSSON
#include <jansson.h>
#endif
#ifdef INK_HAVE_CURL
#include <curl/curlver.h>
#endif
#ifdef INK_HAVE_OPENSSL
#include <openssl/opensslv.h>
#endif
#ifdef INK_HAVE_MICROHTTPD
#include <microhttpd.h>
#endif

const cli_command *const cli_commands[] = {
    &read_command, &predict_command, &eval_command, &inspect_command, &graph_command,
    &bench_command, &train_command, &quantize_command, &convert_command, &data_command, &serve_command,
    &help_command_row, NULL,
};

static const cli_command *find(const char *name)
{
    for (size_t i = 0; cli_commands[i]; i++)
        if (strcmp(cli_commands[i]->name, name) == 0)
            return cli_commands[i];
    return NULL;
}

static int unknown(const char *name)
{
    const char *what = name[0] == '-' ? "option" : "command";
    cli_guess guess = cli_guess_begin(name);
    for (size_t i = 0; cli_commands[i]; i++)
        cli_guess_try(&guess, cli_commands[i]->name);
    cli_guess_try(&guess, "--help");
    cli_guess_try(&guess, "--version");
    return guess.nearest
         ? cli_misused("unknown %s '%s', did you mean '%s'? (see 'inkling --help')", what, name,
                       guess.nearest)
         : cli_misused("unknown %s '%s' (see 'inkling --help')", what, name);
}

static int show_version(void)
{
    text answer = { 0 };
    text_printf(&answer, "inkling %s\n", ink_version());
    text_printf(&answer, "kernels: %s", ink_cpu_name(ink_cpu_detect()));
#ifdef INK_HAVE_ZLIB
    text_printf(&answer, ", zlib %s", zlibVersion());
#else
    text_add(&answer, ", no zlib");
#endif
#ifdef INK_HAVE_PNG
    text_printf(&answer, ", libpng %s", png_get_libpng_ver(NULL));
#else
    text_add(&answer, ", no libpng");
#endif
#if defined INK_HAVE_JPEG && defined LIBJPEG_TURBO_VERSION_NUMBER
    text_printf(&answer, ", libjpeg-turbo %d.%d.%d", LIBJPEG_TURBO_VERSION_NUMBER / 1000000,
                LIBJPEG_TURBO_VERSION_NUMBER / 1000 % 1000, LIBJPEG_TURBO_VERSION_NUMBER % 1000);
#elif defined INK_HAVE_JPEG
    text_printf(&answer, ", libjpeg %d", JPEG_LIB_VERSION);
#else
    text_add(&answer, ", no libjpeg");
#endif
#ifdef INK_HAVE_JANSSON
    text_printf(&answer, ", jansson %s", JANSSON_VERSION);
#else
    text_add(&answer, ", no jansson");
#endif
    /* Of the headers: these are loaded by inkling-data and inkling-serve alone. */
#ifdef INK_HAVE_CURL
    text_printf(&answer, ", libcurl %s", LIBCURL_VERSION);
#else
    text_add(&answer, ", no libcurl");
#endif
#ifdef INK_HAVE_OPENSSL
    text_add(&answer, ", " OPENSSL_VERSION_TEXT);
#else
    text_add(&answer, ", no OpenSSL");
#endif
#ifdef INK_HAVE_MICROHTTPD
    text_printf(&answer, ", libmicrohttpd %x.%x.%x", MHD_VERSION >> 24, MHD_VERSION >> 16 & 0xff,
                (unsigned)(MHD_VERSION >> 8 & 0xff));
#else
    text_add(&answer, ", no libmicrohttpd");
#endif
    text_add(&answer, "\n");
    int code = cli_print(&answer);
    text_free(&answer);
    return code;
}

static int show_help(void)
{
    text answer = { 0 };
    help_overview(&answer, cli_commands);
    int code = cli_print(&answer);
    text_free(&answer);
    return code;
}

int main(int argc, char **argv)
{
    cli_start("inkling");
    if (argc < 2)
        return cli_misused("no command (see 'inkling --help')");
    where_start(argv[0]);
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return show_help();
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        return show_version();
    const cli_command *command = find(name);
    if (!command)
        return unknown(name);
    if (command->helper)
        return run_helper(command, argv + 1);
    return cli_run(command, argc - 1, argv + 1);
}
