package dev.jemma.kernels;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Where a user's files belong, as the XDG base directory specification has it; relative values are ignored. */
public final class UserDirectories {
    private UserDirectories() {}

    /** {@code $XDG_CACHE_HOME/jemma} or {@code ~/.cache/jemma}: what can be made again. */
    public static Path cache() {
        return base("XDG_CACHE_HOME", ".cache").resolve("jemma");
    }

    /** {@code $XDG_CONFIG_HOME/jemma} or {@code ~/.config/jemma}. */
    public static Path config() {
        return base("XDG_CONFIG_HOME", ".config").resolve("jemma");
    }

    /** {@code $XDG_STATE_HOME/jemma} or {@code ~/.local/state/jemma}: what should last, but is no setting. */
    public static Path state() {
        return base("XDG_STATE_HOME", ".local/state").resolve("jemma");
    }

    /** {@code $XDG_CACHE_HOME} or {@code ~/.cache}, which programs share. */
    public static Path sharedCache() {
        return base("XDG_CACHE_HOME", ".cache");
    }

    private static Path base(String variable, String inHome) {
        return base(System.getenv(variable), System.getProperty("user.home"), inHome);
    }

    static Path base(@Nullable String value, String home, String inHome) {
        return value != null && Path.of(value).isAbsolute() ? Path.of(value) : Path.of(home, inHome);
    }
}
