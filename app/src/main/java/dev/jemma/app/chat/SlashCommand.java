package dev.jemma.app.chat;

import dev.jemma.engine.UsageException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** What a line that begins with a slash asks for. */
enum SlashCommand {
    HELP("", "this list", "?"),
    EXIT("", "leave; so does Ctrl-D", "quit bye"),
    CLEAR("", "forget what was said; the system prompt and the settings stay"),
    REGEN("", "answer the last message again"),
    UNDO("", "take the last message and its answer back"),
    READ("FILE", "put a text file before the next message"),
    SYSTEM("TEXT", "instructions that come before everything; without TEXT: none"),
    SET("KEY VALUE", "change a setting; /show lists them"),
    SHOW("", "the model, the conversation's size and the settings"),
    SAVE("FILE", "write the conversation to a file (JSON)"),
    LOAD("FILE", "go on with a saved conversation"),
    STATS("", "tokens and speed of this session");

    private final String argument;
    private final String description;
    private final String otherNames;

    SlashCommand(String argument, String description) {
        this(argument, description, "");
    }

    SlashCommand(String argument, String description, String otherNames) {
        this.argument = argument;
        this.description = description;
        this.otherNames = otherNames;
    }

    /** As it is typed: {@code /help}. */
    String typed() {
        return "/" + name().toLowerCase(Locale.ROOT);
    }

    String description() {
        return description;
    }

    boolean takesFile() {
        return argument.equals("FILE");
    }

    boolean takesArgument() {
        return !argument.isEmpty();
    }

    /** The command that a line names. */
    static SlashCommand of(String typedName) {
        for (SlashCommand command : values()) {
            if (typedName.equals(command.typed())
                    || List.of(command.otherNames.split(" ")).contains(typedName.substring(1))) {
                return command;
            }
        }
        throw new UsageException(typedName + ": expected a command, got none that is known; /help lists them;"
                + " a message that begins with a slash goes between " + TripleQuotes.QUOTES);
    }

    static String help() {
        return Arrays.stream(values())
                .map(command -> String.format(
                        Locale.ROOT, "  %-16s %s", command.typed() + " " + command.argument, command.description))
                .collect(Collectors.joining("\n"));
    }
}
