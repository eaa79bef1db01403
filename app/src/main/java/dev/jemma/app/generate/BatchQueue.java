package dev.jemma.app.generate;

import dev.jemma.engine.GenerationRequest;
import dev.jemma.engine.SamplingOptions;
import dev.jemma.engine.StopConditions;
import dev.jemma.engine.TextModel;
import dev.jemma.engine.TokenIds;
import dev.jemma.engine.UsageException;
import dev.jemma.models.chat.ConversationException;
import dev.jemma.models.chat.Options;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import java.util.function.LongPredicate;
import org.jspecify.annotations.Nullable;

/** A batch's requests in order of its input: those that are this run's, not done yet, and usable. */
final class BatchQueue {
    /** A shorter beginning costs less to read again than to keep. */
    private static final int SHORTEST_PREFIX = 16;

    private final BatchInput input;
    private final TextModel model;
    private final Defaults defaults;
    private final LongPredicate mine;
    private final Set<String> finished;
    private final Set<String> ids = new HashSet<>();
    private final Deque<Item> ahead = new ArrayDeque<>();
    private long read;
    private long taken;

    /** What prompts do not say themselves. */
    record Defaults(SamplingOptions sampling, StopConditions stop, boolean raw) {}

    /** A prompt, and where it was. */
    record Item(long line, BatchPrompt prompt, GenerationRequest request) {}

    /**
     * @param mine whether the prompt with an index, from 0, is this run's
     * @param finished ids that need not run again
     */
    BatchQueue(BatchInput input, TextModel model, Defaults defaults, LongPredicate mine, Set<String> finished) {
        this.input = input;
        this.model = model;
        this.defaults = defaults;
        this.mine = mine;
        this.finished = finished;
    }

    /** The next request; null at the end. */
    @Nullable
    Item next() {
        Item item = ahead.isEmpty() ? readNext() : ahead.remove();
        taken += item == null ? 0 : 1;
        return item;
    }

    /**
     * What the next requests all begin with, short enough to leave each of them something to compute; empty if that is
     * not worth while.
     *
     * @param count how many to look at
     */
    TokenIds commonPrefix(int count) {
        while (ahead.size() < count) {
            Item item = readNext();
            if (item == null) {
                break;
            }
            ahead.add(item);
        }
        if (ahead.size() < 2) {
            return TokenIds.of();
        }
        TokenIds first = ahead.getFirst().request().prompt();
        int common = first.size();
        for (Item item : ahead) {
            TokenIds prompt = item.request().prompt();
            common = Math.min(common, Math.min(first.commonPrefix(prompt), prompt.size() - 1));
        }
        TokenIds prefix = TokenIds.of(first.toArray());
        prefix.truncate(common < SHORTEST_PREFIX ? 0 : common);
        return prefix;
    }

    /** Prompts that were read from the input, of whatever kind. */
    long read() {
        return read;
    }

    /** Of these, read ahead and not taken yet. */
    int waiting() {
        return ahead.size();
    }

    /** Requests that {@link #next} gave. */
    long taken() {
        return taken;
    }

    /** Says that a request cannot be met. */
    void report(Item item, RuntimeException wrong) {
        taken--;
        input.report(item.line(), wrong);
    }

    private @Nullable Item readNext() {
        for (BatchPrompt prompt = input.next(); prompt != null; prompt = input.next()) {
            if (mine.test(read++) && !finished.contains(prompt.id())) {
                try {
                    if (!ids.add(prompt.id())) {
                        throw new UsageException("expected ids that differ, got '" + prompt.id() + "' again");
                    }
                    return new Item(input.line(), prompt, request(prompt));
                } catch (UsageException | ConversationException wrong) {
                    input.report(input.line(), wrong);
                }
            }
        }
        return null;
    }

    private GenerationRequest request(BatchPrompt prompt) {
        SamplingOptions sampling = prompt.overrides().over(defaults.sampling());
        StopConditions stop = prompt.overrides().over(defaults.stop(), model.stopIds());
        return new GenerationRequest(prompt.id(), tokenIds(prompt), sampling, stop, 0, !defaults.raw());
    }

    private TokenIds tokenIds(BatchPrompt prompt) {
        if (!defaults.raw()) {
            return model.chatPrompt(prompt.messages(), Options.ANSWER);
        }
        if (prompt.isConversation() || prompt.messages().size() > 1) {
            throw new UsageException("expected a prompt alone with --raw, got messages or a system prompt");
        }
        return model.rawPrompt(prompt.prompt());
    }
}
