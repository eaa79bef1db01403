// What the translator finds in a .metal file: kernels, function constants, and the edits that make the text C++.
#pragma once

#include "source.h"

#include <map>
#include <string>
#include <vector>

namespace translator {

struct Parameter {
    std::string role;  // enumerators of emulator/abi.h
    std::string index; // a number, or an enumerator of sm_position
    bool writable;
    std::string name;
};

struct Kernel {
    std::string host_name;  // as newFunctionWithName: knows it
    std::string expression; // the C++ function: `name`, or `name<arguments>`
    std::vector<Parameter> parameters;
    std::string max_threads;
};

struct FunctionConstant {
    std::string type, name;
    int index;
    bool optional; // the file asks is_function_constant_defined
};

struct Edit {
    size_t begin, end;
    std::string text;
};

struct Program {
    std::vector<Kernel> kernels;
    std::vector<FunctionConstant> constants;
    std::vector<Edit> edits;
    // Words that each named thing of the file mentions: functions, structs, variables, macros.
    std::map<std::string, std::vector<std::string>> mentions;

    // Indices into `constants` that a kernel reaches, however indirectly.
    std::vector<int> constants_of(const Kernel& kernel) const;
};

Program parse(const Source& source);
std::string emit(const Source& source, const Program& program);
// Pointers and references without an address space, which clang's check pass takes for generic ones and Metal refuses.
std::vector<std::string> lint(const Source& source);

} // namespace translator
