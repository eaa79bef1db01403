package dev.jemma.kernels.cuda;

import dev.jemma.kernels.gpu.FunctionConstants;
import dev.jemma.kernels.gpu.ShaderLibrary;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Turns one kernel of a Metal shader file into CUDA source. The text stays as it is, line for line, but for what CUDA
 * spells differently:
 *
 * <ul>
 *   <li>{@code constant T x [[function_constant(n)]];} becomes a compile-time constant with the value given;
 *   <li>a program-scope {@code constant T x = ...;} becomes a device constant;
 *   <li>{@code threadgroup T x[n];} in a kernel becomes shared memory;
 *   <li>the entry lets the next kernel start, and waits for the one before unless the kernel does ({@code await_...});
 *   <li>attributes in double brackets go; those of the wanted kernel's parameters become its entry function, which takes
 *       addresses, argument blocks by value and offsets into dynamic shared memory, and calls the kernel.
 * </ul>
 *
 * <p>The rest is done by the headers beside this class, see {@code README.md} there.
 */
final class MslToCuda {
    /** Before the function's name in that of its entry, which profilers show. */
    private static final String ENTRY = "jemma_";

    /** In the order that {@code entry.h} numbers them. */
    private static final List<String> BUILT_INS = List.of(
            "thread_position_in_grid",
            "threadgroup_position_in_grid",
            "thread_position_in_threadgroup",
            "threads_per_threadgroup",
            "threadgroups_per_grid",
            "threads_per_grid",
            "thread_index_in_threadgroup",
            "thread_index_in_simdgroup",
            "simdgroup_index_in_threadgroup",
            "simdgroups_per_threadgroup",
            "threads_per_simdgroup");

    private static final Pattern FUNCTION_CONSTANT = Pattern.compile(
            "\\bconstant\\s+(\\w+)\\s+(\\w+)\\s*\\[\\[\\s*function_constant\\((\\d+)\\)\\s*\\]\\]\\s*;");
    private static final Pattern PROGRAM_CONSTANT = Pattern.compile("(?<=^|[;}\\n])\\s*(constant)\\s[^;()&*=]*=");
    private static final Pattern THREADGROUP_VARIABLE =
            Pattern.compile("\\b(threadgroup)\\s+[^;()*&=\\[]*(\\[[^;=]*)?;");
    private static final Pattern KERNEL = Pattern.compile("\\bkernel\\s+void\\s+(\\w+)\\s*\\(");
    private static final Pattern INSTANTIATION = Pattern.compile("\\btemplate\\s*\\[\\[\\s*host_name\\(");
    private static final Pattern MAX_THREADS =
            Pattern.compile("\\[\\[\\s*max_total_threads_per_threadgroup\\((\\w+)\\)\\s*\\]\\]");
    /** {@code await_inputs}, and functions that call it at the right time for a kernel. */
    private static final Pattern AWAITING = Pattern.compile("\\bawait_\\w+");

    private static final Pattern ATTRIBUTE = Pattern.compile("\\[\\[.*?\\]\\]", Pattern.DOTALL);

    private final MslText text;
    private final FunctionConstants constants;

    /** Replacements by offset in the source; they never overlap. */
    private final TreeMap<Integer, Edit> edits = new TreeMap<>();

    private final Map<String, Kernel> kernels = new HashMap<>();

    private record Edit(int end, String replacement) {}

    /** @param expression what names the function: {@code name}, or {@code name<args>} for an instantiated template */
    private record Kernel(
            String expression, List<KernelParameter> parameters, String launchBounds, boolean awaitsInputs) {}

    private MslToCuda(ShaderLibrary library, FunctionConstants constants) {
        this.text = MslText.of(library.name(), library.source());
        this.constants = constants;
    }

    /**
     * @param function a kernel's name, or the {@code host_name} of a template's instantiation
     * @throws IllegalArgumentException naming file and line, if the text leaves the dialect of Jemma's shaders
     */
    static CudaSource translate(ShaderLibrary library, String function, FunctionConstants constants) {
        return new MslToCuda(library, constants).translate(function);
    }

    private CudaSource translate(String function) {
        functionConstants();
        programConstants();
        kernels();
        instantiations();
        attributes();
        Kernel kernel = kernels.get(function);
        if (kernel == null) {
            throw new IllegalArgumentException(
                    text.file() + ": no kernel '" + function + "'; it has " + kernels.keySet());
        }
        String source = "#include <metal_stdlib>\n#line 1 \"" + text.file() + "\"\n" + edited()
                + "\n#line 1 \"entry of " + function + "\"\n" + entry(function, kernel) + "\n";
        return new CudaSource(source, ENTRY + function, kernel.parameters());
    }

    private void functionConstants() {
        Matcher m = FUNCTION_CONSTANT.matcher(text.code());
        while (m.find()) {
            int index = Integer.parseInt(m.group(3));
            String value = constants.values().stream()
                    .filter(constant -> constant.index() == index)
                    .map(MslToCuda::literal)
                    .findFirst()
                    .orElse("0");
            replace(m.start(), m.end(), "static constexpr " + m.group(1) + " " + m.group(2) + " = " + value + ";");
        }
    }

    private static String literal(FunctionConstants.Value value) {
        return switch (value.type()) {
            case BOOL -> value.bits() != 0 ? "true" : "false";
            case INT -> Integer.toString(value.bits());
            case UINT -> Integer.toUnsignedString(value.bits()) + "u";
            case FLOAT -> Float.intBitsToFloat(value.bits()) + "f";
        };
    }

    private void programConstants() {
        Matcher m = PROGRAM_CONSTANT.matcher(text.code());
        while (m.find()) {
            if (text.depth(m.start(1)) == 0) {
                replace(m.start(1), m.end(1), "static __device__ constexpr");
            }
        }
    }

    private void kernels() {
        Matcher m = KERNEL.matcher(text.code());
        while (m.find()) {
            int open = m.end() - 1;
            int close = text.closing(open);
            int body = text.code().indexOf('{', close);
            int semicolon = text.code().indexOf(';', close);
            if (body < 0 || (semicolon >= 0 && semicolon < body)) {
                continue;
            }
            threadgroupVariables(body, text.closing(body));
            List<KernelParameter> parameters = parameters(open + 1, close);
            boolean awaits = AWAITING.matcher(text.code().substring(body, text.closing(body)))
                    .find();
            kernels.put(m.group(1), new Kernel(m.group(1), parameters, launchBounds(m.start()), awaits));
        }
    }

    /** From an attribute right before the kernel, so that the compiler may use the registers that fewer threads leave. */
    private String launchBounds(int kernelStart) {
        int statement =
                Math.max(text.code().lastIndexOf(';', kernelStart), text.code().lastIndexOf('}', kernelStart));
        Matcher m = MAX_THREADS.matcher(text.code().substring(statement + 1, kernelStart));
        return m.find() ? "__launch_bounds__(" + m.group(1) + ") " : "";
    }

    private void threadgroupVariables(int from, int to) {
        Matcher m = THREADGROUP_VARIABLE.matcher(text.code()).region(from, to);
        while (m.find()) {
            replace(m.start(1), m.end(1), "__shared__");
        }
    }

    private List<KernelParameter> parameters(int from, int to) {
        List<KernelParameter> parameters = new ArrayList<>();
        int start = from;
        int depth = 0;
        for (int i = from; i <= to; i++) {
            char c = i < to ? text.code().charAt(i) : ',';
            depth += "([{<".indexOf(c) >= 0 ? 1 : ")]}>".indexOf(c) >= 0 ? -1 : 0;
            if (c == ',' && (depth == 0 || i == to)) {
                parameters.add(parameter(start, i));
                start = i + 1;
            }
        }
        return parameters;
    }

    private KernelParameter parameter(int from, int to) {
        String declaration = text.code().substring(from, to);
        int open = declaration.indexOf("[[");
        if (open < 0) {
            throw text.error(from, "kernel parameter without an attribute: " + declaration.strip());
        }
        String attribute =
                declaration.substring(open + 2, declaration.indexOf("]]", open)).strip();
        String type = declaration.substring(0, open).strip();
        if (attribute.startsWith("buffer(")) {
            int index = attributeIndex(attribute);
            int reference = type.indexOf('&');
            return reference < 0
                    ? new KernelParameter.Buffer(index)
                    : new KernelParameter.Block(
                            index, type.substring(0, reference).replaceFirst("^constant\\b", ""));
        }
        if (attribute.startsWith("threadgroup(")) {
            return new KernelParameter.Threadgroup(attributeIndex(attribute));
        }
        int builtIn = BUILT_INS.indexOf(attribute);
        if (builtIn < 0) {
            throw text.error(from + open, "unknown kernel parameter attribute [[" + attribute + "]]");
        }
        return new KernelParameter.BuiltIn(builtIn);
    }

    private static int attributeIndex(String attribute) {
        return Integer.parseInt(attribute
                .substring(attribute.indexOf('(') + 1, attribute.indexOf(')'))
                .strip());
    }

    private void instantiations() {
        Matcher m = INSTANTIATION.matcher(text.code());
        while (m.find()) {
            int end = text.code().indexOf(';', m.end());
            String statement = text.source().substring(m.start(), end);
            int nameStart = statement.indexOf("host_name(\"") + "host_name(\"".length();
            String hostName = statement.substring(nameStart, statement.indexOf('"', nameStart));
            Matcher call = Pattern.compile("(\\w+)\\s*<([^()]*)>\\s*(\\(|$)").matcher(statement);
            if (!call.find(statement.indexOf("]]")) || !kernels.containsKey(call.group(1))) {
                throw text.error(
                        m.start(), "host_name(\"" + hostName + "\") instantiates no template kernel of the file");
            }
            Kernel template = kernels.get(call.group(1));
            kernels.put(
                    hostName,
                    new Kernel(
                            call.group(1) + "<" + call.group(2) + ">",
                            template.parameters(),
                            template.launchBounds(),
                            template.awaitsInputs()));
            blank(m.start(), end + 1);
        }
    }

    private void attributes() {
        Matcher m = ATTRIBUTE.matcher(text.code());
        while (m.find()) {
            Map.Entry<Integer, Edit> before = edits.floorEntry(m.start());
            if (before == null || before.getValue().end() <= m.start()) {
                blank(m.start(), m.end());
            }
        }
    }

    private void replace(int from, int to, String replacement) {
        edits.put(from, new Edit(to, replacement));
    }

    /** Line breaks stay, so that the compiler's messages name the lines of the Metal file. */
    private void blank(int from, int to) {
        replace(from, to, "\n".repeat(text.line(to) - text.line(from)));
    }

    private String edited() {
        StringBuilder result = new StringBuilder();
        int at = 0;
        for (Map.Entry<Integer, Edit> edit : edits.entrySet()) {
            result.append(text.source(), at, edit.getKey())
                    .append(edit.getValue().replacement());
            at = edit.getValue().end();
        }
        return result.append(text.source().substring(at)).toString();
    }

    private static String entry(String function, Kernel kernel) {
        List<String> parameters = new ArrayList<>();
        List<String> arguments = new ArrayList<>();
        for (KernelParameter parameter : kernel.parameters()) {
            int i = arguments.size();
            switch (parameter) {
                case KernelParameter.Buffer buffer -> {
                    parameters.add("void* p" + i);
                    arguments.add("jemma_address{p" + i + "}");
                }
                case KernelParameter.Block block -> {
                    parameters.add("const __grid_constant__ " + block.type().strip() + " p" + i);
                    arguments.add("p" + i);
                }
                case KernelParameter.Threadgroup threadgroup -> {
                    parameters.add("unsigned p" + i);
                    arguments.add("metal::threadgroupMemory{p" + i + "}");
                }
                case KernelParameter.BuiltIn builtIn -> arguments.add("metal::builtIn<" + builtIn.index() + ">()");
            }
        }
        String start = kernel.awaitsInputs() ? "release_dependents(); " : "release_dependents(); await_inputs(); ";
        return "extern \"C\" __global__ void " + kernel.launchBounds() + ENTRY + function + "("
                + String.join(", ", parameters) + ") { " + start + "::" + kernel.expression() + "("
                + String.join(", ", arguments)
                + "); }";
    }
}
