import { ADDRESS_FACTS, type FlowExtras } from '../../src/encoder/columns.js';
import { AddressFacts, AS_NUMBER } from '../../src/inventory/addresses/address-facts.js';
import type { Geoip } from '../../src/inventory/addresses/geoip.js';
import { WaitingFlows } from '../../src/inventory/owners/waiting-flows.js';
import { FACTS_OF_ADDRESS } from '../../src/ipfix/details.js';
import { createProfile } from '../../src/ipfix/profile.js';
import { NameTable } from '../../src/record/name-table.js';
import type { Batch } from '../../src/row/batch.js';
import type { ConnectionStore } from '../../src/store/connection-store.js';
import { same, sameBytes } from '../same.js';
import type { Case, Scene, Subject } from '../subject.js';
import { AS_OF_DESTINATIONS, geoipOfDestinations, toOwnAddresses } from '../workload/addresses.js';
import { Connections } from '../workload/connections.js';
import { lookUp, lookUpInCluster } from '../workload/look-ups.js';
import { headersOf } from '../workload/packets.js';
import { PolledStore } from '../workload/polled-store.js';
import { EncodedTable, type Known } from '../workload/records.js';

const ROWS_A_BATCH = 1024;
/** A list without names, and what it has beside with them. */
const PLAIN = ['flowId', 'protocolIdentifier', 'octetDeltaCount', 'reverseOctetDeltaCount'];
const KNOWN = [
  'sourcePodName',
  'sourcePodNamespace',
  'destinationServicePortName',
  'bgpDestinationAsNumber',
  'destinationCountry=32473/1',
];

/** What it costs a connection to know more of it than the kernel does: once, when it is new, and in its records. */
export const enrich: Subject = {
  name: 'enrich',
  summary: 'merge new connections into a store, and encode them: with nothing beside, and with names, GeoIP and owners',
  connections: 10_000,
  packets: true,
  async cases(scene: Scene): Promise<Case[]> {
    const numbers = Array.from({ length: scene.sizes.connections }, (_, i) => i);
    const rows = new Connections(scene.family).batches(numbers, 1, ROWS_A_BATCH);
    const [geoip, forgetful] = [await geoipOfDestinations(), await geoipOfDestinations(2)];
    return [...newCases(scene, rows, geoip, forgetful), ...encodeCases(scene, rows, geoip)];
  },
};

/** Begins to follow a store. @returns what must hold when all connections are in it */
type Follow = (store: ConnectionStore) => () => void;

/** @param forgetful has no answer twice */
function newCases(
  { family, sizes: { connections } }: Scene,
  rows: readonly Batch[],
  geoip: Geoip,
  forgetful: Geoip,
): Case[] {
  const named =
    (make: typeof lookUp): Follow =>
    store => {
      const { extras } = make(store, family);
      return () => same('connections with a service', countOf(extras.names!, 7, 6), servicesOf(connections));
    };
  const located =
    (by: Geoip): Follow =>
    store => {
      const { addressFacts } = new AddressFacts(store, new NameTable(), { geoip: by }).extras;
      const at = FACTS_OF_ADDRESS + AS_NUMBER;
      return () => {
        same('connections with an AS number', countOf(addressFacts!, ADDRESS_FACTS, at), connections);
        same('the AS number', addressFacts![at], AS_OF_DESTINATIONS);
      };
    };
  const owned: Follow = store => {
    let looked = 0;
    const waiting = new WaitingFlows(store, new Uint32Array(store.table.capacity * 2), {
      isLocal: () => true,
      inZone: () => {},
      overflow: () => {},
      look: async slots => void (looked = slots.length),
      number: () => 0,
    });
    store.subscribe(waiting);
    waiting.beforeDump();
    return () => {
      waiting.afterDump();
      same('connections to be looked for', looked, servicesOf(connections));
    };
  };
  const nothing: Follow = () => () => {};
  const each = (name: string, batches: readonly Batch[], follow: Follow): Case => {
    let polled: PolledStore;
    let held: () => void;
    return {
      name,
      backend: 'both', // there is one store
      parameters: { connections },
      items: connections,
      prepare() {
        globalThis.gc?.(); // the store before
        polled = new PolledStore(connections, 1);
        held = follow(polled.store);
      },
      operation: () => polled.poll(batches),
      check() {
        same('connections in the store', polled.store.size, connections);
        held();
        return undefined;
      },
    };
  };
  const own = toOwnAddresses(rows);
  return [
    each('nothing', rows, nothing),
    each('inventory', rows, named(lookUp)),
    each('kubernetes', rows, named(lookUpInCluster)),
    each('owners', rows, owned),
    each('geoip', rows, located(geoip)),
    each('nothing, many', own, nothing),
    each('geoip, many', own, located(forgetful)),
  ];
}

/** All but pings have a port. */
function servicesOf(connections: number): number {
  return Array.from({ length: connections }, (_, i) => ((i % 20) * 7) % 20).filter(kind => kind < 18).length;
}

function countOf(column: Uint32Array, width: number, at: number): number {
  let count = 0;
  for (let i = at; i < column.length; i += width) if (column[i] !== 0) count++;
  return count;
}

function encodeCases({ backends, family, sizes }: Scene, rows: readonly Batch[], geoip: Geoip): Case[] {
  const { connections, mtu } = sizes;
  const limit = mtu - headersOf(family);
  const context = { inventory: true, asNumbers: true, countries: true };
  const lists = [
    { name: 'encode a list', fields: PLAIN, known: undefined },
    { name: 'encode known', fields: [...PLAIN, ...KNOWN], known: knownOf(rows, family, connections, geoip) },
  ];
  return lists.flatMap(({ name, fields, known }) => {
    const profile = createProfile('standard', 'reverse', false, fields, 'none', context);
    const tables = backends.map(backend => new EncodedTable(backend, rows, profile, limit, known));
    const [expected, ...others] = tables.map(table => {
      const messages: Uint8Array[] = [];
      same(
        'records',
        table.encode(({ bytes }) => messages.push(bytes.slice())),
        connections,
      );
      return Buffer.concat(messages);
    });
    for (const other of others) sameBytes('the messages of the backends', other, expected);
    return backends.map((backend, i): Case => ({
      name,
      backend: backend.name,
      parameters: { connections, mtu },
      items: connections,
      repeatable: true,
      operation: () =>
        same(
          'records',
          tables[i].encode(() => {}),
          connections,
        ),
    }));
  });
}

/** Of the same connections, in the order of their rows. */
function knownOf(rows: readonly Batch[], family: Scene['family'], connections: number, geoip: Geoip): Known {
  const polled = new PolledStore(connections, 1);
  const { names, extras: named } = lookUp(polled.store, family);
  const located = new AddressFacts(polled.store, names, { geoip });
  polled.poll(rows);
  const extras: FlowExtras = { ...named, ...located.extras };
  return { extras, names };
}
