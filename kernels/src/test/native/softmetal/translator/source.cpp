#include "source.h"

#include <cctype>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>

namespace translator {

namespace {

std::string read_text(const std::string& path) {
    std::stringstream text;
    if (path == "-") {
        text << std::cin.rdbuf();
        return text.str();
    }
    std::ifstream file(path);
    if (!file) throw SourceError(path + ":1: error: cannot read the file");
    text << file.rdbuf();
    return text.str();
}

// Puts the text of local headers where they are included; each once, as #pragma once would have it.
void put_in(const std::string& path, const std::string& name, std::set<std::string>& seen, std::ostream& out) {
    size_t slash = path.rfind('/');
    std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
    std::istringstream lines(read_text(path));
    std::string line;
    for (int number = 1; std::getline(lines, line); number++) {
        size_t hash = line.find_first_not_of(" \t");
        size_t quote = line.find('"');
        bool local = hash != std::string::npos && line.compare(hash, 8, "#include") == 0 && quote != std::string::npos;
        if (!local) {
            out << line << '\n';
            continue;
        }
        std::string header = folder + line.substr(quote + 1, line.find('"', quote + 1) - quote - 1);
        if (seen.insert(header).second) {
            out << "#line 1 \"" << header << "\"\n";
            put_in(header, header, seen, out);
        }
        out << "#line " << number + 1 << " \"" << name << "\"\n";
    }
}

bool word_start(char c) { return isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool word_part(char c) { return isalnum(static_cast<unsigned char>(c)) || c == '_'; }

class Scanner {
  public:
    explicit Scanner(Source& source) : source_(source), text_(source.text) {}

    void scan() {
        bool line_start = true;
        while (at_ < text_.size()) {
            char c = text_[at_];
            if (c == '\n') line_start = true;
            if (isspace(static_cast<unsigned char>(c))) at_++;
            else if (starts("//")) at_ = find("\n");
            else if (starts("/*")) at_ = find("*/") + 2;
            else if (c == '#' && line_start) directive();
            else {
                line_start = false;
                source_.tokens.push_back(token());
            }
        }
    }

  private:
    bool starts(const char* s) const { return text_.compare(at_, 2, s) == 0; }
    size_t find(const char* s) const {
        size_t found = text_.find(s, at_);
        return found == std::string::npos ? text_.size() : found;
    }

    Token token() {
        size_t begin = at_;
        Kind kind = Kind::Mark;
        if (word_start(text_[at_])) {
            kind = Kind::Word;
            while (at_ < text_.size() && word_part(text_[at_])) at_++;
        } else if (isdigit(static_cast<unsigned char>(text_[at_]))) {
            kind = Kind::Number;
            while (at_ < text_.size() && (word_part(text_[at_]) || text_[at_] == '.')) at_++;
        } else if (text_[at_] == '"') {
            kind = Kind::String;
            for (at_++; at_ < text_.size() && text_[at_] != '"'; at_++)
                if (text_[at_] == '\\') at_++;
            at_++;
        } else {
            at_++;
        }
        return {kind, begin, at_, text_.substr(begin, at_ - begin)};
    }

    void directive() {
        size_t end = at_;
        while (end < text_.size() && text_[end] != '\n') end += text_[end] == '\\' ? 2 : 1;
        at_++;
        while (at_ < end && (text_[at_] == ' ' || text_[at_] == '\t')) at_++;
        if (text_.compare(at_, 6, "define") == 0) {
            at_ += 6;
            while (at_ < end) {
                if (isspace(static_cast<unsigned char>(text_[at_])) || text_[at_] == '\\') at_++;
                else if (starts("//")) at_ = end;
                else source_.macros.push_back(token());
            }
            source_.macros.push_back({Kind::Mark, end, end, "\n"});
        }
        at_ = end;
    }

    Source& source_;
    const std::string& text_;
    size_t at_ = 0;
};

} // namespace

std::string Source::location(size_t position) const {
    std::string file = path;
    long line = 1;
    std::istringstream lines(text.substr(0, position));
    std::string each;
    while (std::getline(lines, each) && !lines.eof()) {
        line++;
        if (each.compare(0, 6, "#line ") != 0) continue;
        line = std::stol(each.substr(6));
        size_t quote = each.find('"');
        if (quote != std::string::npos) file = each.substr(quote + 1, each.rfind('"') - quote - 1);
    }
    return file + ":" + std::to_string(line);
}

void Source::fail(size_t position, const std::string& why) const {
    throw SourceError(location(position) + ": error: " + why);
}

Source read_source(const std::string& path, const std::string& name) {
    std::ostringstream out;
    std::set<std::string> seen;
    put_in(path, name, seen, out);
    Source source{name, out.str(), {}, {}};
    Scanner(source).scan();
    return source;
}

} // namespace translator
