package dev.jemma.app.chat;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import org.jline.reader.Candidate;
import org.jline.reader.Completer;
import org.jline.reader.LineReader;
import org.jline.reader.ParsedLine;

/** Completes commands, and after them the names of files and settings. */
final class EntryCompleter implements Completer {
    @Override
    public void complete(LineReader reader, ParsedLine line, List<Candidate> candidates) {
        String name = line.words().getFirst();
        if (!name.startsWith("/")) {
            return;
        }
        if (line.wordIndex() == 0) {
            for (SlashCommand command : SlashCommand.values()) {
                candidates.add(
                        new Candidate(command.typed(), command.typed(), null, command.description(), null, null, true));
            }
            return;
        }
        for (SlashCommand command : SlashCommand.values()) {
            if (command.typed().equals(name) && command.takesFile()) {
                files(line.word(), candidates);
            } else if (command.typed().equals(name) && command == SlashCommand.SET) {
                Settings.KEYS.forEach(key -> candidates.add(new Candidate(key)));
            }
        }
    }

    /** Names in the directory that has been typed so far; hidden ones only once their dot has been. */
    private static void files(String typed, List<Candidate> candidates) {
        String directory = typed.substring(0, typed.lastIndexOf('/') + 1);
        String begun = typed.substring(directory.length());
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(Path.of(UserFiles.withHome(directory)))) {
            for (Path entry : entries) {
                String file = String.valueOf(entry.getFileName());
                if (!file.startsWith(".") || begun.startsWith(".")) {
                    boolean leadsOn = Files.isDirectory(entry);
                    String shown = leadsOn ? file + "/" : file;
                    candidates.add(new Candidate(directory + shown, shown, null, null, null, null, !leadsOn));
                }
            }
        } catch (IOException | InvalidPathException nothingThere) {
            // Nothing completes what does not exist.
            return;
        }
    }
}
