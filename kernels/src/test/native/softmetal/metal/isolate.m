#include "execute.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { command_bytes = 16384, path_bytes = 256 };

struct command {
    char text[command_bytes];
    int length;
};

__attribute__((format(printf, 2, 3))) static void add(struct command* c, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    c->length += vsnprintf(c->text + c->length, (size_t)(command_bytes - c->length), format, arguments);
    va_end(arguments);
    MUST(c->length < command_bytes, "too many arguments for one isolated dispatch");
}

// Where buffers are handed over: memory, if the system has a file system for that.
static const char* folder(void) {
    static char path[path_bytes];
    if (*path) return path;
    snprintf(path, sizeof path, "%s/softmetal.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    MUST(mkdtemp(path), "cannot make a folder like %s", path);
    return path;
}

// Memory handed over as one file: what overlaps must stay one, or an operation in place would not be in place.
struct range {
    char *begin, *end;
    bool written;
};
struct ranges {
    struct range of[SM_MAX_BUFFERS];
    int count;
};

static void add_range(struct ranges* all, struct range r) {
    for (int i = 0; i < all->count; i++) {
        struct range* other = &all->of[i];
        if (r.end <= other->begin || other->end <= r.begin) continue;
        if (other->begin < r.begin) r.begin = other->begin;
        if (other->end > r.end) r.end = other->end;
        r.written |= other->written;
        *other = all->of[--all->count];
        i = -1; // the larger one may overlap those before
    }
    all->of[all->count++] = r;
}

static struct ranges ranges_of(const struct recorded_dispatch* d) {
    const struct sm_kernel* kernel = d->pipeline->function->kernel;
    struct ranges all = {.count = 0};
    for (int i = 0; i < kernel->parameter_count; i++) {
        const struct sm_parameter* p = &kernel->parameters[i];
        if (p->role != SM_BUFFER) continue;
        const struct binding* b = &d->bindings[p->index];
        char* begin = softmetal_bound_address(b);
        // What setBytes copied is read-only, whatever the kernel says.
        add_range(&all, (struct range){begin, begin + softmetal_bound_bytes(b), p->writable && b->buffer});
    }
    return all;
}

static void exchange(const struct range* r, int number, bool write) {
    char path[path_bytes];
    snprintf(path, sizeof path, "%s/memory%d", folder(), number);
    FILE* file = fopen(path, write ? "wb" : "rb");
    size_t bytes = (size_t)(r->end - r->begin), moved = 0;
    if (file) moved = write ? fwrite(r->begin, 1, bytes, file) : fread(r->begin, 1, bytes, file);
    MUST(file && moved == bytes && fclose(file) == 0, "cannot %s %s", write ? "write" : "read", path);
}

static void add_buffer(struct command* c, const struct ranges* all, int index, const char* address) {
    for (int i = 0; i < all->count; i++) {
        const struct range* r = &all->of[i];
        if (address >= r->begin && address < r->end) add(c, " b%d:%ld:memory%d", index, (long)(address - r->begin), i);
    }
}

static void add_arguments(struct command* c, const struct recorded_dispatch* d, const struct ranges* memory) {
    const SMFunction* function = d->pipeline->function;
    const struct sm_kernel* kernel = function->kernel;
    for (int i = 0; i < kernel->parameter_count; i++) {
        const struct sm_parameter* p = &kernel->parameters[i];
        if (p->role == SM_BUFFER) add_buffer(c, memory, p->index, softmetal_bound_address(&d->bindings[p->index]));
        else if (p->role == SM_THREADGROUP_MEMORY) add(c, " t%d:%u", p->index, d->threadgroup_bytes[p->index]);
    }
    const struct sm_module* module = softmetal_module(function->library->compiled);
    for (int i = 0; i < module->constant_count; i++) {
        const struct sm_constant* constant = &module->constants[i];
        const struct constant_value* value = &function->values[constant->index];
        if (!value->set) continue;
        add(c, " c%d:", constant->index);
        for (int b = 0; b < constant->byte_size; b++) add(c, "%02x", value->bytes[b]);
    }
}

static void read_log(const char* kernel, int status, char* error, int error_size) {
    char path[path_bytes];
    snprintf(path, sizeof path, "%s/log", folder());
    FILE* file = fopen(path, "rb");
    int used = snprintf(error, (size_t)error_size, "kernel %s: ", kernel);
    size_t read = file ? fread(error + used, 1, (size_t)(error_size - used - 1), file) : 0;
    error[(size_t)used + read] = 0;
    if (file) fclose(file);
    if (read) return;
    snprintf(error, (size_t)error_size, "kernel %s: the isolated dispatch ended with status %d", kernel, status);
}

bool softmetal_run_isolated(const struct recorded_dispatch* d, const char* sanitizer, char* error, int error_size) {
    const SMFunction* function = d->pipeline->function;
    const char* executable = softmetal_executable(function->library->compiled, sanitizer);
    struct command c = {"", 0};
    add(&c, "cd '%s' && ", folder());
    add(&c, "'%s' %s", executable, function->kernel->name);
    for (int axis = 0; axis < 3; axis++) add(&c, " %u", d->group_size[axis]);
    for (int axis = 0; axis < 3; axis++) add(&c, " %u", d->threads[axis]);
    add(&c, " %s", softmetal_switch("SOFTMETAL_ORDER", "0"));
    struct ranges memory = ranges_of(d);
    for (int i = 0; i < memory.count; i++) exchange(&memory.of[i], i, true);
    add_arguments(&c, d, &memory);
    add(&c, " 2> log");
    int status = system(c.text);
    if (status != 0) {
        read_log(function->kernel->name, WEXITSTATUS(status), error, error_size);
        return false;
    }
    for (int i = 0; i < memory.count; i++)
        if (memory.of[i].written) exchange(&memory.of[i], i, false);
    return true;
}
