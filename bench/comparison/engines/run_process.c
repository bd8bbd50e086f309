/* usage: run_process TIMES COMMAND...
 *
 * Runs a command over and over and prints for each run, as a line, the microseconds from its start to its end
 * and the most KiB that were resident. A program of its own, and a small one, because a process begins with
 * the peak of the one that started it. The command's output goes to /dev/null.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return fprintf(stderr, "usage: run_process TIMES COMMAND...\n"), 2;
    for (long left = strtol(argv[1], NULL, 10); left > 0; left--) {
        struct rusage usage;
        int status = 0;
        double begin = seconds();
        pid_t child = vfork();
        if (child < 0)
            return perror("vfork"), 1;
        if (child == 0) {
            int nowhere = open("/dev/null", O_WRONLY);
            dup2(nowhere, STDOUT_FILENO);
            execvp(argv[2], argv + 2);
            _exit(127);
        }
        if (wait4(child, &status, 0, &usage) < 0)
            return perror("wait4"), 1;
        double end = seconds();
        if (!WIFEXITED(status) || WEXITSTATUS(status))
            return fprintf(stderr, "run_process: %s failed\n", argv[2]), 1;
        printf("%.1f %ld\n", (end - begin) * 1e6, usage.ru_maxrss);
        fflush(stdout);
    }
    return 0;
}
