package dev.jemma.kvcache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.kernels.DType;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KvCacheSpecTest {
    @ParameterizedTest
    @CsvSource({
        // window, context, chunk, rows: window + chunk - 1, no more than the context, in steps of 32
        "512, 32768, 1, 512",
        "512, 32768, 512, 1024",
        "512, 32768, 2, 544",
        "512, 100, 64, 128",
        "16, 4096, 1, 32",
        "0, 4096, 512, 4096",
        "0, 4097, 512, 4128",
    })
    void capacityHoldsAWindowAndAChunk(int window, int context, int chunk, int rows) {
        KvCacheSpec spec = new KvCacheSpec(List.of(new LayerGeometry(1, 256, window)), 1, context, chunk, DType.F16);
        assertThat(spec.capacity(0)).isEqualTo(rows);
    }

    /** Gemma 3 1B at context 32768, chunk 512: 22 sliding and 4 full layers of one 256-wide head. */
    @Test
    void bytesOfGemma3With1B() {
        List<LayerGeometry> layers = new java.util.ArrayList<>();
        for (int i = 0; i < 26; i++) {
            layers.add(new LayerGeometry(1, 256, (i + 1) % 6 == 0 ? 0 : 512));
        }
        KvCacheSpec spec = new KvCacheSpec(layers, 1, 32768, 512, DType.F16);
        assertThat(spec.byteSize()).isEqualTo(2L * 2 * 256 * (22 * 1024 + 4 * 32768));
    }

    @Test
    void bytesBeyondTwoGibibytesDoNotOverflow() {
        KvCacheSpec spec = new KvCacheSpec(List.of(new LayerGeometry(16, 512, 0)), 64, 262144, 512, DType.F32);
        assertThat(spec.byteSize()).isEqualTo(2L * 4 * 16 * 512 * 262144 * 64);
    }

    @Test
    void sizesMustBePositive() {
        assertThatThrownBy(() -> new KvCacheSpec(List.of(), 0, 1, 1, DType.F16))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("0 slots");
        assertThatThrownBy(() -> new LayerGeometry(1, 256, -1)).isInstanceOf(IllegalArgumentException.class);
    }
}
