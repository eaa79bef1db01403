package dev.jemma.kernels.metal;

import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.kernels.metal.bindings.MetalRuntime;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;

/**
 * {@code objc_msgSend}, once per {@link Shape}. Each handle is non-variadic, as methods expect: Apple's arm64 passes
 * variadic arguments on the stack. No message here returns a struct, which would need {@code objc_msgSend_stret} on
 * x86-64. {@code send} returns nothing, {@code get} a word (object, pointer or integer), {@code test} a BOOL.
 */
final class Send {
    /** Three NSUInteger by value: on the stack on x86-64; on arm64 the linker passes the address of a copy. */
    static final StructLayout MTL_SIZE = MemoryLayout.structLayout(JAVA_LONG, JAVA_LONG, JAVA_LONG);

    private static final MethodHandle LONG = returning(JAVA_LONG);
    private static final MethodHandle LONG_J = returning(JAVA_LONG, JAVA_LONG);
    private static final MethodHandle LONG_JJ = returning(JAVA_LONG, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle LONG_JJJ = returning(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle LONG_JJJJ = returning(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle VOID = nothing();
    private static final MethodHandle VOID_J = nothing(JAVA_LONG);
    private static final MethodHandle VOID_JJ = nothing(JAVA_LONG, JAVA_LONG);
    private static final MethodHandle VOID_JJJ = nothing(JAVA_LONG, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle VOID_Z = nothing(JAVA_BOOLEAN);
    private static final MethodHandle VOID_SS = nothing(MTL_SIZE, MTL_SIZE);
    private static final MethodHandle BOOL = returning(JAVA_BOOLEAN);
    private static final MethodHandle BOOL_J = returning(JAVA_BOOLEAN, JAVA_LONG);
    private static final MethodHandle DOUBLE = returning(JAVA_DOUBLE);

    private Send() {}

    private static MethodHandle returning(MemoryLayout result, MemoryLayout... arguments) {
        return handle(FunctionDescriptor.of(result, JAVA_LONG, JAVA_LONG).appendArgumentLayouts(arguments));
    }

    private static MethodHandle nothing(MemoryLayout... arguments) {
        return handle(FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG).appendArgumentLayouts(arguments));
    }

    private static MethodHandle handle(FunctionDescriptor descriptor) {
        return Linker.nativeLinker().downcallHandle(MetalRuntime.objc_msgSend$address(), descriptor);
    }

    private static void check(long receiver, Message message, Shape shape) {
        if (message.shape() != shape) {
            throw new IllegalArgumentException(message + " sent as " + shape);
        }
        if (receiver == 0) {
            throw new IllegalStateException("metal: " + message.name() + " sent to nil");
        }
        if (SignatureCheck.ENABLED) {
            SignatureCheck.once(receiver, message);
        }
    }

    private static AssertionError unexpected(Message message, Throwable failure) {
        return new AssertionError(message.name(), failure);
    }

    static long get(long receiver, Message message) {
        check(receiver, message, Shape.LONG);
        try {
            return (long) LONG.invokeExact(receiver, message.selector());
        } catch (Throwable failure) {
            throw unexpected(message, failure);
        }
    }

    static long get(long receiver, Message message, long a) {
        check(receiver, message, Shape.LONG_J);
        try {
            return (long) LONG_J.invokeExact(receiver, message.selector(), a);
        } catch (Throwable failure) {
            throw unexpected(message, failure);
        }
    }

    static long get(long receiver, Message message, long a, long b) {
        check(receiver, message, Shape.LONG_JJ);
        try {
            return (long) LONG_JJ.invokeExact(receiver, message.selector(), a, b);
        } catch (Throwable failure) {
            throw unexpected(message, failure);
        }
    }

    static long get(long receiver, Message message, long a, long b, long c) {
        check(receiver, message, Shape.LONG_JJJ);
        try {
            return (long) LONG_JJJ.invokeExact(receiver, message.selector(), a, b, c);
        } catch (Throwable failure) {
            throw unexpected(message, failure);
        }
    }

    static long get(long receiver, Message message, long a, long b, long c, long d) {
        check(receiver, message, Shape.LONG_JJJJ);
        try {
            return (long) LONG_JJJJ.invokeExact(receiver, message.selector(), a, b, c, d);
        } catch (Throwable failure) {
            throw unexpected(message, failure);
        }
    }

    static void send(long receiver, Message message) {
        check(receiver, message, Shape.VOID);
        try {
            VOID.invokeExact(receiver, message.selector());
        } catch (Throwable failure) {
            throw unexpected(message, failure);
        }
    }

    static void send(long receiver, Message message, long a) {
        check(receiver, message, Shape.VOID_J);
        try {
            VOID_J.invokeExact(receiver, message.selector(), a);
        } catch (Throwable failure) {
            throw unexpected(message, failure);
        }
    }

    static void send(long receiver, Message message, long a, long b) {
        check(receiver, message, Shape.VOID_JJ);
        try {
            VOID_JJ.invokeExact(receiver, message.selector(), a, b);
        } catch (Throwable failure) {
            throw unexpected(message, failure);
        }
    }

    static void send(long receiver, Message message, long a, long b, long c) {
        check(receiver, message, Shape.VOID_JJJ);
        try {
            VOID_JJJ.invokeExact(receiver, message.selector(), a, b, c);
        } catch (Throwable failure) {
            throw unexpected(message, failure);
        }
    }

    static void send(long receiver, Message message, boolean flag) {
        check(receiver, message, Shape.VOID_Z);
        try {
            VOID_Z.invokeExact(receiver, message.selector(), flag);
        } catch (Throwable failure) {
            throw unexpected(message, failure);
        }
    }

    static void send(long receiver, Message message, MemorySegment first, MemorySegment second) {
        check(receiver, message, Shape.VOID_SS);
        try {
            VOID_SS.invokeExact(receiver, message.selector(), first, second);
        } catch (Throwable failure) {
            throw unexpected(message, failure);
        }
    }

    static boolean test(long receiver, Message message) {
        check(receiver, message, Shape.BOOL);
        try {
            return (boolean) BOOL.invokeExact(receiver, message.selector());
        } catch (Throwable failure) {
            throw unexpected(message, failure);
        }
    }

    static boolean test(long receiver, Message message, long a) {
        check(receiver, message, Shape.BOOL_J);
        try {
            return (boolean) BOOL_J.invokeExact(receiver, message.selector(), a);
        } catch (Throwable failure) {
            throw unexpected(message, failure);
        }
    }

    static double seconds(long receiver, Message message) {
        check(receiver, message, Shape.DOUBLE);
        try {
            return (double) DOUBLE.invokeExact(receiver, message.selector());
        } catch (Throwable failure) {
            throw unexpected(message, failure);
        }
    }
}
