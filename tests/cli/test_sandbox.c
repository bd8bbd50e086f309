/* A job in a sandbox gives its bytes, and nothing that it does harms us. */
#include "check.h"

#include "convert/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const sandbox_limits usual = { .memory = (size_t)1 << 30, .seconds = 20, .answer = 1 << 20 };

static bool answers(void *context, const sandbox_pipe *to)
{
    char *copy = malloc(300000); /* more than a pipe holds */
    memset(copy, 'x', 300000);
    memcpy(copy, context, strlen(context));
    const bool sent = sandbox_put(to, copy, 300000);
    free(copy);
    return sent;
}

static void an_answer_comes_whole(void **state)
{
    (void)state;
    sandbox_answer answer;
    char words[] = "words";
    assert_int_equal(sandbox_run("m", answers, words, &usual, &answer), 0);
    assert_int_equal(answer.size, 300000);
    assert_memory_equal(answer.data, "wordsxxx", 8);
    assert_int_equal(answer.data[299999], 'x');
    free(answer.data);
}

/* ---- what goes wrong ---- */

static bool says_no(void *context, const sandbox_pipe *to)
{
    (void)context;
    (void)to;
    return false;
}

static bool aborts(void *context, const sandbox_pipe *to)
{
    (void)context;
    (void)to;
    abort();
    return true;
}

static bool crashes(void *context, const sandbox_pipe *to)
{
    (void)context;
    (void)to;
    raise(SIGSEGV);
    return true;
}

static bool never_ends(void *context, const sandbox_pipe *to)
{
    (void)context;
    (void)to;
    for (volatile bool on = true; on;)
        ;
    return true;
}

static bool says_too_much(void *context, const sandbox_pipe *to)
{
    static const char piece[1 << 16] = { 0 };
    (void)context;
    while (sandbox_put(to, piece, sizeof piece))
        ;
    return true;
}

static void ends_become_one_line(void **state)
{
    static const struct {
        const char *name;
        bool (*job)(void *, const sandbox_pipe *);
        unsigned seconds;
    } rows[] = {
        { "says no", says_no, 20 },
        { "aborts", aborts, 20 },
        { "crashes", crashes, 20 },
        { "never ends", never_ends, 1 },
        { "says too much", says_too_much, 20 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sandbox_limits limits = usual;
        sandbox_answer answer = { NULL, 1 };
        limits.seconds = rows[i].seconds;
        if (sandbox_run(rows[i].name, rows[i].job, NULL, &limits, &answer) != 1 || answer.data || answer.size)
            fail_msg("%s: is taken for an answer", rows[i].name);
    }
}

/* ---- what is forbidden ---- */

enum { OPENS, FORKS, CONNECTS, KILLS, EATS, DEEDS };

/* Tries them all, and says which were done. */
static bool tries(void *context, const sandbox_pipe *to)
{
    char done[DEEDS] = { 0 };
    const int parent = *(const int *)context;
    done[OPENS] = open("/etc/hostname", O_RDONLY) >= 0 || open("/", O_RDONLY) >= 0;
    done[CONNECTS] = socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
    done[KILLS] = kill(parent, 0) == 0;
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    done[FORKS] = child > 0;
    for (size_t all = 0; all < (size_t)8 << 30; all += (size_t)256 << 20) {
        volatile char *block = malloc((size_t)256 << 20);
        if (!block)
            break;
        block[0] = 1;
        done[EATS] = all >= (size_t)2 << 30;
    }
    return sandbox_put(to, done, sizeof done);
}

static void nothing_but_computing_is_allowed(void **state)
{
    static const char *const names[] = { "opens a file", "forks", "makes a socket", "signals us", "takes 2 GiB" };
    int self = (int)getpid();
    sandbox_answer answer;
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip();
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
    skip();
#endif
#endif
    assert_int_equal(sandbox_run("m", tries, &self, &usual, &answer), 0);
    assert_int_equal(answer.size, DEEDS);
    for (int i = 0; i < DEEDS; i++)
        if (answer.data[i] && ((i != FORKS && i != KILLS) || sandbox_has_filter())) /* root may fork without it */
            fail_msg("%s", names[i]);
    free(answer.data);
    if (!sandbox_has_filter())
        print_message("skipped: a filter of system calls, built without libseccomp\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_whole),
        cmocka_unit_test(ends_become_one_line),
        cmocka_unit_test(nothing_but_computing_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
