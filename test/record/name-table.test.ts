import test from 'ava';
import { LONGEST_NAME } from '../../src/row/layout.generated.js';
import { NameTable, NO_NAME } from '../../src/record/name-table.js';

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

// RFC 7011 section 6.1.6
test('a name that is too long is cut at a character boundary', t => {
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

/** Keeps numbers as a holder does. */
function keep(table: NameTable, numbers: number[]): void {
  table.hold({ renumber: change => numbers.forEach((number, i) => (numbers[i] = change(number))) });
}

test('a nearly full table removes unused names', t => {
  const table = new NameTable({ names: 101, bytes: 10_000 });
  const kept: number[] = [NO_NAME];
  const others: number[] = [];
  keep(table, kept);
  keep(table, others);
  for (let i = 0; i < 100; i++) {
    const number = table.intern(`name-${i}`);
    if (i % 10 === 3) kept.push(number);
    if (i === 97) others.push(number, number);
  }
  t.is(table.intern('one too many'), NO_NAME);
  table.tidy();
  t.is(table.count, 12);
  t.deepEqual(
    kept.map(number => nameOf(table, number)),
    ['', ...[...Array(10).keys()].map(i => `name-${i}3`.replace('-0', '-'))],
  );
  t.deepEqual(
    others.map(number => nameOf(table, number)),
    ['name-97', 'name-97'],
  );
  t.is(table.intern('name-97'), others[0]);
  const again = table.intern('name-0');
  t.is(nameOf(table, again), 'name-0');
  t.is(table.intern('name-0'), again);
  t.is(table.count, 13);
});

test('a table with room is not compacted, and a full one not for every name', t => {
  const table = new NameTable({ names: 1_000, bytes: 1 << 20 });
  const kept: number[] = [];
  let walks = 0;
  keep(table, kept);
  table.hold({ renumber: () => walks++ });
  for (let i = 0; i < 999; i++) {
    kept.push(table.intern(`name-${i}`));
    table.tidy();
  }
  // two walks each time: at a half, at three quarters, and so on
  t.true(walks > 4 && walks <= 20, `${walks} walks`);
  t.is(nameOf(table, kept[998]), 'name-998');
});

test('a table whose bytes are used up is nearly full', t => {
  const table = new NameTable({ names: 1_000, bytes: 400 });
  for (const letter of 'abc') table.intern(letter.repeat(100));
  table.tidy();
  t.is(table.count, 1);
});
