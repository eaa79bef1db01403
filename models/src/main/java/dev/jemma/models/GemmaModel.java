package dev.jemma.models;

import dev.jemma.kernels.Device;
import dev.jemma.models.config.GenerationDefaults;
import dev.jemma.models.gemma.GemmaConfig;
import dev.jemma.models.gemma.GemmaWeights;
import dev.jemma.models.loading.DecoderCheckpoint;
import dev.jemma.models.loading.Resources;
import dev.jemma.models.loading.WeightBinder;
import dev.jemma.models.safetensors.SafetensorsCheckpoint;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A checkpoint's decoder on a device. Owns the mapped files and the device memory of its weights; close it before the
 * device, and after everything that computes with it.
 */
public final class GemmaModel implements AutoCloseable {
    private final Path directory;
    private final DecoderCheckpoint checkpoint;
    private final GemmaWeights weights;
    private final Resources resources;

    private GemmaModel(Path directory, DecoderCheckpoint checkpoint, GemmaWeights weights, Resources resources) {
        this.directory = directory;
        this.checkpoint = checkpoint;
        this.weights = weights;
        this.resources = resources;
    }

    /**
     * Loads a directory of {@code config.json} and safetensors files. Reads the headers and the small vectors; matrices
     * are read when first computed with.
     *
     * @throws ModelFormatException if the checkpoint cannot be used; nothing stays open then
     * @throws dev.jemma.kernels.DeviceException if the device cannot hold it
     */
    public static GemmaModel load(Path directory, Device device) {
        if (!Files.isDirectory(directory)) {
            throw new ModelFormatException(directory + ": "
                    + (Files.exists(directory)
                            ? "expected the directory of a checkpoint, got a file; name the directory that holds it"
                            : "no such directory; check the path"));
        }
        Resources resources = new Resources();
        try {
            SafetensorsCheckpoint files = SafetensorsCheckpoint.open(directory);
            resources.add(files::close);
            DecoderCheckpoint checkpoint = DecoderCheckpoint.check(directory, files);
            GemmaWeights weights = new WeightBinder(checkpoint, device, resources).bind();
            return new GemmaModel(directory, checkpoint, weights, resources);
        } catch (RuntimeException | Error failure) {
            closeAfter(failure, resources);
            throw failure;
        }
    }

    private static void closeAfter(Throwable failure, Resources resources) {
        try {
            resources.close();
        } catch (RuntimeException second) {
            failure.addSuppressed(second);
        }
    }

    public Path directory() {
        return directory;
    }

    public GemmaConfig config() {
        return checkpoint.config().gemma();
    }

    public GemmaWeights weights() {
        return weights;
    }

    public GenerationDefaults generationDefaults() {
        return checkpoint.config().generation();
    }

    /** Parameters of the decoder; an embedding table that is also the output head counts once. */
    public long parameterCount() {
        return checkpoint.parameterCount();
    }

    /** Bytes of the decoder's tensors as stored. */
    public long weightBytes() {
        return checkpoint.weightBytes();
    }

    /** How matrices are stored, the form with most parameters first: {@code affine 4-bit, group 64; BF16}. */
    public String weightFormat() {
        return checkpoint.weightFormat();
    }

    /** Tensors in the files that text generation does not need: towers for other modalities, unused copies. */
    public int ignoredTensors() {
        return checkpoint.ignoredTensors();
    }

    /** Releases the device memory, then the files. */
    @Override
    public void close() {
        resources.close();
    }
}
