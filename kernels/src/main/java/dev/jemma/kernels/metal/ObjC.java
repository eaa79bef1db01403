package dev.jemma.kernels.metal;

import dev.jemma.kernels.metal.bindings.MetalRuntime;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The Objective-C runtime's C functions. Ownership follows Cocoa's rule: what {@code new...} and {@code retain} return
 * is released by the caller; everything else lives until the surrounding autorelease pool is popped. A pool is pushed
 * and popped within one Java method, so that it never outlives a call or changes threads.
 */
final class ObjC {
    private ObjC() {}

    static long selector(String name) {
        try (Arena arena = Arena.ofConfined()) {
            return MetalRuntime.sel_registerName(arena.allocateFrom(name));
        }
    }

    /** The class of this name, or 0 where the system does not have it. */
    static long classNamed(String name) {
        try (Arena arena = Arena.ofConfined()) {
            return MetalRuntime.objc_getClass(arena.allocateFrom(name));
        }
    }

    static long classOf(long object) {
        return MetalRuntime.object_getClass(object);
    }

    static String className(long object) {
        return string(MetalRuntime.class_getName(classOf(object)));
    }

    /** Whether the object's class implements the method: for what newer systems alone have. */
    static boolean responds(long object, Message message) {
        return MetalRuntime.class_getInstanceMethod(classOf(object), message.selector()) != 0;
    }

    /** The runtime's record of the method's signature, or null if the class implements no such method. */
    static @Nullable String typeEncoding(long cls, Message message) {
        long method = MetalRuntime.class_getInstanceMethod(cls, message.selector());
        return method == 0 ? null : string(MetalRuntime.method_getTypeEncoding(method));
    }

    static long pushPool() {
        return MetalRuntime.objc_autoreleasePoolPush();
    }

    static void popPool(long pool) {
        MetalRuntime.objc_autoreleasePoolPop(pool);
    }

    static void release(long object) {
        if (object != 0) {
            Send.send(object, Messages.RELEASE);
        }
    }

    /** An autoreleased NSString. */
    static long nsString(String text) {
        try (Arena arena = Arena.ofConfined()) {
            return Send.get(
                    classNamed("NSString"),
                    Messages.STRING_WITH_UTF8,
                    arena.allocateFrom(text).address());
        }
    }

    static String javaString(long nsString) {
        return nsString == 0 ? "" : string(MemorySegment.ofAddress(Send.get(nsString, Messages.UTF8_STRING)));
    }

    /** What an NSError says. */
    static String describe(long error) {
        return error == 0 ? "no reason given" : javaString(Send.get(error, Messages.LOCALIZED_DESCRIPTION));
    }

    private static String string(MemorySegment cString) {
        return cString.reinterpret(Long.MAX_VALUE).getString(0);
    }
}
