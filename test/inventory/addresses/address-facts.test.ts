import { writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { ADDRESS_FACTS } from '../../../src/encoder/columns.js';
import { AddressFacts } from '../../../src/inventory/addresses/address-facts.js';
import { DnsNames } from '../../../src/inventory/addresses/dns-names.js';
import { Geoip } from '../../../src/inventory/addresses/geoip.js';
import { NameTable } from '../../../src/record/name-table.js';
import { ROW_WORDS } from '../../../src/row/layout.generated.js';
import { tcp } from '../../helpers/builders/connections.js';
import { mmdb } from '../../helpers/builders/mmdb.js';
import { type Facts, rows } from '../../helpers/builders/rows.js';
import { dnsServer } from '../../helpers/dns-server.js';
import { eventually } from '../../helpers/eventually.js';
import { listeningLogger } from '../../helpers/fakes/listening-logger.js';
import { StoreRig } from '../../helpers/rigs/store-rig.js';
import { temporaryPath } from '../../helpers/temporary.js';

class Rig extends StoreRig {
  readonly names = new NameTable({ names: 16, bytes: 64 });
  readonly facts: AddressFacts;

  constructor(geoip?: Geoip, dns?: DnsNames) {
    super({ maxConnections: 8 });
    this.facts = new AddressFacts(this.store, this.names, { geoip, dns });
  }

  /** Names in the DNS of source and destination. */
  dnsNames(): string[] {
    return [2, 5].map(fact => this.names.text(this.facts.extras.addressFacts![fact]));
  }

  /** AS number and country of source and destination. */
  answer(slot = 0): unknown[] {
    const { addressFacts } = this.facts.extras;
    const at = slot * ADDRESS_FACTS;
    const text = (number: number): string =>
      number === 0
        ? ''
        : Buffer.from(this.names.bytes.subarray(this.names.ends[number - 1], this.names.ends[number])).toString();
    return [0, 3].flatMap(side => [addressFacts![at + side], text(addressFacts![at + side + 1])]);
  }
}

async function geoipOf(t: ExecutionContext): Promise<Geoip> {
  const file = temporaryPath(t, 'test.mmdb');
  const networks = {
    '192.0.2.0/24': { autonomous_system_number: 64_500, country: 'DE' },
    '198.51.100.0/24': { autonomous_system_number: 64_501, country: 'FR' },
  };
  writeFileSync(file, mmdb(networks));
  const geoip = await Geoip.open({ asn: file, country: file }, listeningLogger().log);
  t.teardown(() => geoip.close());
  return geoip;
}

function between(source: string, destination: string, more: Facts = {}): Facts {
  return tcp(1_000, 1_700_000_000_000, [1, 60, 1, 60], { source, destination, ...more });
}

test('source and destination are looked up once, by their addresses before NAT', async t => {
  const geoip = await geoipOf(t);
  const rig = new Rig(geoip);
  const facts = between('192.0.2.1', '198.51.100.2', { replySource: '10.0.0.1', replyDestination: '203.0.113.1' });
  rig.poll([facts]);
  t.deepEqual(rig.answer(), [64_500, 'DE', 64_501, 'FR']);
  rig.poll([facts]);
  rig.poll([facts]);
  t.is(geoip.stats().lookedUp + geoip.stats().known, 2);
});

test('a private address has neither number nor country, and a slot has nothing of the flow before', async t => {
  const rig = new Rig(await geoipOf(t));
  rig.poll([between('192.0.2.1', '198.51.100.2')]);
  t.deepEqual(rig.answer(), [64_500, 'DE', 64_501, 'FR']);
  const { u32 } = rows(between('10.0.0.1', '192.168.0.1'));
  rig.store.table.rows.set(u32.subarray(0, ROW_WORDS));
  rig.facts.added(0);
  t.deepEqual(rig.answer(), [0, '', 0, '']);
});

test('a country that a flow has keeps its name when the table of names is tidied', async t => {
  const rig = new Rig(await geoipOf(t));
  rig.poll([between('192.0.2.1', '198.51.100.2')]);
  for (let i = 0; i < 12; i++) rig.names.intern(`other ${i}`);
  rig.names.tidy();
  t.deepEqual(rig.answer(), [64_500, 'DE', 64_501, 'FR']);
});

test('a name is filled in when its answer comes, unless another flow has the slot by then', async t => {
  const answers = new Map<string, (names: readonly string[]) => void>();
  const server = await dnsServer(t, name => new Promise(resolve => answers.set(name, resolve)));
  const dns = new DnsNames({ servers: [server.address], timeout: 60_000 });
  t.teardown(() => dns.close());
  const rig = new Rig(undefined, dns);
  rig.poll([between('10.0.0.1', '10.0.0.2')]);
  t.deepEqual(rig.dnsNames(), ['', '']);
  await eventually('both are asked for', () => answers.size === 2);
  answers.get('1.0.0.10.in-addr.arpa')!(['one.example']);
  await eventually('the source has a name', () => rig.dnsNames()[0] === 'one.example');
  t.true(rig.facts.extras.namedAt![0] > 0);
  const { u32 } = rows(between('10.0.0.1', '10.0.0.1'));
  rig.store.table.rows.set(u32.subarray(0, ROW_WORDS));
  rig.facts.added(0);
  answers.get('2.0.0.10.in-addr.arpa')!(['two.example']);
  await eventually('all are answered', () => dns.stats().answered === 2);
  t.deepEqual(rig.dnsNames(), ['one.example', 'one.example'], 'of the flow that is there now');
});
