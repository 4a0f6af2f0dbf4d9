import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { decode } from '../../src/netlink/decode.js';
import { filterWords } from '../../src/row/filter.js';
import { ROW_SIZE } from '../../src/row/layout.generated.js';
import { progressOf, RUST_TARGETS } from './rust.js';
import { RUST_SEEDS } from './rust-seeds.js';

const CRATE = fileURLToPath(new URL('../../../crates/ctflow-core/fuzz/', import.meta.url));

test('the targets in Rust are the programs of their crate', t => {
  const programs = readdirSync(`${CRATE}fuzz_targets`).map(file => file.replace('.rs', ''));
  t.deepEqual(programs.toSorted(), [...RUST_TARGETS].toSorted());
  const manifest = readFileSync(`${CRATE}Cargo.toml`, 'utf8');
  t.deepEqual(
    [...manifest.matchAll(/^path = "fuzz_targets\/(\w+)\.rs"$/gm)].map(([, name]) => name).toSorted(),
    programs.toSorted(),
  );
});

test('seeds of the netlink target are messages that can be read', t => {
  let read = 0;
  for (const input of RUST_SEEDS.netlink().filter(([kind]) => kind < 2)) {
    const rows = new Uint8Array(64 * ROW_SIZE);
    const { rows: count, consumed } = decode(input.subarray(1), input[0] === 0, filterWords({}), rows);
    t.true(consumed > 0);
    read += count;
  }
  t.true(read > 60, `${read} rows`);
});

test('libFuzzer says how many inputs it has run, and when it last reached something new', t => {
  const none = { runs: 0, lastNew: 0, corpus: 0, coverage: 0 };
  t.is(progressOf('INFO: Seed: 1', none), undefined);
  const first = progressOf('#12\tINITED cov: 90 ft: 91 corp: 3/32b exec/s: 0 rss: 31Mb', none)!;
  t.deepEqual(first, { runs: 12, lastNew: 12, corpus: 3, coverage: 90 });
  // other values in known branches
  const second = progressOf('#500\tNEW    cov: 90 ft: 99 corp: 4/40b lim: 8 exec/s: 0 rss: 31Mb L: 8/8 MS: 1', first)!;
  t.deepEqual(second, { runs: 500, lastNew: 12, corpus: 4, coverage: 90 });
  const third = progressOf('#800\tNEW    cov: 91 ft: 99 corp: 5/48b lim: 8 exec/s: 0 rss: 31Mb L: 8/8 MS: 1', second)!;
  t.is(third.lastNew, 800);
  t.is(progressOf('#1000\tDONE   cov: 91 ft: 99 corp: 5/48b lim: 8 exec/s: 0 rss: 31Mb', third)!.lastNew, 800);
});
