import { Buffer } from 'node:buffer';
import type { Backend } from '../../../src/backend/backend.js';
import { createFallbackBackend } from '../../../src/backend/fallback.js';
import { loadBackend } from '../../../src/backend/load.js';
import { viewRow } from '../../../src/row/row-view.js';
import type { Batch } from '../../../src/row/batch.js';
import {
  dataFrames,
  doneFrame,
  dumpFrame,
  eventsFrame,
  recordingHeader,
  VERSION_WITH_EVENTS,
} from '../../../src/sources/recording-frames.js';
import { ReplaySource } from '../../../src/sources/replay.js';
import { allow } from '../allowed.js';
import { fixture } from '../fixtures.js';
import { messagesOf, netlinkOf, RECORDING_HEADER } from '../recorded-netlink.js';
import { ScratchFile } from '../scratch-file.js';
import type { Target } from '../target.js';

const file = new ScratchFile();
const only = process.env['CTFLOW_BACKEND'];
const native = only === 'fallback' ? undefined : await loadBackend('native').catch(() => undefined);
const backends: readonly Backend[] =
  native === undefined ? [createFallbackBackend()] : [createFallbackBackend(), native];

const IPCTNL_MSG_CT_DELETE = 0x0102;
const RECORDING = Buffer.from(fixture('rich.ctflow'));

/** The first octet says whether what follows is a recording, or netlink within one that is whole. */
const target: Target = {
  covers: ['/dist/sources/re', '/dist/sources/dump-rows', '/dist/netlink/'],
  seeds: () => [
    Buffer.concat([Buffer.from([0]), RECORDING]),
    Buffer.concat([Buffer.from([0]), Buffer.from(fixture('big-endian.ctflow'))]),
    Buffer.concat([Buffer.from([0]), withEvents(RECORDING)]),
    Buffer.concat([Buffer.from([1]), netlinkOf(RECORDING)]),
    ...messagesOf(netlinkOf(RECORDING)).map(message => Buffer.concat([Buffer.from([1]), message])),
  ],
  mend,
  run: async input => {
    const content = Buffer.from(input).subarray(1);
    file.write((input[0] & 1) === 1 ? wrap(content) : content);
    const outcomes: string[] = [];
    for (const backend of backends) outcomes.push(await play(backend));
    if (new Set(outcomes).size > 1) throw new Error(`the backends differ:\n${outcomes.join('\n')}`);
  },
};
export default target;

async function play({ decode }: Backend): Promise<string> {
  const source = new ReplaySource(file.path, decode);
  const rows: string[] = [];
  try {
    for (let dumps = 0; dumps < 100; dumps++) {
      const take = (what: string) => (batch: Batch) => {
        for (let i = 0; i < batch.count; i++) rows.push(what, text(viewRow(batch, i)));
      };
      const summary = await source.dump(take('dump'), take('destroy'));
      if (summary === undefined) break;
      const { complete, rows: counted, skipped, error } = summary;
      rows.push(text({ complete, counted, skipped, error: error?.message }));
    }
  } catch (error) {
    allow(error, 'CTFLOW_RECORDING');
    rows.push(String(error));
  } finally {
    source.close();
  }
  return rows.join('\n');
}

/** The same with its entries as DESTROY events too, before it and in it. */
function withEvents(recording: Buffer): Buffer {
  const destroys = Buffer.concat(
    messagesOf(netlinkOf(recording)).map(message => {
      const copy = Buffer.from(message);
      copy.writeUInt16LE(IPCTNL_MSG_CT_DELETE, 4);
      return copy;
    }),
  );
  const netlink = netlinkOf(recording);
  return Buffer.concat([
    recordingHeader(true, VERSION_WITH_EVENTS),
    ...eventsFrame(1n, destroys),
    dumpFrame(2n),
    ...eventsFrame(3n, destroys),
    ...dataFrames(netlink),
    doneFrame(BigInt(netlink.length), false),
  ]);
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? String(each) : each));
}

function frame(tag: string, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(8, tag, 'latin1');
  head.writeUInt32BE(payload.length, 4);
  return Buffer.concat([head, payload]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function wrap(netlink: Uint8Array): Buffer {
  const data = netlink.length === 0 ? [] : [frame('DATA', netlink)];
  return Buffer.concat([RECORDING_HEADER, frame('DUMP', number(0)), ...data, frame('DONE', number(netlink.length))]);
}

/** The length of the first netlink message is what is there. */
function mend(input: Uint8Array): Uint8Array {
  const bytes = Buffer.from(input);
  if ((bytes[0] & 1) === 1 && bytes.length >= 17) bytes.writeUInt32LE(bytes.length - 1, 1);
  return bytes;
}
