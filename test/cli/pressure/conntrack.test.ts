/** `ctflow pressure` on the real kernel: what it counts is what `conntrack -L` lists. */
import test, { type ExecutionContext } from 'ava';
import { writeFileSync } from 'node:fs';
import type { PressureReport } from '../../../src/cli/pressure/report.js';
import { BACKENDS, ctflow, startExporter } from '../../helpers/kernel/command.js';
import { raiseConntrackLimit } from '../../helpers/kernel/conntrack-limit.js';
import { listConnections, type ListedConnection } from '../../helpers/kernel/conntrack-list.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { needs } from '../../helpers/kernel/require.js';
import { EndingScope } from '../../helpers/kernel/scope.js';
import { temporaryPath } from '../../helpers/temporary.js';

const ENTRIES = 100_000;
/** What ctflow does itself is counted, too, and listed. */
const ROOM = 1_000;
const ROWS = '1000';
/** Far from where they are counted apart, seconds. */
const TIMEOUTS = [40_000, 300_000, 900_000];
const STATES = ['ESTABLISHED', 'TIME_WAIT', 'SYN_SENT', 'CLOSE_WAIT'];
const PROTOCOLS: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp' };

/** A line for `conntrack -R`: of seven one is translated, and zones, states and timeouts differ. */
function entry(i: number): string {
  const source = `10.0.${(i % 997) >> 8}.${(i % 997) & 255}`;
  const destination = `198.51.100.${i % 200}`;
  const ports = `--sport ${1_024 + Math.floor(i / 997)} --dport ${i % 5 === 0 ? 443 : 53}`;
  const rest = `-t ${TIMEOUTS[i % 3]}${i % 10 === 0 ? ` -w ${1 + (i % 7)}` : ''}`;
  const what = i % 3 === 0 ? `-p tcp --state ${STATES[i % 4]}` : `-p udp${i % 4 === 1 ? ' -u SEEN_REPLY,ASSURED' : ''}`;
  if (i % 7 !== 0) return `-I ${what} -s ${source} -d ${destination} ${ports} ${rest}`;
  // so many translated ones have one external address, and each another port of it
  const external = `-r ${destination} -q 203.0.113.${1 + (i % 3)} --reply-port-src ${i % 5 === 0 ? 443 : 53}`;
  return `-I ${what} -s ${source} -d ${destination} ${ports} ${external} --reply-port-dst ${20_000 + Math.floor(i / 7)} ${rest}`;
}

const scope = new EndingScope();
test.after.always(() => scope.end());

async function filled(): Promise<PrivateNamespace> {
  raiseConntrackLimit(scope, ENTRIES + ROOM);
  const namespace = await PrivateNamespace.create({ teardown: done => scope.teardown(done) });
  await namespace.track();
  await namespace.nft(`table ip nat {
    chain post { type nat hook postrouting priority 100; udp dport 53 snat to 203.0.113.2:20000-39999
    }
  }`);
  const script = temporaryPath(scope, 'entries');
  writeFileSync(script, Array.from({ length: ENTRIES }, (_, i) => `${entry(i)}\n`).join(''));
  await namespace.run('conntrack', ['-R', script]);
  return namespace;
}
let made: Promise<PrivateNamespace> | undefined;
const namespaceOf = (): Promise<PrivateNamespace> => (made ??= filled());

type Counts = Record<string, number>;

/** Counted by hand. */
function counted(listed: readonly ListedConnection[], nameOf: (one: ListedConnection) => string | undefined): Counts {
  const counts: Counts = {};
  for (const one of listed) {
    const name = nameOf(one);
    if (name !== undefined) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function stateOf({ protocol, state, flags }: ListedConnection): string {
  const replies = flags.includes('ASSURED') ? 'ASSURED' : flags.includes('UNREPLIED') ? 'UNREPLIED' : 'REPLIED';
  return `${PROTOCOLS[protocol]} ${state ?? replies}`;
}

function timeoutOf({ timeout }: ListedConnection): string {
  return timeout >= 432_000 ? '5d-' : timeout >= 86_400 ? '1d-5d' : timeout >= 3_600 ? '1h-1d' : 'shorter';
}

function snatOf({ protocol, original, reply, zone }: ListedConnection): string | undefined {
  if (original.src === reply.dst && original.sport === reply.dport) return undefined;
  const where = zone === undefined ? '' : ` zone ${zone}`;
  return `${PROTOCOLS[protocol]} ${reply.dst} > ${reply.src}:${reply.sport}${where}`;
}

const KINDS: Readonly<Record<keyof PressureReport['groups'], (one: ListedConnection) => string | undefined>> = {
  source: ({ original }) => original.src,
  destination: ({ original }) => original.dst,
  zone: ({ zone }) => zone ?? '0',
  state: stateOf,
  timeout: timeoutOf,
  snat: snatOf,
};

/** A report of whole polls; again, a few times, where somebody resizes the hash table meanwhile. */
async function reported(namespace: PrivateNamespace, args: readonly string[]): ReturnType<typeof ctflow> {
  const command = ['pressure', '--json', '--interval', '200ms', '--rows', ROWS, ...args];
  for (let attempt = 1; ; attempt++) {
    const run = await ctflow(namespace, command);
    if (run.stderr === '' || attempt === 5) return run;
  }
}

/** Holds a report against what is listed beside it. */
async function compare(t: ExecutionContext, namespace: PrivateNamespace, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await reported(namespace, args);
  t.is(code, 0, stderr);
  t.is(stderr, '');
  const { counted: all, complete, table, groups } = JSON.parse(stdout) as PressureReport;
  const listed = await listConnections(namespace);
  t.true(complete);
  t.is(listed.length, ENTRIES);
  t.is(all, ENTRIES);
  t.is(table!.entries, ENTRIES);
  for (const [kind, nameOf] of Object.entries(KINDS)) {
    const { lines, count, leftOut } = groups[kind as keyof typeof KINDS];
    const expected = counted(listed, nameOf);
    t.deepEqual(Object.fromEntries(lines.map(({ name, entries }) => [name, entries])), expected, kind);
    t.deepEqual([count, leftOut], [Object.keys(expected).length, 0], kind);
  }
  for (const { snat, entries, range, free } of groups.snat.lines) {
    const known = snat!.external === '203.0.113.2' && snat!.protocol === 'udp';
    t.deepEqual([range, free], known ? [{ from: 20_000, to: 39_999 }, 20_000 - entries] : [undefined, undefined]);
  }
}

for (const { name: backend, needs: wanted } of BACKENDS) {
  needs(test.serial, ['namespace', 'conntrack', 'root', ...wanted])(
    `${backend}: ${ENTRIES} entries are counted as conntrack -L lists them, by own polls and by a daemon`,
    async t => {
      const namespace = await namespaceOf();
      await compare(t, namespace, ['--backend', backend, '--source', 'kernel']);
      const control = temporaryPath(t, 'control.sock');
      const flags = `--config none --metrics 127.0.0.1:0 --control ${control}`;
      const exporter = await startExporter(namespace, backend, [], flags);
      await compare(t, namespace, ['--control', control]);
      t.is((await exporter.stop()).code, 0);
    },
  );
}
