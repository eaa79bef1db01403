// Runs one dispatch: every threadgroup of a grid, over the machine's cores.
#pragma once

#include "abi.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sm_dispatch {
    const struct sm_kernel* kernel;
    unsigned group_size[3]; // threads
    unsigned threads[3];    // of the whole grid
    void* buffers[SM_MAX_BUFFERS];
    unsigned threadgroup_bytes[SM_MAX_THREADGROUP_ARGUMENTS];
    unsigned order;   // of lanes: 0 ascending, 1 descending, else a seed
    unsigned workers; // OS threads to use
};

// 0, or 1 with the reason in `error`.
int sm_run(const struct sm_dispatch* dispatch, char* error, int error_size);

#ifdef __cplusplus
}
#endif
