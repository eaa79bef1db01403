// The order between encoders ("passes"). Metal orders those that use a buffer it tracks. For untracked buffers
// (MTLResourceHazardTrackingModeUntracked) it does nothing: passes of one queue may then overlap, even of different
// command buffers, unless a fence orders them or the host has waited. Here they never overlap, so the missing order is
// looked for instead of left to chance.
#pragma once

#include "foundation.h"

@class SMCommandBuffer, SMCommandQueue, SMBuffer, SMFence;

enum { max_pass_fences = 8 };

struct use_of_buffer {
    const SMBuffer* buffer;
    bool writes;
};

struct pass {
    struct pass* next; // of its queue, in the order of commits
    const SMCommandBuffer* commands;
    const SMFence *waited[max_pass_fences], *updated[max_pass_fences];
    int waited_count, updated_count;
    struct use_of_buffer* uses;
    int use_count;
    struct pass** before; // passes that are over when this one starts
    int before_count;
};

struct pass* softmetal_new_pass(const SMCommandBuffer* commands);
void softmetal_pass_waits(struct pass* pass, const SMFence* fence);
void softmetal_pass_updates(struct pass* pass, const SMFence* fence);
void softmetal_pass_uses(struct pass* pass, const SMBuffer* buffer, bool writes);
void softmetal_free_pass(struct pass* pass);

// Appends a committed pass to its queue's list; a misuse if it may overlap an earlier one on an untracked buffer.
void softmetal_order_pass(struct pass** queue, struct pass* pass);
// The work of a command buffer is over: its passes order nothing any more.
void softmetal_finish_passes(struct pass** queue, const SMCommandBuffer* commands);
