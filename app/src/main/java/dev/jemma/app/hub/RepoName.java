package dev.jemma.app.hub;

import dev.jemma.engine.UsageException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A model on Hugging Face.
 *
 * @param owner user or organisation
 * @param revision branch, tag or commit
 */
public record RepoName(String owner, String name, String revision) {
    private static final String PART = "[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,95})";
    private static final Pattern SYNTAX = Pattern.compile("(" + PART + ")/(" + PART + ")(?:@(" + PART + "))?");

    /** Whether a text could be such a name. */
    public static boolean matches(String text) {
        return SYNTAX.matcher(text).matches();
    }

    /**
     * Reads {@code owner/name} or {@code owner/name@revision}.
     *
     * @throws UsageException if it is neither
     */
    public static RepoName parse(String text) {
        Matcher matcher = SYNTAX.matcher(text);
        if (!matcher.matches()) {
            throw new UsageException("name: expected OWNER/NAME, such as google/gemma-3-1b-it, got '" + text + "'");
        }
        String revision = matcher.group(3);
        return new RepoName(matcher.group(1), matcher.group(2), revision == null ? "main" : revision);
    }

    /** {@code owner/name}. */
    String path() {
        return owner + "/" + name;
    }

    @Override
    public String toString() {
        return revision.equals("main") ? path() : path() + "@" + revision;
    }
}
