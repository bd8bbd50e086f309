#include "common/serve_options.h"

static const cli_operand operands[] = {
    { "MODEL", "a model file: GGUF, or ggml's .bin; the first answers where a request names none", CLI_MANY },
    { NULL, NULL, CLI_ONCE },
};

static const cli_option options[] = {
    { .name = "port", .letter = 'p', .kind = CLI_NUMBER, .value = "PORT", .most = 65535,
      .at = offsetof(serve_options, port), .help = "listen on this port, 0 for any free one (default 8080)" },
    { .name = "host", .kind = CLI_WORD, .value = "HOST", .at = offsetof(serve_options, host),
      .help = "listen on this address or name (default 127.0.0.1: this machine alone)" },
    { .name = "web", .letter = 'w', .kind = CLI_FILE, .value = "DIR", .at = offsetof(serve_options, web),
      .help = "the folder of the page (default: the page that came with the program)" },
    { .name = "threads", .letter = 't', .kind = CLI_NUMBER, .value = "N", .least = 1, .most = 256,
      .at = offsetof(serve_options, threads),
      .help = "answer so many requests at once (default: one a processor, at least 4)" },
    { .name = "connections", .kind = CLI_NUMBER, .value = "N", .least = 1, .most = 16384,
      .at = offsetof(serve_options, connections),
      .help = "keep so many connections; others are told to come again (default 256)" },
    { .name = "max-body", .kind = CLI_NUMBER, .value = "MIB", .least = 1, .most = 1024,
      .at = offsetof(serve_options, max_body), .help = "refuse larger bodies of requests (default 16)" },
    { .name = "timeout", .kind = CLI_NUMBER, .value = "SECONDS", .least = 1, .most = 3600,
      .at = offsetof(serve_options, timeout),
      .help = "how long a request may take to come, and its answer to be taken (default 30)" },
    RUN_CPU_ROW(serve_options),
    { .name = "verbose", .letter = 'v', .kind = CLI_FLAG, .at = offsetof(serve_options, verbose),
      .help = "tell each request on standard error" },
    { .name = "quiet", .letter = 'q', .kind = CLI_FLAG, .at = offsetof(serve_options, quiet),
      .help = "print no address, and no notes" },
    { .name = NULL },
};

static const cli_example examples[] = {
    { "the page, for the browser of this machine", "inkling serve models/digits.gguf" },
    { "a picture, read by the server",
      "curl -H Content-Type:image/png --data-binary @digit.png 127.0.0.1:8080/v1/read" },
    { "several models, on a free port", "inkling serve models/digits.gguf models/fc.gguf --port 0" },
    { "for other machines too", "inkling serve models/digits.gguf --host 0.0.0.0" },
    { NULL, NULL },
};

static const serve_options defaults = {
    .run = RUN_DEFAULTS, .host = "127.0.0.1", .port = 8080, .connections = 256, .max_body = 16, .timeout = 30,
};

const cli_command serve_command = {
    .name = "serve",
    .summary = "serve a web page for drawing digits, and a JSON API",
    .description =
        "Serves a page where digits that are drawn are read at once, in the browser itself, and an API for programs: "
        "POST a picture to /v1/predict or /v1/read, and get the JSON of 'inkling predict --json' or 'inkling read "
        "--json'. GET /v1/models, /healthz and /metrics tell about the server.\n"
        "The address is printed once requests are taken. Ctrl-C, or SIGTERM, lets requests that have begun be "
        "finished, and ends with exit code 0.\n"
        "Without --host only programs of this machine can connect, and only under the names localhost, 127.0.0.1 and "
        "[::1]. There is no password and no encryption: put a proxy in front of it where others can reach it.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .defaults = &defaults,
    .options_size = sizeof defaults,
    .helper = "inkling-serve",
};
