package dev.jemma.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.app.CliProcess.Result;
import dev.jemma.app.console.ExitCode;
import dev.jemma.engine.UsageException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

class ConfigFileTest {
    @TempDir
    private Path directory;

    @Command(name = "jemma", mixinStandardHelpOptions = true)
    private static final class Root {}

    @Command(name = "one", mixinStandardHelpOptions = true)
    private static final class One implements Runnable {
        @Option(names = {"-t", "--threads"})
        private int threads = 1;

        @Option(names = "--name")
        private String name = "unset";

        @Override
        public void run() {}
    }

    private One parse(String config, String... arguments) throws IOException {
        One one = new One();
        CommandLine commandLine = new CommandLine(new Root()).addSubcommand(one).addSubcommand("two", new One());
        Path file = Files.writeString(directory.resolve("config.properties"), config);
        commandLine.setDefaultValueProvider(ConfigFile.read(file, commandLine.getCommandSpec()));
        commandLine.parseArgs(arguments);
        return one;
    }

    @Test
    void theCommandLineWinsThenTheCommandsOwnValueThenTheGeneralOne() throws IOException {
        assertThat(parse("threads = 4", "one").threads).isEqualTo(4);
        assertThat(parse("threads = 4\none.threads = 5\ntwo.threads = 6", "one").threads)
                .isEqualTo(5);
        assertThat(parse("t = 4\none.t = 5", "one", "-t", "7").threads).isEqualTo(7);
        assertThat(parse("# nothing\n", "one").threads).isEqualTo(1);
        assertThat(parse("name = Größe \\u4F60 ", "one").name).isEqualTo("Größe \u4F60");
    }

    @ParameterizedTest
    @ValueSource(strings = {"thread = 4", "three.threads = 1", "help = true", "one.two.threads = 1"})
    void whatNamesNoOptionIsRefused(String line) {
        assertThatThrownBy(() -> parse(line, "one"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("config.properties: expected names of options")
                .hasMessageContaining(line.substring(0, line.indexOf(' ')));
    }

    @Test
    void otherFilesAreRefusedAndNoFileIsNoDefaults() throws IOException {
        Path binary = Files.write(directory.resolve("binary"), new byte[] {(byte) 0xFF, 0});
        CommandLine commandLine = new CommandLine(new Root());
        assertThatThrownBy(() -> ConfigFile.read(binary, commandLine.getCommandSpec()))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("expected lines of option = value in UTF-8");
        assertThat(ConfigFile.read(directory.resolve("none"), commandLine.getCommandSpec()))
                .isNotNull();
        assertThat(ConfigFile.read(null, commandLine.getCommandSpec())).isNotNull();
    }

    private Result jemma(String config, String... arguments) throws Exception {
        Path file = Files.writeString(directory.resolve("config.properties"), config);
        ProcessBuilder builder = CliProcess.builder(arguments);
        builder.environment().put("JEMMA_CONFIG", file.toString());
        Path out = directory.resolve("out");
        Path err = directory.resolve("err");
        Process process =
                builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return new Result(process.exitValue(), Files.readString(out), Files.readString(err, StandardCharsets.UTF_8));
    }

    @Test
    void theCommandLineReadsIt() throws Exception {
        String golden = Path.of(System.getProperty("jemma.golden"), "gemma3").toString();
        assertThat(jemma("model = " + golden, "info").stdout()).startsWith("model        gemma3 (Gemma 3)");
        Result wrong = jemma("modle = x", "info");
        assertThat(wrong.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(wrong.stderr()).contains("expected names of options, such as threads or generate.temp, got 'modle'");
        assertThat(jemma("info.ctx-size = many", "info").stderr()).contains("'many' is not an int");
    }

    @Test
    void completionsKnowCommandsOptionsAndBackends() throws Exception {
        Result bash = InProcess.run("completion", "bash");
        assertThat(bash.stdout()).contains("generate", "--max-tokens", "quantize", "reference", "complete -F");
        Path script = Files.writeString(directory.resolve("jemma"), bash.stdout());
        Process process = new ProcessBuilder(
                        "bash",
                        "-c",
                        "source '" + script + "'; COMP_WORDS=(jemma quan); COMP_CWORD=1; COMP_LINE='jemma quan';"
                                + " _complete_jemma; echo \"${COMPREPLY[@]}\"")
                .redirectErrorStream(true)
                .start();
        assertThat(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip())
                .isEqualTo("quantize");
        Result fish = InProcess.run("completion", "fish");
        assertThat(fish.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(fish.stderr())
                .contains("shell: expected bash or zsh, got 'fish'")
                .hasLineCount(1);
    }

    @Test
    void helpIsACommandToo() {
        assertThat(InProcess.run("help", "bench").stdout())
                .isEqualTo(InProcess.run("bench", "--help").stdout())
                .contains("Usage: jemma bench", "Options:", "Examples:");
        assertThat(InProcess.run("--help").stdout()).contains("Commands:", "Files and variables:", "Exit status:");
    }
}
