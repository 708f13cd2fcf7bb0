// How this program reports trouble. Two ways, and no third:
//
//   REQUIRE(cond, "what is wrong and what to do", ...)   for conditions the program cannot go on without:
//       prints file:line, the expression and the message to stderr and ends with status 1. Always on.
//   Error *err, fail(err, "...")                         for parsers of files, flags, model output: they fill
//       `err` with one line that names file, line or byte and the next action, return false/NULL, and never exit.
#ifndef BASE_CHECK_H
#define BASE_CHECK_H
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct Error {
    char text[1024]; // one line, no newline at its end; empty while nothing failed
} Error;

// Writes the message into err->text (truncated to fit; err may be NULL) and returns false, so that a parser can say
// `return fail(err, "%s:%d: expected a number", path, line);`
__attribute__((format(printf, 2, 3), unused)) static bool fail(Error *err, const char *format, ...) {
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        for (unsigned char *c = (unsigned char *)err->text; *c; c++) // no control code of a file reaches the terminal
            if (*c < ' ' || *c == 127) *c = '?';
            else if (c[0] == 0xc2 && c[1] >= 128 && c[1] < 160) c[0] = c[1] = '?'; // U+0080 to U+009F
    }
    return false;
}

// What is written is flushed. Not exit: the handlers that CUDA leaves there would wait for kernels under way, and a
// collective among them waits for this rank, whose end the others would never see.
__attribute__((noreturn, unused)) static void end_process(void) {
    fflush(NULL);
    _exit(1);
}

#define REQUIRE(cond, ...)                                                                                             \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #cond);                                                 \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            fputc('\n', stderr);                                                                                       \
            end_process();                                                                                             \
        }                                                                                                              \
    } while (0)

#endif
