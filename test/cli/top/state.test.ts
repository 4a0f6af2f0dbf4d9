import test from 'ava';
import { press, queryOf, type TopState } from '../../../src/cli/top/state.js';
import { STATE } from '../../helpers/rigs/top-state.js';

/** The state after these keys, on a screen of ten rows. */
function after(keys: readonly string[], from: Partial<TopState> = {}): TopState {
  return keys.reduce((state, key) => press(state, key, 10) as TopState, { ...STATE, ...from });
}

test('a key sorts, and the same key again turns the order round', t => {
  t.is(after(['r']).sort, 'rate');
  t.deepEqual(after(['b']).reverse, true);
  t.deepEqual([after(['r', 'r']).sort, after(['r', 'r']).reverse], ['rate', true]);
  t.is(after(['r', 'r', 'a']).reverse, false);
  t.deepEqual(
    ['b', 'p', 'r', 'a', 's'].map(key => after([key]).sort),
    ['bytes', 'packets', 'rate', 'age', 'state'],
  );
});

test('g goes through the groupings, and what was scrolled begins anew', t => {
  const groups = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(count =>
    after(
      Array.from({ length: count }, () => 'g'),
      { skip: 7 },
    ),
  );
  t.deepEqual(
    groups.map(({ group }) => group),
    ['source', 'destination', 'zone', 'service', 'name', 'workload', 'state', 'timeout', 'snat', 'none'],
  );
  t.is(groups[0].skip, 0);
});

test('rows scroll within the first thousand', t => {
  t.is(after(['DOWN', 'DOWN', 'UP']).skip, 1);
  t.is(after(['UP']).skip, 0);
  t.is(after(['PAGE_DOWN', 'PAGE_DOWN']).skip, 20);
  t.is(after(['PAGE_DOWN', 'HOME']).skip, 0);
  t.is(after(['PAGE_DOWN'], { skip: 985 }).skip, 990);
  t.deepEqual(queryOf(after(['PAGE_DOWN'], { skip: 985 }), 10, 3), {
    sort: 'bytes',
    reverse: false,
    group: 'none',
    filter: '',
    skip: 990,
    rows: 10,
    deniedRows: 3,
  });
  t.is(queryOf({ ...STATE, skip: 990 }, 40, 0).skip, 960, 'the screen has grown');
});

test('a filter is written, corrected, applied or left', t => {
  const typed = after(['/', ...'mark==q', 'BACKSPACE', '1']);
  t.is(typed.editing, 'mark==1');
  t.is(typed.filter, '');
  const applied = after(['ENTER'], { ...typed, skip: 5 });
  t.deepEqual([applied.filter, applied.editing, applied.skip], ['mark==1', undefined, 0]);
  t.is(after(['/', 'x'], applied).editing, 'mark==1x', 'it is corrected, and not written anew');
  t.is(after(['f', 'x', 'ESCAPE'], applied).filter, 'mark==1');
  t.is(after(['/', 'CTRL_U', 'ENTER'], applied).filter, '');
  t.is(after(['/', 'q', 'LEFT', 'F1', 'TAB']).editing, 'q', 'keys that write nothing');
});

test('other keys do nothing, q and Ctrl-C end', t => {
  const state = after(['d', ' ']);
  t.deepEqual([state.denied, state.paused], [true, true]);
  t.is(press(state, 'F5', 10), state);
  t.is(press(state, 'q', 10), 'quit');
  t.is(press(after(['/']), 'CTRL_C', 10), 'quit');
  t.is(press(state, 'CTRL_Z', 10), 'suspend');
});
