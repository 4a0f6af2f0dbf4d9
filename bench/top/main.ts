/** What a screen of `ctflow top` costs over many connections, and how soon a key has its page: docs/measuring.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { describeError } from '../../src/common/errors.js';
import { duration, wholeNumber } from '../../src/config/values.js';
import { GROUPINGS } from '../../src/daemon/top/query.js';
import { CTFLOW } from '../../test/helpers/kernel/cli.js';
import { raiseConntrackLimit } from '../../test/helpers/kernel/conntrack-limit.js';
import { PrivateNamespace } from '../../test/helpers/kernel/namespace.js';
import { EndingScope } from '../../test/helpers/kernel/scope.js';
import { Tmux } from '../../test/helpers/kernel/tmux.js';
import { eventually } from '../../test/helpers/eventually.js';
import { temporaryFolder } from '../../test/helpers/temporary.js';
import { benchFlag, parseOrExit } from '../usage.js';

interface Flags {
  readonly connections: number;
  /** Milliseconds. */
  readonly time: number;
}

/** What else of the machine may need entries meanwhile. */
const SPARE_ENTRIES = 50_000;
const SIZES = [
  [80, 24],
  [200, 50],
] as const;
/** By `g`, beginning with the first. */
const GROUPS = [...GROUPINGS.slice(1), GROUPINGS[0]];
const HEAD_LINE = 4;
/** Milliseconds a tick of /proc/PID/stat. */
const TICK = 10;

const scope = new EndingScope();
try {
  await main(
    parseOrExit(
      new Command('npm run bench:top --')
        .description('what a screen of ctflow top costs, of a ctflow run and by its own polls; as root')
        .addOption(benchFlag('--connections <n>', 'entries in the table', wholeNumber(1000, 4_000_000), 500_000))
        .addOption(benchFlag('--time <time>', 'of each measurement', duration('5s', '1h'), 60_000, '1m')),
    ).opts<Flags>(),
  );
} catch (error) {
  process.stderr.write(`bench:top: ${describeError(error)}\n`);
  process.exitCode = 1;
} finally {
  await scope.end();
}

async function main({ connections, time }: Flags): Promise<void> {
  const namespace = await PrivateNamespace.create(scope);
  await namespace.track();
  process.once('SIGINT', () => void scope.end().finally(() => process.exit(130)));
  raiseConntrackLimit(scope, connections + SPARE_ENTRIES);
  const folder = temporaryFolder(scope);
  const bulk = join(folder, 'entries');
  writeFileSync(bulk, entries(connections));
  await namespace.run('conntrack', ['-R', bulk]);

  const control = join(folder, 'control.sock');
  const run = ['run', '--config', 'none', '--metrics', '127.0.0.1:0', '--control', control];
  const daemon = namespace.spawn(process.execPath, [CTFLOW, ...run]);
  let log = '';
  daemon.stderr.on('data', chunk => (log += chunk));
  await eventually('it runs', () => log.includes('ctflow runs'));
  await sleep(time / 4);
  const polls = await share([daemon.pid!], time);
  say('ctflow run, nobody looks', polls);
  for (const [width, height] of SIZES) {
    const tmux = await screen(width, height, command('--control', control));
    const shares = await share([daemon.pid!, tmux.child], time);
    say(`${width}x${height}, of a ctflow run`, [shares[0] - polls[0], shares[1]]);
    await groups(tmux, () => share([daemon.pid!, tmux.child], time), polls);
    await quit(tmux);
  }
  daemon.kill();
  for (const [width, height] of SIZES) {
    const tmux = await screen(width, height, `nsenter -t ${namespace.pid} -n ${command('--source', 'kernel')}`);
    await sleep(time / 4);
    const shown = await share([tmux.child], time);
    tmux.type(' ');
    await tmux.sees(/paused/);
    const [paused] = await share([tmux.child], time);
    say(`${width}x${height}, own polls`, [shown[0] - paused]);
    say('  with its polls', shown);
    tmux.type(' ');
    await groups(tmux, () => share([tmux.child], time), [paused]);
    await quit(tmux);
  }
}

/** Presses `g` again and again: how long until each has its page, and what pages of sources cost. */
async function groups(tmux: Tmux, measure: () => Promise<number[]>, without: readonly number[]): Promise<void> {
  const waited: string[] = [];
  for (const group of GROUPS) {
    tmux.type('g');
    const pressed = performance.now();
    const head = new RegExp(group === 'none' ? '^proto' : `^${group} +connections`);
    await eventually(`a page of ${group}`, () => {
      const { lines } = tmux;
      // nothing is translated here
      return head.test(lines[HEAD_LINE]) && (group === 'snat' || lines[HEAD_LINE + 1].trim() !== '');
    });
    waited.push(`${group} ${Math.round(performance.now() - pressed)} ms`);
  }
  process.stdout.write(`  g: ${waited.join(', ')}\n`);
  tmux.type('g');
  const shares = await measure();
  say(
    '  groups by source',
    shares.map((one, i) => one - (without[i] ?? 0)),
  );
}

async function screen(width: number, height: number, line: string): Promise<Tmux> {
  const tmux = new Tmux(scope, width, height, line);
  await tmux.sees(/rates over/);
  return tmux;
}

async function quit(tmux: Tmux): Promise<void> {
  tmux.type('q');
  await tmux.sees(/^[#$] *$/m);
}

function command(...flags: string[]): string {
  return [process.execPath, CTFLOW, 'top', ...flags].join(' ');
}

/** Percent of a core that processes take. */
async function share(pids: readonly number[], time: number): Promise<number[]> {
  const [before, began] = [pids.map(cpu), performance.now()];
  await sleep(time);
  const elapsed = performance.now() - began;
  return pids.map((pid, i) => ((cpu(pid) - before[i]) / elapsed) * 100);
}

/** Milliseconds, user and system. */
function cpu(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (user + system) * TICK;
}

function say(what: string, shares: readonly number[]): void {
  process.stdout.write(`${what}: ${shares.map(one => `${one.toFixed(1)} %`).join(' + ')} of a core\n`);
}

/** Lines for `conntrack -R`: many sources, some services and zones. */
function entries(count: number): string {
  const one = (i: number): string => {
    const source = `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
    const zone = i % 10 === 0 ? ` -w ${1 + (i % 7)}` : '';
    const more = i % 3 === 0 ? '-p tcp --state ESTABLISHED' : '-p udp';
    return `-I ${more} -s ${source} -d 198.51.100.${i % 200} --sport ${1024 + (i % 60_000)} --dport ${i % 50} -t 3600${zone}\n`;
  };
  return Array.from({ length: count }, (_, i) => one(i)).join('');
}
