// Puts the page together and in place.
#include "rl/report.h"
#include <unistd.h>
#include "rl/report_charts.h"
#include "rl/report_figures.h"
#include "rl/report_headline.h"
#include "rl/report_log.h"
#include "rl/report_rollouts.h"
#include "rl/report_style.h"

enum { ROWS_DRAWN = 400 }; // a phase; about one a pixel

static void write_head(FILE *out, const Run *run) {
    fputs("<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>"
          "<meta name=viewport content=\"width=device-width,initial-scale=1\">"
          // No request leaves the page whatever a model wrote into it.
          "<meta http-equiv=Content-Security-Policy content=\"default-src 'none';style-src 'unsafe-inline';"
          "script-src 'unsafe-inline'\"><title>",
          out);
    headline_title(out, run);
    fprintf(out, "</title><style>\n%s</style></head>\n<body><main>\n", report_css);
}

static bool write_rollouts(FILE *out, const char *dir, RolloutNotes *notes, Error *err) {
    fputs("<h2>Rollouts</h2><p class=lead>Each token's background is its final advantage "
          "A\u00B7b<sub>comp</sub>\u00B7b<sub>stab</sub>: blue is pushed up, orange is pushed down. Point at a token "
          "for its "
          "numbers. A group whose rollouts all got the same reward has no advantage and no colour.</p>\n",
          out);
    if (!rollouts_write(out, dir, notes, err)) return false;
    if (notes->shown == 0) fputs("<p class=lead>No rollout was logged.</p>\n", out);
    return true;
}

static void note_lines(FILE *out, const char *file, size_t unreadable, bool cut_off) {
    if (cut_off)
        fprintf(out, "<li>The last line of %s is cut off (the run was stopped while writing it) and was left out.</li>",
                file);
    if (unreadable)
        fprintf(out, "<li>%zu line%s of %s could not be read and %s left out.</li>", unreadable,
                unreadable > 1 ? "s" : "", file, unreadable > 1 ? "were" : "was");
}

static void write_notes(FILE *out, const Run *run, const size_t width[2], const RolloutNotes *rollouts) {
    fputs("<h2>Notes</h2><ul>", out);
    if (run->rows == 0) fputs("<li>No step has been logged yet.</li>", out);
    note_lines(out, "metrics.jsonl", run->unreadable, run->cut_off);
    if (run->replaced)
        fprintf(out, "<li>%zu step%s logged more than once (a resumed run); the last one counts.</li>", run->replaced,
                run->replaced > 1 ? "s were" : " was");
    for (int rl = 0; rl < 2; rl++)
        if (width[rl] > 1)
            fprintf(out, "<li>Each point of the %s curves is the mean of %zu steps (of maxima, the largest).</li>",
                    rl ? "RL" : "warm-up", width[rl]);
    fprintf(out,
            "<li>Where a phase has %d points or more, pale lines are the values themselves and strong lines their "
            "mean with their neighbours within a fortieth of the phase on either side.</li>",
            SMOOTH_FROM);
    if (rollouts->missing)
        fputs("<li>There is no rollouts.jsonl.</li>", out);
    else
        fprintf(out, "<li>rollouts.jsonl holds %zu rollouts, of which %zu are shown.</li>", rollouts->rollouts,
                rollouts->shown);
    note_lines(out, "rollouts.jsonl", rollouts->unreadable, rollouts->cut_off);
    fputs("</ul>", out);
    headline_config(out, run);
}

static bool write_page(FILE *out, const char *dir, const Run *run, const Run *thin, Error *err) {
    RolloutNotes notes;
    write_head(out, run);
    headline_write(out, run, thin);
    figures_write(out, run, thin);
    if (!write_rollouts(out, dir, &notes, err)) return false;
    write_notes(out, run, thin->width, &notes);
    fprintf(out, "</main><div id=tip hidden></div><script>\n%s</script></body></html>\n", report_js);
    return true;
}

// Writes the page under `temporary` and moves it to `path` once all of it is on the disk.
static bool write_in_place(const char *path, const char *temporary, const char *dir, const Run *run, const Run *thin,
                           Error *err) {
    FILE *out = fopen(temporary, "wb");
    if (!out) return fail(err, "%.400s: cannot be written; check the folder's permissions", temporary);
    bool done = write_page(out, dir, run, thin, err);
    if (done && (fflush(out) != 0 || ferror(out) || fsync(fileno(out)) != 0))
        done = fail(err, "%.400s: writing failed; is the disk full?", temporary);
    if (fclose(out) != 0 && done) done = fail(err, "%.400s: writing failed; is the disk full?", temporary);
    if (done && rename(temporary, path) != 0)
        done = fail(err, "%.400s: cannot be replaced; check that it is a file and yours", path);
    if (!done) remove(temporary);
    return done;
}

bool report_write(const char *dir, Error *err) {
    char path[4096], temporary[4096];
    if (snprintf(path, sizeof path, "%s/report.html", dir) >= (int)sizeof path ||
        snprintf(temporary, sizeof temporary, "%s/report.html.tmp", dir) >= (int)sizeof temporary)
        return fail(err, "%.200s: the path is too long; use a shorter one", dir);
    Run run, thin;
    if (!run_read(&run, dir, err)) return false;
    bool done = run_thin(&thin, &run, ROWS_DRAWN, err);
    if (done) {
        done = write_in_place(path, temporary, dir, &run, &thin, err);
        run_free(&thin);
    }
    run_free(&run);
    return done;
}
