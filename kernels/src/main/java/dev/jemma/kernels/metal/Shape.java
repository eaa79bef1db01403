package dev.jemma.kernels.metal;

/**
 * The calling shape of a message after receiver and selector: what differs in the machine's calling convention. Objects,
 * pointers and integers are all one machine word (J); Z is a BOOL, D a double, S an MTLSize by value.
 */
enum Shape {
    LONG("J"),
    LONG_J("JJ"),
    LONG_JJ("JJJ"),
    LONG_JJJ("JJJJ"),
    LONG_JJJJ("JJJJJ"),
    VOID("v"),
    VOID_J("vJ"),
    VOID_Z("vZ"),
    VOID_JJ("vJJ"),
    VOID_JJJ("vJJJ"),
    VOID_SS("vSS"),
    BOOL("Z"),
    BOOL_J("ZJ"),
    DOUBLE("D");

    private final String code;

    Shape(String code) {
        this.code = code;
    }

    /** The shape of a method with this {@link Signature#normal normal} signature. */
    static Shape of(String signature) {
        String code = signature.charAt(0) + signature.substring(3);
        String words = code.replace('p', 'J');
        for (Shape shape : values()) {
            if (shape.code.equals(words)) {
                return shape;
            }
        }
        throw new IllegalArgumentException("no message has the shape " + signature);
    }
}
