package dev.jemma.app.flags;

import dev.jemma.app.console.Terminal;
import dev.jemma.app.hub.HubCache;
import dev.jemma.app.hub.HubSettings;
import dev.jemma.app.hub.RepoName;
import dev.jemma.engine.UsageException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** What users name a model by, and the directory that it means. */
public final class ModelName {
    /** Where the launcher keeps the built-in model. */
    private static final String DEMO_PROPERTY = "jemma.demo";

    private static final String DEMO = "demo";

    private ModelName() {}

    /**
     * The directory of a checkpoint.
     *
     * @param name a directory, {@code OWNER/NAME[@REVISION]} in Hugging Face's cache, or
     *     {@code synthetic:NAME[:FORMAT]}; null or {@code demo} for the built-in model
     * @throws UsageException if it names nothing
     */
    public static Path directory(@Nullable String name, Terminal terminal) {
        if (name == null || (name.equals(DEMO) && !Files.exists(Path.of(name)))) {
            return demo();
        }
        if (name.startsWith(SyntheticModels.PREFIX)) {
            return new SyntheticModels(terminal).directory(name);
        }
        Path path = Path.of(name);
        if (Files.isDirectory(path)) {
            return path;
        }
        if (RepoName.matches(name)) {
            RepoName repo = RepoName.parse(name);
            HubSettings hub = HubSettings.ofUser();
            return new HubCache(hub.cache())
                    .find(repo)
                    .orElseThrow(() -> new UsageException("model: expected a directory or a downloaded model, got '"
                            + name + "', which is not in " + hub.cache() + "; download it with 'jemma pull " + name
                            + "'"));
        }
        throw new UsageException("model: expected a directory with config.json, tokenizer.json and safetensors"
                + " files, or OWNER/NAME, got '" + name + "', which is "
                + (Files.exists(path) ? "a file" : "not there"));
    }

    private static Path demo() {
        String demo = System.getProperty(DEMO_PROPERTY);
        if (demo == null) {
            throw new UsageException("model: expected --model NAME, got none; scripts/jemma knows the built-in model");
        }
        return Path.of(demo);
    }
}
