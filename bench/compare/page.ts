import { htmlPage, keyLine, list, paragraph, section, table, VERDICT_KEYS, type Key } from '../page/html.js';
import { backends } from './charts/backends.js';
import { changes } from './charts/changes.js';
import { drift } from './charts/drift.js';
import { linearity } from './charts/linearity.js';
import { memory } from './charts/memory.js';
import { runs } from './charts/runs.js';
import { type Comparison, rowTitle } from './comparison.js';
import { cells, HEADS, machineText, note, sentence, sideText } from './markdown.js';

const BACKENDS: readonly Key[] = [
  ['native', 'native'],
  ['fallback', 'fallback'],
];

/** The comparison as one HTML file with its charts. */
export function page(comparison: Comparison): string {
  const { base, head, rows, worse, alone, undecided, machines, verdict } = comparison;
  const title = `Benchmarks: ${base.commit.slice(0, 7)} and ${head.commit.slice(0, 7)}`;
  return htmlPage(title, [
    keyLine([
      ['base', `BASE ${sideText(base)}`],
      ['head', `HEAD ${sideText(head)}`],
    ]),
    paragraph(machineText(head.machine), 'faint'),
    ...machines.map(text => paragraph(`Different machines, ${text}. The changes may be theirs.`, 'worse')),
    paragraph(sentence(comparison), `verdict ${verdict}`),
    list(worse.map(rowTitle), 'worse'),
    undecided.length > 0 ? paragraph('Not decided:') + list(undecided, 'undecided') : '',
    section('Change of time', changes(comparison), VERDICT_KEYS),
    section('Runs', runs(comparison)),
    section('The machine meanwhile', drift(comparison)),
    table(HEADS, rows.map(cells)),
    paragraph(note(comparison), 'faint'),
    alone.length > 0 ? `<h2>Without a partner</h2>\n${list(alone)}` : '',
    section('Linearity', linearity(comparison)),
    section('Native against fallback', backends(comparison), BACKENDS),
    section('Memory', memory(comparison)),
  ]);
}
