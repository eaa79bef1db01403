#include "threadgroup.h"

#include "sanitizers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace softmetal {

namespace {
// What kernels call carries no context: the worker's threadgroup is found here.
thread_local Threadgroup* running;

#ifdef SM_TSAN
// Private variables of two lanes at one address would look like a race between them.
constexpr bool may_share_stacks = false;
#else
constexpr bool may_share_stacks = true;
#endif
} // namespace

void TurnOrder::fill(uint8_t* turns, unsigned count) {
    for (unsigned i = 0; i < count; i++) turns[i] = uint8_t(descending() ? count - 1 - i : i);
    if (!varies()) return;
    for (unsigned i = count - 1; i > 0; i--) {
        random_ = random_ * 1664525u + 1013904223u;
        unsigned j = (random_ >> 8) % (i + 1);
        uint8_t t = turns[i];
        turns[i] = turns[j];
        turns[j] = t;
    }
}

Threadgroup::Threadgroup() {
    adopt_own_stack(own_stack_);
    lanes_ = static_cast<Lane*>(calloc(SM_MAX_THREADS, sizeof(Lane)));
    exchanges_ = static_cast<sm_exchange(*)[2]>(calloc(SM_MAX_THREADS / width, sizeof *exchanges_));
    stacks_ = static_cast<Stack*>(calloc(SM_MAX_THREADS, sizeof(Stack)));
    free_ = static_cast<Stack**>(calloc(SM_MAX_THREADS, sizeof(Stack*)));
    if (!lanes_ || !exchanges_ || !stacks_ || !free_) {
        fprintf(stderr, "softmetal: no memory for a threadgroup\n");
        abort();
    }
    free_all_stacks();
}

void Threadgroup::free_all_stacks() {
    free_count_ = 0;
    for (unsigned i = 0; i < SM_MAX_THREADS; i++) {
        stacks_[i].sp = nullptr;
        free_[free_count_++] = &stacks_[i];
    }
}

static void lane_body() {
    arrived_on_new_stack();
    running->body();
}

Stack* Threadgroup::free_stack() {
    Stack* stack = free_[--free_count_];
    if (!stack->memory) make_stack(*stack);
    if (!stack->sp) restart_stack(*stack, lane_body);
    return stack;
}

void Threadgroup::place_lanes() {
    const unsigned* size = group_->size;
    unsigned x = 0, y = 0, z = 0;
    for (unsigned i = 0; i < lane_count_; i++) {
        Lane& lane = lanes_[i];
        lane.thread = {group_, {x, y, z}, i};
        lane.stack = nullptr;
        lane.state = State::Ready;
        lane.exchanges = lane.threadgroup_barriers = lane.simdgroup_barriers = 0;
#ifdef SM_TSAN
        // Made here and not when a lane starts: creation orders the new fiber after its creator.
        lane.tsan_fiber = __tsan_create_fiber(0);
#endif
        if (++x == size[0]) x = 0, y++;
        if (y == size[1]) y = 0, z++;
    }
}

bool Threadgroup::run(
    const sm_kernel& kernel, const sm_group& group, unsigned dynamic_bytes, TurnOrder order, Failure& failure) {
    running = this;
    kernel_ = &kernel;
    group_ = &group;
    failure_ = &failure;
    order_ = order;
    lane_count_ = group.size[0] * group.size[1] * group.size[2];
    simdgroups_ = group.simdgroups;
    variable_count_ = 0;
    threadgroup_bytes_ = dynamic_bytes;
    turn_count_ = 0;
    place_lanes();
#ifdef SM_TSAN
    tsan_own_ = __tsan_get_current_fiber();
#endif
    order_.fill(simdgroup_turns_, simdgroups_);
    simdgroup_turn_ = 0;
    enter_simdgroup(simdgroup_turns_[0]);
    resume(next(), own_stack_);
    end_lanes();
    if (!failure.happened) return true;
    free_all_stacks(); // the lanes are abandoned where they stand
    return false;
}

void Threadgroup::end_lanes() {
#ifdef SM_TSAN
    // Stacks and threadgroup memory are used again: races are sought inside a threadgroup only.
    __tsan_acquire(lanes_);
    for (unsigned i = 0; i < lane_count_; i++) __tsan_destroy_fiber(lanes_[i].tsan_fiber);
#endif
    for (unsigned i = 0; i < lane_count_; i++)
        if (lanes_[i].stack) free_[free_count_++] = lanes_[i].stack;
}

void Threadgroup::enter_simdgroup(unsigned number) {
    unsigned left = lane_count_ - number * width, count = left < width ? left : width;
    if (order_.varies() || count != turn_count_) order_.fill(turns_, count);
    simdgroup_ = number;
    turn_count_ = count;
    turn_ = 0;
}

// The lane whose turn it is; null when the threadgroup has finished or failed.
Lane* Threadgroup::next() {
    Lane* first = lanes_ + simdgroup_ * width;
    for (;;) {
        while (turn_ < turn_count_) {
            Lane* lane = first + turns_[turn_++];
            if (lane->state == State::Ready) return lane;
        }
        if (!advance()) return nullptr;
        first = lanes_ + simdgroup_ * width;
    }
}

// Every lane of the simdgroup has had its turn: lets them go on, or turns to the next simdgroup, or opens the barrier.
bool Threadgroup::advance() {
    Lane* lanes = lanes_ + simdgroup_ * width;
    for (unsigned i = 0; i < turn_count_; i++)
        if (lanes[i].state == State::AtSimdOperation) return release_simdgroup();
    if (++simdgroup_turn_ < simdgroups_) {
        enter_simdgroup(simdgroup_turns_[simdgroup_turn_]);
        return true;
    }
    return release_barrier();
}

bool Threadgroup::release_simdgroup() {
    Lane* lanes = lanes_ + simdgroup_ * width;
    const Lane* waiting = nullptr;
    unsigned active = 0;
    for (unsigned i = 0; i < turn_count_; i++) {
        if (lanes[i].state != State::AtSimdOperation) continue;
        if (!waiting) waiting = &lanes[i];
        active |= 1u << i;
    }
    for (unsigned i = 0; i < turn_count_; i++) {
        const Lane& lane = lanes[i];
        bool met = lane.state == State::AtSimdOperation && lane.operation == waiting->operation &&
                   lane.line == waiting->line;
        if (!met) return diverged(*waiting, lane, "simd operation in divergent flow");
    }
    if (waiting->operation != SM_SIMDGROUP_BARRIER) {
        sm_exchange& exchange = exchanges_[simdgroup_][(waiting->exchanges - 1) & 1];
        exchange.active = active;
        exchange.computed = 0;
    }
    for (unsigned i = 0; i < turn_count_; i++) lanes[i].state = State::Ready;
    if (order_.varies()) order_.fill(turns_, turn_count_);
    turn_ = 0;
    return true;
}

bool Threadgroup::release_barrier() {
    const Lane *waiting = nullptr, *absent = nullptr;
    for (unsigned i = 0; i < lane_count_; i++) {
        const Lane& lane = lanes_[i];
        if (lane.state != State::AtBarrier) absent = &lane;
        else if (!waiting) waiting = &lane;
        else if (waiting->line != lane.line) return diverged(*waiting, lane, "threads wait at different barriers");
    }
    if (!waiting) return false; // all are done
    if (absent) return diverged(*waiting, *absent, "barrier not reached by every thread");
    for (unsigned i = 0; i < lane_count_; i++) lanes_[i].state = State::Ready;
    if (order_.varies()) order_.fill(simdgroup_turns_, simdgroups_);
    simdgroup_turn_ = 0;
    enter_simdgroup(simdgroup_turns_[0]);
    return true;
}

void Threadgroup::resume(Lane* to, Stack& from) {
    if (!to->stack) to->stack = free_stack();
    current_ = to;
#ifdef SM_TSAN
    __tsan_switch_to_fiber(to->tsan_fiber, __tsan_switch_to_fiber_no_sync);
#endif
    switch_stack(from, *to->stack);
}

// Back to run(), for good.
void Threadgroup::leave(Stack& from) {
#ifdef SM_TSAN
    __tsan_switch_to_fiber(tsan_own_, __tsan_switch_to_fiber_no_sync);
#endif
    switch_stack(from, own_stack_);
    abort(); // only a failed threadgroup leaves here, and its stacks are never resumed
}

void Threadgroup::body() {
    for (;;) {
        kernel_->entry(&current_->thread);
        Lane* lane = current_;
        Stack* mine = lane->stack;
        lane->state = State::Done;
#ifdef SM_TSAN
        __tsan_release(lanes_);
#endif
        Lane* to = next();
        if (may_share_stacks) {
            lane->stack = nullptr;
            if (to && !to->stack) { // has not started: it may have this stack, without a switch
                to->stack = mine;
                current_ = to;
                continue;
            }
            free_[free_count_++] = mine;
        }
        if (to) {
            resume(to, *mine);
            continue;
        }
#ifdef SM_TSAN
        __tsan_switch_to_fiber(tsan_own_, __tsan_switch_to_fiber_no_sync);
#endif
        switch_stack(*mine, own_stack_);
    }
}

void Threadgroup::wait(State state, sm_operation operation, int line) {
    Lane* lane = current_;
    lane->state = state;
    lane->operation = operation;
    lane->line = line;
    Lane* to = next();
    if (!to) leave(*lane->stack);
    if (to != lane) resume(to, *lane->stack);
}

sm_exchange* Threadgroup::meet(const void* operand, int byte_size, sm_operation operation, int line) {
    Lane* lane = current_;
    unsigned simdgroup = lane->thread.index / width, place = lane->thread.index % width;
    sm_exchange* exchange = &exchanges_[simdgroup][lane->exchanges++ & 1];
#ifdef SM_TSAN
    sm_copy_unseen(exchange->operand[place], operand, byte_size);
#else
    if (byte_size == 4) memcpy(exchange->operand[place], operand, 4); // nearly always: one move instead of a call
    else memcpy(exchange->operand[place], operand, size_t(byte_size));
#endif
    wait(State::AtSimdOperation, operation, line);
    return exchange;
}

// A `threadgroup` variable starts with junk in it; the first thread to pass its declaration puts it there.
void Threadgroup::declare(void* variable, unsigned long byte_size) {
    for (unsigned i = 0; i < variable_count_; i++)
        if (variables_[i] == variable) return;
    threadgroup_bytes_ += byte_size;
    if (variable_count_ == max_variables || threadgroup_bytes_ > SM_THREADGROUP_BYTES) {
        snprintf(failure_->text, sizeof failure_->text,
                 "kernel %s: %lu bytes in %u threadgroup variables and arguments; at most %d bytes in %u variables",
                 kernel_->name, threadgroup_bytes_, variable_count_ + 1, SM_THREADGROUP_BYTES, max_variables);
        failure_->happened = true;
        leave(*current_->stack);
    }
    variables_[variable_count_++] = variable;
    for (unsigned long i = 0; i < byte_size; i++) static_cast<volatile unsigned char*>(variable)[i] = 0x7f;
#ifdef SM_MSAN
    __msan_poison(variable, byte_size);
#endif
}

static const char* name_of(sm_operation operation) {
    switch (operation) {
    case SM_THREADGROUP_BARRIER: return "threadgroup_barrier";
    case SM_SIMDGROUP_BARRIER: return "simdgroup_barrier";
    case SM_SIMD_SUM: return "simd_sum";
    case SM_SIMD_PRODUCT: return "simd_product";
    case SM_SIMD_MAX: return "simd_max";
    case SM_SIMD_MIN: return "simd_min";
    case SM_SIMD_AND: return "simd_and";
    case SM_SIMD_OR: return "simd_or";
    case SM_SIMD_XOR: return "simd_xor";
    case SM_SIMD_SHUFFLE: return "simd_shuffle";
    case SM_SIMD_SHUFFLE_XOR: return "simd_shuffle_xor";
    case SM_SIMD_SHUFFLE_DOWN: return "simd_shuffle_down";
    case SM_SIMD_SHUFFLE_UP: return "simd_shuffle_up";
    case SM_SIMD_BROADCAST: return "simd_broadcast";
    case SM_SIMD_PREFIX_SUM: return "simd_prefix_sum";
    case SM_SIMD_BALLOT: return "simd_ballot";
    case SM_SIMDGROUP_MULTIPLY: return "simdgroup_multiply_accumulate";
    }
    return "?";
}

bool Threadgroup::diverged(const Lane& waiting, const Lane& other, const char* what) {
    char where[80];
    if (other.state == State::Done) snprintf(where, sizeof where, "has returned");
    else snprintf(where, sizeof where, "waits in %s (line %d)", name_of(other.operation), other.line);
    const unsigned* at = group_->position;
    unsigned a = waiting.thread.index, b = other.thread.index;
    snprintf(failure_->text, sizeof failure_->text,
             "kernel %s, threadgroup (%u,%u,%u): %s: thread %u (simdgroup %u lane %u) waits in %s (line %d) while "
             "thread %u (simdgroup %u lane %u) %s",
             kernel_->name, at[0], at[1], at[2], what, a, a / width, a % width, name_of(waiting.operation),
             waiting.line, b, b / width, b % width, where);
    failure_->happened = true;
    return false;
}

} // namespace softmetal

using softmetal::running;
using softmetal::State;

extern "C" {

unsigned sm_lane(void) { return running->lane_index(); }

sm_exchange* sm_meet(const void* operand, int byte_size, sm_operation operation, int line) {
    return running->meet(operand, byte_size, operation, line);
}

void sm_barrier(sm_operation barrier, int mem_flags, int line) {
    State state = barrier == SM_THREADGROUP_BARRIER ? State::AtBarrier : State::AtSimdOperation;
#ifdef SM_TSAN
    void* scope = running->next_barrier_scope(barrier);
    if (mem_flags) __tsan_release(scope);
    running->wait(state, barrier, line);
    if (mem_flags) __tsan_acquire(scope);
#else
    (void)mem_flags;
    running->wait(state, barrier, line);
#endif
}

void sm_threadgroup_variable(void* variable, unsigned long byte_size) {
    running->declare(variable, byte_size);
}

void sm_copy_unseen(void* to, const void* from, int byte_size) {
    for (int i = 0; i < byte_size; i++) static_cast<volatile char*>(to)[i] = static_cast<const volatile char*>(from)[i];
}

// libgcc 12 lacks this rounding, which clang calls for (__bf16)x: to nearest, ties to even, NaN kept quiet.
__bf16 __truncsfbf2(float x) {
    unsigned bits;
    memcpy(&bits, &x, sizeof bits);
    bool nan = (bits & 0x7fffffff) > 0x7f800000;
    bits = nan ? bits | 0x400000 : bits + 0x7fff + (bits >> 16 & 1);
    unsigned short high = static_cast<unsigned short>(bits >> 16);
    __bf16 result;
    memcpy(&result, &high, sizeof result);
    return result;
}
}
