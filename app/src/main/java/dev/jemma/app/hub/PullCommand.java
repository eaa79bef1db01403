package dev.jemma.app.hub;

import dev.jemma.app.console.ExitCode;
import dev.jemma.app.console.Terminal;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code jemma pull}: downloads a model. */
@Command(
        name = "pull",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Downloads a model from Hugging Face into its cache, where --model OWNER/NAME and other programs find it.",
            "Only what Jemma reads is fetched; checksums are verified; an interrupted download goes on where it was.",
            "HF_HOME, HF_HUB_CACHE, HF_ENDPOINT and HF_TOKEN are honoured, and the token of 'hf auth login'; so are",
            "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY."
        },
        footer = {
            "",
            "Examples:",
            "  jemma pull google/gemma-3-1b-it && jemma chat -m google/gemma-3-1b-it",
            "  HF_TOKEN=hf_... jemma pull google/gemma-3-4b-it",
            "  jemma pull mlx-community/gemma-3-1b-it-4bit@main"
        })
public final class PullCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Parameters(index = "0", paramLabel = "OWNER/NAME[@REVISION]", description = "The model; the revision is main.")
    private String name = "";

    public PullCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        RepoName repo = RepoName.parse(name);
        EnvironmentProxies proxies = new EnvironmentProxies(System.getenv());
        Path snapshot = new Pull(HubSettings.ofUser(), proxies, terminal, Download.Patience.OF_USERS).run(repo);
        terminal.out().println(snapshot.toString());
        return ExitCode.OK;
    }
}
