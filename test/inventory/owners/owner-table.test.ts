import test from 'ava';
import { OWNER_WORDS } from '../../../src/encoder/columns.js';
import { NO_OWNER, OwnerTable } from '../../../src/inventory/owners/owner-table.js';
import { NameTable } from '../../../src/record/name-table.js';
import type { SocketOwner } from '../../../src/sources/source.js';

const owner = (user: number): SocketOwner => ({ user, cgroup: '/a', command: 'web' });
const describe = (user: number) => (): string[] => [`user${user}`, '/a', '', '', '', '', 'web'];
const nobody = (): void => {};

test('an owner has one number, and its names stand at it', t => {
  const names = new NameTable();
  const table = new OwnerTable(names, 2);
  const first = table.number(owner(1), describe(1), nobody);
  const second = table.number({ ...owner(1), command: 'mail' }, describe(2), nobody);
  t.deepEqual([first, second, table.count], [1, 2, 2]);
  t.is(
    table.number(owner(1), () => t.fail() as never, nobody),
    first,
  );
  t.is(table.facts[first * OWNER_WORDS], names.intern('user1'));
  t.is(table.facts[second * OWNER_WORDS + 6], names.intern('web'));
  const held: number[] = [];
  table.eachName(number => held.push(number));
  t.true(held.includes(names.intern('user2')));
});

test('the number of an owner that no flow has goes to another one; where all are in use none is given', t => {
  const names = new NameTable();
  const table = new OwnerTable(names, 2);
  t.is(table.number(owner(1), describe(1), nobody), 1);
  t.is(table.number(owner(2), describe(2), nobody), 2);
  const both = (keep: (number: number) => void): void => [1, 2].forEach(keep);
  t.is(table.number(owner(3), describe(3), both), NO_OWNER);
  t.is(table.overflow, 1);
  t.is(
    table.number(owner(3), describe(3), keep => keep(2)),
    1,
  );
  t.is(table.facts[OWNER_WORDS], names.intern('user3'));
  t.is(
    table.number(owner(2), () => t.fail() as never, nobody),
    2,
  );
});

test('a name that is known later goes to the owner, and to none where it has gone', t => {
  const names = new NameTable();
  const table = new OwnerTable(names, 1);
  table.number(owner(1), describe(1), nobody);
  table.setName(owner(1), 4, 'shop');
  t.is(table.facts[OWNER_WORDS + 4], names.intern('shop'));
  table.number(owner(2), describe(2), nobody);
  table.setName(owner(1), 4, 'late');
  t.is(table.facts[OWNER_WORDS + 4], names.intern(''));
});
