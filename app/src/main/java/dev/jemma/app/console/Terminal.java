package dev.jemma.app.console;

import dev.jemma.engine.UsageException;
import dev.jemma.kernels.host.FileDescriptors;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * The process's standard streams.
 *
 * @param inputIsTerminal whether a person types the input
 * @param outputIsTerminal whether a person reads {@code out}
 * @param errorIsTerminal whether a person reads {@code err}
 */
public record Terminal(
        InputStream in,
        Output out,
        Output err,
        boolean inputIsTerminal,
        boolean outputIsTerminal,
        boolean errorIsTerminal) {

    /** Number of the descriptor that is the real stderr, if the launcher keeps it elsewhere while the JVM boots. */
    private static final String STDERR_PROPERTY = "jemma.stderr";

    /** Names the standard streams that are terminals, as digits: the launcher knows, Java cannot ask for each. */
    private static final String TERMINALS_PROPERTY = "jemma.terminals";

    /** With output that goes to a file or a pipe. */
    public Terminal(InputStream in, Output out, Output err, boolean inputIsTerminal, boolean errorIsTerminal) {
        this(in, out, err, inputIsTerminal, false, errorIsTerminal);
    }

    public static Terminal system() {
        Integer realError = Integer.getInteger(STDERR_PROPERTY);
        if (realError != null) {
            FileDescriptors.replace(2, realError);
        }
        String terminals = System.getProperty(TERMINALS_PROPERTY, "");
        return new Terminal(
                new FileInputStream(FileDescriptor.in),
                new Output("stdout", new FileOutputStream(FileDescriptor.out)),
                new Output("stderr", new FileOutputStream(FileDescriptor.err)),
                terminals.contains("0"),
                terminals.contains("1"),
                terminals.contains("2"));
    }

    /** All of the input as text. */
    public String readAll() {
        try {
            return decode("stdin", in.readAllBytes());
        } catch (IOException e) {
            throw new UsageException("stdin: cannot be read: " + e.getMessage(), e);
        }
    }

    /** Text of UTF-8 bytes that a user gave. */
    public static String decode(String where, byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(buffer).toString();
        } catch (CharacterCodingException e) {
            throw new UsageException(
                    "%s: expected UTF-8 text, got other bytes at offset %d; convert it first (iconv -t UTF-8)"
                            .formatted(where, buffer.position()),
                    e);
        }
    }
}
