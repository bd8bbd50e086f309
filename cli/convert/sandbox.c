#include "convert/sandbox.h"

#include "common/chance.h"
#include "common/say.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef INK_HAVE_SECCOMP
#include <seccomp.h>
#endif

/* The sanitizers map terabytes and read files of /proc: they and these limits exclude each other. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { UNCONFINED = 70 }; /* the child's exit code: the filter could not be set up */

/* ---- the child ---- */

bool sandbox_put(const sandbox_pipe *to, const void *data, size_t size)
{
    const char *at = data;
    while (size) {
        const ssize_t written = write(to->file, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        at += written;
        size -= (size_t)written;
    }
    return true;
}

#ifdef INK_HAVE_SECCOMP

bool sandbox_has_filter(void)
{
    return true;
}

/* What malloc, threads' locks, clocks and the pipe need. All else fails with EPERM, as on a system that forbids it. */
static bool forbid_system_calls(void)
{
    static const int allowed[] = {
        SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(close), SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap),
        SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(getrandom),
        SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(sched_yield), SCMP_SYS(restart_syscall),
    };
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter)
        return false;
    bool done = true;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        done = done && seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0) == 0;
    /* abort() is to end the child as it should: a signal to itself, and no other process */
    const struct scmp_arg_cmp itself = { .arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)getpid() };
    done = done && seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &itself) == 0;
    done = done && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return done;
}

#else

bool sandbox_has_filter(void)
{
    return false;
}

static bool forbid_system_calls(void)
{
    return true;
}

#endif

static size_t address_space(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file) {
        if (fscanf(file, "%zu", &pages) != 1)
            pages = 0;
        fclose(file);
    }
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void limit(int resource, size_t most)
{
    struct rlimit now;
    if (getrlimit(resource, &now) == 0 && (now.rlim_max == RLIM_INFINITY || most < now.rlim_max)) {
        now.rlim_cur = now.rlim_max = (rlim_t)most;
        setrlimit(resource, &now);
    }
}

static void keep_only_pipe(int file)
{
    const int nowhere = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3 && nowhere >= 0; i++)
        if (i != STDERR_FILENO || !SANITIZED)
            dup2(nowhere, i);
    for (int i = 3; i < 4096; i++) /* whoever started us may have left some open */
        if (i != file)
            close(i);
}

static void run_child(int file, bool (*job)(void *, const sandbox_pipe *), void *context,
                      const sandbox_limits *limits)
{
    const sandbox_pipe to = { file };
    static const int crashes[] = { SIGINT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        signal(crashes[i], SIG_DFL); /* a handler of ours would act for a process that it does not know */
    signal(SIGPIPE, SIG_IGN);
    limit(RLIMIT_CPU, limits->seconds);
    limit(RLIMIT_CORE, 0);
    if (!SANITIZED) {
        limit(RLIMIT_AS, address_space() + limits->memory);
        limit(RLIMIT_NPROC, 0);
    }
    keep_only_pipe(file);
    if (!SANITIZED) {
        limit(RLIMIT_NOFILE, 0); /* no more files and sockets, without a filter too */
        limit(RLIMIT_FSIZE, 0);
    }
    if (!SANITIZED && !forbid_system_calls())
        _exit(UNCONFINED);
    _exit(job(context, &to) ? 0 : 1);
}

/* ---- the parent ---- */

static int collect(const char *name, int file, double until, const sandbox_limits *limits, sandbox_answer *out)
{
    enum { PIECE = 1 << 16 };
    size_t room = 0;
    for (;;) {
        const double left = until - clock_seconds();
        struct pollfd wait = { .fd = file, .events = POLLIN };
        const int ready = left > 0 ? poll(&wait, 1, left < 1e6 ? (int)(left * 1000) + 1 : 1000000) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return cli_failed("%s: stopped: reading it takes more than %u seconds", name, 4 * limits->seconds);
        if (out->size > limits->answer)
            return cli_failed("%s: stopped: it becomes a model of more than %zu bytes", name, limits->answer);
        if (room - out->size < PIECE) {
            room = room ? 2 * room : 4 * PIECE;
            uint8_t *more = realloc(out->data, room);
            if (!more)
                return cli_failed("%s: no memory for its model", name);
            out->data = more;
        }
        const ssize_t got = read(file, out->data + out->size, PIECE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return cli_failed("%s: cannot hear from its reader: %s", name, strerror(errno));
        if (got == 0)
            return CLI_DONE;
        out->size += (size_t)got;
    }
}

static int judge_end(const char *name, int status, const sandbox_limits *limits)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return CLI_DONE;
    if (WIFEXITED(status) && WEXITSTATUS(status) == UNCONFINED)
        return cli_failed("%s: not read: the system does not let its reader be confined", name);
    if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL))
        return cli_failed("%s: stopped: its reader was killed; it may take at most %u seconds", name, limits->seconds);
    if (WIFSIGNALED(status))
        return cli_failed("%s: its reader crashed (%s); nothing was harmed", name, strsignal(WTERMSIG(status)));
    return cli_failed("%s: its reader ended with code %d", name, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

int sandbox_run(const char *name, bool (*job)(void *context, const sandbox_pipe *to), void *context,
                const sandbox_limits *limits, sandbox_answer *out)
{
    int ends[2], status = 0;
    *out = (sandbox_answer){ NULL, 0 };
    if (pipe(ends) != 0)
        return cli_failed("%s: cannot start its reader: %s", name, strerror(errno));
    const pid_t child = fork();
    if (child < 0) {
        close(ends[0]);
        close(ends[1]);
        return cli_failed("%s: cannot start its reader: %s", name, strerror(errno));
    }
    if (child == 0) {
        close(ends[0]);
        run_child(ends[1], job, context, limits);
    }
    close(ends[1]);
    int code = collect(name, ends[0], clock_seconds() + 4.0 * limits->seconds, limits, out);
    close(ends[0]);
    if (code)
        kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (!code)
        code = judge_end(name, status, limits);
    if (code) {
        free(out->data);
        *out = (sandbox_answer){ NULL, 0 };
    }
    return code;
}
