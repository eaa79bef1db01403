package dev.jemma.app.hub;

import dev.jemma.engine.UsageException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * A file of a model on the server.
 *
 * @param checksum SHA-256 of a large file, else git's SHA-1 of it as a blob; its name in the cache
 */
record RemoteFile(String name, long bytes, String checksum) {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,200}");
    private static final Pattern CHECKSUM = Pattern.compile("[0-9a-f]{40}|[0-9a-f]{64}");
    private static final Pattern SHARD = Pattern.compile("model-\\d+-of-\\d+\\.safetensors");

    private static final List<String> COMPANIONS = List.of(
            "config.json",
            "generation_config.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "chat_template.jinja",
            "chat_template.json",
            "special_tokens_map.json");

    private static final String INDEX = "model.safetensors.index.json";

    boolean isLarge() {
        return checksum.length() == 64;
    }

    /**
     * The files that Jemma reads, small ones first.
     *
     * @param model the server's description, with checksums
     * @throws UsageException if there are none
     */
    static List<RemoteFile> needed(RepoName repo, JsonNode model) {
        List<RemoteFile> all = new ArrayList<>();
        for (JsonNode sibling : model.path("siblings")) {
            JsonNode large = sibling.path("lfs");
            JsonNode checksum = large.has("sha256") ? large.get("sha256") : sibling.path("blobId");
            String name = sibling.path("rfilename").asString("");
            if (NAME.matcher(name).matches()
                    && CHECKSUM.matcher(checksum.asString("")).matches()) {
                all.add(new RemoteFile(name, sibling.path("size").asLong(-1), checksum.asString()));
            }
        }
        List<RemoteFile> weights = weights(all);
        if (weights.isEmpty() || all.stream().noneMatch(file -> file.name().equals("config.json"))) {
            throw new UsageException("pull: " + repo + ": expected config.json and safetensors files, got "
                    + all.stream().map(RemoteFile::name).toList() + "; name the original model or an MLX conversion");
        }
        List<RemoteFile> needed = new ArrayList<>(
                all.stream().filter(file -> COMPANIONS.contains(file.name())).toList());
        needed.addAll(weights);
        return needed;
    }

    private static List<RemoteFile> weights(List<RemoteFile> all) {
        if (all.stream().anyMatch(file -> file.name().equals(INDEX))) {
            return all.stream()
                    .filter(file -> file.name().equals(INDEX)
                            || SHARD.matcher(file.name()).matches()
                            || file.name().equals("model.safetensors"))
                    .toList();
        }
        List<RemoteFile> tensors = all.stream()
                .filter(file -> file.name().endsWith(".safetensors"))
                .toList();
        List<RemoteFile> named = tensors.stream()
                .filter(file -> file.name().equals("model.safetensors"))
                .toList();
        return named.isEmpty() && tensors.size() == 1 ? tensors : named;
    }
}
