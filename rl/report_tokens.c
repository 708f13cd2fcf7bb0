// Rollouts as coloured text. A token is <i class=p1..p8 or n1..n8 data-t="logp|H|b_comp|b_stab|advantage">; the page's
// script reads data-t for the hover and to colour by another of the five.
#include "rl/report_tokens.h"
#include <math.h>
#include <stdbool.h>
#include "rl/report_lines.h"
#include "rl/report_text.h"

enum { STRENGTHS = 8 };
static const char *const token_fields[] = {"logp", "entropy", "b_comp", "b_stab", "advantage"};

static double largest_advantage(const TokenPrompt *prompts, int count) {
    double largest = 0;
    for (int p = 0; p < count; p++)
        for (int side = 0; side < 2; side++)
            for (int r = 0; r < prompts[p].side[side].count; r++) {
                const cJSON *token,
                    *tokens = cJSON_GetObjectItemCaseSensitive(prompts[p].side[side].rollout[r], "tokens");
                cJSON_ArrayForEach(token, tokens) {
                    const double a = json_number(token, "advantage");
                    if (!isnan(a)) largest = fmax(largest, fabs(a));
                }
            }
    return largest;
}

static void write_token(FILE *out, const cJSON *token, double largest) {
    const double a = json_number(token, "advantage");
    fputs("<i", out);
    if (largest > 0 && !isnan(a) && a != 0)
        fprintf(out, " class=%c%d", a > 0 ? 'p' : 'n', (int)fmax(1, ceil(fabs(a) / largest * STRENGTHS)));
    fputs(" data-t=\"", out);
    for (int f = 0; f < 5; f++) {
        const double x = json_number(token, token_fields[f]);
        if (f) fputc('|', out);
        if (!isnan(x)) fprintf(out, "%.4g", x);
    }
    fputs("\">", out);
    text_token(out, report_json_string(token, "text"));
    fputs("</i>", out);
}

static void write_rollout(FILE *out, const cJSON *rollout, double largest) {
    const double reward = json_number(rollout, "reward");
    const cJSON *token, *tokens = cJSON_GetObjectItemCaseSensitive(rollout, "tokens");
    const char *verdict = report_json_string(rollout, "verdict");
    const bool correct = reward > 0;
    int written = 0, count = 0;
    cJSON_ArrayForEach(token, tokens) count++;

    fprintf(out, "<div class=rollout><p class=facts><span class=\"badge %s\">%s reward ", correct ? "right" : "wrong",
            correct ? "\u2713" : "\u2717");
    text_number(out, reward);
    fputs("</span>", out);
    if (verdict) {
        fputs("<span class=verdict>", out);
        text_html(out, verdict, 80);
        fputs("</span>", out);
    }
    fputs("<span>A = ", out);
    text_number(out, json_number(rollout, "advantage"));
    fprintf(out, "</span><span>%d tokens</span></p><div class=tokens tabindex=0", count);
    if (!isnan(json_number(rollout, "advantage"))) fprintf(out, " data-a=\"%.4g\"", json_number(rollout, "advantage"));
    fputc('>', out);
    cJSON_ArrayForEach(token, tokens) {
        if (written++ == TOKENS_A_ROLLOUT) break;
        write_token(out, token, largest);
    }
    if (count > TOKENS_A_ROLLOUT) fprintf(out, "<em>\u2026 %d more tokens</em>", count - TOKENS_A_ROLLOUT);
    fputs("</div></div>", out);
}

static void write_group(FILE *out, const TokenGroup *group, const char *when, double largest) {
    if (group->count == 0) return;
    fprintf(out, "<section class=group><h4>%s, step %.0f <span>%zu of %zu correct", when, group->step, group->correct,
            group->total);
    if ((size_t)group->count < group->total) fprintf(out, ", %d shown", group->count);
    fputs("</span></h4>", out);
    for (int r = 0; r < group->count; r++) write_rollout(out, group->rollout[r], largest);
    fputs("</section>", out);
}

static void write_legend(FILE *out, double largest) {
    fputs(
        "<div class=scale><span class=by>Colour by <button type=button data-by=4 class=on>final advantage</button>"
        "<button type=button data-by=2>b<sub>comp</sub></button><button type=button data-by=3>b<sub>stab</sub></button>"
        "<button type=button data-by=1>entropy H</button><button type=button data-by=0>log p</button></span>"
        "<span class=ramp><span id=ramp-low>",
        out);
    text_number(out, -largest);
    fputs("</span><span class=cells>", out);
    for (int s = STRENGTHS; s > 0; s--) fprintf(out, "<i class=n%d></i>", s);
    fputs("<i></i>", out);
    for (int s = 1; s <= STRENGTHS; s++) fprintf(out, "<i class=p%d></i>", s);
    fputs("</span><span id=ramp-high>+", out);
    text_number(out, largest);
    fputs("</span></span></div>\n", out);
}

size_t tokens_write(FILE *out, const TokenPrompt *prompts, int count) {
    if (count == 0) return 0;
    const double largest = largest_advantage(prompts, count);
    size_t shown = 0;
    write_legend(out, largest);
    for (int p = 0; p < count; p++) {
        const TokenGroup *side = prompts[p].side;
        const cJSON *any = side[0].count ? side[0].rollout[0] : side[1].count ? side[1].rollout[0] : NULL;
        fputs("<article class=prompt><h3>Prompt <span class=gold>answer <code>", out);
        text_html(out, report_json_string(any, "gold"), 200);
        fputs("</code></span></h3><pre tabindex=0>", out);
        text_html(out, report_json_string(any, "prompt"), PROMPT_BYTES);
        fprintf(out, "</pre><div class=%s>", side[0].count && side[1].count ? "pair" : "single");
        write_group(out, &side[0], "Early", largest);
        write_group(out, &side[1], "Late", largest);
        fputs("</div></article>\n", out);
        shown += (size_t)(side[0].count + side[1].count);
    }
    return shown;
}
