package dev.jemma.kernels.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.Region;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class HostMemoryTest {
    private final HostMemory memory = new HostMemory();

    @Test
    void memoryIsZeroedAndAligned() {
        for (int size : new int[] {1, 63, 64, 65, 4096, 1 << 20}) {
            try (DeviceBuffer buffer = memory.allocate(size, "test")) {
                MemorySegment segment = HostBuffer.segment(new Region(buffer, 0));
                assertThat(segment.byteSize()).isEqualTo(size);
                assertThat(segment.address() % 64).isZero();
                assertThat(segment.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
            }
        }
    }

    @Test
    void countsWhatIsAllocatedDownToZero() {
        DeviceBuffer a = memory.allocate(100, "a");
        DeviceBuffer b = memory.allocate(1000, "b");
        assertThat(memory.memory().allocatedBytes()).isEqualTo(1100);
        a.close();
        a.close();
        assertThat(memory.memory().allocatedBytes()).isEqualTo(1000);
        b.close();
        assertThat(memory.memory().allocatedBytes()).isZero();
    }

    @Test
    void closedMemoryCannotBeRead() {
        DeviceBuffer buffer = memory.allocate(16, "test");
        buffer.close();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment target = arena.allocate(16);
            assertThatExceptionOfType(IllegalStateException.class).isThrownBy(() -> buffer.read(0, target));
        }
    }

    @Test
    void readsBackWhatWasWritten() {
        try (DeviceBuffer buffer = memory.allocate(8, "test")) {
            buffer.write(3, MemorySegment.ofArray(new byte[] {1, 2, 3}));
            byte[] target = new byte[5];
            buffer.read(2, MemorySegment.ofArray(target));
            assertThat(target).containsExactly(0, 1, 2, 3, 0);
            assertThatExceptionOfType(IndexOutOfBoundsException.class)
                    .isThrownBy(() -> buffer.read(4, MemorySegment.ofArray(target)));
        }
    }

    @Test
    void adoptedBytesStayWhereTheyAre() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(32);
            Region region = memory.adopt(bytes.asSlice(1, 30), "file");
            assertThat(HostBuffer.segment(region.plus(2)).address()).isEqualTo(bytes.address() + 3);
            region.buffer().close();
            assertThat(bytes.get(ValueLayout.JAVA_BYTE, 0)).isZero();
            assertThat(memory.memory().allocatedBytes()).isZero();
        }
    }

    @Test
    void refusesWhatTheSystemDoesNotHave() {
        assertThatExceptionOfType(DeviceException.OutOfMemory.class)
                .isThrownBy(() -> memory.allocate(1L << 60, "kv cache"))
                .withMessageContaining("kv cache")
                .withMessageContaining("" + (1L << 60));
        assertThat(memory.memory().allocatedBytes()).isZero();
    }

    @Test
    void knowsTheMachinesMemory() {
        assertThat(memory.memory().totalBytes()).isPositive();
        assertThat(memory.memory().availableBytes())
                .isPositive()
                .isLessThanOrEqualTo(memory.memory().totalBytes());
    }
}
