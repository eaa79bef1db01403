package dev.jemma.kernels.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ShadersTest {
    private static final Path SOURCES = Path.of(System.getProperty("jemma.root"), "kernels", "src", "main", "metal");

    @Test
    void listsEveryShaderFile() throws IOException {
        try (Stream<Path> files = Files.list(SOURCES)) {
            List<String> shaders = files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".metal"))
                    .sorted()
                    .toList();
            assertThat(Shaders.FILES).isEqualTo(shaders);
        }
    }

    @Test
    void headersArePutInOnceAndLinesKeepTheirNames() {
        String source = Shaders.library("gemv.metal").source();
        assertThat(source).doesNotContain("#include \"").startsWith("#line 1 \"gemv.metal\"");
        assertThat(source.split("inline float gelu_tanh", -1)).hasSize(2);
        List<String> lines = source.lines().toList();
        int kernel = lines.indexOf("kernel void gemv(");
        int marker = kernel;
        while (!lines.get(marker).startsWith("#line")) {
            marker--;
        }
        int line = Integer.parseInt(lines.get(marker).split(" ", -1)[1]) + kernel - marker - 1;
        assertThat(source.lines().toList().get(marker)).contains("gemv.metal");
        assertThat(sourceLine("gemv.metal", line)).isEqualTo("kernel void gemv(");
    }

    private static String sourceLine(String file, int line) {
        try {
            return Files.readAllLines(SOURCES.resolve(file)).get(line - 1);
        } catch (IOException failure) {
            throw new AssertionError(failure);
        }
    }

    @Test
    void kernelNamesAreUnique() {
        Set<String> names = new HashSet<>();
        for (String file : Shaders.FILES) {
            List<String> functions = Shaders.functions(Shaders.library(file));
            assertThat(functions).as(file).isNotEmpty();
            for (String function : functions) {
                assertThat(names.add(function)).as("%s in %s", function, file).isTrue();
            }
        }
        assertThat(names).contains("rms_norm", "gemv_bf16_rows1", "attention_tiled_f16_512", "sdpa_bf16");
    }
}
