package dev.jemma.kernels.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Qkv;
import dev.jemma.kernels.QkvWeight;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.host.HostMemory;
import org.junit.jupiter.api.Test;

class PlanTextTest {
    @Test
    void namesOpsAndTheirMemory() {
        HostMemory memory = new HostMemory();
        try (DeviceBuffer activations = memory.allocate(64, "hidden");
                DeviceBuffer weights = memory.allocate(64, "router")) {
            Tensor x = Tensor.f32(activations, RowSet.ALL, 4);
            DenseWeight w = new DenseWeight(new Region(weights, 0), DType.BF16, 2, 4);
            PlanRecorder recorder = new PlanRecorder();
            recorder.matmul(x.columns(2, 2), x, w);
            recorder.rmsNorm(x, x, new Norm(4, 0.5f, null));
            assertThat(recorder.text()).isEqualTo("""
                            matmul out='hidden'+8 ALL[2] x='hidden' ALL[4] w='router' BF16[2, 4]
                            rmsNorm out='hidden' ALL[4] x='hidden' ALL[4] norm={size=4 eps=0.5 factors=none}
                            """);
            assertThat(PlanText.of(new Op.Softcap(x, 30))).isEqualTo("softcap x='hidden' ALL[4] cap=30.0");
            Op nested = new Op.ProjectQkv(new Qkv(x, x, x, true), x, new QkvWeight(w, w, null));
            assertThat(PlanText.of(nested))
                    .startsWith("projectQkv out={q='hidden' ALL[4] k=")
                    .contains("v=none}");
            recorder.clear();
            assertThat(recorder.ops()).isEmpty();
        }
    }
}
