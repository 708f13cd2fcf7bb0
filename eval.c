// Optional (./eval): samples n responses to every problem of one or more data sets, grades them, and prints pass@k,
// avg@n and maj@n with 95 % intervals. The same command resumes an interrupted evaluation. With --score it grades saved
// responses, without a model; with --ask and --chat it shows a model's responses. ./eval --help explains the flags.
#include "base/files.h"
#include "base/flags_text.h"
#include "base/json.h"
#include "base/process.h"
#include "rl/evaluate/ask.h"
#include "rl/evaluate/run.h"
#include "rl/ranks.h"
#include "verify/score.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
    static const char text[] = "\nstopping: what is finished is saved\n";
    (void)signal_number;
    interrupted = 1;
    signal(SIGINT, SIG_DFL), signal(SIGTERM, SIG_DFL); // quitting keeps the partial file
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) return;
}

// Ctrl-C in a conversation: a response ends, a line that is being typed too; the program goes on as it sees fit.
static void on_chat_interrupt(int signal_number) { interrupted = signal_number; }

static int talk(const EvalConfig *c, Comm *comm, Error *err) {
    struct sigaction action = {.sa_handler = on_chat_interrupt}; // no SA_RESTART: reading a line is interrupted
    if (!*c->model) return fail(err, "give --model"), 2;
    if (*c->ask && c->chat) return fail(err, "--ask and --chat exclude each other"), 2;
    sigaction(SIGINT, &action, NULL);
    return ask_run(c, comm, &interrupted, err);
}

static bool write_json(const EvalConfig *c, EvalRun *run, const EvalTable *table, Error *err) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "model", c->model);
    cJSON_AddNumberToObject(json, "samples", c->samples);
    cJSON_AddStringToObject(json, "estimates", "mean, low and high end of the 95 % interval");
    cJSON_AddItemToObject(json, "rows", eval_table_json(table));
    cJSON_AddItemReferenceToObject(json, "evaluation", run->identity);
    bool ok = json_replace(c->out, json, err);
    cJSON_Delete(json);
    return ok;
}

// What remains once everything is open: from here on an error is a failure and not bad use.
static bool run_to_end(const EvalConfig *c, EvalRun *run, Comm *comm, const int *k, int n_k, Error *err) {
    if (!eval_run_fill(run, c, comm, &interrupted, err)) return false;
    EvalTable table = eval_table_make(&run->sets, k, n_k, c->samples);
    table.rewards = run->command != NULL;
    eval_table_print(&table, stdout);
    if (fflush(stdout) != 0 || ferror(stdout)) // the partial file stays: the same command prints the table again
        return fail(err, "the table could not be written to stdout: %s", strerror(errno));
    if (*c->out && !write_json(c, run, &table, err)) return false;
    return responses_finish(run->file, *c->responses ? c->responses : NULL, err);
}

// Returns the exit status.
static int evaluate(EvalConfig *c, Comm *comm, Error *err) {
    static EvalRun run;
    int k[EVAL_MAX_K], n_k;
    if (!*c->model) return fail(err, "give --model or --score"), 2;
    bool open = c->temp == 0 || c->temp >= 1e-3 ||
                fail(err, "--temp %g: must be 0, or at least 0.001 (logits divided by less are all rounding)", c->temp);
    open = open && eval_config_parse_k(c, k, &n_k, err) && eval_run_open(&run, c, comm, err);
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
    bool ok = open && run_to_end(c, &run, comm, k, n_k, err);
    eval_run_close(&run);
    return ok ? 0 : !open ? 2 : interrupted ? 130 : 1;
}

static int score(const EvalConfig *c, Error *err) {
    VerifyPolicy policy = verify_policy_evaluation();
    FileReplacement out;
    FILE *rows = stdout, *summary = stderr, *saved = file_open(c->score, err);
    if (!saved) return 2;
    if (*c->out) {
        if (!file_replace_begin(&out, c->out, err)) return fclose(saved), 2;
        rows = out.file, summary = stdout;
    }
    int got = score_file(saved, c->score, rows, summary, &policy, err->text, sizeof err->text);
    fclose(saved);
    if (*c->out && got < 0) file_replace_abandon(&out);
    if (got < 0) return 2;
    return !*c->out || file_replace_commit(&out, err) ? got : 1;
}

static int help(void) {
    printf("usage: ./eval --model DIR --data ... [flags]   a table of pass@k with intervals\n"
           "       ./eval --model DIR --ask TEXT           one question     (--chat: many)\n"
           "       ./eval --score FILE                     grades saved rows, without a model\n"
           "exit status: 0 done, 1 failed, 2 bad use, 130 interrupted: the same command resumes\n\n");
    flags_help(&eval_flags, stdout);
    return fflush(stdout) ? 1 : 0;
}

int main(int argc, char **argv) {
    static EvalConfig config;
    Error err;
    process_start("eval");
    if (flags_help_asked(argc, argv)) return help();
    Comm *comm = comm_open(&argc, &argv, &err);
    bool ok = comm && flags_parse(&eval_flags, &config, argc, argv, &err);
    if (ok && comm_size(comm) > 1) ok = fail(&err, "evaluation runs on one rank: start it without mpirun");
    ok = ok && eval_config_check_outputs(&config, &err);
    bool talks = *config.ask || config.chat;
    if (config.samples == 0) config.samples = talks ? 1 : 8;
    int status = !ok ? 2 : *config.score ? score(&config, &err) : talks ? talk(&config, comm, &err)
                                                                        : evaluate(&config, comm, &err);
    if (status == 0 && (fflush(stdout) != 0 || ferror(stdout)))
        status = 1, fail(&err, "not everything could be written to stdout: %s", strerror(errno));
    if (status && !(comm && comm_rank(comm) > 0)) ranks_refuse(NULL, "eval", &err);
    if (comm) comm_close(comm);
    return status;
}
