import test, { type ExecutionContext } from 'ava';
import type { LogPrefix, LogRules } from '../../native/binding.js';
import type { Backend } from '../../src/backend/backend.js';
import type { NflogOptions } from '../../src/sources/nflog.js';
import { DESTINATION_DEFAULTS } from '../../src/destination/destination-options.js';
import { CtflowError } from '../../src/common/errors.js';
import { Exporter, EXPORTER_DEFAULTS } from '../../src/exporter.js';
import { createFallbackBackend } from '../../src/backend/fallback.js';
import { NflogSource, type NflogCounts, type NflogListener } from '../../src/sources/nflog.js';
import type { RowReceiver } from '../../src/sources/row-listener.js';
import { flows, udpCollector } from '../helpers/fakes/collector-socket.js';
import { udp } from '../helpers/builders/connections.js';
import { packetRows, type Packet } from '../helpers/builders/denied.js';
import { eventually } from '../helpers/eventually.js';
import { FakeSource } from '../helpers/fakes/fake-source.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';
import { nativeFailure } from '../helpers/fakes/native-failure.js';

const OPTIONS = { filter: {}, groups: [5], receiveBuffer: 4096, maxDenied: 16, nftComments: true };

/** A native listener that a test fills. */
class FakeNflog implements NflogListener {
  readonly calls: string[] = [];
  lost = 0;
  /** Begins the names of rules. */
  life = 'rule';
  prefixes = 1;
  /** That the next look finds. */
  rules: LogRules | null = null;
  readonly kept: number[][] = [];
  failure: Error | undefined;
  /** What comes when the groups are let go. */
  gathered: Packet[] = [];
  #waiting: Uint8Array[] = [];
  #drains = 0;
  #onReady = (): void => {};

  open(_: NflogOptions, receiver: RowReceiver): NflogSource {
    return new NflogSource(onReady => {
      this.#onReady = onReady;
      return this;
    }, receiver);
  }

  log(...packets: Packet[]): void {
    const batch = packetRows(Date.now(), ...packets);
    this.#waiting.push(batch.bytes);
    this.#onReady();
  }

  fail(error: Error): void {
    this.failure = error;
    this.#onReady();
  }

  take(rows: Uint8Array): number {
    const next = this.#waiting.shift();
    if (!next) {
      if (this.failure) throw this.failure;
      return 0;
    }
    rows.set(next);
    return next.length / 192;
  }

  leave(): void {
    this.calls.push('leave');
    if (this.gathered.length > 0) this.log(...this.gathered);
  }

  drain(): number {
    setImmediate(this.#onReady);
    return ++this.#drains;
  }

  drained(): number {
    return this.#waiting.length === 0 ? this.#drains : 0;
  }

  prefix(number: number): LogPrefix {
    return { group: 5, prefix: `${this.life} ${number}` };
  }

  async changedRules(): Promise<LogRules | null> {
    const changed = this.rules;
    this.rules = null;
    return changed;
  }

  prefixCount(): number {
    return this.prefixes;
  }

  keepPrefixes(used: Uint32Array): void {
    this.kept.push([...used].sort());
    this.prefixes = used.length;
  }

  counts(): NflogCounts {
    const none = { packets: 0, filtered: 0, malformed: 0, ignored: 0, truncated: 0, overrun: 0, unnamed: 0 };
    return { ...none, lost: this.lost };
  }

  receiveBuffer(): number {
    return 4096;
  }

  close(): void {
    this.calls.push('close');
  }
}

async function running(t: ExecutionContext, source: FakeSource, activeFlowExportTimeout = 30) {
  const nflog = new FakeNflog();
  const backend: Backend = {
    ...createFallbackBackend(),
    openNflog: (options, receiver) => nflog.open(options, receiver),
  };
  const collector = await udpCollector(t);
  const { log, lines } = listeningLogger();
  const exporter = new Exporter({
    ...EXPORTER_DEFAULTS,
    flowPollInterval: 20,
    backend,
    source,
    log,
    denied: OPTIONS,
    destinations: [
      {
        ...DESTINATION_DEFAULTS,
        activeFlowExportTimeout,
        idleFlowExportTimeout: 3_600_000,
        mtu: 1_400,
        observationDomain: 1,
        endpoint: collector.endpoint,
      },
    ],
  });
  t.teardown(() => exporter.close());
  await exporter.open();
  return { nflog, exporter, collector, lines };
}

const packet = (port: number): Packet => ({ protocol: 17, sourcePort: port, destinationPort: 53 });

test('a denied packet reaches the collector after the next poll', async t => {
  const { nflog, collector, exporter } = await running(t, new FakeSource([{ connections: [] }]));
  nflog.log(packet(1), packet(1));
  await eventually('a record', () => flows(collector).length > 0);
  const [record] = flows(collector);
  t.is(record.get('firewallEvent'), 3);
  t.is(record.get('packetDeltaCount'), 2);
  t.like(exporter.stats().denied, { flows: 1, added: 1, pending: 0 });
});

test('the record of a connection says that a packet of it was denied', async t => {
  const source = new FakeSource([{ connections: [] }]);
  const { nflog, collector, exporter } = await running(t, source);
  nflog.log(packet(1));
  source.next({ connections: [udp(1, Date.now() - 100, [1, 40, 0, 0])] });
  await eventually('it is matched', () => exporter.stats().denied!.matched === 1);
  await exporter.close();
  await eventually('its record', () => flows(collector).length > 0);
  t.is(flows(collector).at(-1)!.get('firewallEvent'), 3);
  t.is(exporter.stats().denied!.flows, 0);
});

test('packets still in the kernel at shutdown are read before the last poll, and exported', async t => {
  const source = new FakeSource([{ connections: [] }]);
  const { nflog, collector, exporter } = await running(t, source, 3_600_000);
  nflog.gathered = [packet(1), packet(2)];
  source.next({ connections: [udp(2, Date.now() - 100, [1, 40, 0, 0])] });
  await exporter.close();
  t.deepEqual(nflog.calls, ['leave', 'close']);
  const ends = await eventually('both records', () => {
    const records = flows(collector).filter(record => record.get('flowEndReason') === 4);
    return records.length === 2 && records;
  });
  t.true(ends.every(record => record.get('firewallEvent') === 3 && record.get('packetTotalCount') === 1));
  t.like(exporter.stats().denied, { matched: 1, pending: 0 });
});

test('packets that NFLOG lost are reported as ignored', async t => {
  const { nflog, collector, exporter } = await running(t, new FakeSource([{ connections: [] }]));
  nflog.lost = 12;
  await exporter.close();
  const ignored = await eventually('the options', () =>
    collector.records.find(record => record.get('ignoredPacketTotalCount') !== undefined),
  );
  t.is(ignored.get('ignoredPacketTotalCount'), 12);
});

test('when the NFLOG reader fails the exporter continues', async t => {
  const source = new FakeSource([{ connections: [] }]);
  const { nflog, exporter, lines } = await running(t, source);
  nflog.fail(nativeFailure('CTFLOW_NETLINK', 'Cannot read NFLOG: gone'));
  const { dumps } = source;
  await eventually('more polls', () => source.dumps > dumps + 2);
  t.true(lines.some(({ msg }) => /CTFLOW_NETLINK.*going on without denied packets/.test(String(msg))));
  await exporter.close();
});

test('a backend that cannot read NFLOG is an error at startup', async t => {
  const collector = await udpCollector(t);
  const exporter = new Exporter({
    ...EXPORTER_DEFAULTS,
    flowPollInterval: 20,
    backend: createFallbackBackend(),
    source: new FakeSource([{ connections: [] }]),
    log: listeningLogger().log,
    denied: OPTIONS,
    destinations: [{ ...DESTINATION_DEFAULTS, observationDomain: 1, endpoint: collector.endpoint }],
  });
  const error = await t.throwsAsync(exporter.open(), { instanceOf: CtflowError });
  t.is(error.code, 'CTFLOW_BACKEND_LACKS');
});

test('numbers of rules are freed where there is little room, but for those in use, and may be another rule’s then', async t => {
  const { nflog, collector, exporter } = await running(t, new FakeSource([{ connections: [] }]));
  nflog.log({ ...packet(1), rule: 3 }, { ...packet(2), rule: 7 });
  await eventually('both records', () => flows(collector).length >= 2);
  t.deepEqual(nflog.kept, []);
  nflog.prefixes = 2_500;
  await eventually('they are freed', () => nflog.kept.length > 0);
  t.deepEqual(nflog.kept, [[3, 7]]);
  // the number 5 goes to a rule of another name
  nflog.life = 'another';
  nflog.log({ ...packet(3), rule: 5 });
  await eventually('the third', () => flows(collector).some(record => record.get('sourceTransportPort') === 3));
  await exporter.close();
  t.is(nflog.kept.length, 1, 'only where there is little room');
});

test('a rule has the name that its comment gives, from the poll on that finds it', async t => {
  const { nflog, collector, exporter, lines } = await running(t, new FakeSource([{ connections: [] }]));
  const rule = { group: 5, comment: '', shared: false, rejects: false };
  nflog.rules = {
    rules: [
      { ...rule, prefix: 'rule 3', comment: 'no mail', rejects: true },
      { ...rule, prefix: 'rule 4', shared: true },
    ],
    leftOut: 2,
  };
  nflog.log({ ...packet(1), rule: 3 }, { ...packet(2), rule: 4 });
  const statusOf = (port: number) =>
    flows(collector)
      .find(record => record.get('sourceTransportPort') === port)
      ?.get('forwardingStatus');
  await eventually('both records', () => statusOf(1) !== undefined && statusOf(2) !== undefined);
  t.deepEqual([statusOf(1), statusOf(2)], [129, 130], 'its rule rejects; so may the other');
  t.deepEqual(exporter.stats().denied!.comments, { named: 1, shared: 1, leftOut: 2 });
  t.true(lines.some(({ msg }) => String(msg).endsWith('none names their packets: "rule 4" (group 5)')));
});
