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

static void buffer_path(char* path, int index) { snprintf(path, path_bytes, "%s/buffer%d", folder(), index); }

static void write_buffer(const struct binding* b, int index) {
    char path[path_bytes];
    buffer_path(path, index);
    FILE* file = fopen(path, "wb");
    size_t bytes = softmetal_bound_bytes(b);
    MUST(file && fwrite(softmetal_bound_address(b), 1, bytes, file) == bytes && fclose(file) == 0, "cannot write %s",
         path);
}

static void read_buffer(const struct binding* b, int index) {
    char path[path_bytes];
    buffer_path(path, index);
    FILE* file = fopen(path, "rb");
    size_t bytes = softmetal_bound_bytes(b);
    MUST(file && fread(softmetal_bound_address(b), 1, bytes, file) == bytes && fclose(file) == 0, "cannot read %s", path);
}

static void add_arguments(struct command* c, const struct recorded_dispatch* d) {
    const SMFunction* function = d->pipeline->function;
    const struct sm_kernel* kernel = function->kernel;
    for (int i = 0; i < kernel->parameter_count; i++) {
        const struct sm_parameter* p = &kernel->parameters[i];
        if (p->role == SM_BUFFER) {
            write_buffer(&d->bindings[p->index], p->index);
            add(c, " b%d:buffer%d", p->index, p->index);
        } else if (p->role == SM_THREADGROUP_MEMORY) {
            add(c, " t%d:%u", p->index, d->threadgroup_bytes[p->index]);
        }
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
    if (!read) snprintf(error, (size_t)error_size, "kernel %s: the isolated dispatch ended with status %d", kernel, status);
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
    add_arguments(&c, d);
    add(&c, " 2> log");
    int status = system(c.text);
    if (status != 0) {
        read_log(function->kernel->name, WEXITSTATUS(status), error, error_size);
        return false;
    }
    for (int i = 0; i < function->kernel->parameter_count; i++) {
        const struct sm_parameter* p = &function->kernel->parameters[i];
        if (p->role == SM_BUFFER && p->writable) read_buffer(&d->bindings[p->index], p->index);
    }
    return true;
}
