// What compiled kernels and the emulator agree on. Read as C by the Objective-C classes, as C++ by the emulator and,
// through the prelude, by every compiled kernel file; so it includes nothing.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

// What a kernel parameter is bound to.
enum sm_role { SM_BUFFER, SM_THREADGROUP_MEMORY, SM_POSITION };

// Parameters with role SM_POSITION, by the MSL attribute that names them.
enum sm_position {
    SM_THREAD_POSITION_IN_GRID,
    SM_THREADGROUP_POSITION_IN_GRID,
    SM_THREAD_POSITION_IN_THREADGROUP,
    SM_THREADS_PER_THREADGROUP,
    SM_THREADGROUPS_PER_GRID,
    SM_THREADS_PER_GRID,
    SM_DISPATCH_THREADS_PER_THREADGROUP,
    SM_THREAD_INDEX_IN_THREADGROUP,
    SM_THREAD_INDEX_IN_SIMDGROUP,
    SM_SIMDGROUP_INDEX_IN_THREADGROUP,
    SM_SIMDGROUPS_PER_THREADGROUP,
    SM_THREADS_PER_SIMDGROUP,
};

enum { SM_MAX_BUFFERS = 31, SM_MAX_THREADGROUP_ARGUMENTS = 31, SM_MAX_THREADS = 1024, SM_THREADGROUP_BYTES = 32768 };

struct sm_parameter {
    int role;
    int index;    // of the buffer or threadgroup argument, or an sm_position
    int writable; // a buffer that the kernel may write
    const char* name;
};

// A function constant: a variable of the compiled file, set before each dispatch.
struct sm_constant {
    int index;
    int byte_size;
    int optional; // the file asks whether it is defined
    const char* type;
    const char* name;
    void* value;
    int* is_set;
};

// A threadgroup being run.
struct sm_group {
    void* const* buffers;
    void* const* threadgroup_memory;
    unsigned position[3];
    unsigned size[3];         // threads in this one; the last ones of a grid may be smaller
    unsigned nominal_size[3]; // as dispatched
    unsigned groups[3];
    unsigned threads[3]; // of the whole grid
    unsigned simdgroups;
};

struct sm_thread {
    const struct sm_group* group;
    unsigned position[3]; // in its threadgroup
    unsigned index;       // in its threadgroup
};

struct sm_kernel {
    const char* name;
    void (*entry)(const struct sm_thread*);
    const struct sm_parameter* parameters;
    int parameter_count;
    const int* constants; // indices into sm_module.constants that the kernel's code mentions; -1 ends
    int max_threads;      // [[max_total_threads_per_threadgroup]], or SM_MAX_THREADS
};

// Everything a compiled kernel file holds; its one exported symbol is `sm_module_of_file`.
struct sm_module {
    const struct sm_kernel* kernels;
    int kernel_count;
    const struct sm_constant* constants;
    int constant_count;
};

// ---- called by kernels ----

enum sm_operation {
    SM_THREADGROUP_BARRIER,
    SM_SIMDGROUP_BARRIER,
    SM_SIMD_SUM,
    SM_SIMD_PRODUCT,
    SM_SIMD_MAX,
    SM_SIMD_MIN,
    SM_SIMD_AND,
    SM_SIMD_OR,
    SM_SIMD_XOR,
    SM_SIMD_SHUFFLE,
    SM_SIMD_SHUFFLE_XOR,
    SM_SIMD_SHUFFLE_DOWN,
    SM_SIMD_SHUFFLE_UP,
    SM_SIMD_BROADCAST,
    SM_SIMD_PREFIX_SUM,
    SM_SIMD_BALLOT,
    SM_SIMDGROUP_MULTIPLY,
};

enum { SM_OPERAND_BYTES = 64 };

// Where the lanes of a simdgroup leave their operands of one operation. The first lane to resume computes what is
// common to all of them (`result`) and sets `computed`.
struct sm_exchange {
    unsigned active; // a bit a lane
    int computed;
    __attribute__((aligned(16))) unsigned char result[SM_OPERAND_BYTES];
    __attribute__((aligned(16))) unsigned char operand[32][SM_OPERAND_BYTES];
};

void sm_barrier(enum sm_operation barrier, int mem_flags, int line);
// Leaves an operand, waits for the simdgroup, returns where all operands are: valid until the lane's next exchange but
// one.
struct sm_exchange* sm_meet(const void* operand, int byte_size, enum sm_operation operation, int line);
unsigned sm_lane(void);
// Called where a `threadgroup` variable is declared: fills it with junk for the first thread of a threadgroup.
void sm_threadgroup_variable(void* variable, unsigned long byte_size);
void sm_copy_unseen(void* to, const void* from, int byte_size);

#ifdef __cplusplus
}
#endif
