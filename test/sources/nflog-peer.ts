/**
 * An NFLOG reader in the network namespace of a test. Its argument is {@link NflogOptions} in JSON. It reads an order a line from
 * standard input, `seen` or `finish`, and answers with a line of JSON: every packet so far, and the counts. The first line
 * says the size of the receive buffer, or the error.
 */
import { createInterface } from 'node:readline';
import { formatIPv4, formatIPv6 } from '../../src/common/address.js';
import type { NflogOptions } from '../../src/sources/nflog.js';
import type { Batch } from '../../src/row/batch.js';
import { CtflowError } from '../../src/common/errors.js';
import * as layout from '../../src/row/layout.generated.js';
import { loadBackend } from '../../src/backend/load.js';
import type { NflogSource } from '../../src/sources/nflog.js';
import { readNumber } from '../../src/common/u64.js';

/** A packet as its row tells it. */
export interface SeenPacket {
  readonly prefix: string;
  readonly hook: number;
  readonly protocol: number;
  readonly source: string;
  readonly destination: string;
  readonly ports: readonly number[];
  readonly octets: number;
  /** The kernel told its time. */
  readonly timed: boolean;
  /** Milliseconds since 1970. */
  readonly time: number;
}

const seen: SeenPacket[] = [];

function packetOf(batch: Batch, row: number, source: NflogSource): SeenPacket {
  const base = row * batch.size;
  const u32 = (at: number) => batch.u32[(base + at) >> 2];
  const format = batch.bytes[base + layout.FAMILY] === 2 ? formatIPv4 : formatIPv6;
  const address = (at: number) => format(batch.bytes, base + at);
  if (u32(layout.EVENT) !== layout.EVENT_DENIED) throw new Error('not a denied packet');
  return {
    prefix: source.prefix(u32(layout.RULE)).prefix,
    hook: batch.bytes[base + layout.STATE],
    protocol: batch.bytes[base + layout.PROTOCOL],
    source: address(layout.ORIG_SRC),
    destination: address(layout.ORIG_DST),
    ports: [layout.ORIG_SPORT, layout.ORIG_DPORT].map(at => batch.u16[(base + at) >> 1]),
    octets: readNumber(batch.u32, (base + layout.ORIG_OCTETS) >> 2),
    timed: (u32(layout.PRESENT) & layout.HAS_START) !== 0,
    time: readNumber(batch.u32, (base + layout.START_NS) >> 2) / 1e6,
  };
}

async function main(options: NflogOptions): Promise<void> {
  const backend = await loadBackend('native');
  const source = backend.openNflog(options, {
    onBatch: batch => {
      for (let row = 0; row < batch.count; row++) seen.push(packetOf(batch, row, source));
    },
    onError: error => {
      throw error;
    },
  });
  console.log(JSON.stringify({ receiveBuffer: source.receiveBuffer }));
  for await (const order of createInterface({ input: process.stdin })) {
    await (order === 'leave' ? source.leave() : source.drain());
    console.log(JSON.stringify({ packets: seen, counts: source.counts() }));
  }
  source.close();
}

try {
  await main(JSON.parse(process.argv[2]) as NflogOptions);
} catch (error) {
  if (!(error instanceof CtflowError)) throw error;
  const { code, message, hint } = error;
  console.log(JSON.stringify({ error: { code, message, hint } }));
}
