#include "data/download.h"

#include "common/chance.h"
#include "common/say.h"
#include "common/interrupt.h"

#ifdef INK_HAVE_CURL

#include "inkling.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    REDIRECTS = 5,
    SLOWEST = 100, /* bytes a second; what is slower stalls */
};

/* One for all downloads: it keeps connections. */
static CURL *easy;

typedef struct attempt {
    download *into;
    uint64_t begin; /* where the bytes asked for begin */
    bool started, too_large, stalled;
    int disk; /* errno of writing */
    double window; /* when the last look at the speed was */
    uint64_t came; /* bytes since then */
} attempt;

int download_refused(void)
{
    return CLI_DONE;
}

int download_start(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == 0)
        easy = curl_easy_init();
    return easy ? CLI_DONE : cli_failed("data: libcurl does not start");
}

void download_stop(void)
{
    if (easy)
        curl_easy_cleanup(easy);
    easy = NULL;
    curl_global_cleanup();
}

int download_empty(download *into)
{
    into->have = 0;
    if (ftruncate(into->file, 0))
        return cli_failed("%s: cannot write: %s", into->path, strerror(errno));
    return CLI_DONE;
}

void download_address(text *to, const char *folder, const char *name)
{
    char *escaped = curl_easy_escape(easy, name, 0);
    if (!escaped)
        exit(cli_failed("out of memory"));
    text_printf(to, "%s%s%s.gz", folder, folder[strlen(folder) - 1] == '/' ? "" : "/", escaped);
    curl_free(escaped);
}

static long status_code(void)
{
    long code = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
    return code;
}

/* Before the first byte: 206 is the part that was asked for, 200 the whole file. */
static bool start_body(attempt *now)
{
    long code = status_code();
    now->started = true;
    if (code == 206 && now->begin > 0)
        return true;
    now->begin = now->into->have = 0;
    if (code != 200)
        return false;
    if (ftruncate(now->into->file, 0))
        now->disk = errno;
    return !now->disk;
}

static size_t on_data(char *data, size_t one, size_t count, void *user)
{
    attempt *now = user;
    download *into = now->into;
    size_t size = one * count, done = 0;
    now->came += size;
    if (!now->started && !start_body(now))
        return size + 1; /* an error, also where there is nothing to write */
    now->too_large = size > into->limit - into->have;
    while (!now->too_large && done < size) {
        ssize_t put = pwrite(into->file, data + done, size - done, (off_t)into->have);
        if (put <= 0 && errno != EINTR) {
            now->disk = put < 0 ? errno : EIO;
            return done;
        }
        done += put > 0 ? (size_t)put : 0;
        into->have += put > 0 ? (uint64_t)put : 0;
    }
    return done;
}

/* libcurl's own limit takes the mean of five seconds and more, so that it sees a stall late. */
static bool too_slow(attempt *now)
{
    double time = clock_seconds(), limit = (double)now->into->timeout;
    if (time < now->window + limit)
        return false;
    now->stalled = (double)now->came < SLOWEST * limit;
    now->window = time;
    now->came = 0;
    return now->stalled;
}

static int on_progress(void *user, curl_off_t total, curl_off_t done, curl_off_t up_total,
                       curl_off_t up)
{
    attempt *now = user;
    (void)done;
    (void)up_total;
    (void)up;
    if (now->started)
        fetch_line_show(now->into->line, now->into->have,
                      total > 0 ? now->begin + (uint64_t)total : 0);
    return interrupt_seen() || too_slow(now);
}

static void allow_http_only(void)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static void prepare(attempt *now, const char *url, char *reason)
{
    download *into = now->into;
    char range[32];
    curl_easy_reset(easy);
    allow_http_only();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "inkling/" INK_VERSION);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)into->timeout);
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)into->limit);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, now);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, now);
    /* Not CURLOPT_RESUME_FROM, which fails where the server sends the whole file instead. */
    if (now->begin > 0) {
        snprintf(range, sizeof range, "%llu-", (unsigned long long)now->begin);
        curl_easy_setopt(easy, CURLOPT_RANGE, range);
    }
}

static download_end CLI_PRINTF(3, 4) told(download_end end, text *why, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_vprintf(why, format, arguments);
    va_end(arguments);
    return end;
}

static download_end judge(attempt *now, CURLcode result, const char *reason, text *why)
{
    download *into = now->into;
    long code = status_code();
    if (now->disk) {
        cli_failed("%s: cannot write: %s", into->path, strerror(now->disk));
        return DOWNLOAD_FAILED;
    }
    if (interrupt_seen())
        return DOWNLOAD_STOPPED;
    if (now->too_large && download_empty(into)) /* nothing to go on with */
        return DOWNLOAD_FAILED;
    if (now->too_large || result == CURLE_FILESIZE_EXCEEDED)
        return told(DOWNLOAD_REFUSED, why, "sends more than %llu bytes",
                    (unsigned long long)into->limit);
    switch (result) {
    case CURLE_OK:
        break;
    case CURLE_HTTP_RETURNED_ERROR:
        /* Nothing is left to send: the part may be all there is. */
        if (code == 416 && now->begin > 0)
            return DOWNLOAD_WHOLE;
        return told(DOWNLOAD_REFUSED, why, "HTTP status %ld", code);
    case CURLE_WRITE_ERROR:
        return told(DOWNLOAD_REFUSED, why, "HTTP status %ld, wanted 200", code);
    case CURLE_TOO_MANY_REDIRECTS:
        return told(DOWNLOAD_REFUSED, why, "more than %d redirects", REDIRECTS);
    case CURLE_UNSUPPORTED_PROTOCOL:
        return told(DOWNLOAD_REFUSED, why, "leads elsewhere than to http or https: %.200s", reason);
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_OPERATION_TIMEDOUT:
        return told(DOWNLOAD_CUT, why, "stalled for %llu s after %llu bytes",
                    (unsigned long long)into->timeout, (unsigned long long)into->have);
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
        return told(DOWNLOAD_CUT, why, "broken off after %llu bytes",
                    (unsigned long long)into->have);
    default:
        return told(DOWNLOAD_CUT, why, "%.200s", *reason ? reason : curl_easy_strerror(result));
    }
    if (!now->started && code != 200 && code != 206)
        return told(DOWNLOAD_REFUSED, why, "HTTP status %ld, wanted 200", code);
    if (!now->started && code == 200 && download_empty(into))
        return DOWNLOAD_FAILED;
    return DOWNLOAD_WHOLE;
}

download_end download_try(download *into, const char *url, text *why)
{
    attempt now = { .into = into, .begin = into->have, .window = clock_seconds() };
    char reason[CURL_ERROR_SIZE] = "";
    prepare(&now, url, reason);
    CURLcode result = curl_easy_perform(easy);
    fetch_line_end(into->line);
    into->resumed = now.begin > 0;
    return judge(&now, result, reason, why);
}

#else

int download_refused(void)
{
    return cli_failed("data: this inkling was built without libcurl, which downloads");
}

int download_start(void)
{
    return CLI_FAILED;
}

void download_stop(void) {}

int download_empty(download *into)
{
    (void)into;
    return CLI_FAILED;
}

download_end download_try(download *into, const char *url, text *why)
{
    (void)into;
    (void)url;
    (void)why;
    return DOWNLOAD_FAILED;
}

void download_address(text *to, const char *folder, const char *name)
{
    (void)to;
    (void)folder;
    (void)name;
}

#endif
