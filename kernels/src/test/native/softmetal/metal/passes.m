#include "passes.h"

#include "commands.h"

#include <stdlib.h>

struct pass* softmetal_new_pass(const SMCommandBuffer* commands) {
    struct pass* pass = calloc(1, sizeof *pass);
    pass->commands = commands;
    return pass;
}

void softmetal_pass_waits(struct pass* pass, const SMFence* fence) {
    MUST(pass->waited_count < max_pass_fences, "waitForFence: more than %d in one encoder", max_pass_fences);
    pass->waited[pass->waited_count++] = fence;
}

void softmetal_pass_updates(struct pass* pass, const SMFence* fence) {
    MUST(pass->updated_count < max_pass_fences, "updateFence: more than %d in one encoder", max_pass_fences);
    pass->updated[pass->updated_count++] = fence;
}

void softmetal_pass_uses(struct pass* pass, const SMBuffer* buffer, bool writes) {
    for (int i = 0; i < pass->use_count; i++) {
        if (pass->uses[i].buffer != buffer) continue;
        pass->uses[i].writes |= writes;
        return;
    }
    pass->uses = realloc(pass->uses, (size_t)(pass->use_count + 1) * sizeof *pass->uses);
    pass->uses[pass->use_count++] = (struct use_of_buffer){buffer, writes};
}

void softmetal_free_pass(struct pass* pass) {
    free(pass->uses);
    free(pass->before);
    free(pass);
}

static bool comes_before(const struct pass* earlier, const struct pass* pass) {
    for (int i = 0; i < pass->before_count; i++)
        if (pass->before[i] == earlier) return true;
    return false;
}

static void add_before(struct pass* pass, struct pass* earlier) {
    if (comes_before(earlier, pass)) return;
    pass->before = realloc(pass->before, (size_t)(pass->before_count + 1) * sizeof *pass->before);
    pass->before[pass->before_count++] = earlier;
    for (int i = 0; i < earlier->before_count; i++) add_before(pass, earlier->before[i]);
}

static bool has(const SMFence* const* fences, int count, const SMFence* fence) {
    for (int i = 0; i < count; i++)
        if (fences[i] == fence) return true;
    return false;
}

static bool fenced(const struct pass* earlier, const struct pass* later) {
    for (int i = 0; i < later->waited_count; i++)
        if (has(earlier->updated, earlier->updated_count, later->waited[i])) return true;
    return false;
}

// A buffer that both use and one of them writes; a tracked one if there is any.
static const SMBuffer* conflict(const struct pass* a, const struct pass* b) {
    const SMBuffer* found = nil;
    for (int i = 0; i < a->use_count; i++) {
        for (int j = 0; j < b->use_count; j++) {
            if (a->uses[i].buffer != b->uses[j].buffer || !(a->uses[i].writes || b->uses[j].writes)) continue;
            if (!softmetal_is_untracked(a->uses[i].buffer)) return a->uses[i].buffer;
            found = a->uses[i].buffer;
        }
    }
    return found;
}

void softmetal_order_pass(struct pass** queue, struct pass* pass) {
    struct pass** end = queue;
    for (; *end; end = &(*end)->next)
        if (fenced(*end, pass)) add_before(pass, *end);
    for (struct pass* earlier = *queue; earlier; earlier = earlier->next) {
        if (comes_before(earlier, pass)) continue;
        const SMBuffer* buffer = conflict(earlier, pass);
        if (!buffer) continue;
        MUST(!softmetal_is_untracked(buffer),
             "untracked buffer '%s' is used by two encoders that nothing orders: the later one needs waitForFence: of "
             "a fence that the earlier one updates, or the host must wait for the first to complete",
             [(SMBuffer*)buffer labelText]);
        add_before(pass, earlier);
    }
    *end = pass;
}

void softmetal_finish_passes(struct pass** queue, const SMCommandBuffer* commands) {
    struct pass** link = queue;
    while (*link) {
        struct pass* pass = *link;
        if (pass->commands != commands) {
            link = &pass->next;
            continue;
        }
        *link = pass->next;
        for (struct pass* later = *queue; later; later = later->next)
            for (int i = 0; i < later->before_count; i++)
                if (later->before[i] == pass) later->before[i--] = later->before[--later->before_count];
        softmetal_free_pass(pass);
    }
}
