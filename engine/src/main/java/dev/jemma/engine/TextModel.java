package dev.jemma.engine;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.Device;
import dev.jemma.models.GemmaModel;
import dev.jemma.models.chat.ChatTemplate;
import dev.jemma.models.chat.Message;
import dev.jemma.models.chat.Options;
import dev.jemma.models.config.CheckpointConfig;
import dev.jemma.models.config.GenerationDefaults;
import dev.jemma.models.gemma.GemmaConfig;
import dev.jemma.models.safetensors.SafetensorsHeader;
import dev.jemma.models.tokenizer.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** A checkpoint with all that it takes to turn text into text: decoder, tokenizer, chat template, stop tokens. */
public final class TextModel implements AutoCloseable {
    private final GemmaModel model;
    private final Tokenizer tokenizer;
    private final @Nullable ChatTemplate chat;

    private TextModel(GemmaModel model, Tokenizer tokenizer, @Nullable ChatTemplate chat) {
        this.model = model;
        this.tokenizer = tokenizer;
        this.chat = chat;
    }

    /**
     * Loads a checkpoint's directory; the tokenizer on a thread of its own, as it takes about as long as the weights.
     *
     * @throws dev.jemma.models.ModelFormatException if the checkpoint cannot be used
     * @throws dev.jemma.kernels.DeviceException if the device cannot hold it
     */
    public static TextModel open(Path directory, Device device) {
        FutureTask<Tokenizer> tokenizer = new FutureTask<>(() -> Tokenizer.load(directory));
        Thread.ofPlatform().daemon().name("tokenizer").start(tokenizer);
        GemmaModel model = GemmaModel.load(directory, device);
        try {
            Tokenizer loaded = join(tokenizer);
            return new TextModel(
                    model, loaded, ChatTemplate.forModel(directory, loaded).orElse(null));
        } catch (RuntimeException failure) {
            model.close();
            throw failure;
        }
    }

    /**
     * Does what {@link #open} needs of the JVM once, on a thread of its own: 150 ms of loading classes and linking to C
     * that can pass while a command line is read. Nothing depends on it.
     */
    public static void prepare() {
        Thread.ofPlatform().daemon().name("jemma-prepare").start(() -> {
            Backends.prepare();
            SafetensorsHeader.prepare();
            CheckpointConfig.prepare();
        });
    }

    private static <T> T join(FutureTask<T> task) {
        try {
            return task.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new CompletionException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while loading the tokenizer", e);
        }
    }

    public GemmaModel model() {
        return model;
    }

    public GemmaConfig config() {
        return model.config();
    }

    public GenerationDefaults generationDefaults() {
        return model.generationDefaults();
    }

    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /** How conversations are written; empty for a base model, which only continues text. */
    public Optional<ChatTemplate> chat() {
        return Optional.ofNullable(chat);
    }

    /** What the user should know about this machine's tokenizer or the checkpoint's chat template; usually nothing. */
    public List<String> notes() {
        List<String> notes = new ArrayList<>(tokenizer.notes());
        if (chat != null) {
            notes.addAll(chat.notes());
        }
        return notes;
    }

    /** Tokens that end an answer: what the checkpoint's configuration says, and the template's end of turn. */
    public Set<Integer> stopIds() {
        Set<Integer> ids = new LinkedHashSet<>(generationDefaults().eosTokenIds());
        if (chat != null) {
            for (int id : chat.stopIds()) {
                ids.add(id);
            }
        }
        return ids;
    }

    /**
     * A conversation up to where the model answers.
     *
     * @throws UsageException if the model has no chat template
     * @throws dev.jemma.models.chat.ConversationException if its template cannot express the conversation
     */
    public TokenIds chatPrompt(List<Message> messages, Options options) {
        return TokenIds.of(template().render(messages, options));
    }

    /** What was generated, as a message for the {@link #chatPrompt} of the conversation that goes on. */
    Message chatAnswer(TokenIds generated, String answer) {
        return template().answer(generated.toArray(), answer);
    }

    private ChatTemplate template() {
        if (chat == null) {
            throw new UsageException(model.directory()
                    + ": expected a chat template, found none: a base model, which only continues text; use --raw");
        }
        return chat;
    }

    /** The text as it is, after the one beginning-of-text token that every Gemma model needs. */
    public TokenIds rawPrompt(String text) {
        TokenIds ids = TokenIds.of(tokenizer.bosId());
        for (int id : tokenizer.encode(text)) {
            ids.add(id);
        }
        return ids;
    }

    /** Takes the memory to generate with this model. */
    public Session openSession(Device device, SessionOptions options) {
        IntStream suppressed = generationDefaults().suppressTokens().stream().mapToInt(id -> id);
        IntStream withoutToken = IntStream.range(tokenizer.vocabSize(), config().vocabSize());
        int[] never = IntStream.concat(suppressed, withoutToken).distinct().toArray();
        return new Session(config(), model.weights(), device, options, never);
    }

    @Override
    public void close() {
        model.close();
    }
}
