package dev.jemma.kernels.metal;

/**
 * A method of Objective-C as Java calls it.
 *
 * @param name selector
 * @param encoding type encoding as Apple's compiler writes it, without offsets and qualifiers: result, receiver,
 *     selector, arguments
 * @param selector the runtime's registered selector
 * @param shape which handle sends it
 */
record Message(String name, String encoding, long selector, Shape shape) {
    static Message of(String name, String encoding) {
        return new Message(name, encoding, ObjC.selector(name), Shape.of(Signature.normal(encoding)));
    }
}
