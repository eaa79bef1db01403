package dev.jemma.kernels.metal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SignatureTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = ' ',
            value = {
                "v16@0:8 vpp",
                "Vv16@0:8 vpp",
                "@40@0:8@16@24^@32 pppppp",
                "v40@0:8r^v16Q24Q32 vpppJJ",
                "v40@0:8^rv16L24L32 vpppJJ",
                "v64@0:8{?=QQQ}16{?=QQQ}40 vppSS",
                "v64@0:8{MTLSize=LLL}16{MTLSize=LLL}40 vppSS",
                "@48@0:8^v16Q24Q32@?40 ppppJJp",
                "@48@0:8^v16Q24Q32@?<v@?^vQ>40 ppppJJp",
                "B24@0:8q16 ZppJ",
                "c24@0:8q16 ZppJ",
                "d16@0:8 Dpp",
                "v24@0:8@\"NSString\"16 vppp",
                "v20@0:8f16 vppf",
                "v20@0:8I16 vppI",
                "{?=QQQ}16@0:8 Spp",
                "v48@0:8{CGRect={CGPoint=dd}{CGSize=dd}}16 vpp{CGRect={CGPoint=dd}{CGSize=dd}}",
            })
    void reducesEncodings(String encoding, String expected) {
        assertThat(Signature.normal(encoding)).isEqualTo(expected);
    }

    @Test
    void aShapeWithoutHandleIsRefused() {
        assertThatThrownBy(() -> Shape.of(Signature.normal("v@:f")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("vppf");
        assertThat(Shape.of(Signature.normal("v@:@QQ"))).isEqualTo(Shape.VOID_JJJ);
    }
}
