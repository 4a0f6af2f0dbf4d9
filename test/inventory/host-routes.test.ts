import test from 'ava';
import { CtflowError } from '../../src/common/errors.js';
import { HostRoutes } from '../../src/inventory/host-routes.js';
import type { RouteCounts, RouteLookup } from '../../src/sources/source.js';
import { ConnectionStore } from '../../src/store/connection-store.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';

const NONE: RouteCounts = { asked: 0, forgotten: 0, unreachable: 0, ambiguous: 0, postponed: 0, failed: 0 };
const store = (): ConnectionStore =>
  new ConnectionStore({ maxConnections: 4, firstSight: 'total', born: { wall: 0, monotonic: 0 } });

/** A look-up that answers with the same two interfaces. */
class FakeLookup implements RouteLookup {
  fails = false;
  asked = 0;

  look(_: Uint8Array, slots: Uint32Array, reasons: Uint8Array, count: number, out: Uint32Array): void {
    this.asked++;
    if (this.fails) throw new CtflowError('CTFLOW_NETLINK', 'Cannot ask', 'Wait');
    for (let i = 0; i < count; i++) if (reasons[i] !== 0) out.set([2, 3], slots[i] * 2);
  }

  counts(): RouteCounts {
    return { ...NONE, asked: this.asked };
  }
}

const SLOTS = Uint32Array.of(1, 2, 3);
const REASONS = Uint8Array.of(2, 0, 2);

test('interfaces stand at their slots, two words each, where a record is made', t => {
  const lookup = new FakeLookup();
  const marks: boolean[] = [];
  const source = {
    kind: 'netlink' as const,
    routes(ctmark: boolean) {
      marks.push(ctmark);
      return lookup;
    },
  };
  const { interfaces, findInterfaces } = new HostRoutes(source, 'ctmark', listeningLogger().log).of(store());
  findInterfaces(SLOTS, REASONS, 2);
  t.deepEqual([...interfaces], [0, 0, 2, 3, 0, 0, 0, 0]);
  findInterfaces(SLOTS, REASONS, 3);
  t.deepEqual([...interfaces], [0, 0, 2, 3, 0, 0, 2, 3]);
  t.deepEqual(marks, [true, true]);
  new HostRoutes(source, 'none', listeningLogger().log).of(store()).findInterfaces(SLOTS, REASONS, 1);
  t.false(marks[2]);
});

test('counts go on when the namespace is another one, and records without one are counted', t => {
  const [first, second] = [new FakeLookup(), new FakeLookup()];
  let now: FakeLookup | undefined = first;
  const source = { kind: 'netlink' as const, routes: () => now };
  const routes = new HostRoutes(source, 'none', listeningLogger().log);
  t.deepEqual(routes.counts(), NONE);
  const { interfaces, findInterfaces } = routes.of(store());
  findInterfaces(SLOTS, REASONS, 3);
  now = undefined;
  findInterfaces(SLOTS, REASONS, 3);
  t.deepEqual([...interfaces], [0, 0, 0, 0, 0, 0, 0, 0], 'those of before are not exported');
  now = second;
  findInterfaces(SLOTS, REASONS, 3);
  findInterfaces(SLOTS, REASONS, 3);
  t.deepEqual(routes.counts(), { ...NONE, asked: 3, failed: 2 });
});

test('a look-up that fails is logged once until one has succeeded', t => {
  const lookup = new FakeLookup();
  const { log, lines } = listeningLogger();
  const { findInterfaces } = new HostRoutes({ kind: 'netlink', routes: () => lookup }, 'none', log).of(store());
  lookup.fails = true;
  findInterfaces(SLOTS, REASONS, 3);
  findInterfaces(SLOTS, REASONS, 3);
  t.is(lines.length, 1);
  t.regex(String(lines[0]['msg']), /Cannot ask.*records leave without interfaces/);
  lookup.fails = false;
  findInterfaces(SLOTS, REASONS, 3);
  lookup.fails = true;
  findInterfaces(SLOTS, REASONS, 3);
  t.is(lines.length, 2);
});

test('a source without routes is refused', t => {
  const { log } = listeningLogger();
  t.is(
    t.throws(() => new HostRoutes({ kind: 'procfs' }, 'none', log), { instanceOf: CtflowError })?.code,
    'CTFLOW_BACKEND_LACKS',
  );
  t.is(
    t.throws(() => new HostRoutes({ kind: 'replay' }, 'none', log), { instanceOf: CtflowError })?.code,
    'CTFLOW_USAGE',
  );
});
