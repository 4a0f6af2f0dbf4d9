import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Progress } from './fuzzer.js';
import { RUST_SEEDS } from './rust-seeds.js';
import { LARGEST_INPUT, type Limits } from './target.js';

/** Programs of crates/ctflow-core/fuzz: libFuzzer runs them. */
export type RustTarget = keyof typeof RUST_SEEDS;
export const RUST_TARGETS = Object.keys(RUST_SEEDS) as readonly RustTarget[];

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** What cargo-fuzz gives the compiler; it wants a nightly one for sanitizers alone, which are left out. */
const COVERAGE = [
  '-Cpasses=sancov-module',
  ...['level=4', 'inline-8bit-counters', 'pc-table', 'trace-compares'].map(
    option => `-Cllvm-args=-sanitizer-coverage-${option}`,
  ),
];
const LINE = /^#(?<runs>\d+)\t\w+ +cov: (?<coverage>\d+) ft: \d+ corp: (?<corpus>\d+)/;
const WRITTEN = /Test unit written to (\S+)/;

/** @returns the program, with counters in its blocks @throws where it cannot be built */
export function buildRust(target: RustTarget): string {
  const said = spawnSync('rustc', ['-vV'], { encoding: 'utf8' });
  const host = /^host: (.*)$/m.exec(said.stdout ?? '')?.[1];
  if (host === undefined) throw new Error('Rust is not installed');
  const folder = join(ROOT, 'target/fuzz');
  const manifest = join(ROOT, 'crates/ctflow-core/fuzz/Cargo.toml');
  // for a target by its name flags are not those of build scripts
  const args = ['build', '--release', '--manifest-path', manifest, '--target-dir', folder, '--target', host];
  const { status } = spawnSync('cargo', [...args, '--bin', target], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, CARGO_ENCODED_RUSTFLAGS: COVERAGE.join('\x1f') },
  });
  if (status !== 0) throw new Error('cargo build has failed; it needs a C++ compiler beside Rust');
  return join(folder, host, 'release', target);
}

/** What a line of libFuzzer says, undefined where it says something else. */
export function progressOf(line: string, before: Progress): Progress | undefined {
  const said = LINE.exec(line)?.groups;
  if (!said) return undefined;
  const [runs, coverage, corpus] = [said['runs'], said['coverage'], said['corpus']].map(Number);
  return { runs, corpus, coverage, lastNew: coverage > before.coverage ? runs : before.lastNew };
}

export interface RustFinding {
  /** Undefined where there is none. */
  readonly file?: string;
  readonly error: string;
}

/**
 * Runs a target in libFuzzer.
 * @param folder where the corpus is, and what is found
 * @param onProgress called with each line of it
 */
export async function fuzzRust(
  target: RustTarget,
  folder: string,
  { seed, runs, seconds, hangSeconds, memory }: Limits,
  onProgress: (progress: Progress) => void,
): Promise<RustFinding | undefined> {
  const program = buildRust(target);
  const [corpus, seeds, found] = ['corpus', 'seeds', 'found'].map(name => join(folder, name));
  rmSync(seeds, { recursive: true, force: true });
  for (const place of [corpus, seeds, found]) mkdirSync(place, { recursive: true });
  for (const [i, input] of RUST_SEEDS[target]().entries()) writeFileSync(join(seeds, String(i)), input);
  const flags = {
    seed: seed & 0x7fff_ffff || 1,
    runs: Number.isFinite(runs) ? runs : -1,
    max_total_time: seconds,
    max_len: LARGEST_INPUT,
    timeout: hangSeconds,
    rss_limit_mb: memory,
    artifact_prefix: `${found}/`,
  };
  const child = spawn(program, [...Object.entries(flags).map(([flag, value]) => `-${flag}=${value}`), corpus, seeds], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  let last: Progress = { runs: 0, lastNew: 0, corpus: 0, coverage: 0 };
  const other: string[] = [];
  let file: string | undefined;
  for await (const line of createInterface(child.stderr)) {
    const now = progressOf(line, last);
    if (now) {
      last = now;
      onProgress(last);
    } else {
      file ??= WRITTEN.exec(line)?.[1];
      other.push(line);
      if (other.length > 60) other.shift();
    }
  }
  const [code] = await ended;
  return code === 0 ? undefined : { ...(file !== undefined && { file }), error: other.join('\n') };
}

/** Runs these inputs. @returns whether all went well */
export function runRust(target: RustTarget, files: readonly string[]): boolean {
  return spawnSync(buildRust(target), files, { stdio: 'inherit' }).status === 0;
}
