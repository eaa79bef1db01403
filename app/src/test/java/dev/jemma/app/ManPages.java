package dev.jemma.app;

import dev.jemma.app.console.Output;
import dev.jemma.app.console.Terminal;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.codegen.docgen.manpage.ManPageGenerator;

/** Writes the manual pages' sources, in AsciiDoc; {@code scripts/man-pages} makes pages of them. */
final class ManPages {
    private ManPages() {}

    public static void main(String[] args) throws IOException {
        Path directory = Path.of(args[0]);
        int failed = ManPageGenerator.generateManPage(
                directory.toFile(), null, new boolean[0], true, commandLine().getCommandSpec());
        if (failed != 0) {
            throw new IOException(directory + ": the pages cannot be written");
        }
        try (Stream<Path> pages = Files.list(directory)) {
            for (Path page : pages.toList()) {
                List<String> lines = Files.readAllLines(page).stream()
                        // The generator writes "-p, N" for options that have a short name only.
                        .map(line -> line.replaceFirst("^\\*(-\\w)\\*, _", "*$1*=_"))
                        .map(line -> line.replaceFirst("^(== .*):$", "$1"))
                        .map(line -> line.equals(":mansource: ") ? line + "Jemma " + Version.number() : line)
                        .toList();
                Files.write(page, lines);
            }
        }
    }

    static CommandLine commandLine() {
        Output nowhere = new Output("nowhere", OutputStream.nullOutputStream());
        return Main.commandLine(new Terminal(InputStream.nullInputStream(), nowhere, nowhere, false, false));
    }
}
