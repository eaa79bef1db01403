package dev.jemma.app.generate;

import dev.jemma.app.console.Output;
import dev.jemma.app.console.Terminal;
import dev.jemma.engine.UsageException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Where a batch's results go: whole lines, each written at once, so that a killed run loses no finished one. */
final class BatchOutput implements AutoCloseable {
    private final Set<String> finished = new HashSet<>();
    private final @Nullable RandomAccessFile file;
    private final Output output;

    private BatchOutput(@Nullable RandomAccessFile file, Output output) {
        this.file = file;
        this.output = output;
    }

    /**
     * Opens a file, or stdout for {@code -}.
     *
     * @param resume keep the well-formed lines of an earlier run and write behind them
     */
    static BatchOutput open(String name, boolean resume, Terminal terminal) {
        if (name.equals("-")) {
            return new BatchOutput(null, terminal.out());
        }
        Path path = Path.of(name);
        if (Files.exists(path) && !resume) {
            throw new UsageException("output: expected a new file, got '" + name
                    + "', which is there already; continue it with --resume, or remove it");
        }
        try {
            RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw");
            BatchOutput batch = new BatchOutput(file, new Output(name, Channels.newOutputStream(file.getChannel())));
            batch.keepFinishedLines(file, name);
            return batch;
        } catch (IOException e) {
            throw new UsageException(
                    "output: expected a file that can be written, got '" + name + "': " + e.getMessage(), e);
        }
    }

    /** Reads the ids present and cuts off a last line without an end: a kill cut it short. */
    private void keepFinishedLines(RandomAccessFile file, String name) throws IOException {
        long end = 0;
        for (String line = file.readLine(); line != null; line = file.readLine()) {
            long lineEnd = file.getFilePointer();
            file.seek(lineEnd - 1);
            if (file.read() != '\n') {
                if (!line.startsWith("{")) {
                    throw new UsageException("output: expected the results of an earlier run, got '" + name
                            + "', which ends in something else");
                }
                break;
            }
            String id = finishedId(line);
            if (id != null) {
                finished.add(id);
            }
            end = lineEnd;
        }
        file.setLength(end);
        file.seek(end);
    }

    /** {@code latin1} as {@link RandomAccessFile#readLine} gives it, one char for each byte. */
    private static @Nullable String finishedId(String latin1) {
        String line = new String(latin1.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
        try {
            JsonNode object = JsonMapper.shared().readTree(line);
            return object.isObject() && object.has("text") && object.has("id")
                    ? object.get("id").asString()
                    : null;
        } catch (JacksonException malformed) {
            return null;
        }
    }

    /** Ids of prompts that need not run again. */
    Set<String> finished() {
        return finished;
    }

    void writeLine(String json) {
        output.println(json);
    }

    @Override
    public void close() {
        if (file != null) {
            try {
                file.close();
            } catch (IOException e) {
                throw new UncheckedIOException("output: " + e.getMessage(), e);
            }
        }
    }
}
