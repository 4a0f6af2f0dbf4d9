/** Files that `ctflow run` writes, read by other programs as they are on the disk. */
import { readFileSync, statSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { backends } from '../helpers/backends.js';
import { ctflow, RECORDING } from '../helpers/kernel/cli.js';
import { needs } from '../helpers/kernel/require.js';
import { readWithIpfixDump } from '../helpers/oracles/ipfix-dump.js';
import { readWithPython } from '../helpers/oracles/python-ipfix.js';
import type { OracleRecord } from '../helpers/oracles/record.js';
import { readCapture } from '../helpers/oracles/tshark.js';
import { filesBeside } from '../helpers/rigs/file-rig.js';
import { temporaryPath } from '../helpers/temporary.js';

const READERS: Readonly<Record<string, (file: string) => Promise<readonly OracleRecord[]>>> = {
  ipfixDump: file => readWithIpfixDump(readFileSync(file)),
  'python3-ipfix': file => readWithPython(readFileSync(file)),
  tshark: async file => {
    const { records, complaints } = await readCapture(file);
    if (complaints.length > 0) throw new Error(complaints.join('\n'));
    return records;
  },
};
/** Elements of every flow record, and how they come out as text. */
const SHOWN = ['protocolIdentifier', 'octetTotalCount', 'reverseOctetTotalCount', 'octetDeltaCount', 'flowEndReason'];

async function write(t: ExecutionContext, backend: string): Promise<string> {
  const path = temporaryPath(t, 'flows.ipfix');
  const source = ['--source', `replay:${RECORDING}`, '--backend', backend, '--flow-poll-interval', '10ms'];
  const { code, stderr } = await ctflow(['run', '--collector', `file://${path}`, ...source]);
  t.is(code, 0, stderr);
  const files = filesBeside(path);
  t.is(files.length, 1);
  t.true(statSync(files[0]).size > 500);
  return files[0];
}

/** Records of flows in one order, as lines. */
function lines(records: readonly OracleRecord[]): string[] {
  return records
    .filter(record => 'flowId' in record)
    .map(record => SHOWN.map(name => `${name}=${record[name]}`).join(' '))
    .sort();
}

async function collected(t: ExecutionContext, file: string): Promise<string[]> {
  const { code, stdout, stderr } = await ctflow(['collect', '--format', 'json', file]);
  t.is(code, 0, stderr);
  t.regex(stderr, / 0 lost, 0 undecodable sets, 0 malformed messages/);
  const records = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>);
  const texts = records.map(record =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [name, String(value)])),
  );
  return lines(texts);
}

const peer = needs(test, Object.keys(READERS));

for (const { name: backend } of backends()) {
  peer(`${Object.keys(READERS).join(', ')} read a file as ctflow collect does [${backend}]`, async t => {
    const file = await write(t, backend);
    const expected = await collected(t, file);
    t.true(expected.length >= 11);
    for (const [reader, read] of Object.entries(READERS)) t.deepEqual(lines(await read(file)), expected, reader);
  });
}
