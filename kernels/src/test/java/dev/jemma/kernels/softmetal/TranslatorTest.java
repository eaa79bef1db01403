package dev.jemma.kernels.softmetal;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What Metal's compiler refuses and plain C++ would take is refused here too, with the line. */
class TranslatorTest {
    private static final String HEAD = "#include <metal_stdlib>\nusing namespace metal;\n";

    @ParameterizedTest
    @ValueSource(strings = {"prelude.metal", "emulator.metal", "flash.metal", "rows.metal"})
    void soundFilesAreValid(String name) {
        KernelFile.Outcome outcome = KernelFile.named(name).metalc("valid");
        assertThat(outcome.messages()).isEmpty();
        assertThat(outcome.status()).isZero();
    }

    /** {@code x} is {@code device float*}, {@code t} is {@code threadgroup float*}, {@code c} a constant reference. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "x = t;                                   | changes address space",
                "device float* y = (device float*) t;     | between mismatching address spaces",
                "c = 1.0f;                                | const-qualified",
                "double d = 1.0;                          | sm_error_MSL_has_no_double",
                "float4 v = half4(1.0h);                  | no viable conversion",
                "x[0] = dot(half4(1.0h), float4(1.0f));   | no matching function",
                "float a[n];                              | variable length arrays",
                "float* p = 0;                            | without an address space: float*",
                "for (thread float& r : a) r = 0;         | undeclared identifier 'a'",
                "x[0] = 1 / undeclared;                   | undeclared identifier",
            })
    void whatMetalRefusesIsRefused(String statement, String complaint) {
        String text = HEAD + "constant int n [[function_constant(0)]];\n"
                + "kernel void k(device float* x [[buffer(0)]], threadgroup float* t [[threadgroup(0)]],\n"
                + "              constant float& c [[buffer(1)]]) {\n    " + statement + "\n}\n";
        KernelFile.Outcome outcome = KernelFile.of(text).metalc("valid");
        assertThat(outcome.status()).as(outcome.messages()).isNotZero();
        assertThat(outcome.messages()).contains("k.metal:6", complaint);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "device float* x [[threadgroup(0)]]       | does not go with its attribute",
                "threadgroup float* x [[buffer(0)]]       | does not go with its attribute",
                "const float* x [[buffer(0)]]             | without an address space",
                "float x [[thread_position_in_grid]]      | does not go with its attribute",
                "uint x [[thread_index_in_warp]]          | unknown kernel parameter attribute",
                "uint x                                   | has no [[attribute]]",
                "device float* x [[buffer(N)]]            | expected a number",
            })
    void kernelParametersAreChecked(String parameter, String complaint) {
        String text = HEAD + "kernel void k(\n    " + parameter + ") {}\n";
        KernelFile.Outcome outcome = KernelFile.of(text).metalc("valid");
        assertThat(outcome.status()).as(outcome.messages()).isNotZero();
        assertThat(outcome.messages()).contains(complaint);
    }

    @Test
    void aHostNameNeedsItsTemplate() {
        String text = HEAD + "\ntemplate [[host_name(\"f32\")]] kernel decltype(missing<float>) missing<float>;\n";
        KernelFile.Outcome outcome = KernelFile.of(text).metalc("check");
        assertThat(outcome.messages()).contains("k.metal:4: error: host_name(\"f32\"): no kernel template 'missing'");
    }

    /** Comments, strings, macros and products are no declarations of pointers. */
    @Test
    void theLintLeavesSoundTextAlone() {
        String text = HEAD + """
                // float* p = 0;
                /* half& r */
                #define TWICE(x) ((x) * 2)
                struct Pair { float a; float b; };
                float product(thread const Pair& p, int n) { return p.a * p.b * float(n) * TWICE(1.0f); }
                template <typename T> T first(device const T* p) { return *p; }
                kernel void k(device Pair* x [[buffer(0)]]) {
                    Pair p = first(x);
                    x->a = product(p, 3) + (float)(2) * p.a;
                    bool both = p.a > 0 & p.b > 0;
                    x->b = both;
                }
                """;
        KernelFile.Outcome outcome = KernelFile.of(text).metalc("lint");
        assertThat(outcome.messages()).isEmpty();
    }

    @Test
    void theLintKnowsTypesOfTheFile() {
        String text = HEAD + "struct Pair { float a; float b; };\nfloat sum(const Pair& p) { return p.a + p.b; }\n";
        KernelFile.Outcome outcome = KernelFile.of(text).metalc("lint");
        assertThat(outcome.status()).isEqualTo(1);
        assertThat(outcome.messages()).contains("k.metal:4: error: pointer or reference without an address space");
    }
}
