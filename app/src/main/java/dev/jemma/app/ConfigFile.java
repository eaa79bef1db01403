package dev.jemma.app;

import dev.jemma.engine.UsageException;
import dev.jemma.kernels.UserDirectories;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * A user's defaults for options: {@code option = value} for every command that has the option, {@code command.option =
 * value} for one. The command line goes before both, the second before the first.
 */
final class ConfigFile implements CommandLine.IDefaultValueProvider {
    /** Names another file, or none if it is set and empty. */
    private static final String VARIABLE = "JEMMA_CONFIG";

    private final Properties values;

    private ConfigFile(Properties values) {
        this.values = values;
    }

    /** Where the file is looked for; null if the user wants none. */
    static @Nullable Path place() {
        String named = System.getenv(VARIABLE);
        if (named == null) {
            return UserDirectories.config().resolve("config.properties");
        }
        return named.isEmpty() ? null : Path.of(named);
    }

    /**
     * Reads a file.
     *
     * @param file need not be there
     * @param jemma to check the names of commands and options with
     * @throws UsageException if it cannot be read or names something else
     */
    static ConfigFile read(@Nullable Path file, CommandSpec jemma) {
        Properties values = new Properties();
        if (file != null && Files.exists(file)) {
            try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
                values.load(reader);
            } catch (IOException | IllegalArgumentException e) {
                throw new UsageException(
                        file + ": expected lines of option = value in UTF-8, got something else: " + e.getMessage()
                                + "; correct it, or set " + VARIABLE + "= to do without",
                        e);
            }
            for (String key : values.stringPropertyNames()) {
                if (!isKnown(key, jemma)) {
                    throw new UsageException(
                            file + ": expected names of options, such as threads or generate.temp, got '" + key
                                    + "'; see jemma COMMAND --help");
                }
            }
        }
        return new ConfigFile(values);
    }

    private static boolean isKnown(String key, CommandSpec jemma) {
        int dot = key.indexOf('.');
        return jemma.subcommands().entrySet().stream()
                .filter(command -> dot < 0 || command.getKey().equals(key.substring(0, dot)))
                .anyMatch(command -> command.getValue().getCommandSpec().options().stream()
                        .anyMatch(option -> keyed(option, key.substring(dot + 1))));
    }

    private static boolean keyed(OptionSpec option, String key) {
        for (String name : option.names()) {
            if (name.replaceFirst("^--?", "").equals(key) && !option.usageHelp() && !option.versionHelp()) {
                return true;
            }
        }
        return false;
    }

    @Override
    public @Nullable String defaultValue(ArgSpec argument) {
        if (!(argument instanceof OptionSpec option)) {
            return null;
        }
        String general = null;
        for (String key : values.stringPropertyNames()) {
            int dot = key.indexOf('.');
            if (!keyed(option, key.substring(dot + 1))) {
                continue;
            }
            if (dot < 0) {
                general = values.getProperty(key).strip();
            } else if (key.substring(0, dot).equals(option.command().name())) {
                return values.getProperty(key).strip();
            }
        }
        return general;
    }
}
