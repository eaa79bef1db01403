package dev.jemma.app.generate;

import dev.jemma.app.console.Output;
import dev.jemma.app.console.OutputException;
import dev.jemma.app.console.Terminal;
import dev.jemma.engine.UsageException;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
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

    /** Bytes of the file that are whole lines. */
    private long wholeLines;

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
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            throw new UsageException("output: expected a file, got '" + name
                    + "', which is none; without --output results go to stdout");
        }
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
        InputStream bytes = new BufferedInputStream(Channels.newInputStream(file.getChannel()), 1 << 16);
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int b = bytes.read(); b >= 0; b = bytes.read()) {
            if (b != '\n') {
                line.write(b);
                continue;
            }
            String id = finishedId(line.toString(StandardCharsets.UTF_8));
            if (id != null) {
                finished.add(id);
            }
            wholeLines += line.size() + 1L;
            line.reset();
        }
        if (line.size() > 0 && line.toByteArray()[0] != '{') {
            throw new UsageException(
                    "output: expected the results of an earlier run, got '" + name + "', which ends in something else");
        }
        file.setLength(wholeLines);
        file.seek(wholeLines);
    }

    private static @Nullable String finishedId(String line) {
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

    /**
     * Writes a result.
     *
     * @throws OutputException if it cannot be written; the lines before it stay whole
     */
    void writeLine(String json) {
        try {
            output.println(json);
            wholeLines += json.getBytes(StandardCharsets.UTF_8).length + 1L;
        } catch (OutputException full) {
            cutOff(full);
            throw full;
        }
    }

    /** A full disk may have taken half a line. */
    private void cutOff(OutputException full) {
        if (file != null) {
            try {
                file.setLength(wholeLines);
            } catch (IOException alsoThis) {
                full.addSuppressed(alsoThis);
            }
        }
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
