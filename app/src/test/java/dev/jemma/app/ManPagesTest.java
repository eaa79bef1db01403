package dev.jemma.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** The manual pages say what the commands say. If one does not, run {@code scripts/man-pages}. */
class ManPagesTest {
    private static final Path PAGES = Path.of(System.getProperty("jemma.root"), "docs", "man", "man1");

    static List<CommandLine> commands() {
        CommandLine root = ManPages.commandLine();
        List<CommandLine> commands = new ArrayList<>(root.getSubcommands().values());
        commands.add(root);
        return commands;
    }

    private static String name(CommandLine command) {
        return command.getCommandSpec().qualifiedName("-") + ".1";
    }

    /** Letters and digits: roff and typography change the rest. */
    private static String plain(String text) {
        return text.replaceAll("\\\\(f[BIRP]|\\*?\\(..|.)", "").replaceAll("[^A-Za-z0-9]", "");
    }

    private static String said(String... lines) {
        return plain(String.join("", lines).replace("%n", ""));
    }

    @ParameterizedTest
    @MethodSource("commands")
    void holdEveryOptionAndWhatItDoes(CommandLine command) throws IOException {
        String page = plain(Files.readString(PAGES.resolve(name(command))));
        assertThat(page).contains(said(command.getCommandSpec().usageMessage().description()));
        for (OptionSpec option : command.getCommandSpec().options()) {
            assertThat(page).contains(plain(option.longestName()));
            assertThat(page).contains(said(option.description()));
        }
    }

    @Test
    void areThoseOfTheCommandsThereAre() throws IOException {
        try (Stream<Path> pages = Files.list(PAGES)) {
            assertThat(pages.map(page -> page.getFileName().toString()))
                    .containsExactlyInAnyOrderElementsOf(
                            commands().stream().map(ManPagesTest::name).toList());
        }
    }
}
