package dev.jemma.models.safetensors;

import dev.jemma.models.ModelFormatException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.SequencedSet;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;

/**
 * {@code model.safetensors.index.json}: which file of the same directory holds which tensor.
 *
 * @param path where the index lies
 * @param shards file name by tensor name
 */
public record ShardIndex(Path path, Map<String, String> shards) {
    private static final int MAX_SHARDS = 4096;

    /**
     * Reads an index.
     *
     * @throws ModelFormatException if it is malformed or names files outside its directory
     */
    public static ShardIndex read(Path path) {
        try (var in = Files.newInputStream(path)) {
            long size = Files.size(path);
            if (size > SafetensorsHeader.MAX_HEADER_BYTES) {
                throw new ModelFormatException(path + ": shard index; expected at most "
                        + SafetensorsHeader.MAX_HEADER_BYTES + " bytes, got " + size + "; download it again");
            }
            var utf8 = new InputStreamReader(in, StandardCharsets.UTF_8.newDecoder());
            try (JsonParser parser = UntrustedJson.FACTORY.createParser(ObjectReadContext.empty(), utf8)) {
                return new ShardIndex(path, parse(path, parser));
            }
        } catch (JacksonException broken) {
            throw new ModelFormatException(
                    path + ": not valid JSON: " + broken.getOriginalMessage() + "; download it again", broken);
        } catch (IOException unreadable) {
            throw new ModelFormatException(path + ": cannot be read: " + unreadable.getMessage(), unreadable);
        }
    }

    private static Map<String, String> parse(Path path, JsonParser parser) {
        Map<String, String> shards = null;
        if (parser.nextToken() != JsonToken.START_OBJECT) {
            throw malformed(path, "expected a JSON object");
        }
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            boolean weightMap = parser.currentName().equals("weight_map");
            parser.nextToken();
            if (!weightMap) {
                parser.skipChildren();
            } else if (shards == null) {
                shards = weightMap(path, parser);
            } else {
                throw malformed(path, "weight_map is listed twice");
            }
        }
        if (shards == null || shards.isEmpty()) {
            throw malformed(path, "expected a weight_map with entries, got none");
        }
        return shards;
    }

    private static Map<String, String> weightMap(Path path, JsonParser parser) {
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            throw malformed(path, "weight_map: expected an object, got " + parser.currentToken());
        }
        Map<String, String> shards = new LinkedHashMap<>();
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String tensor = UntrustedJson.printable(path.toString(), parser.currentName());
            if (parser.nextToken() != JsonToken.VALUE_STRING) {
                throw malformed(path, tensor + ": expected a file name, got " + parser.currentToken());
            }
            String shard = UntrustedJson.printable(path.toString(), parser.getString());
            if (shard.indexOf('/') >= 0 || shard.indexOf('\\') >= 0 || !shard.endsWith(".safetensors")) {

                throw malformed(
                        path, tensor + ": expected the name of a .safetensors file beside the index, got " + shard);
            }
            if (shards.put(tensor, shard) != null) {
                throw malformed(path, tensor + " is listed twice");
            }
            if (shards.size() > SafetensorsHeader.MAX_TENSORS) {
                throw malformed(path, "expected at most " + SafetensorsHeader.MAX_TENSORS + " tensors, got more");
            }
        }
        return shards;
    }

    /** The files named, each once, in order of first mention. */
    public SequencedSet<String> files() {
        SequencedSet<String> files = new LinkedHashSet<>(shards.values());
        if (files.size() > MAX_SHARDS) {
            throw malformed(path, "expected at most " + MAX_SHARDS + " files, got " + files.size());
        }
        return files;
    }

    private static ModelFormatException malformed(Path path, String what) {
        return new ModelFormatException(path + ": " + what + "; download it again");
    }
}
