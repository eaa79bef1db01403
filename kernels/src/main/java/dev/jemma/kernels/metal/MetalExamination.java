package dev.jemma.kernels.metal;

import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.Finding;
import dev.jemma.kernels.gpu.FunctionConstants;
import dev.jemma.kernels.gpu.GpuPipeline;
import dev.jemma.kernels.gpu.ShaderLibrary;
import dev.jemma.kernels.gpu.Shaders;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What only the machine's own Metal can tell: its limits, whether it takes every message as Java sends it, and whether
 * its compiler accepts every shader.
 */
final class MetalExamination {
    private static final ShaderLibrary PROBE = new ShaderLibrary("probe.metal", """
            #include <metal_stdlib>
            using namespace metal;
            kernel void probe(device float *x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
                x[i] += 1.0f;
            }
            """);

    private final MetalDriver driver;
    private final List<String> faults = new ArrayList<>();
    private int checked;

    MetalExamination(MetalDriver driver) {
        this.driver = driver;
    }

    List<Finding> run(List<ShaderLibrary> shaders) {
        List<Finding> findings = new ArrayList<>(limits());
        findings.add(state());
        findings.add(signatures());
        findings.addAll(compile(shaders));
        return findings;
    }

    private List<Finding> limits() {
        return List.of(
                Finding.fact("largest buffer", gib(driver.limits().maxBufferBytes())),
                Finding.fact("threadgroup memory", driver.limits().maxThreadgroupMemory() + " bytes"),
                Finding.fact("residency sets", driver.residency().exists() ? "yes" : "no (macOS 15 has them)"));
    }

    private static Finding state() {
        boolean mac = System.getProperty("os.name", "").startsWith("Mac");
        return Finding.fact(
                "state",
                "this backend has been exercised on a software Metal, not yet on Apple hardware; "
                        + (mac
                                ? "this run is the verification: please report it, passed or failed"
                                : "run jemma doctor on a Mac with Apple silicon to verify it"));
    }

    private static String gib(long bytes) {
        return String.format(Locale.ROOT, "%.1f GiB", bytes / (double) (1L << 30));
    }

    /** Each message against the runtime's record, on an object of each kind that receives any. */
    private Finding signatures() {
        long pool = ObjC.pushPool();
        try (DeviceBuffer buffer = driver.allocate(128, "probe")) {
            check(driver.device(), Messages.OF_DEVICE);
            check(((MetalBuffer) buffer).reference(), Messages.OF_BUFFER);
            GpuPipeline pipeline = driver.pipeline(PROBE, "probe", FunctionConstants.NONE);
            check(((MetalPipeline) pipeline).reference(), Messages.OF_PIPELINE);
            check(driver.compiler().library(PROBE), Messages.OF_LIBRARY);
            checkClasses();
            checkQueue();
            if (driver.residency().exists()) {
                check(driver.device(), List.of(Messages.NEW_RESIDENCY_SET));
                check(driver.residency().reference(), Messages.OF_RESIDENCY_SET);
            }
        } finally {
            ObjC.popPool(pool);
        }
        return faults.isEmpty()
                ? Finding.passed("messages", checked + " signatures equal the runtime's")
                : Finding.failed("messages", String.join("; ", faults));
    }

    private void checkClasses() {
        long text = ObjC.nsString("text");
        check(ObjC.classNamed("NSString"), List.of(Messages.STRING_WITH_UTF8));
        check(text, List.of(Messages.UTF8_STRING));
        long arrays = ObjC.classNamed("NSArray");
        if (arrays != 0) {
            long array = Send.get(arrays, Messages.NEW);
            check(array, List.of(Messages.COUNT, Messages.OBJECT_AT_INDEX));
            ObjC.release(array);
        }
        long compileOptions = ObjC.classNamed("MTLCompileOptions");
        check(compileOptions, List.of(Messages.NEW));
        long options = Send.get(compileOptions, Messages.NEW);
        check(options, List.of(Messages.SET_LANGUAGE_VERSION, Messages.SET_FAST_MATH));
        if (ObjC.responds(options, Messages.SET_MATH_MODE)) {
            check(options, List.of(Messages.SET_MATH_MODE, Messages.SET_MATH_FUNCTIONS));
        }
        ObjC.release(options);
        long constants = Send.get(ObjC.classNamed("MTLFunctionConstantValues"), Messages.NEW);
        check(constants, List.of(Messages.SET_CONSTANT));
        ObjC.release(constants);
    }

    private void checkQueue() {
        long queue = Send.get(driver.device(), Messages.NEW_COMMAND_QUEUE);
        check(queue, Messages.OF_QUEUE);
        if (driver.residency().exists()) {
            check(queue, List.of(Messages.ADD_RESIDENCY_SET));
        }
        long commandBuffer = Send.get(queue, Messages.COMMAND_BUFFER);
        check(commandBuffer, Messages.OF_COMMAND_BUFFER);
        long encoder = Send.get(commandBuffer, Messages.COMPUTE_ENCODER, 0);
        check(encoder, Messages.OF_ENCODER);
        Send.send(encoder, Messages.END_ENCODING);
        Send.send(commandBuffer, Messages.COMMIT);
        Send.send(commandBuffer, Messages.WAIT);
        ObjC.release(queue);
    }

    private void check(long receiver, List<Message> messages) {
        for (Message message : messages) {
            checked++;
            String fault = SignatureCheck.fault(receiver, message);
            if (fault != null) {
                faults.add(fault);
            }
        }
    }

    /** Compiles each file, and each kernel of those that take no constants; the op suite compiles the others. */
    private List<Finding> compile(List<ShaderLibrary> shaders) {
        List<Finding> failures = new ArrayList<>();
        long start = System.nanoTime();
        int kernels = 0;
        for (ShaderLibrary shader : shaders) {
            try {
                kernels += compile(shader);
            } catch (DeviceException.CompileFailed failure) {
                failures.add(Finding.failed("shader " + shader.name(), String.valueOf(failure.getMessage())));
            }
        }
        if (!failures.isEmpty()) {
            return failures;
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        return List.of(Finding.passed(
                "shaders",
                String.format(
                        Locale.ROOT, "%d files and %d kernels compiled in %.1f s", shaders.size(), kernels, seconds)));
    }

    private int compile(ShaderLibrary shader) {
        long pool = ObjC.pushPool();
        try {
            driver.compiler().library(shader);
        } finally {
            ObjC.popPool(pool);
        }
        if (shader.source().contains("function_constant")) {
            return 0;
        }
        List<String> functions = Shaders.functions(shader);
        functions.forEach(function -> driver.pipeline(shader, function, FunctionConstants.NONE));
        return functions.size();
    }
}
