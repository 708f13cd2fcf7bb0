// Optional (report): ./report: the page of one run, or of several runs side by side.
#include "base/files.h"
#include "base/process.h"
#include "rl/report/csv.h"
#include "rl/report/report.h"
#include <string.h>

static void usage(FILE *out) {
    fprintf(out, "usage: ./report DIR... [--out FILE]\n"
                 "  DIR    folder of a run (./train --out DIR); the differences are taken against the first\n"
                 "  FILE   the page; default: DIR/report.html for one run, report.html here for several\n"
                 "Runs that differ in their seed alone are drawn as one, with their mean and spread.\n"
                 "       ./report --csv NAME,... DIR... [--out FILE]\n"
                 "  instead, these figures of metrics.jsonl as comma-separated values; default: to stdout\n");
}

// Returns the exit status. Nothing is written where something is wrong.
static int csv(const char *names, const char *path, const char *const *dirs, int runs) {
    Error err;
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    REQUIRE(out, "out of memory");
    bool ok = report_csv(out, names, dirs, runs, &err);
    REQUIRE(fclose(out) == 0, "out of memory");
    ok = ok && (!path || file_replace(path, text, n, &err));
    bool printed = !ok || path || (fwrite(text, 1, n, stdout) == n && fflush(stdout) == 0);
    free(text);
    if (!ok) return fprintf(stderr, "report: %s\n", err.text), 2;
    return printed ? 0 : 1;
}

int main(int argc, char **argv) {
    const char *dirs[REPORT_RUNS_MAX + 1], *path = NULL, *names = NULL;
    int runs = 0;
    Error err;
    process_start("report");
    for (int a = 1; a < argc; a++) {
        if (strcmp(argv[a], "--help") == 0 || strcmp(argv[a], "-h") == 0) return usage(stdout), 0;
        if (strncmp(argv[a], "--csv=", 6) == 0) names = argv[a] + 6;
        else if (strcmp(argv[a], "--csv") == 0 && a + 1 < argc) names = argv[++a];
        else if (strncmp(argv[a], "--out=", 6) == 0) path = argv[a] + 6;
        else if (strcmp(argv[a], "--out") == 0 && a + 1 < argc) path = argv[++a];
        else if (argv[a][0] == '-') return fprintf(stderr, "report: unknown flag %s, see --help\n", argv[a]), 2;
        else if (runs <= REPORT_RUNS_MAX) dirs[runs++] = argv[a]; // one too many is refused by report_write_runs
    }
    if (runs == 0) return usage(stderr), 2;
    if (names) return csv(names, path, dirs, runs <= REPORT_RUNS_MAX ? runs : REPORT_RUNS_MAX);
    bool own = !path && runs == 1;
    if (!path) path = "report.html";
    if (!(own ? report_write(dirs[0], &err) : report_write_runs(path, dirs, runs, &err)))
        return fprintf(stderr, "report: %s\n", err.text), 2;
    printf("report: %s%s%s\n", own ? dirs[0] : "", own ? "/" : "", path);
    return fflush(stdout) ? 1 : 0;
}
