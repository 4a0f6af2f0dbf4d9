import test from 'ava';
import { GroupKeys } from '../../../src/daemon/top/group-keys.js';
import { NameTable } from '../../../src/record/name-table.js';
import type { FlowStore } from '../../../src/store/flow-store.js';
import { flowTable } from '../../helpers/builders/flow-table.js';

test('a workload is that of the source, else of the destination, in the namespace of its pod', t => {
  const names = new NameTable();
  const [shop, data, web, db] = ['shop', 'data', 'deployment/web', 'statefulset/db'].map(text => names.intern(text));
  const extras = {
    names: Uint32Array.from(
      [
        [9, shop, 9, 9, data, 9, 9],
        [9, shop, 9, 9, data, 9, 9],
        [9, shop, 9, 9, data, 9, 9],
      ].flat(),
    ),
    podFacts: Uint32Array.from(
      [
        [web, 0, db, 0],
        [0, 0, db, 0],
        [0, 0, 0, 0],
      ].flat(),
    ),
  };
  const table = flowTable({}, {}, {});
  const textOf = (slot: number, known: object): string => {
    const keys = new GroupKeys({ store: { table } as unknown as FlowStore, extras: known }, names);
    const key = new Uint32Array(5).fill(7);
    t.true(keys.set('workload', slot, key));
    return keys.nameOf('workload', key);
  };
  t.deepEqual(
    [0, 1, 2].map(slot => textOf(slot, extras)),
    ['shop/deployment/web', 'data/statefulset/db', ''],
  );
  t.is(textOf(0, {}), '', 'nobody knows any');
});
