package dev.jemma.app.flags;

import dev.jemma.app.console.Terminal;
import dev.jemma.engine.SessionOptions;
import dev.jemma.engine.UsageException;
import dev.jemma.kernels.Backends;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.models.synthetic.FillingDevice;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which model runs, where, and with how much memory. */
public final class ModelFlags {
    @Option(
            names = {"-m", "--model"},
            paramLabel = "MODEL",
            description =
                    "Directory of a Gemma checkpoint (safetensors), OWNER/NAME of one in Hugging Face's cache (see"
                            + " pull), or synthetic:NAME[:bf16|8bit|4bit] for random weights; default: the built-in demo model.")
    private @Nullable String model;

    @Option(
            names = "--backend",
            completionCandidates = BackendNames.class,
            paramLabel = "NAME",
            description = "Where to compute: auto, or one of those that --version lists; default: auto.")
    private String backend = "auto";

    @Option(
            names = {"-c", "--ctx-size"},
            paramLabel = "N",
            description =
                    "Most tokens of prompt and answer together; default: as many as the request needs, for chats 8192"
                            + " or what the model has.")
    private int contextSize;

    @Option(
            names = "--prefill-chunk",
            paramLabel = "N",
            description = "Most prompt tokens per step; default: 256, on GPUs 1024.")
    private @Nullable Integer prefillChunk;

    @Option(names = "--kv-type", paramLabel = "TYPE", description = "Keys and values: f16 or f32; default: f16.")
    private String kvType = "f16";

    /** An open backend and the directory of a checkpoint to load on it. */
    public record Place(Device device, Path directory) {}

    /**
     * Opens the backend and finds the model; one that can be made is made, which {@code terminal} hears of.
     *
     * @param threads of the cpu backend; 0 for one per core
     */
    public Place open(int threads, Terminal terminal) {
        return open(model, threads, terminal);
    }

    /** The same for a model that is not named by the flag. */
    public Place open(@Nullable String name, int threads, Terminal terminal) {
        Device device = openDevice(threads);
        try {
            // What a GPU computes with is in its memory: random weights need not come from a file.
            if (name != null && name.startsWith(SyntheticModels.PREFIX) && device.isAsynchronous()) {
                SyntheticModels.Outline outline = new SyntheticModels(terminal).outline(name);
                return new Place(new FillingDevice(device, outline.bits()), outline.directory());
            }
            return new Place(device, ModelName.directory(name, terminal));
        } catch (RuntimeException failure) {
            device.close();
            throw failure;
        }
    }

    private Device openDevice(int threads) {
        List<String> names = Backends.names();
        if (!backend.equals("auto") && !names.contains(backend)) {
            throw new UsageException(
                    "backend: expected auto or one of " + String.join(", ", names) + ", got '" + backend + "'");
        }
        return Backends.open(backend, new DeviceOptions(threads, null)).device();
    }

    /**
     * What to take memory for.
     *
     * @param device where the session will run
     * @param needed tokens that the request is known to need
     * @param largest positions that the model was made for
     */
    public SessionOptions sessionOptions(Device device, int slots, long needed, int largest) {
        if (contextSize < 0 || contextSize > largest) {
            throw new UsageException(
                    "ctx-size: expected 1 to " + largest + " (what the model was trained for), got " + contextSize);
        }
        int size = contextSize > 0 ? contextSize : (int) Math.min(needed, largest);
        int chunk = prefillChunk != null ? prefillChunk : SessionOptions.prefillChunkFor(device);
        return new SessionOptions(slots, size, Math.min(chunk, size), parseKvType());
    }

    private DType parseKvType() {
        return switch (kvType) {
            case "f16" -> DType.F16;
            case "f32" -> DType.F32;
            default -> throw new UsageException("kv-type: expected f16 or f32, got '" + kvType + "'");
        };
    }
}
