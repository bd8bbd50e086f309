#include "data/fetch.h"

#include "common/json_out.h"
#include "common/out_file.h"
#include "common/table.h"
#include "data/digest.h"
#include "data/download.h"
#include "common/interrupt.h"
#include "data/place.h"
#include "data/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a file whose size is not known, compressed and inflated. */
static const uint64_t unknown_limit = (uint64_t)1 << 30;

/* On one mirror, when each brings some bytes more. */
enum { TRIES = 5 };

typedef struct goal {
    const catalog_file *file;
    place at;
    char *source; /* the address; NULL where the file was there */
} goal;

typedef struct fetching {
    const data_options *how;
    const catalog_set *set;
    const char *const *mirrors;
    const char *folder;
    goal *goals;
    size_t count;
} fetching;

/* ---- one file ---- */

typedef enum got { GOT_IT, GOT_NOTHING, GOT_FAILURE } got;

static int stopped(const goal *wanted)
{
    struct stat facts;
    if (stat(wanted->at.part, &facts) == 0 && facts.st_size > 0)
        return cli_failed("%s: interrupted; what has come is kept in %s, and the same command goes "
                          "on from there", wanted->file->name, wanted->at.part);
    return cli_failed("%s: interrupted", wanted->file->name);
}

/* Opens the part for this process alone. */
static int open_part(const char *path, int *out)
{
    for (;;) {
        struct stat ours;
        int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (file < 0)
            return cli_failed("%s: cannot write: %s", path, strerror(errno));
        if (lockf(file, F_TLOCK, 0) && (errno == EACCES || errno == EAGAIN)) {
            close(file);
            return cli_failed("%s: another inkling is downloading it", path);
        }
        if (fstat(file, &ours) == 0 && ours.st_nlink > 0) {
            *out = file;
            return CLI_DONE;
        }
        close(file); /* the other one has just finished, and removed it */
    }
}

/* The part is whole, as far as the server says. */
static unpack_end finish(download *part, goal *wanted, text *why)
{
    out_file file = { 0 };
    uint64_t limit = wanted->file->bytes ? wanted->file->bytes : unknown_limit;
    unpack_end end = out_file_begin(wanted->at.path, &file) ? UNPACK_FAILED : UNPACK_RIGHT;
    if (!end)
        end = unpack(part->file, part->path, wanted->file, limit, &file, &wanted->at.bytes, why);
    if (!end && out_file_commit(&file))
        end = UNPACK_FAILED;
    out_file_close(&file);
    return end;
}

/* Tries one mirror until it has brought the file or brings no more than it did before. */
static got ask_mirror(download *part, goal *wanted, const char *address, text *why)
{
    uint64_t most = part->have;
    bool anew = false; /* perhaps only the bytes of an earlier try were wrong: asked once */
    fetch_line_begin(part->line, wanted->file->name, address);
    for (int tries = 0; tries < TRIES; tries++) {
        text_free(why);
        download_end end = download_try(part, address, why);
        if (end == DOWNLOAD_FAILED || end == DOWNLOAD_STOPPED)
            return GOT_FAILURE;
        if (end == DOWNLOAD_REFUSED)
            return GOT_NOTHING;
        unpack_end unpacked = end == DOWNLOAD_WHOLE ? finish(part, wanted, why) : UNPACK_CUT;
        if (unpacked == UNPACK_RIGHT)
            return GOT_IT;
        if (unpacked == UNPACK_FAILED || unpacked == UNPACK_STOPPED)
            return GOT_FAILURE;
        if (unpacked == UNPACK_WRONG || (end == DOWNLOAD_WHOLE && part->have <= most)) {
            if (download_empty(part))
                return GOT_FAILURE;
            if (!part->resumed || anew)
                return GOT_NOTHING;
            anew = true;
            most = 0;
            fetch_line_note(part->line, "%s; once more, from the start", why->data);
            continue;
        }
        if (part->have <= most)
            return GOT_NOTHING;
        most = part->have;
        fetch_line_note(part->line, "%s; going on", why->data);
    }
    return GOT_NOTHING;
}

static got ask_mirrors(fetching *work, download *part, goal *wanted)
{
    text all = { 0 }, why = { 0 }, address = { 0 };
    got end = GOT_NOTHING;
    for (size_t i = 0; end == GOT_NOTHING && work->mirrors[i]; i++) {
        text_free(&address);
        download_address(&address, work->mirrors[i], wanted->file->name);
        end = ask_mirror(part, wanted, address.data, &why);
        if (end != GOT_NOTHING)
            break;
        text_printf(&all, "%s%s: %s", i ? "; " : "", address.data, text_string(&why));
        if (work->mirrors[i + 1])
            fetch_line_note(part->line, "%s: %s; trying the next mirror", address.data,
                          text_string(&why));
    }
    if (end == GOT_IT) {
        wanted->source = address.data;
        address = (text){ 0 };
    } else if (end == GOT_NOTHING) {
        cli_failed("%s: no mirror has brought it: %s", wanted->file->name, all.data);
    }
    text_free(&address);
    text_free(&why);
    text_free(&all);
    return end;
}

/* Room for what gzip adds to bytes that it cannot compress. */
static uint64_t compressed_limit(const catalog_file *file)
{
    return file->bytes ? file->bytes + file->bytes / 100 + 1024 : unknown_limit;
}

static int get(fetching *work, goal *wanted)
{
    fetch_line line = { .file = wanted->file->name };
    download part = { .path = wanted->at.part, .limit = compressed_limit(wanted->file),
                      .timeout = work->how->timeout, .line = &line };
    struct stat facts;
    int code = open_part(part.path, &part.file);
    if (code)
        return code;
    if (fstat(part.file, &facts) == 0)
        part.have = (uint64_t)facts.st_size;
    if (part.have > part.limit)
        code = download_empty(&part);
    if (!code)
        code = ask_mirrors(work, &part, wanted) == GOT_IT ? CLI_DONE : CLI_FAILED;
    if (!code) {
        wanted->at.at_path = PLACE_RIGHT;
        code = place_complete(&wanted->at);
    }
    if (!code || (fstat(part.file, &facts) == 0 && facts.st_size == 0))
        unlink(part.path);
    close(part.file);
    return code;
}

/* ---- all of them ---- */

static int look_at_all(fetching *work)
{
    int code = CLI_DONE;
    for (size_t i = 0; !code && i < work->count && !interrupt_seen(); i++)
        code = place_look(&work->goals[i].at, work->goals[i].file, work->how->force);
    return code;
}

static int get_one(fetching *work, goal *wanted)
{
    if (wanted->at.at_path != PLACE_RIGHT && wanted->at.at_alias != PLACE_RIGHT)
        return get(work, wanted);
    unlink(wanted->at.part); /* of a run that ended between renaming and this */
    return place_complete(&wanted->at);
}

static int get_all(fetching *work)
{
    int code = look_at_all(work);
    if (!code)
        code = place_make_folder(work->folder);
    for (size_t i = 0; !code && i < work->count; i++) {
        if (!interrupt_seen())
            code = get_one(work, &work->goals[i]);
        if (interrupt_seen())
            code = stopped(&work->goals[i]);
    }
    return code;
}

/* ---- the answer ---- */

static int print_text(const fetching *work)
{
    table rows = { .alignment = "lrl" };
    text answer = { 0 };
    const terminal facts = terminal_facts();
    table_cell(&rows, "file");
    table_cell(&rows, "bytes");
    table_cell(&rows, "source");
    for (size_t i = 0; i < work->count; i++) {
        const goal *done = &work->goals[i];
        table_cell(&rows, done->at.path);
        table_format(&rows, "%llu", (unsigned long long)done->at.bytes);
        table_cell(&rows, done->source ? done->source : "already there");
    }
    table_write(&rows, &answer, 0, &facts);
    int code = cli_print(&answer);
    text_free(&answer);
    return code;
}

static int print_json(const fetching *work)
{
    json_t *document = js_map(), *list = js_list();
    js_put(document, "data_set", js_text(work->set->name));
    js_put(document, "folder", js_text(work->folder));
    for (size_t i = 0; i < work->count; i++) {
        const goal *done = &work->goals[i];
        json_t *row = js_map();
        js_put(row, "file", js_text(done->at.path));
        if (done->at.alias)
            js_put(row, "alias", js_text(done->at.alias));
        js_put(row, "bytes", js_count(done->at.bytes));
        js_put(row, "sha256", js_text(done->file->sha256));
        js_put(row, "already_there", js_flag(!done->source));
        if (done->source)
            js_put(row, "source", js_text(done->source));
        js_push(list, row);
    }
    js_put(document, "files", list);
    return js_print(document);
}

int fetch_set(const catalog_set *set, const char *folder, const data_options *how)
{
    fetching work = { .how = how, .set = set, .folder = folder };
    work.mirrors = how->mirrors.word[0] ? how->mirrors.word : set->mirrors;
    while (set->files[work.count].name)
        work.count++;
    work.goals = must_alloc(work.count, sizeof *work.goals);
    for (size_t i = 0; i < work.count; i++) {
        work.goals[i].file = &set->files[i];
        place_open(&work.goals[i].at, folder, set->files[i].name);
    }
    interrupt_watch();
    int code = download_start();
    if (!code)
        code = get_all(&work);
    download_stop();
    if (!code)
        code = how->json ? print_json(&work) : print_text(&work);
    for (size_t i = 0; i < work.count; i++) {
        place_close(&work.goals[i].at);
        free(work.goals[i].source);
    }
    free(work.goals);
    if (code && interrupt_seen())
        interrupt_end();
    return code;
}
