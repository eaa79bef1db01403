package dev.jemma.app.chat;

/** Whether the model reasons before it answers, and whether that is shown. */
enum Thinking {
    OFF,
    ON,
    HIDDEN
}
