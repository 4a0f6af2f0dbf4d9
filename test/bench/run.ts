import type { ExecutionContext } from 'ava';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { readRun, type BenchmarkRun } from '../../bench/results/results.js';
import { collect, type Finished } from '../helpers/kernel/namespace.js';
import { temporaryPath } from '../helpers/temporary.js';

/** The first run may have to build crates/ctflow-bench. */
const TIMEOUT_MS = 1_200_000;
const only = process.env['CTFLOW_BACKEND'];
const backends = only === 'native' || only === 'fallback' ? ['--backend', only] : [];

/** Runs a program of bench/ to its end. */
export function runProgram(name: string, args: readonly string[]): Promise<Finished> {
  const program = fileURLToPath(new URL(`../../bench/${name}.js`, import.meta.url));
  return collect(spawn(process.execPath, [program, ...args]), { timeout: TIMEOUT_MS });
}

/** The shortest run of some subjects, memory only where the flags say so; CTFLOW_BACKEND leaves a backend out. */
export async function shortRun(t: ExecutionContext, ...args: string[]): Promise<BenchmarkRun> {
  const file = temporaryPath(t, 'run.json');
  const memory = args.includes('--memory') ? [] : ['--no-memory'];
  const short = ['--samples', '2', '--time', '0s', '--out', file, ...memory];
  const { code, stderr } = await runProgram('main', [...short, ...backends, ...args]);
  t.is(code, 0, stderr);
  return readRun(file);
}
