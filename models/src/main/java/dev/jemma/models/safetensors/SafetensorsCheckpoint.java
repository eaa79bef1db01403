package dev.jemma.models.safetensors;

import dev.jemma.models.ModelFormatException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** All tensors of a checkpoint directory: one file, or the shards of an index. Owns the mapped files. */
public final class SafetensorsCheckpoint implements AutoCloseable {
    private static final String SINGLE_FILE = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";

    private final List<SafetensorsFile> files = new ArrayList<>();
    private final Map<String, StoredTensor> tensors = new LinkedHashMap<>();

    /** A tensor and the file that holds it. */
    public record StoredTensor(TensorInfo info, SafetensorsFile file) {
        /** The tensor's bytes in the mapped file. */
        public MemorySegment bytes() {
            return file.bytes(info);
        }
    }

    private SafetensorsCheckpoint() {}

    /**
     * Opens {@code model.safetensors}, or else every shard that {@code model.safetensors.index.json} names.
     *
     * @throws ModelFormatException if there are no such files or something is wrong with one of them
     */
    public static SafetensorsCheckpoint open(Path directory) {
        SafetensorsCheckpoint checkpoint = new SafetensorsCheckpoint();
        try {
            checkpoint.openFiles(directory);
            return checkpoint;
        } catch (RuntimeException | Error failure) {
            checkpoint.close();
            throw failure;
        }
    }

    /** Every tensor by name. */
    public Map<String, StoredTensor> tensors() {
        return tensors;
    }

    private void openFiles(Path directory) {
        if (Files.exists(directory.resolve(SINGLE_FILE))) {
            add(directory.resolve(SINGLE_FILE));
        } else if (Files.exists(directory.resolve(INDEX))) {
            addShards(directory, ShardIndex.read(directory.resolve(INDEX)));
        } else {
            add(onlyWeightFile(directory));
        }
    }

    private void addShards(Path directory, ShardIndex index) {
        for (String file : index.files()) {
            Path shard = directory.resolve(file);
            if (!Files.isRegularFile(shard)) {
                throw new ModelFormatException(
                        shard + ": missing; " + index.path() + " names it; download the whole checkpoint again");
            }
            add(shard);
        }
        index.shards().forEach((name, file) -> {
            StoredTensor tensor = tensors.get(name);
            if (tensor == null) {
                throw new ModelFormatException(index.path() + ": tensor " + name + "; expected it in " + file
                        + ", got no such tensor in any shard; download the whole checkpoint again");
            }
            String actual = tensor.file().path().getFileName().toString();
            if (!actual.equals(file)) {
                throw new ModelFormatException(index.path() + ": tensor " + name + "; expected it in " + file
                        + ", got it in " + actual + "; index and shards are of different exports, download both again");
            }
        });
    }

    private void add(Path path) {
        SafetensorsFile file = SafetensorsFile.open(path);
        files.add(file);
        for (TensorInfo info : file.header().tensors().values()) {
            StoredTensor earlier = tensors.put(info.name(), new StoredTensor(info, file));
            if (earlier != null) {
                throw new ModelFormatException(path + ": tensor " + info.name() + " is also in "
                        + earlier.file().path() + "; download the whole checkpoint again");
            }
        }
    }

    private static Path onlyWeightFile(Path directory) {
        List<String> names;
        try (Stream<Path> entries = Files.list(directory)) {
            names = entries.map(entry -> entry.getFileName().toString())
                    .sorted()
                    .toList();
        } catch (IOException unreadable) {
            throw new ModelFormatException(directory + ": cannot be read: " + unreadable.getMessage(), unreadable);
        }
        List<String> weights =
                names.stream().filter(name -> name.endsWith(".safetensors")).toList();
        if (weights.size() == 1) {
            return directory.resolve(weights.getFirst());
        }
        if (!weights.isEmpty()) {
            throw new ModelFormatException(directory + ": " + weights.size() + " .safetensors files; expected "
                    + SINGLE_FILE + " or " + INDEX + ", got neither; download the index too");
        }
        throw new ModelFormatException(directory + ": no weights; expected " + SINGLE_FILE + " or " + INDEX + ", got "
                + foreignWeights(names));
    }

    private static String foreignWeights(List<String> names) {
        for (String name : names) {
            if (name.endsWith(".gguf")) {
                return name + "; Jemma does not read GGUF, download the safetensors of the same model";
            }
            if (name.endsWith(".bin") || name.endsWith(".pt") || name.endsWith(".pth") || name.endsWith(".npz")) {
                return name + "; convert it to safetensors, or download the model's safetensors";
            }
        }
        return "none; download the model's .safetensors files into this directory";
    }

    /** Unmaps all files. */
    @Override
    public void close() {
        files.forEach(SafetensorsFile::close);
        files.clear();
    }
}
