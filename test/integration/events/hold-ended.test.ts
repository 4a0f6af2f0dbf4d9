/** On the real kernel: an exporter that stands still, and what the kernel holds for it. */
import test, { type ExecutionContext } from 'ava';
import { Capture } from '../../helpers/kernel/capture.js';
import { startExporter } from '../../helpers/kernel/command.js';
import { eventually } from '../../helpers/eventually.js';
import { freeze } from '../../helpers/kernel/freeze.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { needs } from '../../helpers/kernel/require.js';
import { Traffic } from '../../helpers/kernel/traffic.js';
import { Decoder, valuesOf } from '../../helpers/builders/wire.js';

const FLOWS = 600;
const FIRST_PORT = 20_000;
const NO_FILTER = ['setpriv', '--bounding-set=-bpf,-sys_admin', '--'];

interface Last {
  readonly events: { readonly guard: string; readonly lost: number; readonly unread: number };
  readonly store: { readonly destroyed: number; readonly eventless: number };
}

/** Each message has its length behind its version. */
function messagesOf(stream: Buffer): { bytes: Buffer }[] {
  const messages = [];
  for (let at = 0; at < stream.length; at += stream.readUInt16BE(at + 2)) {
    messages.push({ bytes: stream.subarray(at, at + stream.readUInt16BE(at + 2)) });
  }
  return messages;
}

/**
 * Stops an exporter with room for a handful of events, ends so many flows at once, looks at the kernel's table, and goes on.
 * @returns entries of the table while the exporter stood still, flows exported, and the last line of the log
 */
async function standStill(t: ExecutionContext, flows: number, flags: string, before: readonly string[] = []) {
  const namespace = await PrivateNamespace.create(t);
  await namespace.track();
  await namespace.sysctl('nf_conntrack_events', 1);
  const capture = await Capture.tcp(new Traffic(namespace), 4739);
  const all = `--flow-poll-interval 1h --event-buffer 4096 ${flags}`;
  const exporter = await startExporter(namespace, 'native', ['tcp://127.0.0.1:4739'], all, 'network', before);
  const traffic = new Traffic(namespace);
  const { port } = await traffic.do('udpListen', { host: '127.0.0.1' });
  await freeze(exporter.pid);
  await traffic.do('udpFlows', { host: '127.0.0.1', port, from: FIRST_PORT, flows, size: 10 });
  await namespace.run('conntrack', ['-D', '-p', 'udp', '--dport', String(port)]);
  const count = async () => Number(await namespace.run('cat', ['/proc/sys/net/netfilter/nf_conntrack_count']));
  const held = await count();
  const later = await eventually('the table is as it stays', async () => {
    const [first, second] = [await count(), (await namespace.run('sleep', ['0.3']), await count())];
    return first === second && { entries: second };
  });
  process.kill(exporter.pid, 'SIGCONT');
  await eventually('nothing is held any more', async () => (await count()) === 0);
  t.is((await exporter.stop()).code, 0);
  const last = exporter.log().at(-1) as unknown as Last;
  const sent = messagesOf(Buffer.concat(await capture.everything()));
  const records = new Decoder('tcp').decode(sent).map(valuesOf);
  const ports = new Set(
    records
      .filter(({ destinationTransportPort }) => destinationTransportPort === port)
      .map(({ sourceTransportPort }) => sourceTransportPort),
  );
  return { held, later: later.entries, exported: ports.size, last, messages: exporter.messages() };
}

const filtered = needs(test.serial, ['namespace', 'conntrack', 'native', 'bpf']);
const rigged = needs(test.serial, ['namespace', 'conntrack', 'native']);

filtered('stopped within its budget: the kernel holds what ended, and all of it is exported', async t => {
  const { later, exported, last } = await standStill(t, FLOWS, '');
  t.true(later > FLOWS - 50, `${later} are held`);
  t.is(exported, FLOWS);
  t.like(last.events, { guard: 'filter', lost: 0, unread: 0 });
});

filtered('stopped beyond its budget: the kernel lets all go by itself, and what is lost is counted', async t => {
  const { held, later, exported, last, messages } = await standStill(t, FLOWS, '--dying-limit 200');
  t.true(held <= 200, `${held} are held`);
  t.is(later, 0);
  t.is(last.events.guard, 'filter');
  t.true(exported < FLOWS && exported > 0);
  t.is(last.events.lost, FLOWS - exported);
  t.regex(messages, /DESTROY events were lost/);
});

rigged('without CAP_BPF the kernel holds nothing, and what is lost is counted', async t => {
  const { held, exported, last, messages } = await standStill(t, FLOWS, '', NO_FILTER);
  t.is(held, 0);
  t.is(last.events.guard, 'off');
  t.true(exported < FLOWS && exported > 0);
  t.is(last.events.lost, FLOWS - exported);
  t.regex(messages, /takes no eBPF filter/);
});

rigged('without CAP_BPF the kernel holds what ended where that is wanted', async t => {
  const { later, exported, last } = await standStill(t, FLOWS, '--hold-ended on', NO_FILTER);
  t.true(later > FLOWS - 50, `${later} are held`);
  t.is(exported, FLOWS);
  t.like(last.events, { guard: 'polls', lost: 0, unread: 0 });
});
