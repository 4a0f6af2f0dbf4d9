/** The Rust crate netgauze-flow-pkt. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalAddress, type OracleRecord } from '../../../test/helpers/oracles/record.js';
import { WITH_INTERFACES } from '../dialect.js';
import { BUILT, readLines, SOURCES, without } from './programs.js';
import type { Taker } from './taker.js';

const MANIFEST = join(SOURCES, 'netgauze/Cargo.toml');
const TARGET = join(BUILT, 'netgauze');

function build(): string | undefined {
  const lacks = without('cargo');
  if (lacks) return lacks;
  // one crate at a time: a compiler for each core would slow down what else the machine does
  const args = ['build', '--quiet', '--release', '--locked', '-j', '1', '--manifest-path', MANIFEST];
  const { status, stderr } = spawnSync('cargo', [...args, '--target-dir', TARGET], { encoding: 'utf8' });
  return status === 0 ? undefined : `cargo build says: ${stderr.trim().split('\n').at(-1)!}`;
}

export const netgauze: Taker = {
  name: 'NetGauze',
  dialect: { ...WITH_INTERFACES, biflow: 'two-uniflows' },
  nat: true,
  run: 'the Rust crate netgauze-flow-pkt',
  lacks: build,
  version: () => /netgauze-flow-pkt = "=(.*)"/.exec(readFileSync(MANIFEST, 'utf8'))![1],
  async read(messages) {
    const records = await readLines<OracleRecord>(join(TARGET, 'release/interop-netgauze'), [], messages);
    return records.map(record =>
      Object.fromEntries(
        Object.entries(record).map(([name, text]) => [name, name.endsWith('Address') ? canonicalAddress(text) : text]),
      ),
    );
  },
};
