package dev.jemma.kernels.x86;

import static dev.jemma.kernels.x86.Operand.at;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@EnabledOnOs(
        value = OS.LINUX,
        architectures = {"amd64", "x86_64"},
        disabledReason = "the code is for x86-64 Linux")
class MachineCodeTest {
    /** Adds {@code [arg + 8]} to {@code [arg]} as often as {@code [arg + 16]} says, unless that is not below {@code [arg + 24]}. */
    private static byte[] sum() {
        Assembler a = new Assembler();
        a.push(Gpr.R12);
        a.mov(Gpr.RCX, at(Gpr.RDI, 16));
        a.cmp(Gpr.RCX, at(Gpr.RDI, 24));
        int tooMany = a.jump(Assembler.Condition.NOT_BELOW);
        a.mov(Gpr.R12, at(Gpr.RDI, 0));
        int again = a.position();
        a.add(Gpr.R12, at(Gpr.RDI, 8));
        a.add(Gpr.RCX, -1);
        a.jump(Assembler.Condition.NOT_EQUAL, again);
        a.mov(at(Gpr.RDI, 0), Gpr.R12);
        a.land(tooMany);
        a.pop(Gpr.R12);
        a.ret();
        return a.code();
    }

    @ParameterizedTest
    @CsvSource({"5, 7, 3, 4, 26", "5, 7, 4, 4, 5", "-9, 4294967296, 2, 10, 8589934583"})
    void runs(long start, long step, long times, long bound, long expected) {
        MemorySegment function = MachineCode.function(sum());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment arguments = arena.allocateFrom(ValueLayout.JAVA_LONG, start, step, times, bound);
            MachineCode.call(function, arguments.address());
            assertThat(arguments.get(ValueLayout.JAVA_LONG, 0)).isEqualTo(expected);
        }
    }
}
