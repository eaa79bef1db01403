package dev.jemma.kernels;

/** A place in device memory: a buffer and a byte offset in it. Owns nothing. */
public record Region(DeviceBuffer buffer, long byteOffset) {
    public Region {
        if (byteOffset < 0 || byteOffset > buffer.byteSize()) {
            throw new IllegalArgumentException(
                    buffer.label() + ": offset " + byteOffset + " lies outside its " + buffer.byteSize() + " bytes");
        }
    }

    /** The place {@code bytes} further on. */
    public Region plus(long bytes) {
        return new Region(buffer, Math.addExact(byteOffset, bytes));
    }

    /** Bytes from here to the end of the buffer. */
    public long remaining() {
        return buffer.byteSize() - byteOffset;
    }
}
