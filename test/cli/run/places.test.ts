import test from 'ava';
import { destinationsOf, domainOf } from '../../../src/cli/run/destinations.js';
import { deniedOf, eventsOf, statePathOf } from '../../../src/cli/run/kernel-parts.js';
import { placesOf, withInFlight } from '../../../src/cli/run/places.js';
import { FakeSource } from '../../helpers/fakes/fake-source.js';
import { listeningLogger } from '../../helpers/fakes/listening-logger.js';
import { configOf } from '../doctor/subject.js';

const LINE =
  '--collector udp://a:1,file:///var/log/flows.ipfix --event-buffer 1MiB --nflog-group 5 --nflog-buffer 2MiB --max-denied 1000 ' +
  '--dying-limit 100 --ended-queue 400 --max-rate 800 --state /var/lib/state --poll-budget 10';

test('one namespace has all limits, and its name', t => {
  for (const [line, netns, label] of [
    ['', undefined, undefined],
    ['--netns blue', 'blue', 'blue'],
    ['--netns self', undefined, 'self'],
  ] as const) {
    const { settings, destinations } = configOf(`${LINE} ${line}`);
    const { wanted, placeOf } = placesOf(settings);
    t.is(wanted, undefined);
    const place = placeOf('', undefined);
    t.like(place, { netns, label, parts: 1, beside: undefined });
    t.is(statePathOf(settings, place), '/var/lib/state');
    const [first, file] = destinationsOf({ settings, destinations }, place, () => 9);
    t.like(first, { endedQueue: 400, maxRate: 800, observationDomain: 9, observationDomainName: label });
    t.like(file.endpoint, { path: '/var/log/flows.ipfix' });
  }
});

test('several namespaces share limits, and none writes the files of another', t => {
  const { settings, destinations } = configOf(`${LINE} --netns blue,/run/x/green.1,self,d`);
  const { wanted, most, retires, placeOf } = placesOf(settings);
  t.deepEqual(wanted, ['blue', '/run/x/green.1', 'self', 'd']);
  t.like({ most, retires }, { most: 4, retires: false });
  const blue = placeOf('blue', undefined);
  const green = placeOf('/run/x/green.1', { wall: 5, monotonic: 6 });
  t.is(blue.beside!.room, green.beside!.room);
  t.is(blue.beside!.room.limit, settings.maxConnections);
  t.is(blue.beside!.own, green.beside!.own);
  t.is(green.beside!.born!.wall, 5);
  t.is(placeOf('self', undefined).netns, undefined);
  t.is(statePathOf(settings, blue), '/var/lib/state.blue');
  t.is(statePathOf(settings, green), '/var/lib/state.%2Frun%2Fx%2Fgreen%2E1');
  const [first, file] = destinationsOf({ settings, destinations }, green, () => 9);
  t.like(first, { endedQueue: 100, maxRate: 200, observationDomainName: '/run/x/green.1' });
  t.like(file.endpoint, { path: '/var/log/flows.%2Frun%2Fx%2Fgreen%2E1.ipfix' });
  const source = new FakeSource([{ connections: [] }]);
  t.like(eventsOf(settings, blue, source, undefined), { receiveBuffer: 1 << 18, dyingLimit: 25, netns: 'blue' });
  t.like(deniedOf(settings, blue), { receiveBuffer: 1 << 19, maxDenied: 250, netns: 'blue' });
});

test('with all, limits are divided by the most namespaces, and those that are gone retire', t => {
  const { settings } = configOf(`${LINE} --netns all --max-namespaces 8`);
  t.like(placesOf(settings), { wanted: ['all'], most: 8, retires: true });
  t.is(placesOf(settings).placeOf('x', undefined).parts, 8);
});

test('namespaces have domains of their own, and never that of another', t => {
  const { log, lines } = listeningLogger();
  const { settings } = configOf(`${LINE} --netns blue,green`);
  const { placeOf } = placesOf(settings);
  const blue = domainOf('lab', placeOf('blue', undefined), new Set(), log);
  t.is(domainOf('lab', placeOf('blue', undefined), new Set(), log), blue, 'the same after a restart');
  t.not(domainOf('lab', placeOf('green', undefined), new Set(), log), blue);
  t.not(domainOf('other', placeOf('blue', undefined), new Set(), log), blue);
  t.is(domainOf('lab', placeOf('blue', undefined), new Set([blue]), log), (blue + 1) >>> 0 || 1);
  t.true(lines.some(({ msg }) => /takes the next observation domain/.test(String(msg))));
});

test('a namespace that comes later has the destinations of now, and settings that need a restart as they were', t => {
  const began = configOf(`${LINE} --netns all`);
  const next = configOf('--collector udp://b:2 --netns all --poll-budget 20 --max-connections 7');
  const { settings, destinations } = withInFlight(began, next);
  t.is(settings.pollBudget, 20);
  t.is(settings.maxConnections, began.settings.maxConnections);
  t.is(destinations, next.destinations);
});
