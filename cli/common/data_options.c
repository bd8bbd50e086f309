#include "common/data_options.h"

#include "common/catalog.h"
#include "common/json_out.h"

static const char *operand_word(size_t index)
{
    if (index == 0)
        return "fetch";
    const catalog_set *set = catalog_at(index - 1);
    return set ? set->name : NULL;
}

static const cli_operand operands[] = {
    { "fetch", "what to do: download", CLI_ONCE },
    { "NAME", "the data set: mnist; with --sums and --mirror, any name", CLI_ONCE },
    { NULL, NULL, CLI_ONCE },
};

static const cli_option options[] = {
    { .name = "dir", .letter = 'd', .kind = CLI_FILE, .value = "DIR",
      .at = offsetof(data_options, folder),
      .help = "the folder for the files, made where it is missing (default data/NAME)" },
    { .name = "mirror", .letter = 'm', .kind = CLI_WORDS, .value = "URL",
      .at = offsetof(data_options, mirrors),
      .help = "download URL/FILE.gz, and from no other place; may be given several times, and is "
              "tried in that order" },
    { .name = "sums", .kind = CLI_FILE, .value = "FILE", .at = offsetof(data_options, sums),
      .help = "the files and their checksums as sha256sum prints them, instead of the built-in "
              "ones" },
    { .name = "timeout", .kind = CLI_NUMBER, .value = "SECONDS", .least = 1, .most = 3600,
      .at = offsetof(data_options, timeout),
      .help = "leave a mirror that sends nothing for so long (default 30)" },
    { .name = "force", .letter = 'f', .kind = CLI_FLAG, .at = offsetof(data_options, force),
      .help = "replace files that are there and have another checksum" },
    JS_OPTION_ROW(data_options),
    { .name = NULL },
};

static const cli_example examples[] = {
    { "download MNIST into data/mnist", "inkling data fetch mnist" },
    { "into another folder, from a mirror of your own",
      "inkling data fetch mnist --dir models/mnist --mirror http://localhost:8000/mnist" },
    { "another data set, by its checksums",
      "inkling data fetch kmnist --mirror http://localhost:8000/kmnist --sums SHA256SUMS" },
    { NULL, NULL },
};

static const data_options defaults = { .timeout = 30 };

const cli_command data_command = {
    .name = "data",
    .summary = "download a data set, and check it",
    .description =
        "Downloads the compressed files of a data set over http or https, inflates them, and "
        "checks the SHA-256 of what was in them. A file appears under its name whole and checked, "
        "or not at all. Where a mirror fails, the next one goes on.\n"
        "A download that was ended half way is left as FILE.gz.part, and goes on from there the "
        "next time. Files that are there and right are not downloaded again. A file that is there "
        "and wrong is an error, unless --force is given. After a failure, the files that were "
        "finished before stay.\n"
        "Each file NAME-idxN-ubyte is also there as NAME.idxN-ubyte, as ggml's MNIST example has "
        "it: a hard link, or a copy where there are no links.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .defaults = &defaults,
    .options_size = sizeof defaults,
    .words = operand_word,
    .helper = "inkling-data",
};
