// One threadgroup on one OS thread. Its threads ("lanes" of simdgroups) are fibers that run one after another and
// switch only where they meet: at barriers and simd operations. A lane that reaches none runs to its end without a
// switch.
#pragma once

#include "abi.h"
#include "fiber.h"

#include <stdint.h>

namespace softmetal {

enum class State : uint8_t { Ready, AtSimdOperation, AtBarrier, Done };

struct Lane {
    sm_thread thread;
    Stack* stack; // null until the lane starts, and again when it is done
    State state;
    sm_operation operation; // where it waits
    int line;
    unsigned exchanges, threadgroup_barriers, simdgroup_barriers;
    void* tsan_fiber;
};

// The order in which lanes take their turns: 0 ascending, 1 descending, any other number a sequence of random orders.
// MSL promises no order, so a result that depends on it is a race.
class TurnOrder {
  public:
    TurnOrder(unsigned kind, unsigned salt) : kind_(kind), random_(kind * 2654435761u + salt) {}
    bool varies() const { return kind_ > 1; }
    bool descending() const { return kind_ == 1; }
    void fill(uint8_t* turns, unsigned count);

  private:
    unsigned kind_, random_;
};

struct Failure {
    bool happened = false;
    char text[512] = "";
};

class Threadgroup {
  public:
    Threadgroup();
    // False when the kernel breaks a rule of the execution model; `failure` says which.
    bool run(const sm_kernel& kernel, const sm_group& group, unsigned dynamic_bytes, TurnOrder order, Failure& failure);

    // ---- from kernels, on a lane's stack ----
    void wait(State state, sm_operation operation, int line);
    sm_exchange* meet(const void* operand, int byte_size, sm_operation operation, int line);
    void declare(void* variable, unsigned long byte_size);
    unsigned lane_index() const { return current_->thread.index % 32; }
    void body();
    // What the memory ordered by the lane's next barrier hangs on, for ThreadSanitizer. Two take turns: a lane may
    // reach its next barrier before another has left this one, and must not seem to be ordered before it.
    void* next_barrier_scope(sm_operation barrier) {
        if (barrier == SM_THREADGROUP_BARRIER) return &barrier_scopes_[current_->threadgroup_barriers++ & 1];
        return &exchanges_[current_->thread.index / width][current_->simdgroup_barriers++ & 1];
    }

  private:
    static constexpr unsigned width = 32, max_variables = 32;

    void free_all_stacks();
    void place_lanes();
    Lane* next();
    bool advance();
    bool release_simdgroup();
    bool release_barrier();
    void enter_simdgroup(unsigned number);
    void resume(Lane* to, Stack& from);
    Stack* free_stack();
    [[noreturn]] void leave(Stack& from);
    bool diverged(const Lane& waiting, const Lane& other, const char* what);
    void end_lanes();

    const sm_kernel* kernel_ = nullptr;
    const sm_group* group_ = nullptr;
    Failure* failure_ = nullptr;
    TurnOrder order_{0, 0};

    unsigned lane_count_ = 0, simdgroups_ = 0;
    Lane* lanes_ = nullptr;
    sm_exchange (*exchanges_)[2] = nullptr; // two a simdgroup: a fast lane may start the next operation early
    Lane* current_ = nullptr;

    uint8_t turns_[width], simdgroup_turns_[width];
    unsigned turn_ = 0, turn_count_ = 0, simdgroup_turn_ = 0, simdgroup_ = 0;

    char barrier_scopes_[2];
    Stack own_stack_;
    Stack* stacks_ = nullptr;
    Stack** free_ = nullptr;
    unsigned free_count_ = 0;

    void* variables_[max_variables];
    unsigned variable_count_ = 0;
    unsigned long threadgroup_bytes_ = 0;
    [[maybe_unused]] void* tsan_own_ = nullptr;
};

} // namespace softmetal
