package dev.jemma.kernels.cuda;

import dev.jemma.kernels.DeviceException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Finds NVIDIA's libraries where users have them: on the loader's path, in a CUDA toolkit, or in the folder of a Python
 * installation that carries them (the {@code nvidia} packages beside PyTorch).
 */
final class CudaLibraries {
    private static final List<String> SYSTEM_FOLDERS = List.of(
            "/usr/lib/x86_64-linux-gnu",
            "/usr/lib/aarch64-linux-gnu",
            "/usr/lib64",
            "/usr/local/nvidia/lib64",
            "/usr/lib/wsl/lib",
            "/usr/local/cuda/lib64",
            "/usr/local/cuda/targets/x86_64-linux/lib");

    /** Deep enough for {@code site-packages/nvidia/cu13/lib} below a virtual environment's root. */
    private static final int SEARCH_DEPTH = 7;

    private final @Nullable Path given;

    /** @param given a folder that the user named, searched first and in depth; or null */
    CudaLibraries(@Nullable String given) {
        String folder = given != null ? given : System.getenv("JEMMA_CUDA_PATH");
        this.given = folder == null ? null : Path.of(folder);
    }

    /** The driver's library. */
    SymbolLookup driver() {
        return open("the NVIDIA driver", List.of("libcuda.so.1", "libcuda.so"), "install the NVIDIA driver");
    }

    /** The run-time compiler. */
    SymbolLookup compiler() {
        return open(
                "NVRTC, the run-time compiler",
                List.of("libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"),
                "install the CUDA toolkit, or name a folder that holds it (a Python environment with PyTorch does) with"
                        + " --gpu-library or JEMMA_CUDA_PATH");
    }

    /** The library of matrix multiplications; empty where it is not installed. */
    Optional<SymbolLookup> matrices() {
        try {
            return Optional.of(
                    open("cuBLASLt", List.of("libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so"), ""));
        } catch (DeviceException.Unavailable absent) {
            System.getLogger(CudaLibraries.class.getName())
                    .log(System.Logger.Level.DEBUG, "prompts are read by the shaders: " + absent.getMessage());
            return Optional.empty();
        }
    }

    private SymbolLookup open(String what, List<String> names, String remedy) {
        List<String> tried = new ArrayList<>();
        for (String candidate : candidates(names)) {
            try {
                return SymbolLookup.libraryLookup(candidate, Arena.global());
            } catch (IllegalArgumentException absent) {
                tried.add(candidate);
            }
        }
        throw new DeviceException.Unavailable(
                "cuda: " + what + " was not found (tried " + String.join(", ", tried) + "); " + remedy);
    }

    private List<String> candidates(List<String> names) {
        List<String> candidates = new ArrayList<>();
        if (given != null) {
            for (String name : names) {
                candidates.addAll(below(given, name));
            }
        }
        candidates.addAll(names);
        List<String> folders = new ArrayList<>(SYSTEM_FOLDERS);
        folders.addAll(toolkits());
        for (String variable : List.of("CUDA_HOME", "CUDA_PATH")) {
            String home = System.getenv(variable);
            if (home != null) {
                folders.add(home + "/lib64");
            }
        }
        for (String folder : folders) {
            for (String name : names) {
                if (Files.exists(Path.of(folder, name))) {
                    candidates.add(folder + "/" + name);
                }
            }
        }
        return candidates;
    }

    /** Library folders of the toolkits in their usual place, the newest first. */
    private static List<String> toolkits() {
        try (Stream<Path> installed = Files.list(Path.of("/usr/local"))) {
            return installed
                    .filter(path -> path.getFileName().toString().startsWith("cuda-"))
                    .sorted(Comparator.reverseOrder())
                    .flatMap(path -> Stream.of(path + "/lib64", path + "/targets/x86_64-linux/lib"))
                    .toList();
        } catch (IOException none) {
            return List.of();
        }
    }

    private static List<String> below(Path folder, String name) {
        if (Files.isRegularFile(folder)) {
            return folder.getFileName().toString().startsWith(name.substring(0, name.indexOf(".so")))
                    ? List.of(folder.toString())
                    : List.of();
        }
        try (Stream<Path> files = Files.find(
                folder, SEARCH_DEPTH, (path, _) -> path.getFileName().toString().equals(name))) {
            // A toolkit's stubs are for linking only: their every call fails.
            return files.filter(path -> !path.toString().contains("/stubs/"))
                    .map(Path::toString)
                    .sorted()
                    .toList();
        } catch (IOException unreadable) {
            return List.of();
        }
    }
}
