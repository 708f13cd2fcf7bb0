#!/bin/sh
# The report in a browser: headless Chromium draws pages of hand-made logs, and what it shows is compared with the logs.
# usage: tests/rl/report/page.sh REPORT
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
    { echo "skipped: the report in a browser (chromium is not installed)"; exit 0; }
report=$(realpath "$1")
flags="--no-sandbox --headless=new --disable-gpu --disable-dev-shm-usage --virtual-time-budget=5000"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
echo '<p>works' >works.html
timeout 60 "$browser" $flags --user-data-dir="$work/profile" --dump-dom "file://$work/works.html" 2>/dev/null |
    grep -q works || { echo "skipped: the report in a browser ($browser does not run here)"; exit 0; }
failed=0
check() { name=$1; shift; if "$@"; then echo "[       OK ] $name"; else echo "[  FAILED  ] $name"; failed=1; fi; }

# Figures that are the same in every step.
constant=$(tr -d '\n' <<'END'
,"zero_spread":0.1,"b_comp_mean":1.1,"b_stab_mean":0.9,"b_comp_low":0,"b_stab_low":0.02,"entropy_min":0,"entropy_max":2
,"delta_max":1,"clip_frac":0,"kl_old":0.00001,"ratio_max":1.5,"logprob_diff_max":0,"lr":0.001,"response_length":8
,"worked":0.4,"truncated":0.01,"tokens":1000,"tokens_per_s":2000,"sec_generate":0.2,"sec_verify":0.1,"sec_update":0.1
,"sec_total":0.5,"sec_decode":0.2,"sec_forward":0.1,"sec_backward":0.1,"n_hist":{"8":3,"24":1}
,"alloc_by_pass":[[3,24],[0,0],[0,0],[0,0],[0,0],[1,24],[0,0],[0,0],[0,0],[0,0],[0,0]]
,"verdicts":{"correct":3,"wrong":1}
END
)
measured=',"heldout_length":9,"heldout_worked":0.5,"pass_hist":[1,2,0,0,0,3,0,0,0,0,4]'

# A run: log DIR METHOD SEED LAST, where LAST is its final pass@1.
log() {
    mkdir -p "$1"
    {
        echo "{\"phase\":\"config\",\"method\":\"$2\",\"data\":\"task:add\",\"seed\":$3,\"out\":\"$1\",\"lr\":0.001}"
        awk -v last="$4" -v constant="$constant" -v measured="$measured" 'BEGIN {
            for (s = 1; s <= 70; s++)
                printf "{\"phase\":\"sft\",\"step\":%d,\"loss\":%.4f,\"tokens\":100,\"sec_total\":0.5}\n", s, 2 / s
            for (s = 0; s <= 20; s++) {
                printf "{\"phase\":\"rl\",\"step\":%d", s
                p = 0.2004 + (last - 0.2004) * s / 20
                if (s % 10 == 0) {
                    printf ",\"heldout_pass1\":%.4f,\"heldout_low\":%.4f,\"heldout_high\":%.4f", p, p - 0.03, p + 0.04
                    printf "%s", measured
                }
                if (s > 0) {
                    printf ",\"loss\":%.3f,\"pass_rate\":%.3f,\"reward\":%.3f", 0.1 * s - 1.5, s / 40, s / 40 - 0.5
                    printf ",\"entropy\":%.3f,\"grad_norm\":%d%s", 1 / s, s, constant
                }
                print "}"
            }
        }'
    } >"$1/metrics.jsonl"
    awk '{ printf "%s%s", $0, /]}$/ ? "\n" : "" }' >"$1/rollouts.jsonl" <<'END' # one line a rollout
{"step":1,"prompt_id":5,"rollout":0,"prompt":"1+1=","gold":"2","reward":1,"verdict":"correct","advantage":0.5,
"tokens":[{"text":" ","logp":-0.25,"entropy":0.5,"b_comp":1.2,"b_stab":0.9,"advantage":0.54},
{"text":"2\n","logp":-0.5,"entropy":0.75,"b_comp":1,"b_stab":1,"advantage":0.5}]}
{"step":1,"prompt_id":5,"rollout":1,"prompt":"1+1=","gold":"2","reward":0,"verdict":"wrong","advantage":-0.5,
"tokens":[{"text":"3","logp":-1,"entropy":0.5,"b_comp":1,"b_stab":1,"advantage":-0.5}]}
END
}

# What the page does is asked from within: this script follows the page's own and adds its findings to the document.
cat >driver.html <<'END'
<script>
{
const found = {}, tip = document.getElementById('tip'), get = (id, part) => document.querySelector(`#${id} ${part}`);
const press = (node, ...keys) => {
    node.focus();
    for (const key of keys) node.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    return tip.hidden ? 'hidden' : tip.textContent;
};
const heldout = get('heldout_pass1', '.picture'), bars = get('rollouts_per_prompt', '.picture');
const tokens = document.querySelector('.tokens'), toggle = document.getElementById('singles');
if (heldout) {
    found.first = press(heldout, 'Home');
    found.next = press(heldout, 'ArrowRight');
    found.escape = press(heldout, 'Escape');
    const box = heldout.getBoundingClientRect();
    heldout.dispatchEvent(new PointerEvent('pointermove', { clientX: box.right - 2, clientY: box.top + 50 }));
    found.hover = tip.textContent;
    heldout.dispatchEvent(new PointerEvent('pointerleave'));
    found.left = String(tip.hidden);
}
if (bars) found.bar = press(bars, 'Home');
if (tokens) found.token = press(tokens, 'Home');
const shade = document.getElementById('choose-shade'), theme = document.getElementById('theme');
const colour = i => {
    shade.selectedIndex = i;
    shade.dispatchEvent(new Event('change'));
    return document.getElementById('ramp').textContent;
};
found.shade = colour(1);
colour(0);
const paper = () => getComputedStyle(document.body).backgroundColor, before = paper();
theme.click();
found.theme = before + ' to ' + paper();
theme.click();
if (toggle.offsetParent) {
    const drawn = name => document.querySelectorAll(`#pass_rate .picture .${name}`).length;
    found.bands = drawn('band') + ' ' + drawn('line');
    toggle.click();
    found.singles = drawn('band') + ' ' + drawn('line');
}
const figures = [...document.querySelectorAll('figure')].filter(f => !f.hidden);
found.figures = figures.length;
found.undrawn = figures.filter(f => !(f.dataset.drawn > 0)).map(f => f.id).join(' ');
found.unreachable = [...document.querySelectorAll('.picture')].filter(p => p.tabIndex !== 0).length;
found.wide = document.documentElement.scrollWidth > innerWidth ? 'yes' : 'no';
found.width = innerWidth;
found.paper = paper();
found.scripts = document.scripts.length;
const list = document.createElement('pre');
list.append('\n');
for (const [name, value] of Object.entries(found)) list.append(`found ${name}=${String(value).replace(/\s+/g, ' ')}\n`);
document.body.append(list);
parent.postMessage(list.textContent, '*');
}
</script>
END

# Draws PAGE.html with the driver: draw PAGE WIDTH [flag]; the document is PAGE.dom, what the console said PAGE.console.
draw() {
    sed '/^<\/body>$/{
        r driver.html
        N
    }' "$1.html" >"$1.driven.html"
    timeout 60 "$browser" $flags --user-data-dir="$work/profile" ${3:-} --window-size="$2,900" \
        --enable-logging=stderr --dump-dom "file://$work/$1.driven.html" >"$1.dom" 2>"$1.log"
    grep CONSOLE "$1.log" >"$1.console"
}
quiet() { test -s "$1.dom" -a ! -s "$1.console" && ! grep -q 'data-error' "$1.dom"; }
found() { grep -q "^found $2=$3\$" "$1.dom" || { grep "^found $2=" "$1.dom"; false; }; }
holds() { grep -qF -e "$2" "$1.dom"; }
count() { test "$(grep -o -e "$2" "$1.dom" | wc -l)" = "$3"; }

# One run. The last figures are read from the log as text.
log one dynamo 1 0.5136
"$report" one >/dev/null && mv one/report.html one.html
draw one 1600
value() { grep "$1" one/metrics.jsonl | tail -1 | grep -o "\"$2\":[^,}]*" | cut -d: -f2 | sed 's/0*$//'; }
percent() { awk -v x="$1" 'BEGIN { printf "%.1f", 100 * x }'; }
final=$(value '"phase":"rl"' heldout_pass1)
low=$(value '"phase":"rl"' heldout_low) high=$(value '"phase":"rl"' heldout_high)
check one_run_without_console_errors quiet one
check every_figure_is_drawn found one undrawn ""
check all_25_figures found one figures 25
check every_figure_takes_the_focus found one unreachable 0
check no_horizontal_scroll found one wide no
check final_pass_1 holds one "<span class=\"last\" data-value=\"$final\">$(percent "$final")&nbsp;%</span>"
check interval_of_the_final holds one "[$(percent "$low"), $(percent "$high")] at step 20"
check gain_is_that_of_the_rounded_figures holds one "+31.4 points" # 51.4 - 20.0, though 51.36 - 20.04 is 31.3
check last_warm_up_loss holds one "data-last=\"dynamo, loss=$(value '"phase":"sft"' loss)\""
check last_policy_loss holds one "data-last=\"dynamo, loss=$(value '"phase":"rl"' loss)\""
check reward_is_not_the_pass_rate holds one "data-last=\"dynamo, Mean reward=0\""
check first_point_by_keyboard found one first "RL step 0pass@120.0 % \[17.0 %, 24.0 %\]"
check next_point_by_keyboard found one next "RL step 10pass@135.7 % .*"
check escape_hides found one escape hidden
check last_point_by_pointer found one hover "RL step 20pass@151.4 % .*"
check leaving_hides found one left true
check bars_by_keyboard found one bar "rollouts of a prompt: 8prompts75.0 % (60 prompts)"
check token_by_keyboard found one token \
    '" "log p.0.25entropy H0.5 natsadvantage A0.5bcomp1.2bstab0.9final advantage0.54'
check colours_by_another_figure found one shade "0.81.2" # b_comp is 1 and 1.2
check light_becomes_dark found one theme "rgb(253, 253, 251) to rgb(21, 22, 24)"
check advantage_of_a_token holds one '<i data-advantage="-0.5" style="background: rgb(var(--down) /'
check spaces_and_newlines_are_seen holds one '<s>␣</s>'
check newlines_are_seen holds one '2<s>↵'
check no_script_no_page grep -q '<noscript>' one.html

# Three seeds of one method and of another: Student's t (3 seeds: 4.303), Welch (equal variances, 4 degrees: 2.776).
for seed in 1 2 3; do log "a$seed" grpo $seed 0.4$seed; log "b$seed" dynamo $seed 0.5$seed; done
"$report" a1 a2 a3 b1 b2 b3 --out seeds.html >/dev/null
draw seeds 1000
check seeds_without_console_errors quiet seeds
check seeds_every_figure_is_drawn found seeds undrawn ""
check seeds_no_horizontal_scroll found seeds wide no
check mean_and_t_interval holds seeds '<td>52.0&nbsp;%</td><td>[49.5, 54.5]</td>'
check difference_and_welch_interval holds seeds '<td>+10.0</td><td>[7.7, 12.3]</td>'
check what_differs_is_the_method_and_the_seed holds seeds '<tr><td>method</td><td>grpo</td><td>dynamo</td></tr>'
check a_band_a_group found seeds bands "2 2"
check or_a_line_a_run found seeds singles "0 6"

# On a narrow screen: in a frame, since a window of this browser has 500 pixels at least.
cat >narrow.html <<'END'
<iframe src="seeds.driven.html" width="420" height="900" style="border:0"></iframe><pre></pre>
<script>addEventListener('message', event => { document.querySelector('pre').append(event.data); });</script>
END
draw narrow 1000
check narrow_screen_is_narrow found narrow width 420
check no_horizontal_scroll_at_420 found narrow wide no

# Two single runs: the intervals combine in quadrature, sqrt(3^2 + 4^2) = 5.
"$report" a1 b1 --out pair.html >/dev/null
draw pair 1000 --blink-settings=preferredColorScheme=0
check pair_without_console_errors quiet pair
check pair_intervals_in_quadrature holds pair '<td>+10.0</td><td>[5.0, 15.0]</td>'
check dark found pair paper "rgb(21, 22, 24)"
check light found one paper "rgb(253, 253, 251)"

# A hostile log: text that would end the script, invalid UTF-8, NUL, damaged lines, wrong types, values out of range.
mkdir evil
evil='</script><script>alert(1)</script><!--<script>\u2028\u0000x'
{
    printf '{"phase":"config","method":"%s","data":{"toString":1},"parameters":"many","__proto__":3,' "$evil"
    printf '"%s":"%s"}\n' "$evil" "$evil"
    printf '{"phase":"rl","step":1,"heldout_pass1":0.5,"loss":1e999,'
    printf '"verdicts":{"%s":1,"\377\300\257":2,"toString":"x"}}\n' "$evil"
    printf '{"phase":"rl","step":2,"loss":1e308,"reward":-1e308,"entropy":1e-300,"n_hist":{"-1":2,"99999":1,"8":"x"},'
    echo '"alloc_by_pass":[1,[2]],"verdicts":[]}'
    echo '{"phase":"rl","step":2.5,"a_new_metric":2,"__proto__":1}'
    echo '{"phase":"rl","step":3,"loss":-1e308,"heldout_pass1":-4,"verdicts":{"\ud800":1}}'
    echo '{"phase":"rl","step":3,"heldout_pass1":-4,"pass_hist":[1e300,-1,"a"],"n_hist":7,"reward":1e308}'
    echo '{"phase":"rl","step":4,"loss":NaN}'
    printf '{"phase":"rl","st'
} >evil/metrics.jsonl
{
    printf '{"step":1,"prompt_id":1,"prompt":"%s","gold":"%s","verdict":"%s",' "$evil" "$evil" "$evil"
    printf '"tokens":[{"text":"%s","advantage":1e300},{},7,{"text":3}]}\n' "$evil"
    head -c 1048576 /dev/zero | tr '\0' '<' | sed 's/^/{"step":2,"prompt_id":1,"tokens":[{"text":"/; s/$/"}]}/'
    echo
    echo '{"step":3,"prompt_id":1,"tokens":"none","prompt":7}'
} >evil/rollouts.jsonl
"$report" evil one --out evil.html >/dev/null
draw evil 1000
check hostile_page_without_console_errors quiet evil
check hostile_text_runs_no_script found evil scripts 3
check a_flag_may_be_named_proto holds evil '<tr><td>__proto__</td><td>3</td><td>–</td></tr>'
check a_new_metric_is_drawn holds evil ', a_new_metric=2"'
check every_figure_is_drawn_of_a_hostile_log found evil undrawn ""
check lost_values_are_noted holds evil 'Left out of this page: values that are not finite (1).'
check hostile_text_is_shown_as_text holds evil '&lt;/script&gt;&lt;script&gt;alert(1)'
check damaged_lines_are_counted holds evil 'evil: 2 lines of metrics.jsonl could not be read'
check cut_off_line_is_noted holds evil 'evil: The last line of metrics.jsonl is cut off'

# No rollouts, no evaluation, an empty log; and that these checks can fail.
mkdir empty && : >empty/metrics.jsonl
"$report" empty >/dev/null && mv empty/report.html empty.html
draw empty 1000
check empty_log_without_console_errors quiet empty
check empty_log_says_so holds empty 'No step has been logged yet.'
sed "s/^    resize();$/    undefined_name();/" one.html >broken.html
draw broken 1000
check a_broken_page_is_noticed eval '! quiet broken && ! found broken undrawn "" >broken.found'
exit $failed
