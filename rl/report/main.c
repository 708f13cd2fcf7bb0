// Optional (report): ./report: the page of one run, or of several runs side by side.
#include "base/process.h"
#include "rl/report/report.h"
#include <string.h>

static void usage(FILE *out) {
    fprintf(out, "usage: ./report DIR... [--out FILE]\n"
                 "  DIR    folder of a run (./train --out DIR); the differences are taken against the first\n"
                 "  FILE   the page; default: DIR/report.html for one run, report.html here for several\n"
                 "Runs that differ in their seed alone are drawn as one, with their mean and spread.\n");
}

int main(int argc, char **argv) {
    const char *dirs[REPORT_RUNS_MAX + 1], *path = NULL;
    int runs = 0;
    Error err;
    process_start("report");
    for (int a = 1; a < argc; a++) {
        if (strcmp(argv[a], "--help") == 0) return usage(stdout), 0;
        if (strncmp(argv[a], "--out=", 6) == 0) path = argv[a] + 6;
        else if (strcmp(argv[a], "--out") == 0 && a + 1 < argc) path = argv[++a];
        else if (argv[a][0] == '-') return fprintf(stderr, "report: unknown flag %s, see --help\n", argv[a]), 2;
        else if (runs <= REPORT_RUNS_MAX) dirs[runs++] = argv[a]; // one too many is refused by report_write_runs
    }
    if (runs == 0) return usage(stderr), 2;
    bool own = !path && runs == 1;
    if (!path) path = "report.html";
    if (!(own ? report_write(dirs[0], &err) : report_write_runs(path, dirs, runs, &err)))
        return fprintf(stderr, "report: %s\n", err.text), 2;
    printf("report: %s%s%s\n", own ? dirs[0] : "", own ? "/" : "", path);
    return fflush(stdout) ? 1 : 0;
}
