package dev.jemma.models.safetensors;

import dev.jemma.models.ModelFormatException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A memory-mapped file of any size. Tensors are views of the mapping: read on first touch, valid until {@link #close},
 * not necessarily aligned to their element size.
 */
public final class SafetensorsFile implements AutoCloseable {
    private final Path path;
    private final Arena arena;
    private final MemorySegment content;
    private final SafetensorsHeader header;

    private SafetensorsFile(Path path, Arena arena, MemorySegment content, SafetensorsHeader header) {
        this.path = path;
        this.arena = arena;
        this.content = content;
        this.header = header;
    }

    /**
     * Maps the file and checks its header.
     *
     * @throws ModelFormatException if it cannot be read or its header is wrong
     */
    public static SafetensorsFile open(Path path) {
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            MemorySegment content = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            return new SafetensorsFile(path, arena, content, SafetensorsHeader.parse(path.toString(), content));
        } catch (IOException unreadable) {
            arena.close();
            throw new ModelFormatException(path + ": cannot be read: " + unreadable.getMessage(), unreadable);
        } catch (RuntimeException | Error failure) {
            arena.close();
            throw failure;
        }
    }

    public Path path() {
        return path;
    }

    public SafetensorsHeader header() {
        return header;
    }

    /** The bytes of a tensor of this file's header, read-only. */
    public MemorySegment bytes(TensorInfo tensor) {
        return content.asSlice(header.dataStart() + tensor.begin(), tensor.byteSize());
    }

    /** Unmaps the file; views of it must no longer be used. */
    @Override
    public void close() {
        arena.close();
    }
}
