#include "fiber.h"

#include "sanitizers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

extern "C" void sm_switch(void** save, void* to);

namespace softmetal {

namespace {

constexpr size_t guard_bytes = 16 * 1024; // a page on every system, Apple's 16 KiB pages included
#ifdef SM_TSAN
// TSan keeps shadow memory a stack; kernels need little.
constexpr size_t stack_bytes = guard_bytes + 128 * 1024;
#else
constexpr size_t stack_bytes = guard_bytes + 256 * 1024;
#endif

// The frame that sm_switch pops from a stack it has never left: registers, then the address it returns to.
#if defined(__x86_64__)
constexpr int frame_words = 8, return_word = 6; // one word of padding keeps the alignment a call would have
#else
constexpr int frame_words = 20, return_word = 11;
#endif

} // namespace

void adopt_own_stack(Stack& stack) {
#ifdef SM_ASAN
    pthread_attr_t attributes;
    void* lowest;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) abort();
    pthread_attr_getstack(&attributes, &lowest, &stack.byte_size);
    pthread_attr_destroy(&attributes);
    stack.memory = static_cast<char*>(lowest);
#else
    (void)stack;
#endif
}

void make_stack(Stack& stack) {
    void* memory =
        mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, guard_bytes, PROT_NONE) != 0) {
        perror("softmetal: no memory for a fiber's stack");
        abort();
    }
    stack.memory = static_cast<char*>(memory);
    stack.byte_size = stack_bytes;
}

void restart_stack(Stack& stack, void (*body)()) {
    void** frame = reinterpret_cast<void**>(stack.memory + stack.byte_size) - frame_words;
    for (int i = 0; i < frame_words; i++) frame[i] = nullptr;
    frame[return_word] = reinterpret_cast<void*>(body);
    stack.sp = frame;
    stack.asan_fake_stack = nullptr;
}

void switch_stack(Stack& from, Stack& to) {
#ifdef SM_ASAN
    __sanitizer_start_switch_fiber(&from.asan_fake_stack, to.memory, to.byte_size);
#endif
    sm_switch(&from.sp, to.sp);
#ifdef SM_ASAN
    __sanitizer_finish_switch_fiber(from.asan_fake_stack, nullptr, nullptr);
#endif
}

void arrived_on_new_stack() {
#ifdef SM_ASAN
    __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
}

} // namespace softmetal
