import test from 'ava';
import { destinationSettings } from '../../../src/config/destination-settings.js';
import type { RunConfig } from '../../../src/config/run-config.js';
import { runSettings } from '../../../src/config/run-settings.js';
import { changedKeys, IN_FLIGHT, needRestart } from '../../../src/daemon/reload/changed-settings.js';
import { Filter } from '../../../src/filter/filter.js';

/** A configuration with these settings alone. */
const configOf = (settings: object): RunConfig =>
  ({ settings, destinations: [], say: ([key]: readonly string[]) => `--${key}` }) as unknown as RunConfig;

test('every setting changes in flight, is of destinations, or is named as one that needs a restart', t => {
  const keys = Object.keys(runSettings);
  const named = needRestart(configOf({}), configOf(Object.fromEntries(keys.map(key => [key, 'x']))));
  const others = new Set<string>([...IN_FLIGHT, ...Object.keys(destinationSettings), 'flowCollectorAddr']);
  t.deepEqual(
    named,
    keys.filter(key => !others.has(key)).map(key => `--${key}`),
  );
  t.deepEqual(
    named.map(name => name.slice(2)).filter(name => /interval|logLevel|filter$/i.test(name)),
    ['protocolFilter'],
    'intervals and levels change',
  );
  t.deepEqual(needRestart(configOf({ zone: 3, nflogGroup: [1] }), configOf({ zone: 3, nflogGroup: [1] })), []);
  t.deepEqual(needRestart(configOf({ zone: 3 }), configOf({})), ['--zone'], 'one that is gone');
});

test('what differs between two destinations is named by its path; a filter is compared as it is written', t => {
  const one = { name: 'lab', own: new Set(['mtu']), mtu: 1400, filter: new Filter('protocol == 6', 'run') };
  const same = { ...one, own: new Set<string>(), filter: new Filter('protocol == 6', 'run') };
  const keys = (after: object): string[] => changedKeys(one as never, after as never);
  t.deepEqual(keys(same), []);
  t.deepEqual(keys({ ...same, mtu: 1500, filter: new Filter('protocol == 17', 'run') }), [
    'destinations.lab.mtu',
    'destinations.lab.filter',
  ]);
});
