// From MSL text to code, by way of metalc, with everything compiled kept on disk.
#pragma once

#include "../emulator/abi.h"

#include <stdbool.h>

struct compiled; // an MSL text that is valid

// NULL when the text is refused; *error is then a message to free(). The same text and flags are compiled once a
// process and, until the software Metal itself changes, once a machine (SOFTMETAL_CACHE names the folder).
const struct compiled* softmetal_compile(const char* msl, const char* flags, char** error);
const struct sm_module* softmetal_module(const struct compiled* compiled);
// The path of an executable that runs one dispatch under a sanitizer: "asan", "msan" or "tsan".
const char* softmetal_executable(const struct compiled* compiled, const char* sanitizer);
