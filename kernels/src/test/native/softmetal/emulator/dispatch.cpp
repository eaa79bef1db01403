#include "dispatch.h"

#include "sanitizers.h"
#include "threadgroup.h"
#include "workers.h"

#include <atomic>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace softmetal {

namespace {

constexpr unsigned canary_bytes = 64;

// Threadgroup memory arguments of one worker. Each ends at bytes that must not change (or, under ASan, be touched).
class ThreadgroupMemory {
  public:
    explicit ThreadgroupMemory(const unsigned* byte_sizes) : byte_sizes_(byte_sizes) {
        for (int i = 0; i < SM_MAX_THREADGROUP_ARGUMENTS; i++) {
            if (!byte_sizes[i]) continue;
            total_ += byte_sizes[i];
            size_t room = (byte_sizes[i] + canary_bytes + 63) / 64 * 64;
            memory_[i] = aligned_alloc(64, room);
            if (!memory_[i]) abort();
#ifdef SM_ASAN
            __asan_poison_memory_region(end_of(i), room - byte_sizes[i]);
#else
            memset(end_of(i), canary, canary_bytes);
#endif
        }
    }
    ~ThreadgroupMemory() {
        for (void* m : memory_) free(m);
    }
    ThreadgroupMemory(const ThreadgroupMemory&) = delete;

    void fill_with_junk() {
        for (int i = 0; i < SM_MAX_THREADGROUP_ARGUMENTS; i++) {
            if (!memory_[i]) continue;
            memset(memory_[i], 0x7f, byte_sizes_[i]); // 3.4e38 as float, NaN as half
#ifdef SM_MSAN
            __msan_poison(memory_[i], byte_sizes_[i]);
#endif
        }
    }

    // The argument whose end has been written past, or -1.
    int overrun() const {
#ifndef SM_ASAN
        for (int i = 0; i < SM_MAX_THREADGROUP_ARGUMENTS; i++)
            for (unsigned j = 0; memory_[i] && j < canary_bytes; j++)
                if (end_of(i)[j] != canary) return i;
#endif
        return -1;
    }

    void* const* arguments() const { return memory_; }
    unsigned total() const { return total_; }

  private:
    [[maybe_unused]] static constexpr unsigned char canary = 0xc5;
    unsigned char* end_of(int i) const { return static_cast<unsigned char*>(memory_[i]) + byte_sizes_[i]; }

    const unsigned* byte_sizes_;
    void* memory_[SM_MAX_THREADGROUP_ARGUMENTS] = {};
    unsigned total_ = 0;
};

class Grid final : public SharedWork {
  public:
    explicit Grid(const sm_dispatch& dispatch) : dispatch_(dispatch) {
        for (int axis = 0; axis < 3; axis++) {
            unsigned size = dispatch.group_size[axis];
            groups_[axis] = (dispatch.threads[axis] + size - 1) / size;
            group_count_ *= groups_[axis];
        }
        // Big enough that workers seldom meet at the counter, small enough that they finish together.
        chunk_ = unsigned(group_count_ / (8 * (dispatch.workers ? dispatch.workers : 1)));
        if (!chunk_) chunk_ = 1;
    }

    unsigned long group_count() const { return group_count_; }
    bool failed() const { return failed_.load(std::memory_order_relaxed); }
    const char* failure() const { return failure_.text; }

    void take_part() override {
        // One a worker thread, kept: it owns the fibers' stacks.
        static thread_local Threadgroup* threadgroup = nullptr;
        if (!threadgroup) threadgroup = new Threadgroup();
        ThreadgroupMemory memory(dispatch_.threadgroup_bytes);
        while (!failed()) {
            unsigned long first = next_.fetch_add(chunk_, std::memory_order_relaxed);
            if (first >= group_count_) break;
            for (unsigned long i = first; i < first + chunk_ && i < group_count_; i++)
                if (!run_group(*threadgroup, memory, i)) return;
        }
    }

  private:
    bool run_group(Threadgroup& threadgroup, ThreadgroupMemory& memory, unsigned long turn) {
        unsigned long number = dispatch_.order == 1 ? group_count_ - 1 - turn : turn;
        sm_group group = {};
        group.buffers = dispatch_.buffers;
        group.threadgroup_memory = memory.arguments();
        group.position[0] = unsigned(number % groups_[0]);
        group.position[1] = unsigned(number / groups_[0] % groups_[1]);
        group.position[2] = unsigned(number / groups_[0] / groups_[1]);
        unsigned threads = 1;
        for (int axis = 0; axis < 3; axis++) {
            unsigned size = dispatch_.group_size[axis];
            unsigned left = dispatch_.threads[axis] - group.position[axis] * size;
            group.size[axis] = left < size ? left : size;
            group.nominal_size[axis] = size;
            group.groups[axis] = groups_[axis];
            group.threads[axis] = dispatch_.threads[axis];
            threads *= group.size[axis];
        }
        group.simdgroups = (threads + 31) / 32;

        memory.fill_with_junk();
        Failure failure;
        TurnOrder order(dispatch_.order, unsigned(number));
        bool ran = threadgroup.run(*dispatch_.kernel, group, memory.total(), order, failure);
        int overrun = ran ? memory.overrun() : -1;
        if (overrun >= 0) {
            snprintf(failure.text, sizeof failure.text,
                     "kernel %s, threadgroup (%u,%u,%u): writes past the %u bytes of threadgroup memory at index %d",
                     dispatch_.kernel->name, group.position[0], group.position[1], group.position[2],
                     dispatch_.threadgroup_bytes[overrun], overrun);
        }
        if (ran && overrun < 0) return true;
        if (!failed_.exchange(true)) failure_ = failure;
        return false;
    }

    const sm_dispatch& dispatch_;
    unsigned groups_[3];
    unsigned long group_count_ = 1;
    unsigned chunk_;
    std::atomic<unsigned long> next_{0};
    std::atomic<bool> failed_{false};
    Failure failure_;
};

} // namespace

} // namespace softmetal

extern "C" int sm_run(const sm_dispatch* dispatch, char* error, int error_size) {
    static softmetal::Workers workers;
    softmetal::Grid grid(*dispatch);
    if (grid.group_count() == 0) return 0;
    unsigned long useful = grid.group_count() < dispatch->workers ? grid.group_count() : dispatch->workers;
    if (useful > 1) workers.run(grid, unsigned(useful - 1));
    else grid.take_part();
    if (!grid.failed()) return 0;
    snprintf(error, size_t(error_size), "%s", grid.failure());
    return 1;
}
