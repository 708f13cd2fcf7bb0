// Optional (report): draws the report from the JSON in the element "data" (made by report.c) into page.html. Text from
// the logs reaches the page through text nodes and attributes only.
'use strict';

// ---- Elements and numbers

const root = document.documentElement, $ = id => document.getElementById(id);
const all = selector => [...document.querySelectorAll(selector)];
addEventListener('error', event => { root.dataset.error = event.message; });

// An element: attributes (null: left out) and children, of which strings become text nodes.
const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) =>
    fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) if (value != null) node.setAttribute(name, value);
    node.append(...children.flat(9).filter(child => child != null));
    return node;
}
const put = (id, ...children) => $(id).replaceChildren(...children.flat(9));
// Our names with their subscripts: b_comp, b_stab, H_max, H_min.
const rich = text => text.split(/(?<=\b[bH])_(comp|stab|max|min)/).map((part, i) => i % 2 ? el('sub', {}, part) : part);

const isNumber = x => typeof x === 'number' && Math.abs(x) < 1e100; // what an axis can hold; not NaN, not infinite
const amount = x => isNumber(x) && x >= 0 && x <= 1e15 ? x : 0; // an entry of a table, which may hold anything
const plain = x => typeof x === 'object' ? JSON.stringify(x) : String(x ?? '–'); // a flag, likewise
const cut = (text, length) => text.length > length ? text.slice(0, length) + '…' : text;
const sum = values => values.reduce((a, b) => a + b, 0);
const mean = values => sum(values) / values.length;
const least = values => values.reduce((a, b) => Math.min(a, b), Infinity);
const largest = values => values.reduce((a, b) => Math.max(a, b), -Infinity);
const last = values => values[values.length - 1];
const distinct = values => [...new Set(values)];
const ascending = values => distinct(values).sort((a, b) => a - b);

const minus = text => text.replace(/-/g, '−');
function num(x) { // four significant digits
    if (!isNumber(x)) return '–';
    const odd = x !== 0 && (Math.abs(x) < 1e-4 || Math.abs(x) >= 1e7);
    return minus(odd ? x.toExponential(3).replace('e+', 'e') : String(Number(x.toPrecision(4))));
}
const tenth = x => Number(x.toFixed(1)); // rounds as percent() does
const percent = x => isNumber(x) ? minus((100 * x).toFixed(1)) + '\u00a0%' : '–';
const points = x => (x < 0 ? '' : '+') + minus(x.toFixed(1));
const interval = ({ low, high }) => isNumber(low) && isNumber(high)
    ? minus(`[${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`) : '';
const plural = (n, word) => `${n} ${word}${n === 1 ? '' : 's'}`;
const large = x => x.toLocaleString('en', { notation: 'compact', maximumSignificantDigits: 3 });
function duration(seconds) {
    const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60);
    return seconds < 120 ? `${Math.round(seconds)} s` : hours < 1 ? `${minutes} min` : `${hours} h ${minutes % 60} min`;
}

// ---- Runs, and groups of runs that differ in their seed

const runs = (JSON.parse($('data').textContent) || { runs: [] }).runs, several = runs.length > 1;
const phases = ['sft', 'rl'], phaseNames = { sft: 'warm-up', rl: 'RL' };
const notCompared = ['phase', 'seed', 'out', 'resume', 'threads', 'device', 'version', 'config', 'verbose',
    'tensorboard']; // other values, the same experiment
const withRollouts = runs.filter(run => run.rollouts && run.rollouts.groups.length);
let singles = false; // draw every run instead of the mean of its group

// What was logged of a field: at steps x the values y, for some an interval low..high.
function trackOf(steps, values) {
    const logged = (_, i) => isNumber(values[i]);
    return { x: steps.filter(logged), y: values.filter(logged) };
}

function tracksOf({ step, columns, evaluations }) {
    const tracks = Object.create(null), fields = distinct(evaluations.flatMap(row => Object.keys(row)));
    for (const [field, { y }] of Object.entries(columns)) tracks[field] = trackOf(step, y);
    for (const field of fields.filter(name => name.startsWith('heldout_')))
        tracks[field] = trackOf(evaluations.map(row => row.step), evaluations.map(row => row[field]));
    const { heldout_pass1: pass, heldout_low: low, heldout_high: high } = tracks;
    if (low && high && low.y.length === pass.y.length && high.y.length === pass.y.length)
        Object.assign(pass, { low: low.y, high: high.y });
    return tracks;
}

function prepare(run) {
    const evaluations = run.rl.evaluations.length ? run.rl.evaluations : run.sft.evaluations, { columns } = run.rl;
    [run.first, run.last] = [evaluations[0], last(evaluations)];
    run.config = Object.assign(Object.create(null), run.config); // a flag may have any name, __proto__ too
    const parts = ['sec_generate', 'sec_verify', 'sec_update'].map(name => columns[name] || { y: [] });
    if (columns.sec_total) columns.sec_other = { y: columns.sec_total.y.map((t, i) => // of a step, what no part takes
        isNumber(t) ? Math.max(0, t - sum(parts.map(part => part.y[i] || 0))) : null) };
    for (const phase of phases) run[phase].tracks = tracksOf(run[phase]);
    run.sft.tracks.sec_update = run.sft.tracks.sec_total; // all that a warm-up step does
}

const compared = run => Object.entries(run.config).filter(([name]) => !notCompared.includes(name))
    .sort(([a], [b]) => a < b ? -1 : 1);

// A group's name: its method, with the flags that set it apart from others of that method; or its folder.
function nameGroup(group, groups) {
    const [{ config, name }] = group.runs, method = run => cut(plain(run.config.method), 60);
    const rivals = groups.filter(g => g !== group && method(g.runs[0]) === method(group.runs[0]));
    const own = compared(group.runs[0]).filter(([flag, value]) =>
        rivals.some(g => plain(g.runs[0].config[flag]) !== plain(value)));
    if (config.method === undefined || own.length > 3 || (rivals.length && !own.length)) return name;
    return [method(group.runs[0]), ...own.map(([flag, value]) => `${flag} ${plain(value)}`)].join(', ');
}

function makeGroups() {
    const groups = [];
    for (const run of runs) {
        const flags = compared(run), key = flags.length ? JSON.stringify(flags) : run;
        if (!groups.some(g => g.key === key)) groups.push({ key, runs: [], colour: groups.length % 8 });
        run.group = groups.find(g => g.key === key);
        run.group.runs.push(run);
    }
    groups.forEach(group => { group.label = nameGroup(group, groups); });
    return groups;
}

runs.forEach(prepare);
const groups = makeGroups(), seeds = groups.some(g => g.runs.length > 1);

// The curves to draw: one for the runs of a group, or one for every run.
const subjects = () => !singles ? groups : runs.map(run => ({ runs: [run], colour: run.group.colour,
    label: `${run.group.label}, seed ${plain(run.config.seed)}` }));

// The mean of several runs, and their smallest and largest value, at the steps that all of them have.
function merge(tracks) {
    const present = tracks.filter(t => t && t.y.length);
    const maps = present.map(t => new Map(t.x.map((x, i) => [x, t.y[i]])));
    if (present.length < 2) return { x: [], y: [], ...present[0] };
    const x = present[0].x.filter(step => maps.every(map => map.has(step)));
    const at = x.map(step => maps.map(map => map.get(step)));
    return { x, y: at.map(mean), low: at.map(least), high: at.map(largest) };
}

// ---- Statistics

// 97.5 % quantile of Student's t: a table up to 10 degrees of freedom, then the expansion of Cornish and Fisher.
function student(freedom) {
    const table = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228], z = 1.959964;
    const df = Math.max(1, Math.floor(freedom));
    return df <= 10 ? table[df - 1] : z + (z ** 3 + z) / (4 * df) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * df * df);
}

const estimateOf = row => row && { n: 1, mean: row.heldout_pass1, low: row.heldout_low, high: row.heldout_high };

// Final pass@1 of a group with its 95 % interval: of one run as logged, of several Student's t over the runs.
function finalOf(group) {
    const rows = group.runs.map(run => run.last).filter(Boolean), n = rows.length;
    if (n < 2) return estimateOf(rows[0]);
    const values = rows.map(row => row.heldout_pass1), m = mean(values);
    const variance = sum(values.map(v => (v - m) ** 2)) / (n - 1) / n; // of the mean
    const half = student(n - 1) * Math.sqrt(variance);
    return { n, mean: m, low: m - half, high: m + half, variance };
}

// b - a in points, as the rounded figures differ, with a 95 % interval: Welch's if both are means over runs, else the
// two intervals combined in quadrature, as of independent estimates (Zou and Donner 2008).
function difference(b, a) {
    const exact = b.mean - a.mean, both = a.n > 1 && b.n > 1, variance = a.variance + b.variance;
    const freedom = variance ** 2 / (a.variance ** 2 / (a.n - 1) + b.variance ** 2 / (b.n - 1));
    const welch = student(freedom || 1) * Math.sqrt(variance);
    return { points: tenth(100 * b.mean) - tenth(100 * a.mean),
        low: exact - (both ? welch : Math.hypot(b.mean - b.low, a.high - a.mean)),
        high: exact + (both ? welch : Math.hypot(b.high - b.mean, a.mean - a.low)) };
}

// ---- Choosing with pointer or keyboard; the tip

const tip = $('tip');

// Shows the tip at (x, y) of the window: a heading, and rows [name, value].
function showTip(x, y, heading, rows) {
    const more = rows.length > 24 ? line('td', ['…', '']) : [];
    tip.replaceChildren(el('b', {}, heading), el('table', {}, rows.slice(0, 24).map(row => line('td', row)), more));
    tip.hidden = false;
    const place = (at, size, end) => Math.max(4, at + 14 + size > end - 4 ? at - 14 - size : at + 14);
    tip.style.left = place(x, tip.offsetWidth, root.clientWidth) + scrollX + 'px';
    tip.style.top = place(y, tip.offsetHeight, innerHeight) + scrollY + 'px';
}

// Lets the pointer, and the arrow keys while the node has the focus, choose one of count() items: nearest(event) is the
// item under the pointer, show(i, event or null) presents one, clear() removes what show drew.
function choosable(node, count, nearest, show, clear) {
    let at = -1;
    const choose = (i, event) => { if (i >= 0 && i < count()) show(at = i, event); };
    const leave = () => { clear(); tip.hidden = true; };
    const moves = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 };
    for (const name of ['pointermove', 'pointerdown']) node.addEventListener(name, e => choose(nearest(e), e));
    for (const name of ['pointerleave', 'blur']) node.addEventListener(name, leave);
    node.addEventListener('focus', () => {
        if (node.matches(':focus-visible')) choose(at < 0 ? count() - 1 : at, null);
    });
    node.addEventListener('keydown', event => {
        if (event.key === 'Escape') leave();
        if (!(event.key in moves)) return;
        event.preventDefault();
        choose(Math.min(count() - 1, Math.max(0, at + moves[event.key])), null);
    });
}

// ---- Figures

const tinted = colour => `color:var(--c${colour})`;
const label = (x, y, anchor, text, name) => svg('text', { x, y, 'text-anchor': anchor, class: name }, text);
const line = (tag, cells, name) => el('tr', { class: name }, cells.map(cell => el(tag, {}, cell)));

// A figure of page.html holds its caption: puts its title before it, and reads which fields its lines show.
function setUp(node) {
    const { title, lines = `${title}=${node.id}`, total, unit = '' } = node.dataset, percents = unit.endsWith('%');
    const pair = text => text.trim().split('=');
    node.replaceChildren(el('h3', {}, title), el('figcaption', {}, [...node.childNodes]));
    node.spec = { ...node.dataset, unit, lines: lines.split(';').map(pair), total: total && pair(total),
        percents, show: percents ? percent : num };
}

// A key of the legend: a stroke, or a block for areas and bars.
const key = (colour, dash, block) => svg('svg', { class: 'key', style: tinted(colour), viewBox: '0 0 22 8',
    'aria-hidden': 'true' }, block ? svg('rect', { class: 'bar', x: 6, width: 16, height: 8 })
    : svg('path', { class: dash === 'reference' ? dash : `line dash${dash}`, d: 'M1 4H21' }));

// Puts legend [[key, name]] and content between the figure's title and its caption; without content hides the figure.
function mount(node, legend, content) {
    node.querySelectorAll('.legend, .content').forEach(old => old.remove());
    node.hidden = !content;
    if (!content) return;
    content.classList.add('content');
    const entries = legend.map(([sample, name]) => el('span', {}, sample, name));
    node.querySelector('h3').after(el('p', { class: 'legend' }, entries), content);
}

// A picture with a y axis for the values, redrawn when its width changes. draw(image, frame) draws the rest and returns
// what can be chosen: [{x, heading, rows, marks}], the last two functions.
function mountPicture(node, legend, values, draw) {
    const image = svg('svg', { tabindex: 0, role: 'img', class: 'picture',
        'aria-label': node.dataset.title + '. The arrow keys show its values.' });
    const scale = makeScale(least(values), largest(values), node.spec), marks = svg('g', {});
    let width = 0, items = [];
    image.draw = () => {
        const now = Math.round(image.getBoundingClientRect().width);
        if (now === width || now === 0) return;
        width = now;
        image.replaceChildren();
        items = draw(image, drawAxis(image, width, scale));
        image.append(marks);
        node.dataset.drawn = items.length;
    };
    const nearest = event => {
        const box = image.getBoundingClientRect(), x = (event.clientX - box.left) * width / box.width;
        return items.reduce((best, { x: at }, i) => Math.abs(at - x) < Math.abs(items[best].x - x) ? i : best, 0);
    };
    choosable(image, () => items.length, nearest, (i, event) => {
        const box = image.getBoundingClientRect(), { x, heading, rows, marks: drawn } = items[i];
        marks.replaceChildren(...drawn());
        showTip(event ? event.clientX : box.left + x * box.width / width,
            event ? event.clientY : box.top + box.height / 3, heading, rows());
    }, () => marks.replaceChildren());
    mount(node, legend, image);
}

function niceStep(range, count) {
    const rough = range / count, power = 10 ** Math.floor(Math.log10(rough));
    return power * [1, 2, 5, 10].find(m => m * power >= rough * 0.999);
}

// The y axis of values in [low, high]: its ends are ticks, and a power of ten in the unit keeps the labels short.
function makeScale(low, high, { unit, percents, from }) {
    if (low === 0 && high === 0) return { low: 0, high: 1, ticks: [0], text: () => '0', unit };
    if (from !== 'lowest') [low, high] = [Math.min(0, low), Math.max(0, high)];
    if (low === high) [low, high] = [low - Math.abs(low) / 10, high + Math.abs(high) / 10];
    const step = niceStep(high - low, 5), first = Math.floor(low / step + 1e-9), end = Math.ceil(high / step - 1e-9);
    const ticks = Array.from({ length: end - first + 1 }, (_, k) => (first + k) * step);
    const most = Math.max(-ticks[0], last(ticks));
    const power = percents ? -2 : most >= 1e4 || most < 0.01 ? 3 * Math.floor(Math.log10(most) / 3 + 1e-9) : 0;
    const digits = Math.min(12, Math.max(0, Math.ceil(power - Math.log10(step) - 1e-9)));
    const raised = String(power).replace(/./g, c => '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'['-0123456789'.indexOf(c)]);
    return { low: ticks[0], high: last(ticks), ticks, text: y => minus((y / 10 ** power).toFixed(digits)),
        unit: percents || !power ? unit : [unit, `10${raised}`].filter(Boolean).join(', ') };
}

// Sizes the picture and draws its y axis. Returns the plot's frame, with the place y(value).
function drawAxis(image, width, scale) {
    const height = width > 800 ? 300 : 232, top = 24, bottom = height - 40;
    const left = 12 + 7 * largest(scale.ticks.map(t => scale.text(t).length));
    const y = value => bottom - (value - scale.low) / (scale.high - scale.low) * (bottom - top);
    image.setAttribute('viewBox', `0 0 ${width} ${height}`);
    image.append(label(0, 12, 'start', scale.unit, 'name'), ...scale.ticks.flatMap(t => [svg('path', { class: 'grid',
        d: `M${left} ${y(t)}H${width}` }), label(left - 6, y(t) + 4, 'end', scale.text(t))]));
    if (scale.ticks.length === 1) image.append(label((left + width) / 2, 100, 'middle', '0 at every step'));
    return { left, right: width, top, bottom, y };
}

// ---- Line charts

// Steps of a phase over all runs: every chart has the same x axis.
const extent = Object.fromEntries(phases.map(phase => {
    const steps = runs.flatMap(run => run[phase].step);
    return [phase, { low: least(steps), high: largest(steps) }];
}));

// Where the phases lie, side by side: the warm-up takes a quarter of the width if RL has values too.
function makePanels(curves, { left, right }) {
    const list = phases.filter(phase => curves.some(c => c[phase].y.length)), both = list.length === 2;
    const split = left + 0.27 * (right - left);
    return list.map(phase => {
        const from = both && phase === 'rl' ? split + 16 : left, { low, high } = extent[phase];
        const to = both && phase === 'sft' ? split : right - 8;
        return { phase, from, to, low, high,
            x: step => high > low ? from + (step - low) / (high - low) * (to - from) : (from + to) / 2 };
    });
}

function drawPanel(image, { phase, from, to, low, high, x }, { top, bottom }) {
    const step = Math.max(1, niceStep(high - low || 1, Math.max(2, (to - from) / 56)));
    const area = { class: 'warmup', x: from, y: top, width: to - from, height: bottom - top };
    if (phase === 'sft') image.prepend(svg('rect', area));
    image.append(svg('path', { class: 'axis', d: `M${from} ${bottom}H${to}` }),
        label((from + to) / 2, bottom + 33, 'middle', phaseNames[phase] + ' step', 'name'));
    for (let t = Math.ceil(low / step) * step; t <= high; t += step)
        image.append(svg('path', { class: 'axis', d: `M${x(t)} ${bottom}v4` }),
            label(x(t), bottom + 16, 'middle', String(t)));
}

// Mean with the neighbours within a fortieth of the curve on either side.
const smoothFrom = 60; // points
function smooth(y) {
    const reach = Math.floor(y.length / 40);
    return y.map((_, i) => mean(y.slice(Math.max(0, i - reach), i + reach + 1)));
}

function drawCurve(image, p, frame, c, stacked) {
    const t = c[p.phase], count = t.y.length, smoothed = count >= smoothFrom;
    const group = svg('g', { style: tinted(c.colour) });
    const through = values => t.x.map((step, i) => `${p.x(step).toFixed(1)} ${frame.y(values[i]).toFixed(1)}`);
    const path = (name, places) => group.append(svg('path', { class: name, d: 'M' + places.join('L') }));
    const between = () => [...through(t.high), ...through(t.low).reverse()];
    if (count === 0) return;
    image.append(group);
    if (stacked) return path('bar', between());
    if (t.low && !singles) path(count > 1 ? 'band' : 'line', between()); // of a single value, a bar
    if (smoothed && !several) path('pale', through(t.y));
    path(`line dash${c.dash}${singles ? ' thin' : ''}`, through(smoothed ? smooth(t.y) : t.y));
    if (count <= (several ? 12 : 40)) group.append(...t.y.map((y, i) =>
        svg('circle', { class: 'dot', cx: p.x(t.x[i]), cy: frame.y(y), r: 2.3 })));
}

// Areas on top of each other: low..high is where the part lies, y its size.
function stack(curves) {
    for (const phase of phases) {
        const height = new Map(), at = step => height.get(step) || 0;
        for (const t of curves.map(c => c[phase])) {
            t.low = t.x.map(at);
            t.x.forEach((step, i) => height.set(step, at(step) + t.y[i]));
            t.high = t.x.map(at);
        }
    }
}

// Of one run a curve a line, told apart by colour and dashes; of several runs the colour tells the run.
function makeCurves({ lines, total, only = '' }) {
    const drawn = several && total ? [total] : lines;
    return drawn.flatMap(([name, field], s) => subjects().map(subject => {
        const get = phase => merge(subject.runs.map(run => phase.includes(only) && run[phase].tracks[field]));
        const text = () => [several ? subject.label : '', several && drawn.length > 1 ? ': ' : '',
            several && drawn.length === 1 ? '' : rich(name)];
        return { text, name, label: subject.label, colour: several ? subject.colour : s % 8,
            dash: total ? 0 : s % 4, sft: get('sft'), rl: get('rl') };
    })).filter(c => c.sft.y.length + c.rl.y.length > 0);
}

function makeLegend(curves, areas) {
    const lines = distinct(curves.map(c => c.name)).map(name => curves.find(c => c.name === name));
    const named = lines.map(c => [key(several ? 7 : c.colour, c.dash, areas), rich(c.name)]);
    return [...several ? groups.map(g => [key(g.colour, 0), g.label]) : [], ...named.length > 1 ? named : []];
}

// What the pointer finds at a step.
function itemAt(p, step, frame, curves, stacked, show) {
    const x = p.x(step), found = curves.map(c => ({ c, t: c[p.phase], k: c[p.phase].x.indexOf(step) }))
        .filter(({ k }) => k >= 0);
    const dot = ({ c, t, k }) =>
        svg('circle', { class: 'dot', style: tinted(c.colour), cx: x, cy: frame.y(t.y[k]), r: 3.4 });
    const band = ({ t, k }) => t.low && !stacked ? ` [${show(t.low[k])}, ${show(t.high[k])}]` : '';
    return { x, heading: `${phaseNames[p.phase]} step ${step}`,
        marks: () => [svg('path', { class: 'cross', d: `M${x} ${frame.top}V${frame.bottom}` }),
            ...stacked ? [] : found.map(dot)],
        rows: () => found.map(f => [[key(f.c.colour, f.c.dash, stacked), f.c.text()], show(f.t.y[f.k]) + band(f)]) };
}

function chart(node) {
    const { spec } = node, curves = makeCurves(spec), stacked = spec.total && !several;
    if (!curves.length) return mount(node);
    if (stacked) stack(curves);
    const values = curves.flatMap(c => [c.sft, c.rl]).flatMap(t => [...t.y, ...t.low || [], ...t.high || []]);
    mountPicture(node, makeLegend(curves, spec.total), values, (image, frame) =>
        makePanels(curves, frame).flatMap(p => {
            drawPanel(image, p, frame);
            curves.forEach(c => drawCurve(image, p, frame, c, stacked));
            const steps = ascending(curves.flatMap(c => c[p.phase].x));
            return steps.map(step => itemAt(p, step, frame, curves, stacked, spec.show));
        }));
    node.dataset.last = curves.map(c => `${c.label}, ${c.name}=${last([...c.sft.y, ...c.rl.y])}`).join('; ');
}

// A figure for every field of the logs that no other shows.
function chartOthers() {
    const known = all('figure').flatMap(({ spec }) => [...spec.lines, spec.total || []]).map(([, field]) => field);
    known.push('heldout_low', 'heldout_high', 'tokens', 'skipped'); // in a band, and at the head of the page
    const fields = distinct(runs.flatMap(run => phases.flatMap(phase => Object.keys(run[phase].tracks))));
    for (const field of fields.filter(name => !known.includes(name))) {
        const node = el('figure', { 'data-title': field, 'data-unit': '', 'data-from': 'lowest' }, 'As logged.');
        $('others').append(node);
        setUp(node);
        node.spec.lines = [[field, field]];
    }
}

// ---- Bar charts and tables, from the tables of the log

const tenths = ['0', '0.1', '0.2', '0.3', '0.4', '0.5', '0.6', '0.7', '0.8', '0.9', '1'];
const entry = (array, i) => Array.isArray(array) ? array[i] : undefined;
const tables = (list, name, end = 'last') => list.flatMap(run => run.rl[end]).map(row => row[name]).filter(Boolean);
const share = (weights, total = sum(weights)) => weights.map(w => total > 0 ? w / total : null);

// A table {name: count}, summed over the last (or first) steps of the runs.
function tally(list, name, end) {
    const counts = new Map();
    for (const [key, count] of tables(list, name, end).flatMap(row => Object.entries(row)))
        counts.set(key, (counts.get(key) || 0) + amount(count));
    return counts;
}

// Draws a bar for every bin (labels) and series {name, colour, values, weights}; weights count the prompts of a bin.
// reference: {name, value} of a dashed line.
function barChart(node, bins, series, reference) {
    const { show, xname } = node.spec, values = series.flatMap(s => s.values).concat(reference ? reference.value : 0);
    if (!series.some(s => s.values.some(isNumber))) return mount(node);
    const legend = series.length > 1 || reference ? series.map(s => [key(s.colour, 0, true), s.name]) : [];
    if (reference) legend.push([key(7, 'reference'), reference.name]);
    mountPicture(node, legend, values.filter(isNumber), (image, { left, right, top, bottom, y }) => {
        const slot = (right - left) / bins.length, bar = 0.8 * slot / series.length, gap = bar > 4 ? 1 : 0;
        const every = Math.ceil((8 + 7 * largest(bins.map(text => text.length))) / slot);
        bins.forEach((text, i) => {
            if (i % every === 0) image.append(label(left + slot * (i + 0.5), bottom + 16, 'middle', text));
            series.forEach((s, k) => isNumber(s.values[i]) && image.append(svg('rect', { class: 'bar',
                style: tinted(s.colour), x: left + slot * (i + 0.1) + k * bar, width: bar - gap,
                y: y(s.values[i]), height: bottom - y(s.values[i]) })));
        });
        image.append(svg('path', { class: 'axis', d: `M${left} ${bottom}H${right}` }),
            label((left + right) / 2, bottom + 33, 'middle', xname, 'name'));
        if (reference) image.append(svg('path', { class: 'reference', style: tinted(7),
            d: `M${left} ${y(reference.value)}H${right}` }));
        return bins.map((text, i) => ({ x: left + slot * (i + 0.5), heading: `${xname}: ${text}`,
            marks: () => [svg('rect', { class: 'cross', x: left + slot * i, y: top, width: slot,
                height: bottom - top })],
            rows: () => series.map(s => [[key(s.colour, 0, true), s.name],
                `${show(s.values[i])} (${plural(s.weights[i], 'prompt')})`]) }));
    });
}

// A series for every group of runs; of one run it has this name.
const seriesOf = (name, counts) => groups.map((g, i) =>
    ({ name: several ? g.label : name, colour: g.colour, ...counts(g.runs, i) }));

function byPassRate() {
    const series = seriesOf('allocated', list => {
        const rows = tables(list, 'alloc_by_pass');
        const bins = k => tenths.map((_, b) => sum(rows.map(row => amount(entry(entry(row, b), k)))));
        const weights = bins(0), rollouts = bins(1);
        return { weights, rollouts, values: weights.map((prompts, b) => prompts > 0 ? rollouts[b] / prompts : null) };
    });
    const uniform = distinct(series.map(s => sum(s.rollouts) / sum(s.weights)).filter(isNumber));
    barChart($('by_pass_rate'), tenths, series, uniform.length === 1 && { name: 'equal shares', value: uniform[0] });
}

function rolloutsPerPrompt() {
    const counts = groups.map(g => [...tally(g.runs, 'n_hist')]
        .filter(([n, prompts]) => /^[0-9]{1,4}$/.test(n) && prompts > 0).map(([n, prompts]) => [Number(n), prompts]));
    const sizes = counts.flat().map(([n]) => n), low = least(sizes), high = largest(sizes);
    const width = Math.floor((high - low) / 48) + 1, bins = [];
    for (let n = low; n <= high; n += width) bins.push(width > 1 ? `${n}–${n + width - 1}` : String(n));
    barChart($('rollouts_per_prompt'), bins, seriesOf('prompts', (_, i) => {
        const weights = bins.map(() => 0);
        for (const [n, prompts] of counts[i]) weights[Math.floor((n - low) / width)] += prompts;
        return { weights, values: share(weights) };
    }));
}

function promptsByPassRate() {
    const measured = (run, phase) => run[phase].evaluations.filter(row => Array.isArray(row.pass_hist));
    const start = run => last(measured(run, 'sft')) || measured(run, 'rl')[0];
    const end = run => last([...measured(run, 'sft'), ...measured(run, 'rl')]);
    const binsOf = rows => {
        const weights = tenths.map((_, b) => sum(rows.filter(Boolean).map(row => amount(entry(row.pass_hist, b)))));
        return { weights, values: share(weights) };
    };
    const series = seriesOf('last measured', list => binsOf(list.map(end)));
    if (!several && start(runs[0]) !== end(runs[0]))
        series.unshift({ name: 'before RL', colour: 7, ...binsOf([start(runs[0])]) });
    put('inside', series.map(s => `${s.name} ${percent(sum(s.values.slice(1, 10)))}`).join(', '));
    barChart($('prompts_by_pass_rate'), tenths, series);
}

const table = (name, head, rows) => el('div', { class: 'scroll' }, el('table', { class: name },
    el('thead', {}, line('th', head)), el('tbody', {}, rows.map(row => row instanceof Node ? row : line('td', row)))));

function verdicts() {
    const columns = several ? groups.map(g => [g.label, g.runs]) : [['first', runs, 'first'], ['last', runs]];
    const tallies = columns.map(([, list, end]) => tally(list, 'verdicts', end));
    const totals = tallies.map(counts => sum([...counts.values()])), most = name => last(tallies).get(name) || 0;
    const names = distinct(tallies.flatMap(counts => [...counts.keys()])).sort((a, b) => most(b) - most(a));
    const rows = names.slice(0, 16).map(name => [cut(name, 80), ...tallies.map((counts, i) =>
        percent((counts.get(name) || 0) / totals[i]))]);
    if (names.length > 16) rows.push([`${names.length - 16} more`, ...columns.map(() => '')]);
    mount($('verdicts'), [], sum(totals) > 0 && table('', ['verdict', ...columns.map(([name]) => name)], rows));
    $('verdicts').dataset.drawn = names.length;
}

// ---- Head of the page

const baseName = path => last(plain(path).split('/').filter(Boolean)) || plain(path);
const lastStep = (run, phase) => last(run[phase].step) || 0;
const total = (run, field) => sum(phases.map(phase => (run[phase].columns[field] || { sum: 0 }).sum));
const skipped = run => largest(phases.flatMap(phase => (run[phase].columns.skipped || { y: [] }).y).filter(isNumber));

function head() {
    const { config } = runs[0], names = config.method || several ? groups.map(g => g.label) : ['Training run'];
    document.title = cut(names.slice(0, 4).join(', ') + (names.length > 4 ? ', …' : '') +
        (config.data ? ' on ' + baseName(config.data) : ''), 200);
    put('title', document.title);
    const flags = ['seed', 'allocation', 'modulation'].filter(name => name in config);
    put('facts', [config.model && baseName(config.model), isNumber(config.parameters) && large(config.parameters) +
        ' parameters', ...several ? [`${runs.length} runs`] : flags.map(name => `${name} ${plain(config[name])}`)]
        .filter(Boolean).map(fact => el('span', {}, fact)));
}

function resultOfOne(run) {
    const { first, last: final } = run, phase = run.rl.evaluations.length ? 'RL' : 'the warm-up', two = first !== final;
    if (!final) return el('p', {}, 'No held-out evaluation has been logged yet.');
    const before = estimateOf(first), after = estimateOf(final), d = difference(after, before);
    const big = (e, name) => el('span', { class: name, 'data-value': e.mean }, percent(e.mean));
    const ends = (two ? [first, final] : [final]).map(row => `${interval(estimateOf(row))} at step ${row.step}`);
    const gain = interval(d) && `, 95 % interval ${interval(d)}, taking the two evaluations as independent`;
    return [el('p', { class: 'soft' }, `Held-out pass@1, ${two ? 'first and last' : 'the one'} evaluation of ${phase}`),
        el('p', { class: 'big' }, two ? [big(before), el('span', { class: 'arrow' }, '→')] : [], big(after, 'last')),
        el('p', {}, two ? `${points(d.points)} points${gain}. ` : '',
            interval(after) ? `95 % intervals over problems: ${ends.join(', ')}.` : '')];
}

function costOfOne(run) {
    const rate = run.rl.columns.tokens_per_s;
    const list = [['Warm-up steps', num(lastStep(run, 'sft'))], ['RL steps', num(lastStep(run, 'rl'))],
        ['Time in steps', duration(total(run, 'sec_total'))], ['Tokens', large(total(run, 'tokens'))],
        ['Tokens/s in RL, mean', rate ? large(rate.sum / rate.count) : '–'], ['Updates skipped', num(skipped(run))]];
    return el('dl', {}, list.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))));
}

// Final pass@1 of every group, its difference from the first, and below a group of several runs each of them.
function resultTable() {
    const base = finalOf(groups[0]), seed = run => `seed ${plain(run.config.seed)}`;
    const row = (name, list, count, e, d) => [name, count, ascending(list.map(run => lastStep(run, 'rl'))).join(', '),
        e ? percent(e.mean) : '–', e ? interval(e) : '', d ? points(d.points) : '', d ? interval(d) : '',
        duration(mean(list.map(run => total(run, 'sec_total'))))];
    const rows = groups.flatMap((g, i) => {
        const e = finalOf(g), d = i > 0 && e && base ? difference(e, base) : null, one = g.runs.length === 1;
        const parts = one ? [] : g.runs.map(run => row(run.name, [run], seed(run), estimateOf(run.last)));
        return [row([key(g.colour, 0), g.label], g.runs, one ? seed(g.runs[0]) : String(g.runs.length), e, d),
            ...parts.map(cells => line('td', cells, 'part'))];
    });
    return table('results', ['', 'runs', 'RL steps', 'final pass@1', '95 % interval, %',
        `difference from ${groups[0].label}, points`, '95 % interval, points', 'time in steps'], rows);
}

// Flags by group: all, or those whose values differ.
function flagTable(every) {
    const values = (g, name) => distinct(g.runs.map(run => plain(run.config[name])));
    const differs = name => name !== 'out' && distinct(groups.flatMap(g => values(g, name))).length > 1;
    const names = distinct(runs.flatMap(run => Object.keys(run.config))).filter(name => name !== 'phase');
    const rows = names.filter(name => every || differs(name));
    return table('flags', ['flag', ...groups.map(g => g.label)], rows.map(name =>
        [cut(name, 100), ...groups.map(g => cut(values(g, name).join(', '), 400))]));
}

// ---- Rollouts: a token is [text, log p, entropy, b_comp, b_stab, final advantage]

const shades = [['final advantage', 5, 0], ['b_comp', 3, 1], ['b_stab', 4, 1], ['entropy H', 2, 0], ['log p', 1, 0]];
const view = { run: null, group: null, shade: 0 }; // shades: name, field, the value without colour

// Text with its white space and control characters made visible; what turns the direction of writing is replaced.
const unseen = /([\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069]|^ +$)/;
function visible(text) {
    const mark = c => c === '\n' ? '↵\n' : c === '\t' ? '⇥\t' : c[0] === ' ' ? '␣'.repeat(c.length)
        : c < ' ' ? String.fromCharCode(0x2400 + c.charCodeAt(0)) : '\ufffd';
    return text.split(unseen).map((part, i) => i % 2 ? el('s', {}, mark(part)) : part);
}

// Blue above the value without colour, orange below; `far` is the largest distance from it.
function paint(node, x, far) {
    const strength = Math.round(8 + 62 * Math.min(1, Math.abs(x) / far));
    if (isNumber(x) && x !== 0) node.style.background = `rgb(var(--${x > 0 ? 'up' : 'down'}) / ${strength}%)`;
    return node;
}

function tokenBox(rollout, far) {
    const [, field, rest] = shades[view.shade], missing = rollout.length - rollout.tokens.length;
    const spans = rollout.tokens.map(token => paint(el('i', { 'data-advantage': token[5] }, visible(token[0] || '')),
        isNumber(token[field]) ? token[field] - rest : null, far));
    const box = el('div', { class: 'tokens', tabindex: 0, role: 'group',
        'aria-label': 'Response. The arrow keys show its tokens.' }, spans,
    missing > 0 ? el('span', { class: 'soft' }, ` … ${plural(missing, 'more token')}`) : []);
    const clear = () => spans.forEach(span => span.classList.remove('on'));
    choosable(box, () => spans.length, event => spans.indexOf(event.target.closest('i')), (i, event) => {
        const [text, logp, entropy, comp, stab, final] = rollout.tokens[i], place = spans[i].getBoundingClientRect();
        clear();
        spans[i].classList.add('on');
        showTip(event ? event.clientX : place.right, event ? event.clientY : place.bottom, JSON.stringify(text || ''),
            [['log p', num(logp)], ['entropy H', num(entropy) + ' nats'], ['advantage A', num(rollout.advantage)],
                [rich('b_comp'), num(comp)], [rich('b_stab'), num(stab)], ['final advantage', num(final)]]);
    }, clear);
    return box;
}

function rolloutBox(rollout, far) {
    const correct = rollout.verdict === null ? rollout.reward > 0 : rollout.verdict === 'correct';
    const badge = `${correct ? '✓' : '✗'} ${rollout.verdict ?? 'no verdict'}`;
    const facts = [`reward ${num(rollout.reward)}`, `A = ${num(rollout.advantage)}`, plural(rollout.length, 'token')];
    return el('div', { class: 'rollout' }, el('p', { class: 'facts dots' },
        el('span', { class: correct ? 'right' : 'wrong' }, badge), facts.map(text => el('span', {}, text))),
    tokenBox(rollout, far));
}

// A run's latest group with both outcomes, else its last.
function firstView(run) {
    const list = run.rollouts.groups;
    return { run, group: last(list.filter(g => g.correct > 0 && g.correct < g.logged)) || last(list) };
}

function offer(id, options, chosen, show) {
    put(id, options.map(text => el('option', {}, text)));
    Object.assign($(id), { selectedIndex: chosen, onchange: () => show($(id).selectedIndex) });
}

function showRollouts(change) {
    const { run, group, shade } = Object.assign(view, change), [, field, rest] = shades[shade];
    const list = run.rollouts.groups;
    const values = list.flatMap(g => g.rollouts).flatMap(r => r.tokens.map(token => token[field])).filter(isNumber);
    const far = largest(values.map(x => Math.abs(x - rest)).concat(1e-9));
    const same = distinct(group.rollouts.map(r => r.reward)).length === 1 &&
        group.rollouts.some(r => r.advantage && r.advantage !== r.reward); // of w-reinforce A is the reward
    const missing = group.rollouts.length < group.logged ? `, ${group.rollouts.length} shown` : '';
    offer('choose-run', withRollouts.map(r => r.name), withRollouts.indexOf(run),
        i => showRollouts(firstView(withRollouts[i])));
    const title = g => `step ${g.step}, ${g.correct} of ${g.logged} correct: ${cut(g.prompt || '', 40)}`;
    offer('choose-group', list.map(title), list.indexOf(group), i => showRollouts({ group: list[i] }));
    offer('choose-shade', shades.map(([name]) => name), shade, i => showRollouts({ shade: i }));
    put('ramp', num(rest - far), [-6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6].map(k => paint(el('i', {}), k, 6)),
        num(rest + far));
    put('rollouts', el('h3', {}, `Prompt at step ${group.step}`), el('pre', { tabindex: 0 }, group.prompt ?? '–'),
        el('p', { class: 'facts' }, `Expected answer: ${group.gold ?? '–'}. Logged of this group: ` +
            `${plural(group.logged, 'rollout')}, ${group.correct} correct${missing}.` + (same ? ' All of them got ' +
            'the same reward; A is not 0 because others of the group, which were not logged, got another.' : '')),
        group.rollouts.map(r => rolloutBox(r, far)));
}

// ---- Notes, the whole page

const was = n => n === 1 ? 'was' : 'were';
const lineNotes = (file, { cut_off: cutOff, unreadable: n }) => [
    cutOff && `The last line of ${file} is cut off (the run was stopped while writing it) and was left out.`,
    n > 0 && `${plural(n, 'line')} of ${file} could not be read and ${was(n)} left out.`];

function notesOf(run) {
    const { rollouts, replaced: n, left_out: lost = {} } = run, wide = phases.filter(phase => run[phase].width > 1);
    return [run.sft.rows + run.rl.rows === 0 && 'No step has been logged yet.', ...lineNotes('metrics.jsonl', run),
        n > 0 && `${plural(n, 'step')} ${was(n)} logged more than once (a resumed run); the last line counts.`,
        ...Object.entries(lost).map(([what, times]) => `Left out of this page: ${what} (${times}).`),
        skipped(run) > 0 && `Updates skipped because the gradient was not finite: ${num(skipped(run))}.`,
        ...wide.map(phase => `Each point of the ${phaseNames[phase]} curves is the mean of ${run[phase].width} steps ` +
            '(of maxima the largest, of minima the smallest). Evaluations are not averaged.'),
        ...rollouts ? lineNotes('rollouts.jsonl', rollouts) : ['There is no rollouts.jsonl.'],
        rollouts && `This page holds ${rollouts.shown} of the ${plural(rollouts.logged, 'rollout')} in rollouts.jsonl.`]
        .filter(Boolean);
}

function putNotes() {
    for (const note of distinct(runs.flatMap(notesOf)).reverse()) {
        const names = runs.filter(run => notesOf(run).includes(note)).map(run => run.name);
        const whose = names.length === runs.length ? 'Every run' : names.join(', ');
        $('notes').prepend(el('li', {}, several ? `${whose}: ${note}` : note));
    }
}

// Shows the elements whose data-if names a state of the view.
function describeView() {
    const binary = runs.every(({ rl: { columns: { reward, pass_rate: rate } } }) =>
        reward && rate && reward.y.every((y, i) => y === null || Math.abs(y - rate.y[i]) < 1e-6));
    const states = { one: !several, several, seeds, lone: !seeds, means: seeds && !singles, singles, binary };
    all('[data-if]').forEach(node => { node.hidden = !states[node.dataset.if]; });
    root.classList.toggle('one', !several);
    $('singles').setAttribute('aria-pressed', String(singles));
    return states;
}

function drawCharts() {
    const { binary } = describeView();
    all('figure[data-unit]:not([data-xname])').forEach(chart);
    if (binary) mount($('reward'));
    resize();
}
const resize = () => all('.picture').forEach(image => image.draw());

function build() {
    all('figure').forEach(setUp);
    const recent = 'the last ' + plural(largest(runs.map(run => run.rl.last.length)), 'RL step');
    all('.recent').forEach(node => node.append(recent));
    head();
    put('result', several ? resultTable() : [resultOfOne(runs[0]), costOfOne(runs[0])]);
    put('differing', flagTable(false));
    put('flags', flagTable(true));
    for (const draw of [verdicts, byPassRate, rolloutsPerPrompt, promptsByPassRate, chartOthers]) draw();
    drawCharts();
    all('.figures').forEach(list => {
        list.closest('section').hidden = !list.querySelector('figure:not([hidden])');
    });
    $('choice').hidden = !withRollouts.length;
    if (withRollouts.length) showRollouts(firstView(withRollouts[0]));
    putNotes();
}

const dark = matchMedia('(prefers-color-scheme: dark)');
const setTheme = isDark => { root.dataset.theme = isDark ? 'dark' : ''; };
setTheme(dark.matches);
dark.addEventListener('change', () => setTheme(dark.matches));
$('theme').addEventListener('click', () => setTheme(!root.dataset.theme));
addEventListener('resize', resize);
$('singles').addEventListener('click', () => { singles = !singles; drawCharts(); });
if (runs.length) build();
