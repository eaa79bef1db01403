// The sanitizers' interfaces for memory and stacks they cannot see through, or nothing where none is built in.
// SM_TSAN is given by the build and not found out: for ThreadSanitizer the emulator itself is compiled without
// instrumentation, because its own memory is no part of what a kernel's threads race on.
#pragma once

#if __has_feature(address_sanitizer)
#define SM_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if __has_feature(memory_sanitizer)
#define SM_MSAN 1
#include <sanitizer/msan_interface.h>
#endif
#ifdef SM_TSAN
#include <sanitizer/tsan_interface.h>
#endif
