#pragma once

#include "commands.h"

// Runs one dispatch in a process of its own, built with a sanitizer: they cannot live inside a JVM.
bool softmetal_run_isolated(
    const struct recorded_dispatch* dispatch, const char* sanitizer, char* error, int error_size);
