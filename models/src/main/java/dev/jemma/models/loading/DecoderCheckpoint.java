package dev.jemma.models.loading;

import dev.jemma.kernels.DType;
import dev.jemma.models.ModelFormatException;
import dev.jemma.models.config.CheckpointConfig;
import dev.jemma.models.config.Quantization;
import dev.jemma.models.gemma.GemmaConfig;
import dev.jemma.models.safetensors.ElementType;
import dev.jemma.models.safetensors.SafetensorsCheckpoint;
import dev.jemma.models.safetensors.SafetensorsCheckpoint.StoredTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A decoder's tensors, all there and all of the right shape and type: whoever holds one of these can bind without
 * checking again.
 */
public final class DecoderCheckpoint {
    /** Enough to see the pattern when every layer has the same problem. */
    private static final int MAX_PROBLEMS_SHOWN = 20;

    private final CheckpointConfig config;
    private final DecoderNames names;
    private final DecoderTensors tensors;
    private final Map<String, StoredTensor> stored;
    private final Map<String, Quantization.Setting> settings = new HashMap<>();
    private final Set<String> used = new HashSet<>();
    private final List<String> problems = new ArrayList<>();
    private int ignored;

    private DecoderCheckpoint(Path directory, SafetensorsCheckpoint files) {
        this.stored = files.tensors();
        this.config = CheckpointConfig.read(directory, DecoderNames.checkpointType(stored));
        this.names = DecoderNames.find(directory, stored.keySet());
        this.tensors = DecoderTensors.of(
                config.gemma(), names.prefix(), untiedHead(config.gemma(), names), names.splitExperts());
    }

    private static @Nullable String untiedHead(GemmaConfig gemma, DecoderNames names) {
        if (gemma.tieWordEmbeddings()) {
            return null;
        }
        return names.lmHead() == null ? "lm_head" : names.lmHead();
    }

    /**
     * Reads a directory's configuration and checks every tensor of the open files against it.
     *
     * @throws ModelFormatException naming every problem found
     */
    public static DecoderCheckpoint check(Path directory, SafetensorsCheckpoint files) {
        DecoderCheckpoint checkpoint = new DecoderCheckpoint(directory, files);
        checkpoint.tensors.specs().values().forEach(checkpoint::checkSpec);
        checkpoint.checkRest();
        checkpoint.report(directory);
        return checkpoint;
    }

    public CheckpointConfig config() {
        return config;
    }

    /** Stands before every decoder tensor's name but the head's. */
    public String prefix() {
        return names.prefix();
    }

    /** MLX's three stacks of experts per layer instead of Hugging Face's two. */
    public boolean splitExperts() {
        return names.splitExperts();
    }

    /** Module path of a head of its own; null where the embedding table is the head. */
    public @Nullable String lmHead() {
        return untiedHead(config.gemma(), names);
    }

    /** Parameters of the decoder, a shared table counted once. */
    public long parameterCount() {
        return tensors.specs().values().stream()
                .mapToLong(TensorSpec::parameters)
                .sum();
    }

    /** Bytes of the tensors that are used, as stored. */
    public long weightBytes() {
        return used.stream().mapToLong(name -> stored(name).info().byteSize()).sum();
    }

    /** Tensors of the files that text generation does not need. */
    public int ignoredTensors() {
        return ignored;
    }

    /** How matrices are stored, the form with most parameters first: {@code affine 4-bit, group 64; BF16}. */
    public String weightFormat() {
        Map<String, Long> parameters = new TreeMap<>();
        for (TensorSpec spec : tensors.specs().values()) {
            if (spec.shape().size() > 1) {
                Quantization.Setting setting = setting(spec);
                String format = setting == null ? stored(spec.tensor()).info().dtype() : setting.toString();
                parameters.merge(format, spec.parameters(), Long::sum);
            }
        }
        return parameters.entrySet().stream()
                .sorted(Map.Entry.<String, Long>comparingByValue(Comparator.reverseOrder()))
                .map(Map.Entry::getKey)
                .collect(Collectors.joining("; "));
    }

    /** Every weight that the configuration calls for, in the order of the forward pass. */
    public Collection<TensorSpec> specs() {
        return tensors.specs().values();
    }

    public TensorSpec spec(String name) {
        TensorSpec spec = tensors.specs().get(name);
        if (spec == null) {
            throw new IllegalArgumentException(name + " is not part of this decoder");
        }
        return spec;
    }

    /** Whether an optional tensor is there. */
    public boolean has(String tensor) {
        return used.contains(tensor);
    }

    /** A tensor of the files, needed or not. */
    public StoredTensor stored(String tensor) {
        StoredTensor found = stored.get(tensor);
        if (found == null) {
            throw new IllegalArgumentException(tensor + " is not in the checkpoint");
        }
        return found;
    }

    /** Null for an unquantized weight. */
    public Quantization.@Nullable Setting setting(TensorSpec spec) {
        return settings.get(spec.name());
    }

    /** Type of a tensor that was checked to be a floating-point one. */
    public DType floatType(String tensor) {
        DType type = weightType(stored(tensor));
        if (type == null) {
            throw new IllegalArgumentException(tensor + " has no floating-point type");
        }
        return type;
    }

    /** Tensors of layers that read another layer's keys and values: there in some exports, used by nobody. */
    public List<String> unusedTensors() {
        List<String> modules =
                DecoderTensors.unusedModules(config.gemma(), names.prefix()).toList();
        return stored.keySet().stream()
                .filter(name -> modules.stream().anyMatch(name::startsWith))
                .sorted()
                .toList();
    }

    private static @Nullable DType weightType(StoredTensor tensor) {
        ElementType type = tensor.info().type();
        return type == null ? null : type.weightType();
    }

    private void checkSpec(TensorSpec spec) {
        switch (spec.kind()) {
            case LINEAR -> checkLinear(spec);
            case EXPERT_STACK, VECTOR -> checkFloats(spec.tensor(), spec.shape());
            case OPTIONAL_VECTOR -> {
                if (stored.containsKey(spec.tensor())) {
                    checkFloats(spec.tensor(), spec.shape());
                }
            }
        }
    }

    private void checkLinear(TensorSpec spec) {
        Quantization.Setting setting;
        try {
            setting = config.quantization().of(spec.name(), stored.containsKey(spec.scales()));
        } catch (ModelFormatException refusal) {
            problems.add(refusal.getMessage());
            used.addAll(List.of(spec.tensor(), spec.scales(), spec.biases()));
            return;
        }
        if (setting == null) {
            checkFloats(spec.tensor(), spec.shape());
            return;
        }
        settings.put(spec.name(), setting);
        if (spec.cols() % setting.groupSize() != 0) {
            problems.add(spec.name() + ": rows of " + spec.cols() + " cannot be divided into groups of "
                    + setting.groupSize() + "; config.json's quantization is not that of these files");
        }
        StoredTensor codes = find(spec.tensor(), "U32 " + spec.withCols((long) spec.cols() * setting.bits() / 32));
        if (codes != null
                && (codes.info().type() != ElementType.U32
                        || !codes.info().shape().equals(spec.withCols((long) spec.cols() * setting.bits() / 32)))) {
            problems.add(spec.tensor() + ": expected U32 " + spec.withCols((long) spec.cols() * setting.bits() / 32)
                    + " for " + setting + ", got " + codes.info().describe());
        }
        checkFloats(spec.scales(), spec.withCols(spec.cols() / setting.groupSize()));
        checkFloats(spec.biases(), spec.withCols(spec.cols() / setting.groupSize()));
        checkSameType(spec);
    }

    private void checkSameType(TensorSpec spec) {
        StoredTensor scales = stored.get(spec.scales());
        StoredTensor biases = stored.get(spec.biases());
        if (scales != null
                && biases != null
                && !scales.info().dtype().equals(biases.info().dtype())) {
            problems.add(spec.biases() + ": expected " + scales.info().dtype() + " as its scales, got "
                    + biases.info().dtype());
        }
    }

    private void checkFloats(String tensor, List<Long> shape) {
        StoredTensor found = find(tensor, "BF16, F16 or F32 " + shape);
        if (found == null) {
            return;
        }
        if (weightType(found) == null) {
            problems.add(tensor + ": expected BF16, F16 or F32 " + shape + ", got "
                    + found.info().describe()
                    + (stored.containsKey(tensor.replaceFirst("weight$", "scales"))
                            ? "; config.json lacks the quantization that made it"
                            : ""));
        } else if (!found.info().shape().equals(shape)) {
            problems.add(
                    tensor + ": expected " + shape + ", got " + found.info().describe());
        }
    }

    private @Nullable StoredTensor find(String tensor, String expected) {
        used.add(tensor);
        StoredTensor found = stored.get(tensor);
        if (found == null) {
            problems.add(tensor + ": expected " + expected + ", got no such tensor");
        }
        return found;
    }

    /** Every other tensor must be one that we know not to need. */
    private void checkRest() {
        List<String> unused =
                DecoderTensors.unusedModules(config.gemma(), names.prefix()).toList();
        for (String name : stored.keySet()) {
            if (used.contains(name)) {
                continue;
            }
            boolean needless = DecoderNames.ofAnotherModality(name)
                    || name.contains("rotary_emb.")
                    || unused.stream().anyMatch(name::startsWith)
                    || (names.lmHead() != null && name.startsWith(names.lmHead() + "."))
                    || !names.inLanguageModel(name);
            if (needless) {
                ignored++;
            } else {
                problems.add(name + ": unknown tensor " + stored(name).info().describe()
                        + ", which the model may need; expected none, from config.json");
            }
        }
    }

    private void report(Path directory) {
        if (problems.isEmpty()) {
            return;
        }
        int shown = Math.min(problems.size(), MAX_PROBLEMS_SHOWN);
        throw new ModelFormatException(directory + ": the tensors are not those that config.json calls for; "
                + String.join("; ", problems.subList(0, shown))
                + (shown < problems.size() ? "; and " + (problems.size() - shown) + " more" : "")
                + "; download config.json and weights of one checkpoint");
    }
}
