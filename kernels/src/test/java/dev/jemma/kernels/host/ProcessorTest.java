package dev.jemma.kernels.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ProcessorTest {
    @Test
    void readsTheFirstProcessor() {
        Processor processor = Processor.parse(Stream.of(
                "processor\t: 0",
                "vendor_id\t: AuthenticAMD",
                "model name\t: AMD EPYC: 9xx4",
                "flags\t\t: fpu  avx512_bf16 avx512_vnni",
                "processor\t: 1",
                "vendor_id\t: Other",
                "flags\t\t: amx_tile"));
        assertThat(processor.vendor()).isEqualTo("AuthenticAMD");
        assertThat(processor.isAmd()).isTrue();
        assertThat(processor.flags()).containsExactlyInAnyOrder("fpu", "avx512_bf16", "avx512_vnni");
        assertThat(processor.has("fpu", "avx512_bf16")).isTrue();
        assertThat(processor.has("fpu", "amx_tile")).isFalse();
    }

    @Test
    void knowsNothingWhereNothingIsSaid() {
        Processor processor = Processor.parse(Stream.of("processor : 0", "Features : asimd"));
        assertThat(processor).isEqualTo(new Processor("", Set.of()));
        assertThat(processor.isAmd()).isFalse();
        assertThat(processor.has("amx_tile")).isFalse();
    }
}
