// Stacks that the threads of a threadgroup run on, and the switch between them.
#pragma once

#include <stddef.h>

namespace softmetal {

struct Stack {
    void* sp = nullptr;
    char* memory = nullptr; // lowest address; null for the worker's own stack
    size_t byte_size = 0;
    void* asan_fake_stack = nullptr;
};

// Wraps the stack that the calling OS thread runs on.
void adopt_own_stack(Stack& stack);
// Makes a stack whose first switch_stack() calls `body`, which must not return.
void make_stack(Stack& stack);
void restart_stack(Stack& stack, void (*body)());
void switch_stack(Stack& from, Stack& to);
// The first thing `body` must call.
void arrived_on_new_stack();

} // namespace softmetal
