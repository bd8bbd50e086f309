#include "base/thread_pool.h"

#if INK_HAVE_THREADS

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

typedef struct worker {
    ink_pool *pool;
    uint32_t index;
    pthread_t thread;
} worker;

struct ink_pool {
    ink_allocator allocator;
    uint32_t threads, started; /* `started` counts the pool's own threads that really run */
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    uint64_t round;    /* goes up with each job */
    bool open;         /* there is work left, so that it is worth to begin */
    atomic_uint running; /* own threads that have begun the job and not finished it; goes up under the lock */
    bool stop;
    void (*job)(void *, uint32_t);
    void *context;
    worker workers[];
};

static void *thread_main(void *argument)
{
    worker *self = argument;
    ink_pool *pool = self->pool;
    uint64_t seen = 0;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->round == seen && !pool->stop)
            pthread_cond_wait(&pool->work, &pool->lock);
        if (pool->stop)
            break;
        seen = pool->round;
        if (!pool->open)
            continue;
        atomic_fetch_add(&pool->running, 1);
        void (*job)(void *, uint32_t) = pool->job;
        void *context = pool->context;
        pthread_mutex_unlock(&pool->lock);
        job(context, self->index);
        pthread_mutex_lock(&pool->lock);
        if (atomic_fetch_sub(&pool->running, 1) == 1)
            pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

size_t ink_pool_memory(uint32_t threads)
{
    return sizeof(ink_pool) + threads * sizeof(worker);
}

ink_status ink_pool_open(const ink_allocator *allocator, uint32_t threads, ink_pool **out,
                         ink_error *error)
{
    ink_pool *pool = ink_alloc(allocator, ink_pool_memory(threads));
    if (!pool)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for %u threads", threads);
    *pool = (ink_pool){ .allocator = *allocator, .threads = threads };
    if (pthread_mutex_init(&pool->lock, NULL))
        goto no_lock;
    if (pthread_cond_init(&pool->work, NULL))
        goto no_work;
    if (pthread_cond_init(&pool->done, NULL))
        goto no_done;
    for (uint32_t i = 1; i < threads; i++) {
        worker *w = &pool->workers[i];
        *w = (worker){ .pool = pool, .index = i };
        if (pthread_create(&w->thread, NULL, thread_main, w)) {
            uint32_t started = pool->started + 1;
            ink_pool_close(&pool);
            return ink_fail(error, INK_ERR_THREAD, "thread %u of %u cannot be started", started,
                            threads - 1);
        }
        pool->started++;
    }
    *out = pool;
    return INK_OK;
no_done:
    pthread_cond_destroy(&pool->work);
no_work:
    pthread_mutex_destroy(&pool->lock);
no_lock:
    ink_free(allocator, pool);
    return ink_fail(error, INK_ERR_THREAD, "no locks for %u threads", threads);
}

void ink_pool_close(ink_pool **pool)
{
    ink_pool *p = pool ? *pool : NULL;
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (uint32_t i = 1; i <= p->started; i++)
        pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->done);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    ink_allocator allocator = p->allocator;
    ink_free(&allocator, p);
    *pool = NULL;
}

static bool spin(ink_pool *pool)
{
    enum { MICROSECONDS = 50, CHECK = 64 };
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin); /* on Windows from winpthreads */
    do {
        for (int i = 0; i < CHECK; i++) {
            if (!atomic_load_explicit(&pool->running, memory_order_acquire))
                return true;
#if defined(__x86_64__) || defined(__i386__)
            __builtin_ia32_pause();
#endif
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - begin.tv_sec) * 1000000000LL + (now.tv_nsec - begin.tv_nsec) < MICROSECONDS * 1000);
    return false;
}

void ink_pool_run(ink_pool *pool, void (*job)(void *context, uint32_t worker), void *context)
{
    pthread_mutex_lock(&pool->lock);
    pool->job = job;
    pool->context = context;
    pool->open = true;
    pool->round++;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    job(context, 0);
    pthread_mutex_lock(&pool->lock);
    pool->open = false;
    pthread_mutex_unlock(&pool->lock);
    if (spin(pool))
        return;
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->running))
        pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

#else

struct ink_pool {
    ink_allocator allocator;
    uint32_t threads;
};

size_t ink_pool_memory(uint32_t threads)
{
    (void)threads;
    return sizeof(ink_pool);
}

ink_status ink_pool_open(const ink_allocator *allocator, uint32_t threads, ink_pool **out, ink_error *error)
{
    ink_pool *pool = ink_alloc(allocator, sizeof *pool);
    if (!pool)
        return ink_fail(error, INK_ERR_MEMORY, "no memory for %u threads", threads);
    *pool = (ink_pool){ *allocator, threads };
    *out = pool;
    return INK_OK;
}

void ink_pool_close(ink_pool **pool)
{
    if (!pool || !*pool)
        return;
    ink_allocator allocator = (*pool)->allocator;
    ink_free(&allocator, *pool);
    *pool = NULL;
}

void ink_pool_run(ink_pool *pool, void (*job)(void *context, uint32_t worker), void *context)
{
    for (uint32_t worker = 0; worker < pool->threads; worker++)
        job(context, worker);
}

#endif
