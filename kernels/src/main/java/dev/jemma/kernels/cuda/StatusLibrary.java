package dev.jemma.kernels.cuda;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A C library whose functions return an {@code int} status. {@link #call} is for calls made a few times a session: it
 * reads the signature off its arguments and costs about a microsecond; {@link #handle} is for the others.
 */
final class StatusLibrary {
    private static final Linker LINKER = Linker.nativeLinker();

    private final SymbolLookup symbols;
    private final Map<String, MethodHandle> handles = new ConcurrentHashMap<>();

    StatusLibrary(SymbolLookup symbols) {
        this.symbols = symbols;
    }

    /** @throws java.util.NoSuchElementException if the library lacks the function */
    MethodHandle handle(String function, MemoryLayout... arguments) {
        return LINKER.downcallHandle(
                symbols.findOrThrow(function), FunctionDescriptor.of(ValueLayout.JAVA_INT, arguments));
    }

    /**
     * Calls a function whose parameters are exactly the arguments' types: {@code int} for Integer, 64 bits for Long, a
     * pointer for MemorySegment, {@code unsigned char} for Byte.
     *
     * @return the status
     */
    int call(String function, Object... arguments) {
        MethodHandle handle = handles.computeIfAbsent(function, name -> handle(name, layouts(arguments)));
        try {
            return (int) handle.invokeWithArguments(arguments);
        } catch (Throwable failure) {
            throw new AssertionError(function, failure);
        }
    }

    private static MemoryLayout[] layouts(Object[] arguments) {
        MemoryLayout[] layouts = new MemoryLayout[arguments.length];
        for (int i = 0; i < arguments.length; i++) {
            layouts[i] = switch (arguments[i]) {
                case Integer _ -> ValueLayout.JAVA_INT;
                case Long _ -> ValueLayout.JAVA_LONG;
                case Byte _ -> ValueLayout.JAVA_BYTE;
                case MemorySegment _ -> ValueLayout.ADDRESS;
                default -> throw new IllegalArgumentException("no C type for " + arguments[i]);
            };
        }
        return layouts;
    }
}
