import test from 'ava';
import { FlowDescriber } from '../../../src/daemon/top/describe-flow.js';
import { NameTable } from '../../../src/record/name-table.js';
import type { FlowStore } from '../../../src/store/flow-store.js';
import { flowTable } from '../../helpers/builders/flow-table.js';

test('a connection shows what is known of its addresses, and how old a name is', t => {
  const names = new NameTable();
  const [country, name] = [names.intern('DE'), names.intern('host.example')];
  const store = { table: flowTable({}, {}) } as unknown as FlowStore;
  const extras = {
    addressFacts: Uint32Array.of(0, 0, 0, 0, 0, 0, 64_500, country, 0, 0, 0, name),
    namedAt: Float64Array.of(0, 0, 0, 1_000),
  };
  const describer = new FlowDescriber({ store, extras }, names);
  const { source, destination, ...facts } = describer.connection(1, Number.NaN, 5_000);
  t.like(facts, {
    sourceAsNumber: 64_500,
    sourceCountry: 'DE',
    destinationDnsName: 'host.example',
    destinationDnsAge: 4_000,
  });
  for (const key of ['destinationAsNumber', 'destinationCountry', 'sourceDnsName', 'sourceDnsAge'])
    t.false(key in facts, key);
  const nothing = describer.connection(0, Number.NaN, 5_000);
  t.deepEqual(
    Object.keys(nothing).filter(key => /As|Country|Dns/.test(key)),
    [],
  );
});

test('a connection shows what its pods belong to, and their labels', t => {
  const names = new NameTable();
  const [web, db] = ['deployment/web', 'statefulset/db'].map(text => names.intern(text));
  const labels = names.intern('{"team":"shop"}');
  const store = { table: flowTable({}, {}) } as unknown as FlowStore;
  const describer = new FlowDescriber(
    { store, extras: { podFacts: Uint32Array.of(0, 0, db, 0, web, labels, 0, labels) } },
    names,
  );
  const [to, from] = [0, 1].map(slot => describer.connection(slot, Number.NaN, 5_000));
  t.is(to.destinationWorkload, 'statefulset/db');
  t.false('sourceWorkload' in to);
  t.is(from.sourceWorkload, 'deployment/web');
  t.false('destinationWorkload' in from);
  t.deepEqual([from.sourcePodLabels, from.destinationPodLabels], [{ team: 'shop' }, { team: 'shop' }]);
  t.false('sourcePodLabels' in to || 'destinationPodLabels' in to);
});
