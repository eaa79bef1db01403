package dev.jemma.app.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jline.reader.Candidate;
import org.jline.reader.EOFError;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.ParsedLine;
import org.jline.reader.Parser.ParseContext;
import org.jline.terminal.Terminal;
import org.jline.terminal.impl.DumbTerminal;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is typed: when it is complete, what it says, and how it is completed. */
class EntryTest {
    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '|',
            delimiter = ';',
            value = {
                "hello;false",
                "say \"\"\" here;false",
                "\"\"\";true",
                "\"\"\"one~two;true",
                "\"\"\"one~two\"\"\";false",
                "\"\"\"one\"\"\" and more;true",
                "\"\"\"\"\"\";false",
                "/system \"\"\"one;true",
                "/system \"\"\"one~two\"\"\"  ;false",
                "/system says \"\"\";false",
            })
    void quotesCloseAtTheEndOfALine(String entry, boolean open) {
        String typed = entry.replace('~', '\n');
        assertThat(TripleQuotes.isOpen(typed)).isEqualTo(open);
        EntryParser parser = new EntryParser();
        assertThat(parser.parse(typed, 0, ParseContext.COMPLETE).line()).isEqualTo(typed);
        if (open) {
            assertThatExceptionOfType(EOFError.class)
                    .isThrownBy(() -> parser.parse(typed, typed.length(), ParseContext.ACCEPT_LINE));
        } else {
            assertThat(parser.parse(typed, typed.length(), ParseContext.ACCEPT_LINE)
                            .line())
                    .isEqualTo(typed);
        }
    }

    @Test
    void quotesAreNotPartOfTheText() {
        assertThat(TripleQuotes.unquoted("\"\"\"\n/exit \"\"\"\nmore\"\"\"")).isEqualTo("/exit \"\"\"\nmore");
        assertThat(TripleQuotes.unquoted("a \"\"\"b\"\"\"")).isEqualTo("a \"\"\"b\"\"\"");
        assertThat(TripleQuotes.unquoted("\"\"\"\"\"\"")).isEmpty();
    }

    private static List<String> completions(String typed) throws IOException {
        ParsedLine line = new EntryParser().parse(typed, typed.length(), ParseContext.COMPLETE);
        List<Candidate> candidates = new ArrayList<>();
        try (Terminal terminal = new DumbTerminal(InputStream.nullInputStream(), OutputStream.nullOutputStream())) {
            LineReader reader = LineReaderBuilder.builder().terminal(terminal).build();
            new EntryCompleter().complete(reader, line, candidates);
        }
        return candidates.stream()
                .map(Candidate::value)
                .filter(value -> value.startsWith(line.word()))
                .sorted()
                .toList();
    }

    @Test
    void commandsFilesAndSettingsAreCompleted() throws IOException {
        Files.createDirectory(directory.resolve("my notes"));
        Files.createFile(directory.resolve("my notes/one.txt"));
        Files.createFile(directory.resolve("my file"));
        Files.createFile(directory.resolve(".hidden"));
        assertThat(completions("/re")).containsExactly("/read", "/regen");
        assertThat(completions("/read " + directory + "/my"))
                .containsExactly(directory + "/my file", directory + "/my notes/");
        assertThat(completions("/load " + directory + "/my notes/")).containsExactly(directory + "/my notes/one.txt");
        assertThat(completions("/save " + directory + "/.")).containsExactly(directory + "/.hidden");
        assertThat(completions("/read " + directory + "/none/x")).isEmpty();
        assertThat(completions("/set top")).containsExactly("top-k", "top-p");
        assertThat(completions("/system x")).isEmpty();
        assertThat(completions("read the")).isEmpty();
    }
}
