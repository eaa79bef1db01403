package dev.jemma.kernels.x86;

import static dev.jemma.kernels.x86.Operand.at;
import static dev.jemma.kernels.x86.Operand.zmm;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.util.HexFormat;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class AssemblerTest {
    private static Arguments code(String text, String bytes, Consumer<Assembler> instruction) {
        return arguments(text, bytes, instruction);
    }

    /** Bytes that GNU objdump 2.40 ({@code -M intel}) reads as the text: sizes of operands and a SIB byte's absent index left out. */
    static Stream<Arguments> instructions() {
        return Stream.of(
                code("push r12", "4154", a -> a.push(Gpr.R12)),
                code("pop rbx", "5b", a -> a.pop(Gpr.RBX)),
                code("ret", "c3", a -> a.ret()),
                code("mov r8,[rdi+0x80]", "4c8b842780000000", a -> a.mov(Gpr.R8, at(Gpr.RDI, 0x80))),
                code("mov [r13+0x8],rcx", "49898c2508000000", a -> a.mov(at(Gpr.R13, 8), Gpr.RCX)),
                code("mov r9d,0xf0f0f0f", "41b90f0f0f0f", a -> a.mov(Gpr.R9, 0x0f0f_0f0f)),
                code("lea r14,[r12+r15*2]", "4f8db47c00000000", a -> a.lea(Gpr.R14, at(Gpr.R12, Gpr.R15, 2))),
                code("add rax,[rdi+0x90]", "4803842790000000", a -> a.add(Gpr.RAX, at(Gpr.RDI, 0x90))),
                code("add r10,-1", "4981c2ffffffff", a -> a.add(Gpr.R10, -1)),
                code("cmp rbp,[rdi+0x8]", "483bac2708000000", a -> a.cmp(Gpr.RBP, at(Gpr.RDI, 8))),
                code("imul r8,[rdi+0x8]", "4c0faf842708000000", a -> a.imul(Gpr.R8, at(Gpr.RDI, 8))),
                code(
                        "prefetcht0 [r9+rbp*1+0x200]",
                        "410f188c2900020000",
                        a -> a.prefetch(1, at(Gpr.R9, Gpr.RBP, 1).plus(0x200))),
                code("prefetcht1 [rbx+rdx*1]", "0f18941300000000", a -> a.prefetch(2, at(Gpr.RBX, Gpr.RDX, 1))),
                code("kmovd k2,eax", "c5fb92d0", a -> a.kmov(2, Gpr.RAX)),
                code("vzeroupper", "c5f877", a -> a.vzeroupper()),
                code("vpbroadcastd zmm31,r10d", "62427d487cfa", a -> a.broadcast(zmm(31), Gpr.R10)),
                code(
                        "vmovups zmm28,[rax+0x40]",
                        "62617c4810a42040000000",
                        a -> a.op(Instruction.VMOVUPS, zmm(28), at(Gpr.RAX, 0x40))),
                code(
                        "vmovups [rdx+rsi*1+0x80],zmm30",
                        "62617c4811b43280000000",
                        a -> a.store(at(Gpr.RDX, Gpr.RSI, 1).plus(0x80), zmm(30))),
                code(
                        "vmovdqu32 zmm5,[r8+rbp*1+0x40]",
                        "62d17e486fac2840000000",
                        a -> a.op(
                                Instruction.VMOVDQU32,
                                zmm(5),
                                at(Gpr.R8, Gpr.RBP, 1).plus(0x40))),
                code("vaddps zmm0,zmm9,zmm17", "62b1344858c1", a -> a.op(Instruction.VADDPS, zmm(0), zmm(9), zmm(17))),
                code(
                        "vaddps xmm0,xmm0,xmm1",
                        "62f17c0858c1",
                        a -> a.op(
                                Instruction.VADDPS,
                                zmm(0).half().half(),
                                zmm(0).half().half(),
                                zmm(1).half().half())),
                code(
                        "vmulps zmm20,zmm21,[rdx+r14*4]",
                        "62a1544059a4b200000000",
                        a -> a.op(Instruction.VMULPS, zmm(20), zmm(21), at(Gpr.RDX, Gpr.R14, 4))),
                code(
                        "vfmadd231ps zmm19,zmm6,zmm25",
                        "62824d48b8d9",
                        a -> a.op(Instruction.VFMADD231PS, zmm(19), zmm(6), zmm(25))),
                code("vcvtdq2ps zmm6,zmm26", "62917c485bf2", a -> a.op(Instruction.VCVTDQ2PS, zmm(6), zmm(26))),
                code(
                        "vcvtph2ps zmm8{k2}{z},[r12+rbp*1]",
                        "62527dca13842c00000000",
                        a -> a.op(Instruction.VCVTPH2PS, zmm(8), 2, at(Gpr.R12, Gpr.RBP, 1))),
                code("vcvtph2ps zmm9,ymm9", "62527d4813c9", a -> a.op(Instruction.VCVTPH2PS, zmm(9), zmm(9).half())),
                code("vpandd zmm7,zmm7,zmm31", "62914548dbff", a -> a.op(Instruction.VPANDD, zmm(7), zmm(7), zmm(31))),
                code(
                        "vpxord zmm16,zmm16,zmm16",
                        "62a17d40efc0",
                        a -> a.op(Instruction.VPXORD, zmm(16), zmm(16), zmm(16))),
                code(
                        "vpdpbusd zmm6,zmm23,zmm3",
                        "62f2454050f3",
                        a -> a.op(Instruction.VPDPBUSD, zmm(6), zmm(23), zmm(3))),
                code(
                        "vdpbf16ps zmm31,zmm2,zmm14",
                        "62426e4852fe",
                        a -> a.op(Instruction.VDPBF16PS, zmm(31), zmm(2), zmm(14))),
                code(
                        "vpmovzxwd zmm8{k2}{z},[r15+rbp*1]",
                        "62527dca33842f00000000",
                        a -> a.op(Instruction.VPMOVZXWD, zmm(8), 2, at(Gpr.R15, Gpr.RBP, 1))),
                code(
                        "vpermd zmm9,zmm29,zmm10",
                        "6252154036ca",
                        a -> a.op(Instruction.VPERMD, zmm(9), zmm(29), zmm(10))),
                code(
                        "vpermw zmm9{k1}{z},zmm28,zmm10",
                        "62529dc18dca",
                        a -> a.op(Instruction.VPERMW, zmm(9), 1, zmm(28), zmm(10))),
                code(
                        "vpbroadcastw zmm10,[r12+rax*1]",
                        "62527d4879940400000000",
                        a -> a.op(Instruction.VPBROADCASTW, zmm(10), at(Gpr.R12, Gpr.RAX, 1))),
                code(
                        "vpbroadcastd zmm10,[r12+rax*1]",
                        "62527d4858940400000000",
                        a -> a.op(Instruction.VPBROADCASTD, zmm(10), at(Gpr.R12, Gpr.RAX, 1))),
                code(
                        "vpbroadcastq zmm10,[r12+rax*1]",
                        "6252fd4859940400000000",
                        a -> a.op(Instruction.VPBROADCASTQ, zmm(10), at(Gpr.R12, Gpr.RAX, 1))),
                code(
                        "vbroadcasti32x4 zmm10,[r12+rax*1]",
                        "62527d485a940400000000",
                        a -> a.op(Instruction.VBROADCASTI32X4, zmm(10), at(Gpr.R12, Gpr.RAX, 1))),
                code(
                        "vunpcklps zmm0,zmm16,zmm17",
                        "62b17c4014c1",
                        a -> a.op(Instruction.VUNPCKLPS, zmm(0), zmm(16), zmm(17))),
                code(
                        "vunpckhps zmm0,zmm16,zmm17",
                        "62b17c4015c1",
                        a -> a.op(Instruction.VUNPCKHPS, zmm(0), zmm(16), zmm(17))),
                code(
                        "vunpcklpd zmm2,zmm0,zmm1",
                        "62f1fd4814d1",
                        a -> a.op(Instruction.VUNPCKLPD, zmm(2), zmm(0), zmm(1))),
                code(
                        "vunpckhpd zmm2,zmm0,zmm1",
                        "62f1fd4815d1",
                        a -> a.op(Instruction.VUNPCKHPD, zmm(2), zmm(0), zmm(1))),
                code("vpsrlw zmm7,zmm21,0x4", "62b1454871d504", a -> a.shift(Instruction.VPSRLW, zmm(7), zmm(21), 4)),
                code("vpslld zmm30,zmm6,0x8", "62f10d4072f608", a -> a.shift(Instruction.VPSLLD, zmm(30), zmm(6), 8)),
                code(
                        "vextractf64x4 ymm1,zmm20,0x1",
                        "62e3fd481be101",
                        a -> a.extract(Instruction.VEXTRACTF64X4, zmm(1).half(), zmm(20), 1)),
                code(
                        "vextractf32x4 xmm1,ymm0,0x1",
                        "62f37d2819c101",
                        a -> a.extract(Instruction.VEXTRACTF32X4, zmm(1).half().half(), zmm(0).half(), 1)),
                code(
                        "vextractps [rcx+rax*1],xmm0,0x3",
                        "62f37d081784010000000003",
                        a -> a.extract(
                                Instruction.VEXTRACTPS,
                                at(Gpr.RCX, Gpr.RAX, 1),
                                zmm(0).half().half(),
                                3)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("instructions")
    void isWhatADisassemblerReads(String text, String bytes, Consumer<Assembler> instruction) {
        Assembler assembler = new Assembler();
        instruction.accept(assembler);
        assertThat(HexFormat.of().formatHex(assembler.code())).isEqualTo(bytes);
    }

    @Test
    void whatHasNoEncodingIsRefused() {
        assertThatThrownBy(() -> zmm(32)).hasMessageContaining("32");
        assertThatThrownBy(() -> at(Gpr.RAX, Gpr.RSP, 1)).hasMessageContaining("RSP");
        assertThatThrownBy(() -> at(Gpr.RAX, Gpr.RBX, 3)).hasMessageContaining("3");
        assertThatThrownBy(() -> new Assembler().kmov(1, Gpr.R8)).hasMessageContaining("R8");
    }
}
