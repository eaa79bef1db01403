#include "compile.h"

#include "foundation.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { path_bytes = 1024, max_sanitizers = 3 };

struct compiled {
    struct compiled* next;
    char* msl;
    char* flags;
    char base[path_bytes]; // cache path without extension
    const struct sm_module* module;
    char executable[max_sanitizers][path_bytes];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct compiled* known;

static uint64_t hash(uint64_t h, const char* text) { // FNV-1a, 64 bits
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 0x100000001b3ull;
    return (h ^ 0xff) * 0x100000001b3ull;
}

static char* read_all(const char* path) {
    FILE* file = fopen(path, "rb");
    if (!file) return strdup("");
    fseek(file, 0, SEEK_END);
    long bytes = ftell(file);
    rewind(file);
    char* text = malloc((size_t)bytes + 1);
    text[fread(text, 1, (size_t)bytes, file)] = 0;
    fclose(file);
    return text;
}

static const char* cache_folder(void) {
    static char folder[path_bytes];
    if (*folder) return folder;
    const char* chosen = softmetal_switch("SOFTMETAL_CACHE", SOFTMETAL_BUILD_DEFAULT "/cache");
    mkdir(chosen, 0777);
    snprintf(folder, sizeof folder, "%s", chosen);
    if (access(folder, W_OK) != 0) { // an installed, read-only build: compile every time
        snprintf(folder, sizeof folder, "%s/softmetal.XXXXXX", softmetal_switch("TMPDIR", "/tmp"));
        MUST(mkdtemp(folder), "cannot write to %s nor make a temporary folder", chosen);
    }
    return folder;
}

// Runs metalc; 0, or its messages to free(). The result appears under its name only when it is whole, so several
// processes may compile the same text at once.
static char* metalc(const char* mode, const struct compiled* c, const char* output) {
    char *command, partial[path_bytes + 32], log[path_bytes + 32];
    snprintf(partial, sizeof partial, "%s.%d", output, (int)getpid());
    snprintf(log, sizeof log, "%s.log", partial);
    int length = asprintf(&command, "SOFTMETAL_BUILD='%s' '%s/metalc' %s '%s.metal' '%s' program_source %s 2> '%s'",
                          SOFTMETAL_BUILD_DEFAULT, softmetal_switch("SOFTMETAL_HOME", SOFTMETAL_HOME_DEFAULT), mode,
                          c->base, partial, c->flags, log);
    MUST(length > 0, "no memory");
    int status = system(command);
    free(command);
    char* messages = NULL;
    if (status != 0) {
        messages = read_all(log);
        if (!*messages) {
            free(messages);
            if (asprintf(&messages, "metalc %s failed with status %d", mode, WEXITSTATUS(status)) < 0) abort();
        }
    } else {
        MUST(rename(partial, output) == 0, "cannot write %s", output);
    }
    unlink(log);
    return messages;
}

static void write_source(const struct compiled* c) {
    char path[path_bytes + 32], partial[path_bytes + 48];
    snprintf(path, sizeof path, "%s.metal", c->base);
    snprintf(partial, sizeof partial, "%s.%d", path, (int)getpid());
    FILE* file = fopen(partial, "wb");
    MUST(file && fputs(c->msl, file) >= 0 && fclose(file) == 0 && rename(partial, path) == 0, "cannot write %s", path);
}

static char* build_module(struct compiled* c) {
    char path[path_bytes + 32];
    snprintf(path, sizeof path, "%s.so", c->base);
    if (access(path, R_OK) != 0) {
        write_source(c);
        char* messages = metalc("library", c, path);
        if (messages) return messages;
    }
    void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    MUST(library, "dlopen: %s", dlerror());
    c->module = dlsym(library, "sm_module_of_file");
    MUST(c->module, "dlsym: %s", dlerror());
    return NULL;
}

const struct compiled* softmetal_compile(const char* msl, const char* flags, char** error) {
    pthread_mutex_lock(&lock);
    struct compiled* c = known;
    while (c && (strcmp(c->msl, msl) != 0 || strcmp(c->flags, flags) != 0)) c = c->next;
    if (!c) {
        c = calloc(1, sizeof *c);
        c->msl = strdup(msl);
        c->flags = strdup(flags);
        uint64_t one = hash(hash(hash(0xcbf29ce484222325ull, SOFTMETAL_STAMP), flags), msl);
        uint64_t two = hash(hash(hash(one, msl), flags), SOFTMETAL_STAMP);
        snprintf(c->base, sizeof c->base, "%s/%016lx%016lx", cache_folder(), one, two);
        *error = build_module(c);
        if (*error) {
            free(c->msl);
            free(c->flags);
            free(c);
            c = NULL;
        } else {
            c->next = known;
            known = c;
        }
    }
    pthread_mutex_unlock(&lock);
    return c;
}

const struct sm_module* softmetal_module(const struct compiled* c) { return c->module; }

const char* softmetal_executable(const struct compiled* compiled, const char* sanitizer) {
    static const char* const names[max_sanitizers] = {"asan", "msan", "tsan"};
    struct compiled* c = (struct compiled*)compiled;
    for (int i = 0; i < max_sanitizers; i++) {
        if (strcmp(names[i], sanitizer) != 0) continue;
        pthread_mutex_lock(&lock);
        if (!*c->executable[i]) {
            char path[path_bytes + 32];
            snprintf(path, sizeof path, "%s.%s", c->base, sanitizer);
            if (access(path, X_OK) != 0) {
                write_source(c);
                char* messages = metalc(sanitizer, c, path);
                MUST(!messages, "cannot build for SOFTMETAL_CHECK=%s: %s", sanitizer, messages);
            }
            snprintf(c->executable[i], sizeof c->executable[i], "%s", path);
        }
        pthread_mutex_unlock(&lock);
        return c->executable[i];
    }
    softmetal_misuse("SOFTMETAL_CHECK=%s: expected asan, msan or tsan", sanitizer);
}
