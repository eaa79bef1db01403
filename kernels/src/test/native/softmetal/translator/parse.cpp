#include "program.h"

#include <algorithm>
#include <cstdlib>
#include <set>

namespace translator {

namespace {

const std::map<std::string, std::string> positions = {
    {"thread_position_in_grid", "SM_THREAD_POSITION_IN_GRID"},
    {"threadgroup_position_in_grid", "SM_THREADGROUP_POSITION_IN_GRID"},
    {"thread_position_in_threadgroup", "SM_THREAD_POSITION_IN_THREADGROUP"},
    {"threads_per_threadgroup", "SM_THREADS_PER_THREADGROUP"},
    {"threadgroups_per_grid", "SM_THREADGROUPS_PER_GRID"},
    {"threads_per_grid", "SM_THREADS_PER_GRID"},
    {"dispatch_threads_per_threadgroup", "SM_DISPATCH_THREADS_PER_THREADGROUP"},
    {"thread_index_in_threadgroup", "SM_THREAD_INDEX_IN_THREADGROUP"},
    {"thread_index_in_simdgroup", "SM_THREAD_INDEX_IN_SIMDGROUP"},
    {"simdgroup_index_in_threadgroup", "SM_SIMDGROUP_INDEX_IN_THREADGROUP"},
    {"simdgroups_per_threadgroup", "SM_SIMDGROUPS_PER_THREADGROUP"},
    {"threads_per_simdgroup", "SM_THREADS_PER_SIMDGROUP"},
    {"thread_execution_width", "SM_THREADS_PER_SIMDGROUP"},
};

// A range of tokens, [first, last).
struct Span {
    size_t first, last;
};

class Parser {
  public:
    explicit Parser(const Source& source) : source_(source), t_(source.tokens) {}

    Program parse() {
        for (size_t i = 0; i < t_.size();) i = declaration(i);
        for (const Instance& instance : instances_) instantiate(instance);
        note_macros();
        return std::move(program_);
    }

  private:
    struct Instance {
        std::string host_name, expression, base;
        size_t position;
    };
    struct Attribute {
        std::string name, argument;
        Span span; // with its brackets; empty when there is none
    };

    bool is(size_t i, const char* s) const { return i < t_.size() && t_[i].is(s); }
    bool opens(size_t i) const { return is(i, "(") || is(i, "[") || is(i, "{"); }

    // The token that closes the bracket at i.
    size_t closing(size_t i) const {
        int depth = 0;
        for (size_t k = i; k < t_.size(); k++) {
            if (opens(k)) depth++;
            else if ((is(k, ")") || is(k, "]") || is(k, "}")) && --depth == 0) return k;
        }
        source_.fail(t_[i].begin, "unbalanced bracket");
    }

    void erase(Span span) {
        size_t begin = t_[span.first].begin, end = t_[span.last - 1].end;
        std::string blank = source_.slice(begin, end);
        for (char& c : blank)
            if (c != '\n') c = ' '; // lines stay where they are
        program_.edits.push_back({begin, end, blank});
    }
    void replace(size_t token, const std::string& text) {
        program_.edits.push_back({t_[token].begin, t_[token].end, text});
    }

    // One declaration or definition at program scope, from token i; returns where the next begins.
    size_t declaration(size_t i) {
        if (is(i, "namespace")) { // its members count as program scope
            while (!is(i, "{")) i++;
            return i + 1;
        }
        if (is(i, "}") || is(i, ";")) return i + 1;
        bool initialised = false;
        bool type = false;
        size_t body = 0, k = i;
        for (; k < t_.size() && !is(k, ";"); k++) {
            if (is(k, "=")) initialised = true;
            if (!body && (is(k, "struct") || is(k, "enum") || is(k, "union") || is(k, "typedef"))) type = true;
            if (!opens(k)) continue;
            bool block = is(k, "{");
            if (block && !initialised) body = k;
            k = closing(k);
            if (block && !initialised && !type) break; // a function's body
        }
        Span all{i, std::min(k + 1, t_.size())};
        classify(all, type ? 0 : body);
        return all.last;
    }

    void classify(Span all, size_t body) {
        size_t head_end = body ? body : all.last;
        bool is_kernel = false, is_constant = false;
        size_t paren = head_end;
        for (size_t k = all.first; k < head_end; k++) {
            if (is(k, "<") && is(k - 1, "template")) k = after_angles(k) - 1;
            else if (is(k, "[")) k = closing(k); // an attribute, whose parentheses are not the parameters'
            else if (is(k, "(") && paren == head_end) paren = k;
            else if (is(k, "kernel") && paren == head_end) is_kernel = true;
            else if (is(k, "constant") && paren == head_end && !body) is_constant = true;
        }
        if (is(all.first, "template") && !is(all.first + 1, "<")) instance(all);
        else if (is_kernel && body) kernel(all, body);
        else if (is_constant) constant(all);
        note_mentions(all, body);
    }

    size_t after_angles(size_t i) const {
        int depth = 0;
        for (; i < t_.size(); i++) {
            if (is(i, "<")) depth++;
            if (is(i, ">") && --depth == 0) return i + 1;
        }
        return i;
    }

    // The [[...]] in a span whose name is one of `names`, or, without names, the first there.
    Attribute attribute(Span span, const std::set<std::string>& names = {}) const {
        for (size_t k = span.first; k + 2 < span.last; k++) {
            if (!is(k, "[") || !is(k + 1, "[") || t_[k + 1].begin != t_[k].end) continue;
            size_t close = closing(k);
            if (!names.empty() && !names.count(t_[k + 2].text)) continue;
            std::string argument;
            if (is(k + 3, "(")) argument = source_.slice(t_[k + 4].begin, t_[closing(k + 3)].begin);
            return {t_[k + 2].text, argument, {k, close + 1}};
        }
        return {"", "", {0, 0}};
    }

    static std::string unquoted(const std::string& s) { return s.size() < 2 ? s : s.substr(1, s.size() - 2); }

    int number(const std::string& text, size_t position) const {
        char* end;
        long value = strtol(text.c_str(), &end, 10);
        if (text.empty() || *end != 0 || value < 0) source_.fail(position, "expected a number, got '" + text + "'");
        return static_cast<int>(value);
    }

    // template [[host_name("x")]] kernel decltype(f<A>) f<A>;
    void instance(Span all) {
        Attribute host = attribute(all, {"host_name"});
        if (host.name.empty()) return;
        size_t end = all.last - 1; // the ';'
        if (is(end - 1, ")")) {
            int depth = 0;
            do {
                end--;
                if (is(end, ")")) depth++;
                if (is(end, "(")) depth--;
            } while (depth);
        }
        if (!is(end - 1, ">"))
            source_.fail(t_[all.first].begin, "host_name: an instantiation names its template arguments");
        size_t name = end - 1;
        int depth = 0;
        do {
            if (is(name, ">")) depth++;
            if (is(name, "<")) depth--;
            name--;
        } while (depth);
        instances_.push_back({unquoted(host.argument), source_.slice(t_[name].begin, t_[end - 1].end), t_[name].text,
                              t_[all.first].begin});
        erase(all);
    }

    void instantiate(const Instance& instance) {
        auto found = templates_.find(instance.base);
        if (found == templates_.end()) {
            source_.fail(instance.position,
                         "host_name(\"" + instance.host_name + "\"): no kernel template '" + instance.base + "'");
        }
        Kernel kernel = found->second;
        kernel.host_name = instance.host_name;
        kernel.expression = instance.expression;
        program_.kernels.push_back(kernel);
    }

    // kernel void f(parameters) { body }
    void kernel(Span all, size_t body) {
        size_t close = body - 1;
        while (!is(close, ")")) close--;
        size_t open = close;
        for (int depth = 1; depth;) {
            open--;
            if (is(open, ")")) depth++;
            if (is(open, "(")) depth--;
        }
        Kernel kernel{t_[open - 1].text, t_[open - 1].text, {}, "SM_MAX_THREADS"};
        Attribute threads = attribute({all.first, open}, {"max_total_threads_per_threadgroup"});
        if (!threads.name.empty()) {
            kernel.max_threads = threads.argument;
            erase(threads.span);
        }
        Attribute host = attribute({all.first, open}, {"host_name"});
        if (!host.name.empty()) {
            kernel.host_name = unquoted(host.argument);
            erase(host.span);
        }
        int buffers = 0, arguments = 0;
        for (size_t k = open + 1; k < close;) {
            size_t end = k;
            for (int depth = 0; end < close && (depth || !is(end, ",")); end++) {
                if (opens(end) || is(end, "<")) depth++;
                if (is(end, ")") || is(end, "]") || is(end, "}") || is(end, ">")) depth--;
            }
            kernel.parameters.push_back(parameter({k, end}, buffers, arguments));
            k = end + 1;
        }
        threadgroup_variables({body, closing(body)});
        if (is(all.first, "template")) templates_[kernel.expression] = kernel;
        else program_.kernels.push_back(kernel);
    }

    Parameter parameter(Span span, int& buffers, int& arguments) {
        Attribute a = attribute(span);
        size_t end = a.name.empty() ? span.last : a.span.first;
        bool constant_space = false, threadgroup_space = false, indirect = false, const_type = false;
        for (size_t k = span.first; k < end; k++) {
            constant_space |= is(k, "constant");
            threadgroup_space |= is(k, "threadgroup");
            const_type |= is(k, "const") && !indirect; // `T* const p` is a writable buffer
            indirect |= is(k, "*") || is(k, "&");
        }
        Parameter p{"", "", !(constant_space || const_type), t_[end - 1].text};
        size_t position = t_[span.first].begin;
        if (a.name.empty()) { // Metal numbers these itself, in order
            if (!indirect) source_.fail(position, "kernel parameter '" + p.name + "' has no [[attribute]]");
            p.role = threadgroup_space ? "SM_THREADGROUP_MEMORY" : "SM_BUFFER";
            p.index = std::to_string(threadgroup_space ? arguments++ : buffers++);
            return p;
        }
        if (a.name == "buffer" || a.name == "threadgroup") {
            p.role = a.name == "buffer" ? "SM_BUFFER" : "SM_THREADGROUP_MEMORY";
            p.index = std::to_string(number(a.argument, position));
        } else if (positions.count(a.name)) {
            p.role = "SM_POSITION";
            p.index = positions.at(a.name);
        } else {
            source_.fail(position, "unknown kernel parameter attribute [[" + a.name + "]]");
        }
        erase(a.span);
        return p;
    }

    // threadgroup T x[N]; in a kernel's body: a variable, not a pointer.
    void threadgroup_variables(Span body) {
        for (size_t k = body.first; k < body.last; k++) {
            bool starts_statement = is(k - 1, "{") || is(k - 1, "}") || is(k - 1, ";");
            if (!is(k, "threadgroup") || !starts_statement) continue;
            size_t end = k;
            bool pointer = false;
            int depth = 0;
            std::string fresh, last;
            for (; !is(end, ";"); end++) {
                if (is(end, "[") && depth == 0 && !last.empty()) fresh += named(last);
                if (opens(end) || is(end, "<")) depth++;
                if (is(end, ")") || is(end, "]") || is(end, "}") || is(end, ">")) depth--;
                if (depth) continue;
                pointer |= is(end, "*") || is(end, "&") || is(end, "=");
                if (t_[end].kind == Kind::Word) last = t_[end].text;
                else if (is(end, ",")) fresh += named(last);
            }
            if (pointer) continue;
            fresh += named(last);
            replace(k, "SM_THREADGROUP_VARIABLE");
            program_.edits.push_back({t_[end].end, t_[end].end, fresh});
            k = end;
        }
    }
    // Once for each variable: empties the name it has used.
    static std::string named(std::string& name) {
        std::string text = name.empty() ? "" : " SM_FRESH(" + name + ");";
        name.clear();
        return text;
    }

    void constant(Span all) {
        Attribute a = attribute(all, {"function_constant"});
        size_t word = all.first;
        while (!is(word, "constant")) word++;
        if (a.name.empty()) {
            bool pointer = false;
            for (size_t k = word; k < all.last && !is(k, "="); k++) pointer |= is(k, "*") || is(k, "&");
            if (pointer) return;
            replace(word, "SM_PROGRAM_CONSTANT");
            for (size_t k = all.first; k < word + 2; k++) // implied by the macro
                if (is(k, "static") || is(k, "constexpr")) erase({k, k + 1});
            return;
        }
        size_t name = a.span.first - 1;
        std::string type = source_.slice(t_[word + 1].begin, t_[name - 1].end);
        int index = number(a.argument, t_[name].begin);
        program_.constants.push_back({type, t_[name].text, index, asks_for(t_[name].text)});
        std::string text = "SM_FUNCTION_CONSTANT(" + type + ", " + t_[name].text + ", " + std::to_string(index) + ")";
        program_.edits.push_back({t_[all.first].begin, t_[all.last - 1].begin, text});
    }

    bool asks_for(const std::string& constant) const {
        for (size_t k = 0; k < t_.size(); k++)
            if (is(k, "is_function_constant_defined") && is(k + 2, constant.c_str())) return true;
        return false;
    }

    // Which words a named thing mentions. A name too many costs nothing: only function constants are sought among them.
    void note_mentions(Span all, size_t body) {
        std::string name;
        for (size_t k = all.first; k < all.last; k++) {
            if (is(k, "struct") || is(k, "enum") || is(k, "union")) name = t_[k + 1].text;
            bool function = body && k < body && is(k, "(") && t_[k - 1].kind == Kind::Word;
            bool variable = !body && (is(k, "=") || is(k, "["));
            if (name.empty() && (function || variable)) name = t_[k - 1].text;
        }
        std::vector<std::string>& words = program_.mentions[name];
        for (size_t k = all.first; k < all.last; k++)
            if (t_[k].kind == Kind::Word) words.push_back(t_[k].text);
    }
    void note_macros() {
        std::string name;
        for (const Token& token : source_.macros) {
            if (token.is("\n")) name.clear();
            else if (name.empty()) name = token.text;
            else if (token.kind == Kind::Word) program_.mentions[name].push_back(token.text);
        }
    }

    const Source& source_;
    const std::vector<Token>& t_;
    Program program_;
    std::map<std::string, Kernel> templates_;
    std::vector<Instance> instances_;
};

} // namespace

std::vector<int> Program::constants_of(const Kernel& kernel) const {
    std::string start = kernel.expression.substr(0, kernel.expression.find('<'));
    std::set<std::string> reached = {start};
    std::vector<std::string> next = {start};
    while (!next.empty()) {
        std::string name = next.back();
        next.pop_back();
        auto found = mentions.find(name);
        if (found == mentions.end()) continue;
        for (const std::string& word : found->second)
            if (reached.insert(word).second) next.push_back(word);
    }
    std::vector<int> used;
    for (size_t i = 0; i < constants.size(); i++)
        if (reached.count(constants[i].name)) used.push_back(static_cast<int>(i));
    return used;
}

Program parse(const Source& source) { return Parser(source).parse(); }

} // namespace translator
