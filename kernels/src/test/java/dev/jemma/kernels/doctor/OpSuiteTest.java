package dev.jemma.kernels.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Commands;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.Finding;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OpSuiteTest {
    private final Device reference =
            Backends.open("reference", DeviceOptions.DEFAULT).device();

    @AfterEach
    void close() {
        reference.close();
    }

    @Test
    void theReferenceEqualsItself() {
        assertThat(new OpSuite(reference, reference).run())
                .extracting(Finding::outcome)
                .containsExactly(Finding.Outcome.PASSED);
    }

    /** Every op is looked at: a device on which it does nothing is found out, by the op's own name. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "tokens",
                "embed",
                "rotations",
                "copy",
                "add",
                "scale",
                "rmsNorm",
                "geglu",
                "softcap",
                "matmul",
                "rope",
                "storeKv",
                "attention",
                "route",
                "expertGeglu",
                "expertDown",
                "suppress",
                "argmax",
                "topK",
                "copySlot",
                "projectQkv",
                "headNormRope",
                "headNormRopeStore",
                "logits",
                "gatedMatmul",
                "gateUpGeglu",
                "addNorm",
                "addNormNorm"
            })
    void anOpThatDoesNothingIsNamed(String op) {
        String subject = op.equals("storeKv") ? "attention" : op;
        assertThat(new OpSuite(reference, without(op, Device.class, reference)).run())
                .allSatisfy(finding -> assertThat(finding.outcome()).isEqualTo(Finding.Outcome.FAILED))
                .anySatisfy(finding -> assertThat(finding.subject()).matches("op " + subject + "\\b.*rows"));
    }

    /** What {@code type} is, down to its commands, which leave one op out. */
    private static <T> T without(String op, Class<T> type, T whole) {
        return type.cast(Proxy.newProxyInstance(
                type.getClassLoader(), new Class<?>[] {type}, (_, method, arguments) -> {
                    if (type == Commands.class && method.getName().equals(op)) {
                        return null;
                    }
                    try {
                        return switch (method.invoke(whole, arguments)) {
                            case CommandStream stream -> without(op, CommandStream.class, stream);
                            case Commands commands -> without(op, Commands.class, commands);
                            case null -> null;
                            case Object other -> other;
                        };
                    } catch (InvocationTargetException failure) {
                        throw failure.getCause();
                    }
                }));
    }
}
