#include "program.h"

#include <algorithm>
#include <sstream>

namespace translator {

namespace {

std::string apply(const Source& source, std::vector<Edit> edits) {
    std::sort(edits.begin(), edits.end(), [](const Edit& a, const Edit& b) {
        return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
    });
    std::string out;
    size_t at = 0;
    for (const Edit& e : edits) {
        if (e.begin < at) continue; // inside an erased instantiation
        out += source.slice(at, e.begin) + e.text;
        at = e.end;
    }
    return out + source.text.substr(at);
}

void emit_kernel(std::ostream& out, const Program& program, const Kernel& kernel, size_t number) {
    out << "static void sm_entry_" << number << "(const sm_thread* t) { sm_call<";
    const char* comma = "";
    for (const Parameter& p : kernel.parameters) {
        out << comma << "sm_binding<" << p.role << ", " << p.index << ">";
        comma = ", ";
    }
    out << ">(&" << kernel.expression << ", t); }\n";
    out << "static const sm_parameter sm_parameters_" << number << "[] = {";
    for (const Parameter& p : kernel.parameters)
        out << "{" << p.role << ", " << p.index << ", " << p.writable << ", \"" << p.name << "\"}, ";
    out << "{}};\nstatic const int sm_constants_" << number << "[] = {";
    for (int index : program.constants_of(kernel)) out << index << ", ";
    out << "-1};\n";
}

} // namespace

std::string emit(const Source& source, const Program& program) {
    std::ostringstream out;
    out << "#include <metal_stdlib>\n#line 1 \"" << source.path << "\"\n" << apply(source, program.edits);
    out << "\n#line 1 \"entries\"\n#ifdef __clang__\n#pragma clang diagnostic ignored \"-Wunused-variable\"\n#endif\n";
    for (size_t i = 0; i < program.kernels.size(); i++) emit_kernel(out, program, program.kernels[i], i);
    out << "#ifndef SM_CHECK\nstatic const struct sm_kernel sm_kernels[] = {\n";
    for (size_t i = 0; i < program.kernels.size(); i++) {
        const Kernel& k = program.kernels[i];
        out << "{\"" << k.host_name << "\", sm_entry_" << i << ", sm_parameters_" << i << ", " << k.parameters.size()
            << ", sm_constants_" << i << ", " << k.max_threads << "},\n";
    }
    out << "{}};\nstatic const struct sm_constant sm_constants[] = {\n";
    for (const FunctionConstant& c : program.constants) {
        out << "{" << c.index << ", sizeof(" << c.name << "), " << c.optional << ", \"" << c.type << "\", \"" << c.name
            << "\", &" << c.name << ", &sm_is_set_" << c.name << "},\n";
    }
    out << "{}};\nextern \"C\" {\nextern const struct sm_module sm_module_of_file = {sm_kernels, "
        << program.kernels.size() << ", sm_constants, " << program.constants.size() << "};\n}\n#endif\n";
    return out.str();
}

} // namespace translator
