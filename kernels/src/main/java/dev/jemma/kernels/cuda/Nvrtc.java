package dev.jemma.kernels.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.kernels.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;

/** NVIDIA's run-time compiler: CUDA source in, machine code for one architecture out. */
final class Nvrtc {
    private final StatusLibrary nvrtc;

    Nvrtc(SymbolLookup symbols) {
        nvrtc = new StatusLibrary(symbols);
    }

    /** {@code 13.0}. */
    String version() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_INT, 2);
            nvrtc.call("nvrtcVersion", out, out.asSlice(4));
            return out.getAtIndex(JAVA_INT, 0) + "." + out.getAtIndex(JAVA_INT, 1);
        }
    }

    /**
     * Compiles to a cubin.
     *
     * @param architecture {@code sm_90}
     * @param headers contents by the name that {@code #include} uses
     * @throws DeviceException.CompileFailed with the compiler's messages, which name the Metal file and line
     */
    byte[] compile(String name, String source, String architecture, Map<String, String> headers) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment program = arena.allocate(JAVA_LONG);
            MemorySegment names = strings(arena, List.copyOf(headers.keySet()));
            MemorySegment contents = strings(arena, List.copyOf(headers.values()));
            check(
                    "nvrtcCreateProgram",
                    nvrtc.call(
                            "nvrtcCreateProgram",
                            program,
                            arena.allocateFrom(source),
                            arena.allocateFrom(name),
                            headers.size(),
                            contents,
                            names));
            long handle = program.get(JAVA_LONG, 0);
            try {
                return compile(arena, handle, name, architecture);
            } finally {
                check("nvrtcDestroyProgram", nvrtc.call("nvrtcDestroyProgram", program));
            }
        }
    }

    private byte[] compile(Arena arena, long program, String name, String architecture) {
        // Helper functions of the shaders carry no __device__; -default-device gives it to them.
        List<String> options = List.of("-arch=" + architecture, "-std=c++17", "-default-device", "-w");
        int status = nvrtc.call("nvrtcCompileProgram", program, options.size(), strings(arena, options));
        if (status != 0) {
            throw new DeviceException.CompileFailed("cuda: " + name + " did not compile:\n" + log(arena, program));
        }
        MemorySegment size = arena.allocate(JAVA_LONG);
        check("nvrtcGetCUBINSize", nvrtc.call("nvrtcGetCUBINSize", program, size));
        MemorySegment image = arena.allocate(size.get(JAVA_LONG, 0));
        check("nvrtcGetCUBIN", nvrtc.call("nvrtcGetCUBIN", program, image));
        return image.toArray(ValueLayout.JAVA_BYTE);
    }

    private String log(Arena arena, long program) {
        MemorySegment size = arena.allocate(JAVA_LONG);
        check("nvrtcGetProgramLogSize", nvrtc.call("nvrtcGetProgramLogSize", program, size));
        MemorySegment log = arena.allocate(Math.max(1, size.get(JAVA_LONG, 0)));
        check("nvrtcGetProgramLog", nvrtc.call("nvrtcGetProgramLog", program, log));
        return log.getString(0);
    }

    private static MemorySegment strings(Arena arena, List<String> strings) {
        MemorySegment array = arena.allocate(ADDRESS, Math.max(1, strings.size()));
        for (int i = 0; i < strings.size(); i++) {
            array.setAtIndex(ADDRESS, i, arena.allocateFrom(strings.get(i)));
        }
        return array;
    }

    private static void check(String function, int status) {
        if (status != 0) {
            throw new DeviceException.Failed("cuda: " + function + " failed: " + status);
        }
    }
}
