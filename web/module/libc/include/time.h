#ifndef TIME_H
#define TIME_H
/* The module has no clock: it is a session with `profile` that asks for the time, and the module opens none. */
typedef long long time_t;
struct timespec {
    time_t tv_sec;
    long tv_nsec;
};
#define CLOCK_MONOTONIC 1
int clock_gettime(int, struct timespec *);
#endif
