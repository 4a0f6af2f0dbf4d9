/** What `ctflow dump` prints of a recording, whose last dump has twenty connections. */
import { writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import {
  dataFrames,
  doneFrame,
  dumpFrame,
  eventsFrame,
  recordingHeader,
  VERSION_WITH_EVENTS,
} from '../../../src/sources/recording-frames.js';
import { answer, DONE } from '../../helpers/builders/netlink-builder.js';
import { ctflow, RECORDING } from '../../helpers/kernel/cli.js';
import { connection, destroys } from '../../helpers/rigs/recorder-rig.js';
import { temporaryPath } from '../../helpers/temporary.js';

const DUMP = ['dump', '--source', `replay:${RECORDING}`, '--backend', 'fallback'];

interface Dumped {
  readonly protocol: string;
  readonly original: Readonly<Record<string, string | number>>;
  readonly reply: Readonly<Record<string, string | number>>;
  readonly status: readonly string[];
}

function connections(stdout: string): Dumped[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Dumped);
}

test('CSV has the names and values of JSON, and a head where there is no connection', async t => {
  const [csv, json, none] = await Promise.all([
    ctflow([...DUMP, '--format', 'csv']),
    ctflow([...DUMP, '--format', 'json']),
    ctflow([...DUMP, '--format', 'csv', '--filter', 'protocol == gre']),
  ]);
  t.is(csv.code, 0, csv.stderr);
  const [head, ...lines] = csv.stdout.trimEnd().split('\r\n');
  const names = head.split(',');
  t.is(none.stdout, `${head}\r\n`);
  const expected = connections(json.stdout).map(connection => {
    const { original, reply, ...rest } = connection;
    const sides = Object.entries({ original, reply }).flatMap(([side, facts]) =>
      Object.entries(facts).map(([name, value]) => [`${side}.${name}`, String(value)]),
    );
    const others = Object.entries(rest).map(([name, value]) => [name, [value].flat().join(' ')]);
    return Object.fromEntries([...sides, ...others].filter(([, value]) => value !== ''));
  });
  t.deepEqual(
    lines.map(line =>
      Object.fromEntries(
        line
          .split(',')
          .map((value, i) => [names[i], value])
          .filter(([, value]) => value !== ''),
      ),
    ),
    expected,
  );
});

test('--sort prints the first in order, and --limit says how many are not printed', async t => {
  const octets = ({ original, reply }: Dumped): number => Number(original['octets']) + Number(reply['octets']);
  const json = [...DUMP, '--format', 'json'];
  const [all, sorted, most, least, two] = await Promise.all([
    ctflow(json),
    ctflow([...json, '--sort', 'bytes']),
    ctflow([...json, '--sort', 'bytes', '--limit', '3', '--filter', 'bytes > 0']),
    ctflow([...json, '--sort', 'bytes', '--reverse', '--limit', '3']),
    ctflow([...json, '--limit', '2']),
  ]);
  const counts = connections(all.stdout)
    .map(octets)
    .toSorted((a, b) => b - a);
  t.true(new Set(counts).size > 3);
  t.deepEqual(connections(sorted.stdout).map(octets), counts);
  t.deepEqual(connections(most.stdout).map(octets), counts.slice(0, 3));
  t.deepEqual(connections(least.stdout).map(octets), counts.toReversed().slice(0, 3));
  t.deepEqual(connections(two.stdout), connections(all.stdout).slice(0, 2));
  t.regex(two.stderr, /^ctflow: 20 connections, 18 beyond --limit 2$/m);
  t.notRegex(sorted.stderr, /limit/);
  t.is(sorted.code, 0);
});

test('a rate is not in one dump', async t => {
  const { code, stderr } = await ctflow([...DUMP, '--sort', 'rate']);
  t.is(code, 2);
  t.regex(stderr, /CTFLOW_USAGE: --sort: 'rate' is not a choice\. Allowed choices are bytes, packets, age/);
});

const SECOND = 1_000_000_000n;
const BEGIN = 1_700_000_000n * SECOND;
const HEADER = recordingHeader(true, VERSION_WITH_EVENTS);

/** A recorded dump with TCP connections that their ports name, some seconds after BEGIN. */
function dumpOf(after: bigint, ports: readonly number[], whole = true): Uint8Array[] {
  const netlink = Buffer.concat([...ports.map(port => connection(port)), answer(DONE, 0)]);
  return [dumpFrame(BEGIN + after * SECOND), ...dataFrames(netlink), doneFrame(BigInt(netlink.length), whole)];
}

/** Dumps a recording of these frames. */
async function dumped(t: ExecutionContext, ...frames: readonly Uint8Array[]) {
  const path = temporaryPath(t, 'some.ctflow');
  writeFileSync(path, Buffer.concat([HEADER, ...frames]));
  const { code, stdout, stderr } = await ctflow(['dump', '--format', 'json', '--source', `replay:${path}`]);
  return {
    code,
    stderr,
    ports: stdout === '' ? [] : connections(stdout).map(({ original }) => original['sourcePort']),
  };
}

test('of a recording with several dumps the last whole one is printed, and which one that is', async t => {
  const events = eventsFrame(BEGIN + SECOND, destroys(1));
  const { code, ports, stderr } = await dumped(
    t,
    ...dumpOf(0n, [1]),
    ...events,
    ...dumpOf(5n, [2, 3]),
    ...dumpOf(10n, [4], false),
    ...events,
  );
  t.is(code, 0, stderr);
  t.deepEqual(ports, [2, 3]);
  t.regex(stderr, /^ctflow: dump 2 of 3 in the recording, begun 2023-11-14T22:13:25\.000Z, the last whole one$/m);
  t.regex(stderr, /^ctflow: 2 connections$/m);
});

test('where no dump of a recording is whole the last one is printed, with exit code 1', async t => {
  const { code, ports, stderr } = await dumped(t, ...dumpOf(0n, [1], false), ...dumpOf(5n, [2], false));
  t.is(code, 1);
  t.deepEqual(ports, [2]);
  t.regex(stderr, /^ctflow: dump 2 of 2 in the recording, begun 2023-11-14T22:13:25\.000Z$/m);
});

test('of a recording that is cut off the last whole dump is printed, and what is damaged, with exit code 1', async t => {
  const [begin, ...rest] = dumpOf(10n, [3, 4]);
  const cut = Buffer.concat(rest).subarray(0, -20);
  const { code, ports, stderr } = await dumped(t, ...dumpOf(0n, [1]), ...dumpOf(5n, [2]), begin, cut);
  t.is(code, 1);
  t.deepEqual(ports, [2]);
  t.regex(stderr, /^ctflow: dump 2 of 2 in the recording, begun /m);
  t.regex(stderr, /CTFLOW_RECORDING: .* is damaged at byte \d+/);
});

test('a recording without a dump says so', async t => {
  const { code, ports, stderr } = await dumped(t, ...eventsFrame(BEGIN, destroys(1)));
  t.deepEqual([code, ports], [0, []]);
  t.regex(stderr, /^ctflow: there is no dump in the recording$/m);
});
