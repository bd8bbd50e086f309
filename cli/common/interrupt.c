#include "common/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t seen;

static void on_signal(int number)
{
    seen = number;
}

void interrupt_watch(void)
{
    static const int signals[] = { SIGHUP, SIGINT, SIGTERM };
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction now, ours = { .sa_handler = on_signal };
        sigemptyset(&ours.sa_mask);
        ours.sa_flags = (int)SA_RESETHAND;
        if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaction(signals[i], &ours, NULL);
    }
}

bool interrupt_seen(void)
{
    return seen != 0;
}

void interrupt_end(void)
{
    signal(seen, SIG_DFL);
    raise(seen);
}
