package dev.jemma.models.loading;

import dev.jemma.models.safetensors.ElementType;
import dev.jemma.models.safetensors.SafetensorsCheckpoint;
import dev.jemma.models.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;

/** A checkpoint in memory that tests change and write elsewhere. */
public final class CheckpointCopy {
    /** A tensor's header entry and bytes. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    public record Raw(ElementType type, List<Long> shape, byte[] bytes) {
        static Raw zeros(ElementType type, Long... shape) {
            long elements = 1;
            for (long dimension : shape) {
                elements *= dimension;
            }
            return new Raw(type, List.of(shape), new byte[(int) elements * type.byteSize()]);
        }
    }

    private final Map<String, Raw> tensors = new LinkedHashMap<>();
    private String config;

    private CheckpointCopy(String config) {
        this.config = config;
    }

    public static CheckpointCopy of(Path directory) throws IOException {
        CheckpointCopy copy = new CheckpointCopy(Files.readString(directory.resolve("config.json")));
        try (SafetensorsCheckpoint checkpoint = SafetensorsCheckpoint.open(directory)) {
            checkpoint.tensors().forEach((name, tensor) -> {
                ElementType type = Objects.requireNonNull(tensor.info().type());
                byte[] bytes = tensor.bytes().toArray(ValueLayout.JAVA_BYTE);
                copy.tensors.put(name, new Raw(type, tensor.info().shape(), bytes));
            });
        }
        return copy;
    }

    public Map<String, Raw> tensors() {
        return tensors;
    }

    public Raw tensor(String name) {
        return Objects.requireNonNull(tensors.get(name), name);
    }

    public String config() {
        return config;
    }

    public void config(String json) {
        config = json;
    }

    /** Replaces a piece of the configuration, which must be there. */
    public void config(String piece, String replacement) {
        if (!config.contains(piece)) {
            throw new IllegalArgumentException("no " + piece + " in " + config);
        }
        config = config.replace(piece, replacement);
    }

    public void rename(UnaryOperator<String> newName) {
        Map<String, Raw> renamed = new LinkedHashMap<>();
        tensors.forEach((name, tensor) -> renamed.put(newName.apply(name), tensor));
        tensors.clear();
        tensors.putAll(renamed);
    }

    /** Makes all that follows lie at odd offsets. */
    public void misalign() {
        Map<String, Raw> others = new LinkedHashMap<>(tensors);
        tensors.clear();
        tensors.put("vision_tower.odd", Raw.zeros(ElementType.U8, 1L));
        tensors.putAll(others);
    }

    public Path write(Path directory) throws IOException {
        Files.createDirectories(directory);
        Files.writeString(directory.resolve("config.json"), config);
        List<SafetensorsWriter.Entry> entries = new ArrayList<>();
        tensors.forEach(
                (name, tensor) -> entries.add(new SafetensorsWriter.Entry(name, tensor.type(), tensor.shape())));
        Path file = directory.resolve("model.safetensors");
        Files.deleteIfExists(file);
        try (SafetensorsWriter writer = SafetensorsWriter.create(file, entries, Map.of())) {
            tensors.forEach((name, tensor) -> writer.write(name, MemorySegment.ofArray(tensor.bytes())));
            writer.finish();
        }
        return directory;
    }
}
