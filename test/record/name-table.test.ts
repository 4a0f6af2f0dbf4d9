import test from 'ava';
import * as fc from 'fast-check';
import { LONGEST_NAME } from '../../src/row/layout.generated.js';
import { NameTable, NO_NAME } from '../../src/record/name-table.js';
import { seeded } from '../helpers/seed.js';

function nameOf(table: NameTable, number: number): string {
  const start = number === 0 ? 0 : table.ends[number - 1];
  return Buffer.from(table.bytes.subarray(start, table.ends[number])).toString();
}

test('a name has one number, and the number gives the name', t => {
  const table = new NameTable();
  const names = Array.from({ length: 5_000 }, (_, i) => `pod-${i % 2_500}-é`);
  const numbers = names.map(name => table.intern(name));
  t.is(table.count, 2_501);
  t.deepEqual(numbers.slice(0, 2_500), numbers.slice(2_500));
  for (const i of [0, 1, 63, 64, 2_499]) t.is(nameOf(table, numbers[i]), names[i]);
});

test('the empty name is number 0, and of nothing else', t => {
  const table = new NameTable();
  t.is(table.intern(''), NO_NAME);
  t.not(table.intern('a'), NO_NAME);
  t.is(nameOf(table, NO_NAME), '');
});

test('RFC 7011 6.1.6: a name that is too long is cut at a character boundary', t => {
  const table = new NameTable();
  for (const [character, kept] of [
    ['x', LONGEST_NAME],
    ['é', 127],
    ['€', 84],
    ['𝛼', 63],
  ] as const) {
    t.is(nameOf(table, table.intern(character.repeat(300))), character.repeat(kept));
  }
});

test('a full table leaves names empty and counts them', t => {
  const table = new NameTable();
  const name = (i: number): string => `${i}`.padStart(LONGEST_NAME, '.');
  let last = -1;
  for (let i = 0; i < 300_000 && table.overflow === 0; i++) {
    const number = table.intern(name(i));
    if (number !== NO_NAME) last = i;
  }
  t.is(table.intern('one more that is long '.repeat(12)), NO_NAME);
  t.is(table.overflow, 2);
  t.is(nameOf(table, table.intern(name(last))), name(last), 'those that are there stay');
});

function keep(table: NameTable, numbers: readonly number[]): void {
  table.hold({ eachName: each => numbers.forEach(number => each(number)) });
}

test('a nearly full table removes unused names; the others keep their numbers', t => {
  const table = new NameTable({ names: 101, bytes: 10_000 });
  const held: number[] = [NO_NAME];
  const others: number[] = [];
  keep(table, held);
  keep(table, others);
  const all = Array.from({ length: 100 }, (_, i) => table.intern(`name-${i}`));
  held.push(...all.filter((_, i) => i % 10 === 3));
  others.push(all[97], all[97]);
  t.is(table.intern('one too many'), NO_NAME);
  table.tidy();
  t.is(table.count, 12);
  const expected = ['', ...[...Array(10).keys()].map(i => `name-${i}3`.replace('-0', '-'))];
  const namesOf = (numbers: readonly number[]): string[] => numbers.map(number => nameOf(table, number));
  t.deepEqual(namesOf(held), expected);
  t.deepEqual(namesOf(others), ['name-97', 'name-97']);
  t.is(table.intern('name-97'), others[0]);
  const again = Array.from({ length: 89 }, (_, i) => table.intern(`another-${i}`));
  t.is(table.count, 101);
  t.is(new Set([...held, ...others, ...again]).size, 101, 'no number stands for two names');
  t.deepEqual(
    namesOf(again),
    again.map((_, i) => `another-${i}`),
  );
  t.deepEqual(namesOf(held), expected);
});

test('after any sequence of names, each held number gives its name', t => {
  let reused = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(30), fc.boolean()), { minLength: 60, maxLength: 200 }), script => {
      const table = new NameTable({ names: 20, bytes: 200 });
      const held = new Map<number, string>();
      const given = new Map<number, string>();
      table.hold({ eachName: each => [...held.keys()].forEach(number => each(number)) });
      for (const [i, isHeld] of script) {
        const name = `${i}`.padEnd(1 + (i % 13), '-');
        const number = table.intern(name);
        if (given.has(number) && given.get(number) !== name) reused++;
        given.set(number, name);
        if (number !== NO_NAME && isHeld) held.set(number, name);
        else held.delete(number);
        table.tidy();
        for (const [one, text] of held)
          if (nameOf(table, one) !== text) throw new Error(`${nameOf(table, one)}: ${text}`);
        if (table.count > 20) throw new Error(`${table.count} names`);
      }
    }),
    seeded(t),
  );
  t.true(reused > 1_000, `${reused} numbers were given to another name`);
});

test('a table with room is not compacted, and a full one not for every name', t => {
  const table = new NameTable({ names: 1_000, bytes: 1 << 20 });
  const held: number[] = [];
  let walks = 0;
  keep(table, held);
  table.hold({ eachName: () => walks++ });
  for (let i = 0; i < 999; i++) {
    held.push(table.intern(`name-${i}`));
    table.tidy();
  }
  // at a half, at three quarters, and so on
  t.true(walks > 2 && walks <= 10, `${walks} walks`);
  t.is(nameOf(table, held[998]), 'name-998');
});

test('a table whose bytes are used up is nearly full', t => {
  const table = new NameTable({ names: 1_000, bytes: 400 });
  for (const letter of 'abc') table.intern(letter.repeat(100));
  table.tidy();
  t.is(table.count, 1);
});
