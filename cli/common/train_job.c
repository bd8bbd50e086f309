#include "common/train_job.h"

#include "common/chance.h"
#include "common/dataset.h"
#include "common/interrupt.h"
#include "common/json_out.h"
#include "common/measure.h"
#include "common/out_file.h"
#include "common/slurp.h"
#include "common/terminal.h"
#include "common/train_log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WORST = 40 }; /* misreads in the report */

typedef struct job {
    const train_options *options;
    const recipe *recipe;
    const char *network; /* its name or file */
    const char *given;   /* the settings given on the command line */
    text settings, checkpoint_path, log_path, report_path; /* "" for a file that is not wanted */
    bool keep_checkpoint;
    uint32_t threads;
    dataset data;
    ink_examples examples;
    ink_model *start, *trained;
    ink_trainer *trainer;
    const ink_trainer_info *info;
    train_log log;
    terminal facts;
    bool bar;
    double begin, bar_told;
    uint64_t first_step;
    measure validation, test;
} job;

/* ---- what is wanted ---- */

static void beside(text *to, const char *output, const char *ending)
{
    const size_t length = strlen(output);
    const bool suffix = length > 5 && strcmp(output + length - 5, ".gguf") == 0;
    text_bytes(to, output, suffix ? length - 5 : length);
    text_add(to, ending);
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return strcmp(a, b) == 0 ||
           (!stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

/* Places of the files, and that none of another run is overwritten. */
static int choose_paths(job *j)
{
    const train_options *o = j->options;
    struct stat facts;
    if (o->no_files)
        return o->checkpoint || o->log || o->report
                   ? cli_misused("--no-files and --checkpoint, --log or --report contradict each other")
                   : CLI_DONE;
    text standard = { 0 };
    beside(&standard, o->output, ".checkpoint.gguf");
    text_add(&j->checkpoint_path, o->checkpoint ? o->checkpoint : o->resume ? o->resume : standard.data);
    j->keep_checkpoint = o->checkpoint || !same_file(text_string(&j->checkpoint_path), standard.data);
    text_free(&standard);
    if (o->log)
        text_add(&j->log_path, o->log);
    else
        beside(&j->log_path, o->output, ".log.jsonl");
    if (o->report)
        text_add(&j->report_path, o->report);
    else
        beside(&j->report_path, o->output, ".html");
    const char *path = text_string(&j->checkpoint_path);
    if (!o->force && !stat(path, &facts) && S_ISREG(facts.st_mode) && !(o->resume && same_file(path, o->resume)))
        return cli_failed("%s is there: the checkpoint of a run that did not end; go on with --resume %s, or "
                          "replace it with --force", path, path);
    return CLI_DONE;
}

static int choose(job *j, const char *settings)
{
    const train_options *o = j->options;
    ink_buffer checked;
    ink_error error;
    if (o->resume && (o->arch || o->recipe || o->seed != UINT64_MAX))
        return cli_misused("--resume takes the network, the recipe and the seed from the checkpoint");
    if (!o->data)
        return cli_misused("--data is missing: the folder with the pictures (see 'inkling train --help')");
    if (!o->output && !o->sheet)
        return cli_misused("--output is missing: the model file to write (see 'inkling train --help')");
    j->recipe = o->recipe ? recipe_find(o->recipe) : NULL;
    j->network = o->arch ? o->arch : j->recipe ? j->recipe->network : NULL;
    if (!j->network && !o->resume && !o->sheet)
        return cli_misused("--arch is missing: the network, fc, cnn, small, digits or a file; or --recipe");
    if (j->recipe)
        text_add(&j->settings, j->recipe->settings);
    text_add(&j->settings, settings);
    if (ink_training_settings(text_string(&j->settings), &checked, &error))
        return cli_misused("%s", error.text);
    ink_buffer_close(&checked);
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    j->threads = o->threads ? (uint32_t)o->threads : processors < 1 ? 1 : processors > 8 ? 8 : (uint32_t)processors;
    return CLI_DONE;
}

static uint64_t seed_of(const job *j)
{
    return j->options->seed == UINT64_MAX ? 1 : j->options->seed;
}

/* ---- the network to begin with ---- */

static const char *metadata_string(const ink_model *model, const char *key)
{
    const ink_metadata *entry;
    for (size_t i = 0; (entry = ink_model_metadata(model, i)); i++)
        if (strcmp(entry->key, key) == 0)
            return ink_metadata_string(entry, 0);
    return "";
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The command that gives the same model again, but for folders. */
static void add_command(const job *j, text *to)
{
    text_printf(to, "inkling train --%s %s", j->options->arch ? "arch" : "recipe",
                j->options->arch ? base_name(j->options->arch) : j->recipe->name);
    if (j->options->arch && j->recipe)
        text_printf(to, " --recipe %s", j->recipe->name);
    for (const char *at = j->given; *at;) {
        const size_t length = strcspn(at, " "), name = strcspn(at, "=");
        if (length && name < length && strncmp(at, "seed=", 5) != 0)
            text_printf(to, " --%.*s %.*s", (int)name, at, (int)(length - name - 1), at + name + 1);
        at += length + (at[length] == ' ');
    }
    text_printf(to, " --seed %llu --data DIR -o MODEL", (unsigned long long)seed_of(j));
}

static int build_network(job *j, const ink_model_options *options)
{
    const char *text_of = ink_network_text(j->network);
    bytes file = { 0 };
    ink_network_options network = INK_NETWORK_OPTIONS_INIT;
    ink_builder *builder = NULL;
    ink_error error;
    if (!text_of) {
        /* A word without a dot or slash was meant as a name. */
        if (access(j->network, F_OK) && !strpbrk(j->network, "./"))
            return cli_failed("--arch: there is no network and no file '%s', wanted fc, cnn, small, digits or a "
                              "text file",
                              j->network);
        const int code = slurp(j->network, &file);
        if (code)
            return code;
    }
    network.name = j->network;
    network.channels = j->data.channels;
    network.height = j->data.height;
    network.width = j->data.width;
    network.classes = j->data.classes;
    ink_status status = ink_network_open(text_of ? text_of : (const char *)file.data,
                                         text_of ? strlen(text_of) : file.size, &network, &builder, &error);
    free(file.data);
    text command = { 0 };
    add_command(j, &command);
    if (!status)
        status = ink_builder_metadata(builder, "training.command", text_string(&command), &error);
    text_free(&command);
    if (!status)
        status = ink_builder_metadata(builder, "general.name", base_name(j->network), &error);
    if (!status && j->recipe)
        status = ink_builder_metadata(builder, "training.recipe", j->recipe->name, &error);
    if (!status)
        status = ink_builder_init_weights(builder, seed_of(j), &error);
    if (!status)
        status = ink_builder_labels(builder, j->data.names, j->data.classes, &error);
    ink_model_options named = *options;
    named.name = j->network;
    if (!status)
        status = ink_builder_model(builder, &named, &j->start, &error);
    ink_builder_close(&builder);
    return status ? cli_failed("%s", error.text) : CLI_DONE;
}

/* A checkpoint's settings come before those given now. */
static int open_checkpoint(job *j, const ink_model_options *options)
{
    ink_error error;
    if (ink_model_open(j->options->resume, options, &j->start, &error))
        return cli_failed("%s", error.text);
    text both = { 0 };
    text_printf(&both, "%s%s", metadata_string(j->start, "training.settings"), text_string(&j->settings));
    text_free(&j->settings);
    j->settings = both;
    const ink_model_info *info = ink_model_get_info(j->start);
    if (info->channels != j->data.channels || info->height != j->data.height || info->width != j->data.width)
        return cli_failed("%s: its network wants pictures of %ux%u, those of %s have %ux%u", j->options->resume,
                          info->width, info->height, j->options->data, j->data.width, j->data.height);
    j->network = info->name;
    return CLI_DONE;
}

static int open_trainer(job *j)
{
    const train_options *o = j->options;
    ink_model_options model = INK_MODEL_OPTIONS_INIT;
    ink_trainer_options how = INK_TRAINER_OPTIONS_INIT;
    ink_error error;
    if (ink_cpu_from_name(o->run.cpu, &model.cpu, &error))
        return cli_failed("%s", error.text);
    const int code = o->resume ? open_checkpoint(j, &model) : build_network(j, &model);
    if (code)
        return code;
    how.cpu = model.cpu;
    how.threads = j->threads;
    how.settings = text_string(&j->settings);
    how.resume = o->resume != NULL;
    j->examples = (ink_examples){ j->data.pixels, j->data.labels, j->data.count };
    if (ink_trainer_open(j->start, &j->examples, &how, &j->trainer, &error))
        return cli_failed("%s%s%s", o->resume ? o->resume : "", o->resume ? ": " : "", error.text);
    j->info = ink_trainer_get_info(j->trainer);
    j->first_step = j->info->step;
    if (*j->info->note && !train_log_parse(&j->log, j->info->note))
        return cli_failed("%s: key 'training.state.note': is no history of inkling train", o->resume);
    return CLI_DONE;
}

/* ---- running ---- */

static int save_checkpoint(job *j)
{
    ink_error error = { .text = "" };
    text note = { 0 };
    if (!j->checkpoint_path.size)
        return CLI_DONE;
    train_log_note(&j->log, &note);
    const ink_status status = ink_trainer_save(j->trainer, text_string(&j->checkpoint_path), text_string(&note),
                                               &error);
    text_free(&note);
    return status ? cli_failed("%s", error.text) : CLI_DONE;
}

static int save_log(const job *j)
{
    text lines = { 0 };
    if (!j->log_path.size)
        return CLI_DONE;
    train_log_json(&j->log, &lines);
    const int code = out_file_put(text_string(&j->log_path), &lines);
    text_free(&lines);
    return code;
}

static void draw_bar(job *j, bool wipe)
{
    const double now = clock_seconds();
    text line = { 0 };
    if (!j->bar || (!wipe && now - j->bar_told < 0.1) || (wipe && j->bar_told == 0))
        return;
    if (wipe)
        text_add(&line, "\r\033[K");
    else
        train_log_bar(&j->log, j->info,
                      (now - j->begin) / (double)(j->info->step - j->first_step) *
                          (double)(j->info->steps - j->info->step), &line);
    cli_print_error(&line);
    text_free(&line);
    j->bar_told = now;
}

static int end_epoch(job *j, double rate)
{
    ink_validation validation;
    ink_error error;
    const bool validates = j->info->validation > 0;
    if (validates && ink_trainer_validate(j->trainer, &validation, &error))
        return cli_failed("%s", error.text);
    train_log_epoch(&j->log, j->info->epoch, rate, validates ? &validation : NULL);
    int code = save_checkpoint(j);
    if (!code)
        code = save_log(j);
    draw_bar(j, true);
    if (code || j->options->json)
        return code;
    text line = { 0 };
    train_log_line(&j->log.epochs[j->log.count - 1], j->info->epochs, validates && validation.best, &j->facts,
                   &line);
    code = cli_print(&line);
    text_free(&line);
    return code;
}

static int stop(job *j)
{
    draw_bar(j, true);
    const int code = save_checkpoint(j);
    if (code || !j->checkpoint_path.size)
        return code ? code : cli_failed("stopped by a signal at step %llu of %llu; nothing was saved",
                                        (unsigned long long)j->info->step, (unsigned long long)j->info->steps);
    const char *path = text_string(&j->checkpoint_path);
    return cli_failed("stopped by a signal at step %llu of %llu; go on with: inkling train --resume %s --data %s "
                      "-o %s", (unsigned long long)j->info->step, (unsigned long long)j->info->steps, path,
                      j->options->data, j->options->output);
}

static int train(job *j)
{
    int code = CLI_DONE;
    j->begin = clock_seconds();
    while (!code && !j->info->done) {
        ink_train_step step;
        ink_error error;
        const double before = clock_seconds();
        if (ink_trainer_step(j->trainer, &step, &error)) {
            draw_bar(j, true);
            return cli_failed("%s", error.text);
        }
        train_log_step(&j->log, &step, clock_seconds() - before);
        if (j->info->step % j->info->epoch_steps == 0)
            code = end_epoch(j, step.rate);
        else
            draw_bar(j, false);
        if (interrupt_seen() && !code && !j->info->done)
            return stop(j);
    }
    return code;
}

/* ---- the end ---- */

static int save_model(job *j)
{
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_error error;
    if (ink_cpu_from_name(j->options->run.cpu, &options.cpu, &error) ||
        ink_trainer_model(j->trainer, &options, &j->trained, &error) ||
        ink_model_save(j->trained, j->options->output, INK_LAYOUT_INKLING, &error))
        return cli_failed("%s", error.text);
    return CLI_DONE;
}

static int measure_test(job *j)
{
    dataset test = { 0 };
    int code = dataset_read(j->options->data, DATASET_TEST, &test);
    if (code)
        return code;
    const ink_examples examples = { test.pixels, test.labels, test.count };
    if (test.height != j->data.height || test.width != j->data.width || test.classes != j->data.classes)
        code = cli_failed("%s: the test pictures are %ux%u with %u classes, those to train on %ux%u with %u",
                          j->options->data, test.width, test.height, test.classes, j->data.width, j->data.height,
                          j->data.classes);
    if (!code)
        code = measure_model(j->trained, j->threads, &examples, NULL, test.count, 0, &j->test);
    dataset_close(&test);
    return code;
}

static double train_seconds(const job *j)
{
    double sum = j->log.seconds;
    for (size_t i = 0; i < j->log.count; i++)
        sum += j->log.epochs[i].seconds;
    return sum;
}

static double share(const measure *m)
{
    return m->count ? (double)m->correct / (double)m->count : (double)NAN;
}

static int save_report(const job *j)
{
    enum { FACTS = 12 };
    text values[FACTS] = { { 0 } }, page = { 0 };
    static const char *const labels[FACTS] = { "network", "recipe", "weights", "pictures", "settings", "time",
                                               "kernels", "validation", "test", "model" };
    if (!j->report_path.size)
        return CLI_DONE;
    const ink_model_info *model = ink_model_get_info(j->trained);
    text_add(&values[0], j->network);
    text_add(&values[1], metadata_string(j->start, "training.recipe"));
    text_printf(&values[2], "%llu", (unsigned long long)j->info->parameters);
    text_printf(&values[3], "%zu to train, %zu to validate, of %ux%u in %u classes", j->info->training,
                j->info->validation, j->data.width, j->data.height, j->data.classes);
    text_add(&values[4], *j->info->settings ? j->info->settings : "the defaults");
    text_printf(&values[5], "%.1f s, %.0f images a second", train_seconds(j),
                (double)(j->info->step * j->info->batch) / train_seconds(j));
    text_printf(&values[6], "%s, %u thread%s", ink_cpu_name(model->cpu), j->threads, plural(j->threads));
    if (j->validation.count)
        text_printf(&values[7], "%.2f %%, %zu of %zu misread", 100 * share(&j->validation),
                    j->validation.count - j->validation.correct, j->validation.count);
    if (j->test.count)
        text_printf(&values[8], "%.2f %%, %zu of %zu misread", 100 * share(&j->test),
                    j->test.count - j->test.correct, j->test.count);
    text_add(&values[9], j->options->output);
    report_fact facts[FACTS];
    size_t count = 0;
    for (size_t i = 0; i < FACTS; i++)
        if (values[i].size)
            facts[count++] = (report_fact){ labels[i], values[i].data };
    train_report_html(&page, &(train_report){
        .title = j->network, .facts = facts, .fact_count = count, .epochs = j->log.epochs,
        .epoch_count = j->log.count, .chosen_epoch = j->info->best_epoch, .classes = j->data.classes,
        .height = j->data.height, .width = j->data.width, .names = j->data.names,
        .confusion = j->validation.confusion, .misreads = j->validation.misreads,
        .misread_count = j->validation.misread_count, .validation_count = j->validation.count,
        .wrong_count = j->validation.count - j->validation.correct });
    const int code = out_file_put(text_string(&j->report_path), &page);
    for (size_t i = 0; i < FACTS; i++)
        text_free(&values[i]);
    text_free(&page);
    return code;
}

static json_t *accuracy_json(const measure *m)
{
    json_t *map = js_map();
    js_put(map, "count", js_count(m->count));
    js_put(map, "correct", js_count(m->correct));
    js_put(map, "accuracy", js_number(share(m)));
    return map;
}

static int answer_json(const job *j)
{
    json_t *map = js_map();
    js_put(map, "model", js_text(j->options->output));
    js_put(map, "network", js_text(j->network));
    js_put(map, "settings", js_text(j->info->settings));
    js_put(map, "parameters", js_count(j->info->parameters));
    js_put(map, "training", js_count(j->info->training));
    js_put(map, "epochs", js_count(j->info->epoch));
    js_put(map, "best_epoch", js_count(j->info->best_epoch));
    js_put(map, "steps", js_count(j->info->step));
    js_put(map, "batch", js_count(j->info->batch));
    js_put(map, "seconds", js_number(train_seconds(j)));
    js_put(map, "images_per_second", js_number((double)(j->info->step * j->info->batch) / train_seconds(j)));
    js_put(map, "threads", js_count(j->threads));
    js_put(map, "cpu", js_text(ink_cpu_name(ink_model_get_info(j->trained)->cpu)));
    if (j->validation.count)
        js_put(map, "validation", accuracy_json(&j->validation));
    if (j->test.count)
        js_put(map, "test", accuracy_json(&j->test));
    return js_print(map);
}

static int answer(const job *j)
{
    text lines = { 0 };
    if (j->options->json)
        return answer_json(j);
    text_masked(&lines, j->options->output);
    if (j->validation.count)
        text_printf(&lines, ": epoch %llu, %.2f %% of %zu validation pictures",
                    (unsigned long long)j->info->best_epoch, 100 * share(&j->validation), j->validation.count);
    if (j->test.count)
        text_printf(&lines, "%s %.2f %% of %zu test pictures", j->validation.count ? "," : ":",
                    100 * share(&j->test), j->test.count);
    text_add(&lines, "\n");
    if (j->report_path.size) {
        text_masked(&lines, text_string(&j->report_path));
        text_add(&lines, ": curves, what was taken for what, the worst misreads\n");
    }
    const int code = cli_print(&lines);
    text_free(&lines);
    return code;
}

static int finish(job *j)
{
    int code = save_model(j);
    if (!code && j->info->validation)
        code = measure_model(j->trained, j->threads, &j->examples, j->info->validation_indices,
                             j->info->validation, WORST, &j->validation);
    if (!code && j->options->test)
        code = measure_test(j);
    if (!code)
        code = save_report(j);
    if (!code && j->checkpoint_path.size && !j->keep_checkpoint)
        unlink(text_string(&j->checkpoint_path));
    return code ? code : answer(j);
}

static int introduce(const job *j)
{
    text line = { 0 };
    if (j->options->json)
        return CLI_DONE;
    text_masked(&line, j->network);
    text_printf(&line, ": %llu weights, %zu pictures of %ux%u in %u classes, %zu more to validate, %u thread%s (%s)\n",
                (unsigned long long)j->info->parameters, j->info->training, j->data.width, j->data.height,
                j->data.classes, j->info->validation, j->threads, plural(j->threads),
                ink_cpu_name(ink_model_get_info(j->start)->cpu));
    if (j->options->resume)
        text_printf(&line, "going on at step %llu of %llu\n", (unsigned long long)j->info->step,
                    (unsigned long long)j->info->steps);
    const int code = cli_print(&line);
    text_free(&line);
    return code;
}

int train_run(const train_options *options, const char *settings)
{
    job j = { .options = options, .given = settings, .facts = terminal_facts(), .bar = isatty(STDERR_FILENO) != 0 };
    int code = choose(&j, settings);
    if (!code && options->sheet) {
        code = train_sheet(options, text_string(&j.settings));
    } else if (!code) {
        interrupt_watch(); /* the step under way is finished, and a checkpoint saved */
        code = choose_paths(&j);
        if (!code && options->test && !dataset_has(options->data, DATASET_TEST))
            code = cli_failed("--test: %s has no test pictures", options->data);
        if (!code)
            code = dataset_read(options->data, DATASET_TRAIN, &j.data);
        if (!code)
            code = open_trainer(&j);
        if (!code && !options->resume)
            code = save_checkpoint(&j); /* which finds out at once whether we may write there */
        if (!code)
            code = introduce(&j);
        if (!code)
            code = train(&j);
        if (!code)
            code = finish(&j);
    }
    measure_free(&j.validation);
    measure_free(&j.test);
    train_log_free(&j.log);
    ink_trainer_close(&j.trainer);
    ink_model_close(&j.start);
    ink_model_close(&j.trained);
    if (j.data.pixels)
        dataset_close(&j.data);
    text_free(&j.settings);
    text_free(&j.checkpoint_path);
    text_free(&j.log_path);
    text_free(&j.report_path);
    return code;
}
