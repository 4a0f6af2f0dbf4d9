/** `npm run proof:pressure`: when a table that fills is full, and when `ctflow pressure` and a running ctflow said that it would be. */
import { setTimeout as pause } from 'node:timers/promises';
import { Command } from 'commander';
import type { PressureReport } from '../../src/cli/pressure/report.js';
import { ctflow, startExporter } from '../../test/helpers/kernel/command.js';
import { PrivateNamespace } from '../../test/helpers/kernel/namespace.js';
import { EndingScope } from '../../test/helpers/kernel/scope.js';
import { temporaryPath } from '../../test/helpers/temporary.js';
import { FillingTable, readLimit } from './filling-table.js';

/** Of the time that was left when it was said. */
const TOLERANCE = 0.2;
/** How closely it is known when the table was full, milliseconds: what is said nearer to it is not compared. */
const NEAREST = 5_000;
/** Parts of the table at which it is asked. */
const ASKED_AT = [0.5, 0.6, 0.7, 0.8, 0.9];
/** Forecasts that are compared. */
const LEAST = 6;
/** The first part, at any rate. */
const FILLED = 0.4;

const whole = (text: string): number => Number.parseInt(text, 10);
const { seconds } = new Command('proof:pressure')
  .description('fills a table of connections, and compares when it is full with what was forecast')
  .option('--seconds <n>', 'time from 40 % to full', whole, 100)
  .parse()
  .opts<{ seconds: number }>();

const scope = new EndingScope();
/** A forecast: who said it, at how many entries, when, and in how many milliseconds the table would be full. */
interface Said {
  readonly who: string;
  readonly entries: number;
  readonly at: number;
  readonly fullIn: number;
}

async function ask(namespace: PrivateNamespace, who: string, flags: readonly string[]): Promise<Said> {
  const { code, stdout, stderr } = await ctflow(namespace, ['pressure', '--json', ...flags]);
  const at = performance.now();
  if (code !== 0) throw new Error(stderr);
  const { table, forecast } = JSON.parse(stdout) as PressureReport;
  return { who, entries: table?.entries ?? 0, at, fullIn: forecast?.fullIn ?? Infinity };
}

try {
  const limit = readLimit();
  const namespace = await PrivateNamespace.create({ teardown: done => scope.teardown(done) });
  await namespace.track();
  const table = new FillingTable(namespace);
  const control = temporaryPath(scope, 'control.sock');
  const flags = `--flow-poll-interval 5s --config none --metrics 127.0.0.1:0 --control ${control}`;
  // its forecast is that of the last minute
  await table.fill(Math.floor(limit * FILLED));
  const exporter = await startExporter(namespace, 'native', [], flags);
  const full = table.fillAt((limit * (1 - FILLED)) / seconds);
  const said: Said[] = [];
  for (const part of ASKED_AT) {
    while (table.entries < limit * part) await pause(50);
    said.push(
      ...(await Promise.all([
        ask(namespace, 'ctflow pressure', ['--source', 'kernel', '--interval', '2s']),
        ask(namespace, 'ctflow run', ['--control', control]),
      ])),
    );
  }
  const fullAt = await full;
  await exporter.stop();
  process.stdout.write(`a table for ${limit} entries, full some ${seconds} s after ${FILLED * 100} %\n`);
  let wrong = 0;
  let compared = 0;
  for (const { who, at, entries, fullIn } of said) {
    const left = fullAt - at;
    if (left < NEAREST) continue;
    compared++;
    const off = Math.abs(fullIn - left) / left;
    if (off > TOLERANCE) wrong++;
    const percent = ((entries / limit) * 100).toFixed(0);
    process.stdout.write(
      `${who.padEnd(16)}${percent.padStart(4)} % full: in ${(fullIn / 1_000).toFixed(1)} s; ` +
        `it was in ${(left / 1_000).toFixed(1)} s, ${(off * 100).toFixed(1)} % off\n`,
    );
  }
  process.stdout.write(`${compared - wrong} of ${compared} within ${TOLERANCE * 100} %\n`);
  if (wrong > 0 || compared < LEAST) process.exitCode = 1;
} finally {
  await scope.end();
}
