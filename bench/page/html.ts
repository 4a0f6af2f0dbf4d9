import type { Chart } from './plot.js';

/** A colour of the page by its name, and what it stands for. */
export type Key = readonly [name: string, text: string];

export const SIDE_KEYS: readonly Key[] = [
  ['base', 'BASE'],
  ['head', 'HEAD'],
];
export const VERDICT_KEYS: readonly Key[] = [
  ['better', 'fine'],
  ['worse', 'worse'],
  ['open', 'undecided'],
  ['faint', 'decides nothing'],
];

const STYLE = `
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2733; --faint: #75808c; --rule: #dfe4ea; --open: #8a5a00;
  --base: #b06a00; --head: #1668c4; --native: #1668c4; --fallback: #8a4fbf; --better: #16803c; --worse: #c62828; }
@media (prefers-color-scheme: dark) { :root { --paper: #12171d; --ink: #dde4ec; --faint: #8c98a5; --rule: #2b343f; --open: #e3b341;
  --base: #f0a840; --head: #62abff; --native: #62abff; --fallback: #c79bf2; --better: #57c785; --worse: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 16px; max-width: 1368px; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; } p { margin: .3rem 0; }
.faint, figcaption span { color: var(--faint); } .fine { color: var(--better); } .worse { color: var(--worse); } .undecided { color: var(--open); }
.verdict { font-weight: 600; font-size: 1.05rem; margin: .8rem 0; }
.key { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; margin: 0 0 .6rem; }
.key i { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .35em; }
ul { margin: .3rem 0; padding-left: 1.2rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { text-align: left; padding: .3rem .5rem; border-bottom: 1px solid var(--rule); overflow-wrap: normal; }
th.figure, td.figure { text-align: right; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 310px), 1fr)); gap: 1.2rem 2rem; }
@media (max-width: 720px) { thead { display: none; } tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--rule); }
  td, td.figure { display: block; border: 0; padding: .1rem 0; text-align: left; }
  td:empty { display: none; } td:first-child { font-weight: 600; } td:not(:first-child)::before { content: attr(data-head) ": "; color: var(--faint); } }
figure { margin: 0; max-width: 440px; } figcaption { margin-bottom: .3rem; font-weight: 600; }
figcaption span { display: block; font-weight: 400; font-size: .87rem; }
svg { display: block; width: 100%; height: auto; color: var(--ink); overflow: visible; }
`;

/** One HTML file with everything in it, which needs neither a server nor a network. @param body HTML */
export function htmlPage(title: string, body: readonly string[]): string {
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
${body.filter(part => part !== '').join('\n')}
</body>
</html>
`;
}

/** Charts under a heading; nothing without charts. */
export function section(title: string, charts: readonly Chart[], keys: readonly Key[] = SIDE_KEYS): string {
  if (charts.length === 0) return '';
  const figures = charts.map(
    ({ title, note, svg }) =>
      `<figure><figcaption>${escape(title)}<span>${escape(note)}</span></figcaption>\n${svg}</figure>`,
  );
  return `<h2>${escape(title)}</h2>\n${keyLine(keys)}\n<div class="charts">\n${figures.join('\n')}\n</div>`;
}

export function keyLine(keys: readonly Key[]): string {
  const parts = keys.map(([name, text]) => `<span><i style="background: var(--${name})"></i>${escape(text)}</span>`);
  return `<p class="key">${parts.join('')}</p>`;
}

export function paragraph(text: string, style = ''): string {
  return text === '' ? '' : `<p class="${style}">${escape(text)}</p>`;
}

export function list(texts: readonly string[], style = ''): string {
  return texts.length > 0 ? `<ul class="${style}">${texts.map(text => `<li>${escape(text)}</li>`).join('')}</ul>` : '';
}

/** Columns up to `verdict` name a row and say what was found; figures follow. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const verdict = heads.indexOf('verdict');
  const styleOf = (text: string, i: number): string => (i > verdict ? 'figure' : i === verdict ? text : '');
  const cell = (text: string, i: number): string =>
    `<td data-head="${escape(heads[i])}" class="${escape(styleOf(text, i))}">${escape(text)}</td>`;
  return `<h2>Table</h2>
<div class="wide" tabindex="0">
<table>
<thead><tr>${heads.map((text, i) => `<th class="${i > verdict ? 'figure' : ''}">${escape(text)}</th>`).join('')}</tr></thead>
<tbody>
${rows.map(texts => `<tr>${texts.map(cell).join('')}</tr>`).join('\n')}
</tbody>
</table>
</div>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
