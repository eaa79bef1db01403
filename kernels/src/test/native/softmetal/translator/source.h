// A .metal file as text and as tokens.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace translator {

// What is wrong with the file, as `path:line: error: ...`.
struct SourceError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

enum class Kind { Word, Number, String, Mark };

struct Token {
    Kind kind;
    size_t begin, end;
    std::string text;

    bool is(const char* s) const { return text == s; }
};

struct Source {
    std::string path; // as messages and debug information name it
    std::string text; // with the local headers put in, `#line` directives around them
    std::vector<Token> tokens; // of the code: no comments, no directives
    std::vector<Token> macros; // of each #define, from its name on; a Mark "\n" ends each

    [[noreturn]] void fail(size_t position, const std::string& why) const;
    std::string location(size_t position) const;
    std::string slice(size_t begin, size_t end) const { return text.substr(begin, end - begin); }
};

// Reads a file, or standard input for "-", with #include "..." of files beside it replaced by their text.
Source read_source(const std::string& path, const std::string& name);

} // namespace translator
