package dev.jemma.app;

import dev.jemma.app.console.ExitCode;
import dev.jemma.app.console.Terminal;
import dev.jemma.app.flags.ThreadFlags;
import dev.jemma.engine.UsageException;
import dev.jemma.kernels.Backends;
import dev.jemma.kernels.DeviceMemory;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.DeviceProvider;
import dev.jemma.kernels.Finding;
import dev.jemma.kernels.doctor.BackendReport;
import dev.jemma.kernels.doctor.Diagnosis;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code jemma doctor}: what works on this machine. */
@Command(
        name = "doctor",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Shows which backends can be used here, and why others cannot.",
            "Each one that can is put to the test: its kernels are compiled and every operation is run and compared with",
            "the reference backend."
        },
        footer = {
            "",
            "Examples:",
            "  jemma doctor",
            "  jemma doctor --backend metal    # fails if Metal is not here",
            "",
            "Exit status: 0 all checks passed, 1 something failed, 2 the backend that was named is not here."
        })
final class DoctorCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Option(
            names = "--backend",
            paramLabel = "NAME",
            description = "Look at this backend only; default: at all of them.")
    private @Nullable String backend;

    @Mixin
    private final ThreadFlags threadFlags = new ThreadFlags();

    DoctorCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        int threads = threadFlags.threads();
        List<DeviceProvider> providers = chosen();
        List<Finding> machine = Diagnosis.machine();
        machine.forEach(finding -> say("", finding));
        long failures = machine.stream()
                .filter(finding -> finding.outcome() == Finding.Outcome.FAILED)
                .count();
        boolean missing = false;
        for (DeviceProvider provider : providers) {
            BackendReport report = Diagnosis.of(provider, new DeviceOptions(threads, null));
            say(report);
            failures += report.failures().size();
            missing |= backend != null && !report.available();
        }
        terminal.out().print(failures == 0 ? "\nNo check failed.\n" : "\nChecks that failed: " + failures + ".\n");
        return failures > 0 ? ExitCode.FAILURE : missing ? ExitCode.USAGE : ExitCode.OK;
    }

    private List<DeviceProvider> chosen() {
        if (backend == null) {
            return Backends.providers();
        }
        List<DeviceProvider> named = Backends.providers().stream()
                .filter(provider -> provider.backend().equals(backend))
                .toList();
        if (named.isEmpty()) {
            throw new UsageException(
                    "backend: expected one of " + String.join(", ", Backends.names()) + ", got '" + backend + "'");
        }
        return named;
    }

    private void say(BackendReport report) {
        if (!report.available()) {
            terminal.out().print("\n" + report.backend() + ": not here\n  " + report.refusal() + "\n");
            return;
        }
        terminal.out().print("\n" + report.backend() + ": " + report.description() + "\n");
        DeviceMemory memory = report.memory();
        if (memory != null) {
            String figures = gib(memory.availableBytes()) + " to use of " + gib(memory.totalBytes());
            say("  ", Finding.fact("memory", figures));
        }
        report.findings().forEach(finding -> say("  ", finding));
    }

    private void say(String indent, Finding finding) {
        String mark = switch (finding.outcome()) {
            case FACT -> "      ";
            case PASSED -> "ok    ";
            case FAILED -> "FAILED";
            case SKIPPED -> "skip  ";
        };
        String detail = finding.detail().strip().replace("\n", "\n" + indent + "         ");
        terminal.out().print(String.format(Locale.ROOT, "%s%s %-20s %s\n", indent, mark, finding.subject(), detail));
    }

    private static String gib(long bytes) {
        return String.format(Locale.ROOT, "%.1f GiB", bytes / (double) (1L << 30));
    }
}
