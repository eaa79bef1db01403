#include "program.h"

#include <set>

namespace translator {

namespace {

const std::set<std::string> spaces = {"device", "constant", "threadgroup", "thread"};

// Names that are types, as far as the text tells: MSL's own, and what the file declares.
std::set<std::string> types_of(const Source& source) {
    std::set<std::string> types = {"void",     "auto",     "size_t",  "int8_t",   "uint8_t", "int16_t",
                                   "uint16_t", "int32_t",  "uint32_t", "int64_t", "uint64_t"};
    for (const char* scalar : {"bool", "char", "uchar", "short", "ushort", "int", "uint", "long", "ulong", "half",
                               "bfloat", "float"})
        for (const char* length : {"", "2", "3", "4"}) {
            types.insert(std::string(scalar) + length);
            types.insert("packed_" + std::string(scalar) + length);
        }
    const std::vector<Token>& t = source.tokens;
    for (size_t i = 0; i + 1 < t.size(); i++) {
        bool names_next = t[i].is("struct") || t[i].is("class") || t[i].is("typename") || t[i].is("using") ||
                          t[i].is("enum") || t[i].is("union");
        if (names_next && t[i + 1].kind == Kind::Word) types.insert(t[i + 1].text);
        if (!t[i].is("typedef")) continue;
        while (i + 1 < t.size() && !t[i + 1].is(";")) i++;
        if (t[i].kind == Kind::Word) types.insert(t[i].text);
    }
    return types;
}

} // namespace

std::vector<std::string> lint(const Source& source) {
    const std::vector<Token>& t = source.tokens;
    std::set<std::string> types = types_of(source);
    std::vector<std::string> found;
    for (size_t i = 1; i + 1 < t.size(); i++) {
        if (!t[i].is("*") && !t[i].is("&")) continue;
        bool half_of_and = (t[i + 1].is("&") && t[i + 1].begin == t[i].end) ||
                           (t[i - 1].is("&") && t[i - 1].end == t[i].begin);
        if (half_of_and) continue;
        size_t type = i - 1;
        if (t[type].is("const") && type > 0) type--;
        if (t[type].is(">")) { // type<arguments>
            int depth = 0;
            do {
                if (t[type].is(">")) depth++;
                if (t[type].is("<")) depth--;
            } while (type-- > 0 && depth);
        }
        if (!types.count(t[type].text)) continue;
        size_t after = i + 1;
        if (t[after].is("const")) after++;
        if (t[after].kind == Kind::Word && after + 1 < t.size()) after++;
        bool declares = false;
        for (const char* mark : {"=", ",", ";", ")", "[", ">"}) declares |= t[after].is(mark);
        // `T* f(`: a function that returns a pointer; `(T) * x`: never, as ')' is no type
        declares |= t[after].is("(") && after > i + 1;
        if (!declares) continue;
        bool qualified = false;
        size_t first = type;
        for (; first > 0; first--) {
            const Token& before = t[first - 1];
            if (spaces.count(before.text)) qualified = true;
            bool starts = false;
            for (const char* mark : {"(", ",", ";", "{", "}", "<", "="}) starts |= before.is(mark);
            if (starts) break;
        }
        if (spaces.count(t[first].text)) qualified = true;
        if (qualified) continue;
        found.push_back(source.location(t[type].begin) + ": error: pointer or reference without an address space: " +
                        source.slice(t[first].begin, t[i].end));
    }
    return found;
}

} // namespace translator
