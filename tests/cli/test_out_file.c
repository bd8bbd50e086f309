/* Files that a command writes: a signal leaves none half made, also of two at once. */
#include "support.h"

#include "common/out_file.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *folder, *paths[2];

static int make_folder(void **state)
{
    (void)state;
    folder = folder_make();
    paths[0] = folder_path(folder, "one.png");
    paths[1] = folder_path(folder, "two.png");
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    free(paths[0]);
    free(paths[1]);
    folder_remove(folder);
    return 0;
}

static void begin_both(out_file out[2])
{
    for (int i = 0; i < 2; i++)
        if (out_file_begin(paths[i], &out[i]) || out_file_write(&out[i], "12", 2))
            _exit(1);
}

/* What another process does until the signal comes: `commits` of the two files. */
static void be_ended(int commits)
{
    out_file out[2];
    const pid_t child = fork();
    int status = 0;
    assert_true(child >= 0);
    if (child == 0) {
        begin_both(out);
        for (int i = 0; i < commits; i++)
            if (out_file_commit(&out[i]))
                _exit(1);
        raise(SIGTERM);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void a_signal_leaves_nothing_half_made(void **state)
{
    (void)state;
    for (int commits = 0; commits <= 2; commits++) {
        be_ended(commits);
        assert_int_equal(folder_count(folder), commits); /* those that were in place stay */
    }
}

static void two_are_put_in_place_or_neither(void **state)
{
    (void)state;
    out_file out[2];
    begin_both(out);
    assert_int_equal(out_file_commit(&out[1]), 0);
    assert_int_equal(out_file_commit(&out[0]), 0);
    out_file_close(&out[0]);
    out_file_close(&out[1]);
    assert_int_equal(folder_count(folder), 2);
    for (int i = 0; i < 2; i++) {
        blob got = file_get(paths[i]);
        assert_true(got.size == 2 && memcmp(got.data, "12", 2) == 0);
        blob_free(&got);
        unlink(paths[i]);
    }
    begin_both(out);
    out_file_close(&out[0]);
    out_file_close(&out[1]);
    assert_int_equal(folder_count(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_signal_leaves_nothing_half_made, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(two_are_put_in_place_or_neither, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
