package dev.jemma.app;

import dev.jemma.app.console.ByteCount;
import dev.jemma.app.console.ExitCode;
import dev.jemma.app.console.Terminal;
import dev.jemma.app.hub.HubCache;
import dev.jemma.app.hub.HubSettings;
import dev.jemma.kernels.Backends;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.UserDirectories;
import dev.jemma.models.synthetic.SyntheticModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;

/** {@code jemma models}: what is there, and what would fit. */
@Command(
        name = "models",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Lists the models on this machine that --model can name, and the published sizes that would fit in memory.",
            "To fit takes the weights and a tenth of them for keys, values and everything else."
        },
        footer = {"", "Example:", "  jemma models"})
final class ModelsCommand implements Callable<Integer> {
    /** What running takes besides weights, for contexts of some thousands of tokens. */
    private static final double OVERHEAD = 1.1;

    private final Terminal terminal;

    ModelsCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        long available;
        try (Device device = Backends.open("reference", DeviceOptions.DEFAULT).device()) {
            available = device.memory().availableBytes();
        }
        terminal.out().println("On this machine, with " + ByteCount.text(available) + " of memory to use:");
        row("demo", "built in", true);
        HubSettings hub = HubSettings.ofUser();
        for (HubCache.Entry entry : new HubCache(hub.cache()).entries()) {
            row(entry.name().toString(), ByteCount.text(entry.bytes()), fits(entry.bytes(), available));
        }
        try {
            listSynthetic(available);
        } catch (IOException e) {
            throw new UncheckedIOException("models: " + e.getMessage(), e);
        }
        terminal.out().println("\nOf the published sizes would fit:");
        for (String name : SyntheticModel.names()) {
            terminal.out().println(String.format(Locale.ROOT, "  %-18s %s", name, formats(name, available)));
        }
        return ExitCode.OK;
    }

    private void listSynthetic(long available) throws IOException {
        Path synthetic = UserDirectories.cache().resolve("synthetic");
        if (!Files.isDirectory(synthetic)) {
            return;
        }
        try (Stream<Path> directories = Files.list(synthetic)) {
            for (Path directory : directories.sorted().toList()) {
                String name = directory.getFileName().toString();
                int format = name.lastIndexOf('-');
                if (format > 0 && SyntheticModel.names().contains(name.substring(0, format))) {
                    long bytes = HubCache.weightBytes(directory);
                    String shown = "synthetic:" + name.substring(0, format) + ":" + name.substring(format + 1);
                    row(shown, ByteCount.text(bytes), fits(bytes, available));
                }
            }
        }
    }

    private void row(String name, String size, boolean fits) {
        terminal.out()
                .println(String.format(Locale.ROOT, "  %-44s %10s  %s", name, size, fits ? "fits" : "too large")
                        .stripTrailing());
    }

    private static String formats(String name, long available) {
        long parameters = SyntheticModel.parameters(name);
        // MLX's groups of 64 carry 4 bytes: 8.5 and 4.5 bits a weight.
        List<String> fitting = Stream.of(new Format("bf16", 16), new Format("8-bit", 8.5), new Format("4-bit", 4.5))
                .filter(format -> fits((long) (parameters * format.bits() / 8), available))
                .map(format -> format.name() + " (" + ByteCount.text((long) (parameters * format.bits() / 8)) + ")")
                .toList();
        return fitting.isEmpty() ? "not even in 4 bits" : String.join(", ", fitting);
    }

    private record Format(String name, double bits) {}

    private static boolean fits(long weightBytes, long available) {
        return weightBytes * OVERHEAD <= available;
    }
}
