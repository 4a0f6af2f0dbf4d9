/** `npm run proof:owners`: owners in records against the processes that made the connections. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { ROOT } from '../../bench/host/machine.js';
import { EndingScope } from '../../test/helpers/kernel/scope.js';
import { measure, type Verdicts } from './measure.js';

/** Of those that live longer than a poll, this share has to have its owner. */
const LEAST = 0.99;

const PAGE = 'docs/owners.md';
const BEGIN = '<!-- npm run proof:owners -- --write -->';
const END = '<!-- end -->';

const whole = (text: string): number => Number.parseInt(text, 10);
const { connections, processes, cgroups, poll, seed, write } = new Command('proof:owners')
  .description('compares the owners that records have with the processes that made the connections')
  .option('--connections <n>', 'connections that are made', whole, 10_000)
  .option('--processes <n>', 'processes that make them', whole, 50)
  .option('--cgroups <n>', 'cgroups that they are in', whole, 10)
  .option('--poll <ms>', 'milliseconds between two polls', whole, 1_000)
  .option('--seed <n>', 'of what is random', whole, Date.now() % 1_000_000)
  .option('--write', `writes what was found in ${PAGE}`)
  .parse()
  .opts<{ connections: number; processes: number; cgroups: number; poll: number; seed: number; write?: boolean }>();

const scope = new EndingScope();
try {
  const found = await measure(scope, { connections, processes, cgroups, poll, seed });
  const { made, long, ofLong, ofShort } = found;
  const line = (what: string, { right, unknown, wrong }: Verdicts): string =>
    `${what.padEnd(44)}${String(right).padStart(8)} right${String(unknown).padStart(8)} unknown${String(wrong).padStart(8)} wrong`;
  const verdicts = [ofLong.source, ofLong.destination, ofShort.source, ofShort.destination];
  const text = [
    `${made} connections of ${processes} processes in ${cgroups} cgroups, a poll each ${poll} ms, seed ${seed}`,
    line(`sources, of ${long} that lived longer than a poll`, ofLong.source),
    line('destinations of these', ofLong.destination),
    line(`sources, of the other ${made - long}`, ofShort.source),
    line('destinations of these', ofShort.destination),
    `records of other connections: ${found.strange}`,
    `CPU of ${found.looks} looks at ${found.sockets} sockets: ${Math.round(found.cpu)} ms, ` +
      `${((found.cpu * 1_000) / made).toFixed(1)} us a connection`,
  ].join('\n');
  process.stdout.write(`${text}\n`);
  const wrong = verdicts.reduce((sum, one) => sum + one.wrong, 0) + found.strange;
  const enough = [ofLong.source, ofLong.destination].every(({ right }) => right >= long * LEAST);
  if (wrong > 0 || !enough || made < connections * 0.95) process.exitCode = 1;
  const path = join(ROOT, PAGE);
  const page = readFileSync(path, 'utf8');
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (write)
    writeFileSync(path, `${page.slice(0, from + BEGIN.length)}\n\n\`\`\`\n${text}\n\`\`\`\n\n${page.slice(to)}`);
  process.stdout.write(process.exitCode ? 'not as it has to be\n' : 'none is wrong\n');
} finally {
  await scope.end();
}
