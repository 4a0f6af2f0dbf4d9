import test from 'ava';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { collectCommand } from '../src/cli/collect.js';
import { demoCommand } from '../src/cli/demo.js';
import { doctorCommand } from '../src/cli/doctor.js';
import { dumpCommand } from '../src/cli/dump.js';
import { sendCommand } from '../src/cli/files/send.js';
import { pressureCommand } from '../src/cli/pressure/pressure.js';
import { recordCommand } from '../src/cli/record.js';
import { runCommand } from '../src/cli/run.js';
import { topCommand } from '../src/cli/top/top.js';
import { startExporter } from './helpers/kernel/command.js';
import { PrivateNamespace } from './helpers/kernel/namespace.js';
import { needs } from './helpers/kernel/require.js';
import { temporaryPath } from './helpers/temporary.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const pagesIn = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => join(folder, name));
const MANUAL = pagesIn('docs');
const PAGES = [...MANUAL, ...pagesIn('examples'), ...readdirSync(ROOT).filter(name => name.endsWith('.md'))];

test('README fits into 120 lines, ARCHITECTURE into two screens', t => {
  t.true(read('README.md').trimEnd().split('\n').length <= 120);
  t.true(read('ARCHITECTURE.md').trimEnd().split('\n').length <= 110);
});

for (const page of PAGES) {
  test(`every link of ${page} leads to a file`, t => {
    const links = [...read(page).matchAll(/\]\(([^)#\s]+)/g)].map(([, link]) => link);
    const broken = links.filter(link => !/^https?:/.test(link) && !existsSync(join(ROOT, dirname(page), link)));
    t.deepEqual(broken, []);
  });
}

for (const page of PAGES) {
  test(`every anchor that ${page} links to is a heading`, t => {
    const links = [...withoutCode(read(page)).matchAll(/\]\(([^)#\s]*)#([^)\s]+)\)/g)].map(([, link, anchor]) => [
      link,
      anchor,
    ]);
    const missing = links.filter(([link, anchor]) => {
      if (/^https?:/.test(link)) return false;
      const path = link === '' ? page : join(dirname(page), link);
      return path.endsWith('.md') && !anchorsOf(path).has(anchor);
    });
    t.deepEqual(missing, []);
  });
}

test('the index of the manual names every page once', t => {
  const text = read('docs/README.md');
  const named = [...text.matchAll(/\]\(([\w/-]+\.md)\)/g)].map(([, path]) => join('docs', path));
  t.deepEqual(named.sort(), MANUAL.filter(page => page !== 'docs/README.md').sort());
});

test('each line about another program names its source', t => {
  const [comparison, sources] = read('docs/comparison.md').split('## Sources');
  const known = new Set([...sources.matchAll(/^(\d+)\. /gm)].map(([, number]) => number));
  const peers = comparison.split(/^## /m).slice(2);
  t.is(peers.length, 7);
  const lines = peers.flatMap(peer => peer.split(/^(?=- )/m).filter(line => line.startsWith('- ')));
  t.true(lines.length > 40);
  const withSource = (line: string): boolean => /\[\d+\]|\]\((?:benchmarks|interop|collectors)\.md/.test(line);
  t.deepEqual(
    lines.filter(line => !withSource(line)),
    [],
  );
  const used = new Set([...comparison.matchAll(/\[(\d+)\]/g)].map(([, number]) => number));
  t.deepEqual([...used].sort(), [...known].sort());
});

test('the files and folders that pages name are there', t => {
  const inside = /`((?:bench|crates|docs|examples|fixtures|proof|scripts|src|test)\/[\w./-]+)`/g;
  const named = PAGES.flatMap(page => [...read(page).matchAll(inside)].map(([, path]) => path));
  t.true(named.includes('src/ipfix/shape.ts'));
  t.deepEqual(
    named.filter(path => !existsSync(join(ROOT, path))),
    [],
  );
});

test('ARCHITECTURE names every folder of src/ and crates/', t => {
  const text = read('ARCHITECTURE.md');
  const folders = ['src', 'crates'].map(parent =>
    readdirSync(join(ROOT, parent), { withFileTypes: true }).filter(entry => entry.isDirectory()),
  );
  const names = [
    ...folders[0].map(({ name }) => `\`${name}/\``),
    ...folders[1].map(({ name }) => `\`crates/${name}\``),
  ];
  t.deepEqual(
    names.filter(name => !text.includes(name)),
    [],
  );
});

test('README names every system package that the setup may install', t => {
  const packages = [...read('scripts/machine.mjs').matchAll(/^ {2}\w+: '([\w-]+)',$|: '([\w-]+)' \};$/gm)];
  const names = packages.map(([, tool, last]) => tool ?? last);
  t.true(names.length > 8);
  const text = read('README.md');
  t.deepEqual(
    names.filter(name => !text.includes(name)),
    [],
  );
});

test('the manual names every flag', t => {
  const manual = MANUAL.map(read).join('\n');
  const flags = [
    runCommand,
    collectCommand,
    dumpCommand,
    topCommand,
    pressureCommand,
    doctorCommand,
    recordCommand,
    sendCommand,
    demoCommand,
  ].flatMap(command => command().options.map(({ long }) => long!));
  t.true(flags.length > 30);
  t.deepEqual(
    flags.filter(flag => !new RegExp(`${flag}\\b(?!-)`).test(manual)),
    [],
  );
});

test('the manual explains every error code', t => {
  const codes = [...read('src/common/errors.ts').matchAll(/^ {2}\| '(CTFLOW_\w+)'/gm)].map(([, code]) => code);
  t.true(codes.length > 10);
  const text = read('docs/errors.md');
  t.deepEqual(
    codes.filter(code => !text.includes(`| \`${code}\` |`)),
    [],
  );
});

needs(test, ['native', 'namespace'])('the manual explains every statistic', async t => {
  const namespace = await PrivateNamespace.create(t);
  await namespace.track();
  const recorder = `--record-last 10m --record-directory ${temporaryPath(t, 'record')}`;
  const flags = `${recorder} --events all --nflog-group 5 --state ${temporaryPath(t, 'state')} --profile antrea --inventory ${join(ROOT, 'examples/inventory.yaml')}`;
  const exporter = await startExporter(namespace, 'native', ['udp://127.0.0.1:4739'], flags);
  await exporter.stop();
  const { level, time, msg, ...statistics } = exporter.log().at(-1)!;
  t.is(msg, 'stopped');
  const page = read('docs/statistics.md');
  const names = namesIn(statistics);
  t.true(names.has('pollOnly') && names.has('matchedLate') && names.has('compactions') && names.has('reloads'));
  t.true(names.has('partDumps') && names.has('table-fill'));
  t.deepEqual(
    [...names].filter(name => !page.includes(`\`${name}\``)),
    [],
  );
});

function withoutCode(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '');
}

/** What GitHub makes of the headings of a page. */
function anchorsOf(page: string): Set<string> {
  const headings = [
    ...read(page)
      .replaceAll(/^```[\s\S]*?^```/gm, '')
      .matchAll(/^#+ (.*)$/gm),
  ];
  return new Set(
    headings.map(([, text]) =>
      text
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** Names of all fields, but not those of what is counted by reason. */
function namesIn(value: unknown, found = new Set<string>()): Set<string> {
  if (typeof value !== 'object' || value === null) return found;
  for (const [name, inner] of Object.entries(value)) {
    if (!Array.isArray(value)) found.add(name);
    if (name !== 'skipped' && name !== 'errors') namesIn(inner, found);
  }
  return found;
}
