package dev.jemma.kernels.metal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.jemma.kernels.Finding;
import dev.jemma.kernels.gpu.ShaderLibrary;
import java.util.List;
import org.junit.jupiter.api.Test;

class MetalExaminationTest extends MetalTest {
    @Test
    void aSoundMachinePasses() {
        assertThat(new MetalExamination(driver).run(List.of(SHADERS)))
                .extracting(Finding::subject, Finding::outcome)
                .contains(tuple("messages", Finding.Outcome.PASSED), tuple("shaders", Finding.Outcome.PASSED));
    }

    @Test
    void aShaderThatDoesNotCompileIsNamed() {
        ShaderLibrary faulty = new ShaderLibrary("faulty.metal", "kernel void f() { nonsense }\n");
        assertThat(new MetalExamination(driver).run(List.of(SHADERS, faulty)))
                .filteredOn(finding -> finding.outcome() == Finding.Outcome.FAILED)
                .singleElement()
                .satisfies(finding -> {
                    assertThat(finding.subject()).isEqualTo("shader faulty.metal");
                    assertThat(finding.detail()).contains("faulty.metal:1");
                });
    }
}
