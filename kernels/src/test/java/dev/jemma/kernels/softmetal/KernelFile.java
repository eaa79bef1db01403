package dev.jemma.kernels.softmetal;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * One {@code .metal} text, compiled by {@code metalc} to an executable that runs one dispatch in a process of its own.
 * What has been compiled is kept in {@code target} until the software Metal changes.
 */
final class KernelFile {
    /** How to compile and what to watch for. */
    enum Mode {
        EXE,
        ASAN,
        MSAN,
        TSAN;

        String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Exit status and messages of a process. */
    record Outcome(int status, String messages) {}

    /** What a dispatch did: its exit status and messages, and the buffers as it left them. */
    record Run(int status, String messages, Map<Integer, byte[]> buffers) {
        ByteBuffer buffer(int index) {
            return ByteBuffer.wrap(Objects.requireNonNull(buffers.get(index))).order(ByteOrder.LITTLE_ENDIAN);
        }

        float[] floats(int index) {
            ByteBuffer bytes = buffer(index);
            float[] values = new float[bytes.remaining() / 4];
            bytes.asFloatBuffer().get(values);
            return values;
        }

        int[] ints(int index) {
            ByteBuffer bytes = buffer(index);
            int[] values = new int[bytes.remaining() / 4];
            bytes.asIntBuffer().get(values);
            return values;
        }
    }

    /** By path; tests that run side by side compile each file once. */
    private static final Map<Path, Path> COMPILED = new ConcurrentHashMap<>();

    private final Path source;
    private final Path folder;

    private KernelFile(String text) {
        SoftMetal.library();
        try {
            String stamp = Files.readString(SoftMetal.buildFolder().resolve("stamp"));
            folder = Files.createDirectories(SoftMetal.buildFolder().resolve("tests"));
            source = folder.resolve(hash(stamp + text) + ".metal");
            Files.writeString(source, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static KernelFile of(String text) {
        return new KernelFile(text);
    }

    /** A file of {@code src/test/native/softmetal/tests}. */
    static KernelFile named(String name) {
        return of(text(name));
    }

    static String text(String name) {
        try {
            return Files.readString(SoftMetal.home().resolve("tests").resolve(name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String hash(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, 12);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** {@code metalc check}, {@code lint} or {@code valid}; the file is called {@code k.metal} in messages. */
    Outcome metalc(String mode) {
        return metalc(mode, "-");
    }

    private Outcome metalc(String mode, String output) {
        return process(
                List.of(SoftMetal.home().resolve("metalc").toString(), mode, source.toString(), output, "k.metal"));
    }

    /** @throws AssertionError if it does not compile */
    private Path executable(Mode mode) {
        Path executable = Path.of(source + "." + mode.word());
        return COMPILED.computeIfAbsent(executable, path -> {
            if (!Files.exists(path)) {
                compile(mode, path);
            }
            return path;
        });
    }

    /** The file appears under its name when it is whole: another process may want it too. */
    private void compile(Mode mode, Path executable) {
        Path partial = Path.of(executable + "." + ProcessHandle.current().pid());
        Outcome outcome = metalc(mode.word(), partial.toString());
        if (outcome.status() != 0) {
            throw new AssertionError(outcome.messages());
        }
        try {
            Files.move(partial, executable, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A dispatch to be filled with arguments and run. */
    Dispatch dispatch(String kernel) {
        return new Dispatch(kernel);
    }

    /** One dispatch of a kernel, built up argument by argument. */
    final class Dispatch {
        private final String kernel;
        private final Map<Integer, byte[]> buffers = new TreeMap<>();
        private final List<String> arguments = new ArrayList<>();
        private List<Integer> groupSize = List.of(32, 1, 1);
        private List<Integer> threads = List.of(32, 1, 1);

        private Dispatch(String kernel) {
            this.kernel = kernel;
        }

        Dispatch grid(int threadsX, int groupX) {
            return grid(List.of(threadsX, 1, 1), List.of(groupX, 1, 1));
        }

        Dispatch grid(List<Integer> threads, List<Integer> groupSize) {
            this.threads = threads;
            this.groupSize = groupSize;
            return this;
        }

        Dispatch bytes(int index, byte[] bytes) {
            buffers.put(index, bytes);
            return this;
        }

        Dispatch floats(int index, float... values) {
            ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asFloatBuffer().put(values);
            return bytes(index, bytes.array());
        }

        Dispatch ints(int index, int... values) {
            ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asIntBuffer().put(values);
            return bytes(index, bytes.array());
        }

        Dispatch threadgroup(int index, int byteSize) {
            arguments.add("t" + index + ":" + byteSize);
            return this;
        }

        Dispatch constant(int index, int bits, int byteSize) {
            ByteBuffer bytes =
                    ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(0, bits);
            arguments.add("c" + index + ":" + HexFormat.of().formatHex(bytes.array(), 0, byteSize));
            return this;
        }

        Run run() {
            return run(Mode.EXE, 0);
        }

        /** @param order of lanes: 0 ascending, 1 descending, else a seed */
        Run run(Mode mode, int order) {
            List<String> command = new ArrayList<>(List.of(executable(mode).toString(), kernel));
            groupSize.forEach(n -> command.add(n.toString()));
            threads.forEach(n -> command.add(n.toString()));
            command.add(Integer.toString(order));
            command.addAll(arguments);
            try {
                Path work = Files.createTempDirectory(folder, "run");
                for (var buffer : buffers.entrySet()) {
                    Path file = work.resolve("b" + buffer.getKey());
                    Files.write(file, buffer.getValue());
                    command.add("b" + buffer.getKey() + ":0:" + file);
                }
                Outcome outcome = process(command);
                Map<Integer, byte[]> after = new TreeMap<>();
                for (int index : buffers.keySet()) {
                    Path file = work.resolve("b" + index);
                    after.put(index, Files.readAllBytes(file));
                    Files.delete(file);
                }
                Files.delete(work);
                return new Run(outcome.status(), outcome.messages(), after);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private static Outcome process(List<String> command) {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("SOFTMETAL_BUILD", SoftMetal.buildFolder().toString());
        try {
            Process process = builder.start();
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Outcome(process.waitFor(), output);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }
}
