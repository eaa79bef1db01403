// Runs what a command buffer has recorded. Dispatches of one phase have no barrier between them, so Metal may run them
// in any order; SOFTMETAL_CONCURRENCY says in which:
//   forward (as encoded), reverse, a number N (shuffled with seed N),
//   check: in both orders from the same memory, and an error if the results differ, naming the kernels and the buffer.
#include "execute.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { max_phase = 4096 };

struct phase {
    const struct recorded_dispatch* dispatches[max_phase];
    int count;
    char* error;
    int error_size;
};

static unsigned workers(void) {
    const char* chosen = softmetal_switch("SOFTMETAL_THREADS", "");
    long count = *chosen ? atol(chosen) : sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (unsigned)count : 1;
}

// SOFTMETAL_CHECK names a sanitizer; SOFTMETAL_CHECK_TIMES=N gives it the first N dispatches of each pipeline only.
static bool is_for_sanitizer(const struct recorded_dispatch* d) {
    if (!*softmetal_switch("SOFTMETAL_CHECK", "")) return false;
    const char* times = softmetal_switch("SOFTMETAL_CHECK_TIMES", "");
    return !*times || d->pipeline->sanitized++ < (NSUInteger)atol(times);
}

static bool run_dispatch(const struct recorded_dispatch* d, char* error, int error_size) {
    if (is_for_sanitizer(d))
        return softmetal_run_isolated(d, softmetal_switch("SOFTMETAL_CHECK", ""), error, error_size);
    struct sm_dispatch dispatch;
    dispatch.kernel = d->pipeline->function->kernel;
    memcpy(dispatch.group_size, d->group_size, sizeof dispatch.group_size);
    memcpy(dispatch.threads, d->threads, sizeof dispatch.threads);
    for (int i = 0; i < SM_MAX_BUFFERS; i++) dispatch.buffers[i] = softmetal_bound_address(&d->bindings[i]);
    memcpy(dispatch.threadgroup_bytes, d->threadgroup_bytes, sizeof dispatch.threadgroup_bytes);
    dispatch.order = (unsigned)atol(softmetal_switch("SOFTMETAL_ORDER", "0"));
    dispatch.workers = workers();
    softmetal_set_constants(d->pipeline);
    return sm_run(&dispatch, error, error_size) == 0;
}

static bool run_forward(const struct phase* p) {
    for (int i = 0; i < p->count; i++)
        if (!run_dispatch(p->dispatches[i], p->error, p->error_size)) return false;
    return true;
}

static bool run_reverse(const struct phase* p) {
    for (int i = p->count - 1; i >= 0; i--)
        if (!run_dispatch(p->dispatches[i], p->error, p->error_size)) return false;
    return true;
}

static bool run_shuffled(const struct phase* p, unsigned seed) {
    int turns[max_phase];
    unsigned random = seed * 2654435761u + (unsigned)p->count;
    for (int i = 0; i < p->count; i++) {
        random = random * 1664525u + 1013904223u;
        int j = (int)((random >> 8) % (unsigned)(i + 1));
        turns[i] = turns[j];
        turns[j] = i;
    }
    for (int i = 0; i < p->count; i++)
        if (!run_dispatch(p->dispatches[turns[i]], p->error, p->error_size)) return false;
    return true;
}

// ---- both orders ----

struct range {
    char *begin, *end, *before, *forward;
    const SMBuffer* buffer;
};

static int by_address(const void* a, const void* b) {
    const struct range *x = a, *y = b;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

// The memory that a phase may write, overlaps merged.
static int written_ranges(const struct phase* p, struct range** out) {
    struct range* ranges = malloc((size_t)p->count * SM_MAX_BUFFERS * sizeof *ranges);
    int count = 0;
    for (int i = 0; i < p->count; i++) {
        const struct sm_kernel* kernel = p->dispatches[i]->pipeline->function->kernel;
        for (int k = 0; k < kernel->parameter_count; k++) {
            const struct sm_parameter* parameter = &kernel->parameters[k];
            if (parameter->role != SM_BUFFER || !parameter->writable) continue;
            const struct binding* b = &p->dispatches[i]->bindings[parameter->index];
            if (!b->buffer) continue;
            char* begin = softmetal_bound_address(b);
            ranges[count++] = (struct range){begin, begin + softmetal_bound_bytes(b), NULL, NULL, b->buffer};
        }
    }
    qsort(ranges, (size_t)count, sizeof *ranges, by_address);
    int merged = 0;
    for (int i = 0; i < count; i++) {
        if (merged && ranges[i].begin < ranges[merged - 1].end) {
            if (ranges[i].end > ranges[merged - 1].end) ranges[merged - 1].end = ranges[i].end;
        } else {
            ranges[merged++] = ranges[i];
        }
    }
    *out = ranges;
    return merged;
}

static char* copy_of(const struct range* r) {
    size_t bytes = (size_t)(r->end - r->begin);
    return memcpy(malloc(bytes), r->begin, bytes);
}

// The difference, and what each dispatch of the phase is bound to.
static void describe_hazard(const struct phase* p, const struct range* r, size_t at) {
    int used = snprintf(p->error, (size_t)p->error_size,
                        "missing barrier: dispatches that may run in any order give different results, first in buffer "
                        "'%s' at byte %ld; they are",
                        [(SMBuffer*)r->buffer labelText], (long)(r->begin + at - r->buffer->bytes));
    for (int i = 0; i < p->count; i++) {
        const struct sm_kernel* kernel = p->dispatches[i]->pipeline->function->kernel;
        used += snprintf(p->error + used, (size_t)(p->error_size - used), "%s %s(", i ? "," : "", kernel->name);
        const char* comma = "";
        for (int k = 0; k < kernel->parameter_count && used < p->error_size; k++) {
            const struct sm_parameter* parameter = &kernel->parameters[k];
            const struct binding* b = &p->dispatches[i]->bindings[parameter->index];
            if (parameter->role != SM_BUFFER || !b->buffer) continue;
            used += snprintf(p->error + used, (size_t)(p->error_size - used), "%s%s '%s'+%lu as %s", comma,
                             parameter->writable ? "writes" : "reads", [b->buffer labelText], b->offset,
                             parameter->name);
            comma = ", ";
        }
        if (used >= p->error_size - 1) return;
        used += snprintf(p->error + used, (size_t)(p->error_size - used), ")");
    }
}

static bool run_both_orders(const struct phase* p) {
    struct range* ranges;
    int count = written_ranges(p, &ranges);
    for (int i = 0; i < count; i++) ranges[i].before = copy_of(&ranges[i]);
    bool ran = run_forward(p);
    for (int i = 0; i < count; i++) {
        ranges[i].forward = copy_of(&ranges[i]);
        memcpy(ranges[i].begin, ranges[i].before, (size_t)(ranges[i].end - ranges[i].begin));
    }
    ran = ran && run_reverse(p);
    for (int i = 0; i < count; i++) {
        size_t bytes = (size_t)(ranges[i].end - ranges[i].begin), at = 0;
        if (ran && memcmp(ranges[i].begin, ranges[i].forward, bytes) != 0) {
            while (ranges[i].begin[at] == ranges[i].forward[at]) at++;
            describe_hazard(p, &ranges[i], at);
            ran = false;
        }
        free(ranges[i].before);
        free(ranges[i].forward);
    }
    free(ranges);
    return ran;
}

static bool run_phase(const struct phase* p) {
    const char* how = softmetal_switch("SOFTMETAL_CONCURRENCY", "forward");
    if (p->count < 2 || strcmp(how, "forward") == 0) return run_forward(p);
    if (strcmp(how, "reverse") == 0) return run_reverse(p);
    if (strcmp(how, "check") == 0) return run_both_orders(p);
    MUST(*how >= '0' && *how <= '9', "SOFTMETAL_CONCURRENCY=%s: expected forward, reverse, check or a number", how);
    return run_shuffled(p, (unsigned)atol(how));
}

bool softmetal_run_dispatches(const struct recorded_dispatch* first, char* error, int error_size) {
    struct phase* p = malloc(sizeof *p);
    p->error = error;
    p->error_size = error_size;
    bool ran = true;
    for (const struct recorded_dispatch* d = first; d && ran;) {
        unsigned phase = d->phase;
        for (p->count = 0; d && d->phase == phase; d = d->next) {
            MUST(p->count < max_phase, "%d dispatches without a barrier", max_phase);
            p->dispatches[p->count++] = d;
        }
        ran = run_phase(p);
    }
    free(p);
    return ran;
}
