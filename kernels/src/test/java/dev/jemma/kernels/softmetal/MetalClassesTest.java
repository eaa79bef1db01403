package dev.jemma.kernels.softmetal;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Metal's classes on Linux: what a host may do works, what it may not do is named. Scenarios of {@code tests/metal.m}. */
@Execution(ExecutionMode.CONCURRENT)
class MetalClassesTest {
    private record Outcome(int status, String output) {}

    private static Outcome host(String scenario, Map<String, String> environment) {
        SoftMetal.library();
        ProcessBuilder builder = new ProcessBuilder(
                        List.of(SoftMetal.buildFolder().resolve("host").toString(), scenario))
                .redirectErrorStream(true);
        builder.environment().putAll(environment);
        try {
            Process process = builder.start();
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Outcome(process.waitFor(), output);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    private static void expectSuccess(String scenario, Map<String, String> environment) {
        Outcome outcome = host(scenario, environment);
        assertThat(outcome.status()).as(outcome.output()).isZero();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "add_runs",
                "bytes_are_copied",
                "in_place",
                "runs_when_waited_for",
                "everything_is_released",
                "many_command_buffers",
                "fresh_memory_is_junk",
                "residency_sets",
                "no_copy",
                "devices",
                "tracked_steps",
                "fenced_steps"
            })
    void whatAHostMayDoWorks(String scenario) {
        expectSuccess(scenario, Map.of());
    }

    /** Each scenario ends the process, as Metal's API validation does. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "unknown_selector         | unrecognized selector -[SMComputeCommandEncoder noSuchMessage]",
                "unbound_buffer           | kernel add: no buffer bound at index 1 ('c')",
                "no_threadgroup_memory    | kernel total: no threadgroup memory at index 0 ('part')",
                "odd_threadgroup_memory   | 20 is no multiple of 16",
                "no_pipeline              | dispatch without a pipeline",
                "too_many_threads         | 1024 x 2 x 1 threads per threadgroup, at most 1024 in all",
                "above_the_kernels_limit  | 128 x 1 x 1 threads per threadgroup, at most 64 in all",
                "empty_grid               | an empty grid of 0 x 1 x 1 threads",
                "too_many_bytes           | setBytes: 5000 bytes; 1 to 4096 are allowed",
                "offset_past_the_end      | offset 256 is past the end of buffer 'x' of 256 bytes",
                "index_too_high           | index 31, at most 30",
                "released_buffer          | a released buffer at index 0",
                "open_encoder             | commit before endEncoding",
                "second_encoder           | a second encoder while one of this command buffer is still open",
                "abandoned_encoder        | an encoder was released without endEncoding",
                "ended_encoder            | the encoder has ended",
                "committed_twice          | the command buffer is committed twice",
                "wait_before_commit       | waitUntilCompleted before commit",
                "released_twice           | message 'release' to a released object",
                "no_pool                  | CommandBuffer autoreleased without an autorelease pool in place",
                "popped_twice             | popped twice or on another thread",
                "never_drained            | 64 command buffers outstanding and none of them committed",
                "misaligned_no_copy       | is not page-aligned",
                "request_before_commit    | commit the residency set first",
                "unordered_steps          | untracked buffer 'x' is used by two encoders that nothing orders",
            })
    void misuseIsNamed(String scenario, String complaint) {
        Outcome outcome = host(scenario, Map.of());
        assertThat(outcome.status()).as(outcome.output()).isNotZero();
        assertThat(outcome.output()).contains("softmetal: API misuse:", complaint);
    }

    /** Memory that is gone, or lies past a buffer's end, faults at once. */
    @ParameterizedTest
    @ValueSource(strings = {"write_after_release", "write_past_the_end"})
    void wildHostWritesFault(String scenario) {
        int sigsegv = 11;
        assertThat(host(scenario, Map.of()).status()).isEqualTo(128 + sigsegv);
    }

    @Test
    void functionConstantsMustBeSetAndOfTheirType() {
        Outcome outcome = host("constants_are_set", Map.of());
        assertThat(outcome.status()).as(outcome.output()).isZero();
        assertThat(outcome.output())
                .contains("function 'steps' needs function constant 0 ('increment'), which has no value")
                .contains("function constant 0 ('increment') is int, but its value is float");
    }

    @Test
    void errorsComeBackAsErrors() {
        Outcome outcome = host("errors_are_reported", Map.of());
        assertThat(outcome.status()).as(outcome.output()).isZero();
        assertThat(outcome.output())
                .contains("kernel diverge, threadgroup (0,0,0): barrier not reached by every thread")
                .contains("program_source:1:");
    }

    /** A missing barrier shows by its result in one order, and by itself where both orders are compared. */
    @ParameterizedTest
    @CsvSource({"forward, y is 1", "reverse, y is 0", "check, missing barrier: dispatches that may run in any order"})
    void dispatchesWithoutABarrierRunInAnyOrder(String concurrency, String expected) {
        Outcome outcome = host("barrier_missing", Map.of("SOFTMETAL_CONCURRENCY", concurrency));
        assertThat(outcome.output()).contains(expected);
    }

    @Test
    void theHazardIsNamed() {
        assertThat(host("barrier_missing", Map.of("SOFTMETAL_CONCURRENCY", "check"))
                        .output())
                .contains("first in buffer 'y' at byte")
                .contains("they are add(writes 'x'+0 as x), copy(reads 'x'+0 as from, writes 'y'+0 as to)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"forward", "reverse", "check", "3"})
    void dispatchesAcrossABarrierRunInOrder(String concurrency) {
        assertThat(host("barrier_there", Map.of("SOFTMETAL_CONCURRENCY", concurrency))
                        .output())
                .contains("y is 1");
    }

    @Test
    void workCanRunAtCommit() {
        assertThat(host("runs_when_waited_for", Map.of("SOFTMETAL_EAGER", "1")).output())
                .contains("expected: nothing has run");
    }

    @ParameterizedTest
    @ValueSource(strings = {"asan", "msan", "tsan"})
    void sanitizersReportThroughTheCommandBuffer(String sanitizer) {
        expectSuccess("bytes_are_copied", Map.of("SOFTMETAL_CHECK", sanitizer));
        expectSuccess("constants_are_set", Map.of("SOFTMETAL_CHECK", sanitizer));
        expectSuccess("in_place", Map.of("SOFTMETAL_CHECK", sanitizer));
    }
}
