import { backends } from './charts/backends.js';
import { changes } from './charts/changes.js';
import { distributions } from './charts/distributions.js';
import { linearity } from './charts/linearity.js';
import { memory } from './charts/memory.js';
import type { Chart } from './charts/plot.js';
import { type Comparison, type Row, rowTitle } from './comparison.js';
import { cells, HEADS, machineText, NOTE, sideText, verdict } from './markdown.js';

/** A colour of the page by its name, and what it stands for. */
type Key = readonly [name: string, text: string];

const SIDES: readonly Key[] = [
  ['base', 'BASE'],
  ['head', 'HEAD'],
];
const BACKENDS: readonly Key[] = [
  ['native', 'native'],
  ['fallback', 'fallback'],
];
const CHANGES: readonly Key[] = [
  ['better', 'better'],
  ['worse', 'worse'],
  ['faint', 'no more than chance'],
];
const STYLE = `
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2733; --faint: #75808c; --rule: #dfe4ea;
  --base: #b06a00; --head: #1668c4; --native: #1668c4; --fallback: #8a4fbf; --better: #16803c; --worse: #c62828; }
@media (prefers-color-scheme: dark) { :root { --paper: #12171d; --ink: #dde4ec; --faint: #8c98a5; --rule: #2b343f;
  --base: #f0a840; --head: #62abff; --native: #62abff; --fallback: #c79bf2; --better: #57c785; --worse: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 16px; max-width: 1240px; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; } p { margin: .3rem 0; }
.faint, figcaption span { color: var(--faint); } .good { color: var(--better); } .bad { color: var(--worse); }
.verdict { font-weight: 600; font-size: 1.05rem; margin: .8rem 0; }
.key { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; margin: 0 0 .6rem; }
.key i { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .35em; }
ul { margin: .3rem 0; padding-left: 1.2rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--rule); overflow-wrap: normal; }
th:nth-child(n+3), td:nth-child(n+3) { text-align: right; }
td { min-width: 6.5rem; } td:nth-child(2n+3) { white-space: nowrap; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 336px), 1fr)); gap: 1.2rem 2rem; }
@media (max-width: 720px) { thead { display: none; } tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--rule); }
  td, td:nth-child(n+3) { display: block; border: 0; padding: .1rem 0; text-align: left; white-space: normal; }
  td:empty { display: none; } td:first-child { font-weight: 600; } td:nth-child(n+3)::before { content: attr(data-head) ": "; color: var(--faint); } }
figure { margin: 0; max-width: 440px; } figcaption { margin-bottom: .3rem; font-weight: 600; }
figcaption span { display: block; font-weight: 400; font-size: .87rem; }
svg { display: block; width: 100%; height: auto; color: var(--ink); overflow: visible; }
`;

/** The comparison as one HTML file with its charts, which needs neither a server nor a network. */
export function page(comparison: Comparison, worse: readonly Row[], threshold: number): string {
  const { base, head, rows, alone, undecided, machines } = comparison;
  const title = `Benchmarks: ${base.commit.slice(0, 7)} and ${head.commit.slice(0, 7)}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escape(title)}</h1>
${keyLine([
  ['base', `BASE ${sideText(base)}`],
  ['head', `HEAD ${sideText(head)}`],
])}
<p class="faint">${escape(machineText(head.machine))}</p>
${machines.map(text => `<p class="bad">Different machines, ${escape(text)}. The changes may be theirs.</p>`).join('\n')}
<p class="verdict ${worse.length + undecided.length > 0 ? 'bad' : 'good'}">${escape(verdict(comparison, worse, threshold))}</p>
${worse.length > 0 ? `<details><summary>Which</summary>${list(worse.map(rowTitle), 'bad')}</details>` : ''}
${undecided.length > 0 ? `<p>What could not be judged:</p>\n${list(undecided, 'bad')}` : ''}
${section('Change of time', changes(comparison), CHANGES)}
<h2>Table</h2>
<div class="wide" tabindex="0">
<table>
<thead><tr>${HEADS.map(text => `<th>${escape(text)}</th>`).join('')}</tr></thead>
<tbody>
${rows.map(row => tableRow(row, worse)).join('\n')}
</tbody>
</table>
</div>
<p class="faint">${escape(NOTE)}</p>
${alone.length > 0 ? `<h2>Without a partner</h2>\n${list(alone)}` : ''}
${section('Distributions', distributions(comparison))}
${section('Linearity', linearity(comparison))}
${section('Native against fallback', backends(comparison), BACKENDS)}
${section('Memory', memory(comparison))}
</body>
</html>
`;
}

function section(title: string, charts: readonly Chart[], keys: readonly Key[] = SIDES): string {
  if (charts.length === 0) return '';
  const figures = charts.map(
    ({ title, note, svg }) =>
      `<figure><figcaption>${escape(title)}<span>${escape(note)}</span></figcaption>\n${svg}</figure>`,
  );
  return `<h2>${escape(title)}</h2>\n${keyLine(keys)}\n<div class="charts">\n${figures.join('\n')}\n</div>`;
}

function keyLine(keys: readonly Key[]): string {
  const parts = keys.map(([name, text]) => `<span><i style="background: var(--${name})"></i>${escape(text)}</span>`);
  return `<p class="key">${parts.join('')}</p>`;
}

function list(texts: readonly string[], style = ''): string {
  return texts.length > 0 ? `<ul class="${style}">${texts.map(text => `<li>${escape(text)}</li>`).join('')}</ul>` : '';
}

function tableRow(row: Row, worse: readonly Row[]): string {
  const texts = cells(row).map((text, i) => `<td data-head="${HEADS[i]}">${escape(text)}</td>`);
  return `<tr${worse.includes(row) ? ' class="bad"' : ''}>${texts.join('')}</tr>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
