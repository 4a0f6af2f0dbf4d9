import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { CallTree } from './call-tree.js';

const require = createRequire(import.meta.url);

/** A page with a flame graph that opens without a server and without a network: click to look closer. */
export function flameGraph(title: string, unit: string, tree: CallTree): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${escape(title)}</title>
<style>
body { font: 15px system-ui, sans-serif; margin: 1rem; }
${library('d3-flame-graph/dist/d3-flamegraph.css')}
</style>
</head>
<body>
<h1>${escape(title)}</h1>
<p><input id="search" type="search" placeholder="find a function" aria-label="find a function"> <span id="details"></span></p>
<div id="chart"></div>
<script>${script(library('d3/dist/d3.min.js'))}</script>
<script>${script(library('d3-flame-graph/dist/d3-flamegraph.umd.min.js'))}</script>
<script>
const tree = ${script(JSON.stringify(tree))};
const share = value => (100 * value / tree.value).toFixed(1) + ' %';
const chart = flamegraph.default()
  .width(document.body.clientWidth)
  .cellHeight(18)
  .minFrameSize(1)
  .setLabelHandler(({ data, value }) => data.name + ': ' + value.toLocaleString('en') + ' ${unit}, ' + share(value))
  .setDetailsElement(document.getElementById('details'));
d3.select('#chart').datum(tree).call(chart);
document.getElementById('search').addEventListener('input', event => {
  if (event.target.value) chart.search(event.target.value);
  else chart.clear();
});
</script>
</body>
</html>
`;
}

/** A file of a package, as it was published. */
function library(path: string): string {
  const [name, ...rest] = path.split('/');
  // the entry is somewhere in dist/, whatever the package exports
  const folder = require.resolve(name).replace(new RegExp(`(/node_modules/${name}/).*`), '$1');
  return readFileSync(folder + rest.join('/'), 'utf8');
}

/** Text that cannot end its own script element. */
function script(text: string): string {
  return text.replaceAll('</', '<\\/');
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
