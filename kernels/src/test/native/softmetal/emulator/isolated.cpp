// One dispatch in a process of its own: a kernel file built with a sanitizer, this main and the emulator.
//   EXECUTABLE KERNEL GROUP_X GROUP_Y GROUP_Z THREADS_X THREADS_Y THREADS_Z ORDER  ARGUMENT...
// with arguments  bINDEX:OFFSET:FILE  a buffer, from a byte of a file on; files are read before and, if the kernel may
//                                     write to them, written back after the dispatch. One file may back several buffers
//                 tINDEX:BYTES        threadgroup memory
//                 cINDEX:HEX          a function constant's bytes, in memory order
// Exit status: 0 ran, 2 cannot run, 3 the kernel broke a rule of the execution model; a sanitizer's own otherwise.
#include "dispatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern "C" const sm_module sm_module_of_file;

// A process that ends after one dispatch leaks on purpose; a report names lines only with the symbolizer, which Debian
// installs under a name that the sanitizers do not look for.
#ifdef SM_SYMBOLIZER
#define SM_OPTIONS "detect_leaks=0:halt_on_error=1:external_symbolizer_path=" SM_SYMBOLIZER
#else
#define SM_OPTIONS "detect_leaks=0:halt_on_error=1"
#endif
extern "C" const char* __asan_default_options() { return SM_OPTIONS; }
extern "C" const char* __msan_default_options() { return SM_OPTIONS; }
extern "C" const char* __tsan_default_options() { return SM_OPTIONS; }

namespace {

struct Memory {
    const char* path;
    char* bytes;
    long byte_size;
    bool written;
};

Memory memories[SM_MAX_BUFFERS];
int memory_count = 0;
Memory* memory_of[SM_MAX_BUFFERS]; // by buffer index

[[noreturn]] void give_up(const char* what, const char* which) {
    fprintf(stderr, "softmetal: %s: %s\n", what, which);
    exit(2);
}

const sm_kernel& find_kernel(const char* name) {
    for (int i = 0; i < sm_module_of_file.kernel_count; i++)
        if (strcmp(sm_module_of_file.kernels[i].name, name) == 0) return sm_module_of_file.kernels[i];
    give_up("no such kernel", name);
}

Memory& open_memory(const char* path) {
    for (int i = 0; i < memory_count; i++)
        if (strcmp(memories[i].path, path) == 0) return memories[i];
    Memory& m = memories[memory_count++];
    m.path = path;
    FILE* f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0) give_up("cannot read", path);
    m.byte_size = ftell(f);
    rewind(f);
    m.bytes = static_cast<char*>(malloc(size_t(m.byte_size))); // exactly: ASan sees the first byte past it
    if (!m.bytes || fread(m.bytes, 1, size_t(m.byte_size), f) != size_t(m.byte_size)) give_up("cannot read", path);
    fclose(f);
    return m;
}

void write_back(const Memory& m) {
    FILE* f = fopen(m.path, "wb");
    if (!f || fwrite(m.bytes, 1, size_t(m.byte_size), f) != size_t(m.byte_size) || fclose(f) != 0)
        give_up("cannot write", m.path);
}

void* bind_buffer(int index, char* value) { // OFFSET:FILE
    char* path;
    long offset = strtol(value, &path, 10);
    if (*path != ':') give_up("buffer", value);
    memory_of[index] = &open_memory(path + 1);
    return memory_of[index]->bytes + offset;
}

void set_constant(int index, const char* hex) {
    for (int i = 0; i < sm_module_of_file.constant_count; i++) {
        const sm_constant& c = sm_module_of_file.constants[i];
        if (c.index != index) continue;
        for (int b = 0; b < c.byte_size; b++) {
            unsigned byte;
            if (sscanf(hex + 2 * b, "%2x", &byte) != 1) give_up("function constant", hex);
            static_cast<unsigned char*>(c.value)[b] = static_cast<unsigned char>(byte);
        }
        *c.is_set = 1;
    }
}

} // namespace

int main(int count, char** words) {
    if (count < 9) give_up("usage", "KERNEL GROUP_XYZ THREADS_XYZ ORDER ARGUMENT...");
    sm_dispatch dispatch = {};
    dispatch.kernel = &find_kernel(words[1]);
    for (int axis = 0; axis < 3; axis++) {
        dispatch.group_size[axis] = unsigned(atol(words[2 + axis]));
        dispatch.threads[axis] = unsigned(atol(words[5 + axis]));
    }
    dispatch.order = unsigned(atol(words[8]));
    dispatch.workers = 1;

    for (int i = 9; i < count; i++) {
        char* value = strchr(words[i], ':');
        int index = atoi(words[i] + 1);
        if (!value || index < 0 || index >= SM_MAX_BUFFERS) give_up("argument", words[i]);
        value++;
        switch (words[i][0]) {
        case 'b': dispatch.buffers[index] = bind_buffer(index, value); break;
        case 't': dispatch.threadgroup_bytes[index] = unsigned(atol(value)); break;
        case 'c': set_constant(index, value); break;
        default: give_up("argument", words[i]);
        }
    }

    char error[512];
    if (sm_run(&dispatch, error, sizeof error) != 0) {
        fprintf(stderr, "softmetal: %s\n", error);
        return 3;
    }
    for (int i = 0; i < dispatch.kernel->parameter_count; i++) {
        const sm_parameter& p = dispatch.kernel->parameters[i];
        if (p.role == SM_BUFFER && p.writable && memory_of[p.index]) memory_of[p.index]->written = true;
    }
    for (int i = 0; i < memory_count; i++)
        if (memories[i].written) write_back(memories[i]);
    return 0;
}
