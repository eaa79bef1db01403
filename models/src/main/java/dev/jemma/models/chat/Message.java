package dev.jemma.models.chat;

import java.util.List;

/**
 * One turn of a conversation.
 *
 * @param content plain text; whatever it says, it never becomes a control token
 * @param ids the ids with which a model wrote the content, to be repeated as they are; empty: the content is encoded
 */
public record Message(Role role, String content, List<Integer> ids) {
    public Message {
        ids = List.copyOf(ids);
    }

    public Message(Role role, String content) {
        this(role, content, List.of());
    }
}
