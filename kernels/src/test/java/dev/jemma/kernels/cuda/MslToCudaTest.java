package dev.jemma.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.kernels.gpu.FunctionConstants;
import dev.jemma.kernels.gpu.ShaderLibrary;
import java.util.List;
import org.junit.jupiter.api.Test;

class MslToCudaTest {
    private static final String SHADER = """
            #include <metal_stdlib>
            using namespace metal;
            // kernel void commented(device float *x [[buffer(0)]]) {}
            constant bool HAS_BIAS [[function_constant(3)]];
            constant int TILE = 4;
            struct Args { uint count; float scale; };

            [[max_total_threads_per_threadgroup(128)]]
            kernel void scale_rows(
                constant Args &args [[buffer(0)]],
                device const float *x [[buffer(1)]],
                device float *y [[buffer(2)]],
                threadgroup float *scratch [[threadgroup(0)]],
                uint3 group [[threadgroup_position_in_grid]],
                ushort lane [[thread_index_in_simdgroup]]) {
                threadgroup float partial[32];
                threadgroup float4 sums[8 * TILE / 4][2];
                threadgroup const float *row = scratch + 4;
                partial[lane] = x[group.x] * args.scale * TILE;
                y[group.x] = partial[lane] + (HAS_BIAS ? 1.0f : 0.0f);
            }

            template <typename T, int N>
            kernel void copy_values(device const T *x [[buffer(0)]], device T *y [[buffer(1)]],
                                    uint i [[thread_position_in_grid]]) {
                y[i] = x[i];
            }
            template [[host_name("copy_half_2")]] kernel void copy_values<half, 2>(device const half *, device half *, uint);
            """;

    private static CudaSource translate(String function, FunctionConstants constants) {
        return MslToCuda.translate(new ShaderLibrary("test.metal", SHADER), function, constants);
    }

    @Test
    void parametersFollowTheAttributes() {
        assertThat(translate("scale_rows", FunctionConstants.NONE).parameters())
                .containsExactly(
                        new KernelParameter.Block(0, " Args "),
                        new KernelParameter.Buffer(1),
                        new KernelParameter.Buffer(2),
                        new KernelParameter.Threadgroup(0),
                        new KernelParameter.BuiltIn(1),
                        new KernelParameter.BuiltIn(7));
    }

    @Test
    void theEntryPassesBlocksByValueAndKeepsLaunchBounds() {
        assertThat(translate("scale_rows", FunctionConstants.NONE).text())
                .contains("__launch_bounds__(128)")
                .contains("const __grid_constant__ Args p0, void* p1, void* p2, unsigned p3)")
                .contains("::scale_rows(p0, jemma_address{p1}, jemma_address{p2}, metal::threadgroupMemory{p3}, "
                        + "metal::builtIn<1>(), metal::builtIn<7>())");
    }

    @Test
    void functionConstantsBecomeCompileTimeConstants() {
        assertThat(translate("scale_rows", FunctionConstants.NONE.with(3, true)).text())
                .contains("static constexpr bool HAS_BIAS = true;");
        assertThat(translate("scale_rows", FunctionConstants.NONE).text())
                .contains("static constexpr bool HAS_BIAS = 0;");
    }

    @Test
    void constantsAndThreadgroupVariablesMove() {
        assertThat(translate("scale_rows", FunctionConstants.NONE).text())
                .contains("static __device__ constexpr int TILE = 4;")
                .contains("__shared__ float partial[32];")
                .contains("__shared__ float4 sums[8 * TILE / 4][2];")
                .contains("threadgroup const float *row = scratch + 4;");
    }

    @Test
    void templatesAreFoundByHostName() {
        CudaSource source = translate("copy_half_2", FunctionConstants.NONE);
        assertThat(source.text()).contains("::copy_values<half, 2>(").doesNotContain("host_name");
        assertThat(source.parameters())
                .isEqualTo(List.of(
                        new KernelParameter.Buffer(0), new KernelParameter.Buffer(1), new KernelParameter.BuiltIn(0)));
    }

    @Test
    void linesStayWhereTheyWere() {
        List<String> original = SHADER.lines().toList();
        List<String> translated =
                translate("scale_rows", FunctionConstants.NONE).text().lines().toList();
        int offset = 2; // the include and the #line before the shader's own first line
        for (int line = 0; line < original.size(); line++) {
            if (!original.get(line).contains("[[") && !original.get(line).contains("constant ")) {
                assertThat(translated.get(line + offset).replace("__shared__", "threadgroup"))
                        .as("line %d", line + 1)
                        .isEqualTo(original.get(line));
            }
        }
    }

    @Test
    void whatIsNotInTheDialectIsNamedWithItsLine() {
        assertThatThrownBy(() -> translate("commented", FunctionConstants.NONE))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no kernel 'commented'");
        String odd = "kernel void f(device float *x [[buffer(0)]],\n  float y [[stage_in]]) {}";
        assertThatThrownBy(() -> MslToCuda.translate(new ShaderLibrary("odd.metal", odd), "f", FunctionConstants.NONE))
                .hasMessageContaining("odd.metal:2")
                .hasMessageContaining("stage_in");
    }
}
