// translate FILE.metal [NAME]        writes the C++ that clang compiles, with NAME in messages and debug information
// translate --lint FILE.metal [NAME] reports what neither clang nor its check pass sees; status 1 if there is anything
#include "program.h"

#include <cstring>
#include <iostream>

int main(int count, char** words) {
    bool linting = count > 1 && strcmp(words[1], "--lint") == 0;
    int first = linting ? 2 : 1;
    if (count <= first) {
        std::cerr << "usage: translate [--lint] FILE.metal [NAME]\n";
        return 2;
    }
    std::string path = words[first], name = count > first + 1 ? words[first + 1] : path;
    try {
        translator::Source source = translator::read_source(path, name);
        if (linting) {
            std::vector<std::string> found = translator::lint(source);
            for (const std::string& line : found) std::cerr << line << "\n";
            return found.empty() ? 0 : 1;
        }
        std::cout << translator::emit(source, translator::parse(source));
        return 0;
    } catch (const translator::SourceError& e) {
        std::cerr << e.what() << "\n";
        return 1;
    }
}
