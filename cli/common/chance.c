#include "common/chance.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

uint64_t chance_next(chance *from)
{
    uint64_t z = from->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t chance_below(chance *from, uint64_t n)
{
    uint64_t surplus = (UINT64_MAX % n + 1) % n; /* numbers that would favour the small ones */
    uint64_t number;
    do
        number = chance_next(from);
    while (number > UINT64_MAX - surplus);
    return number % n;
}

uint64_t chance_fresh_seed(void)
{
    uint64_t seed = 0;
    int file = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : read(file, &seed, sizeof seed);
    if (file >= 0)
        close(file);
    if (got != (ssize_t)sizeof seed) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        chance mix = { (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec };
        mix.state ^= (uint64_t)getpid() << 40;
        seed = chance_next(&mix);
    }
    return seed % 1000000000;
}

double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
