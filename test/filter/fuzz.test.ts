import test from 'ava';
import * as fc from 'fast-check';
import { isIPv4 } from 'node:net';
import { BatchFilter } from '../../src/filter/batch-filter.js';
import { FIELDS } from '../../src/filter/fields.js';
import { FilterError } from '../../src/filter/filter-error.js';
import { Filter } from '../../src/filter/filter.js';
import { rows, type Facts } from '../helpers/builders/rows.js';
import { seeded } from '../helpers/seed.js';

function read(text: string): Filter | FilterError {
  try {
    return new Filter(text, 'dump');
  } catch (error) {
    if (error instanceof FilterError) return error;
    throw error;
  }
}

/** A filter that answers about any row, or an error that names a column of the text. */
function survive(text: string): boolean {
  const filter = read(text);
  if (filter instanceof FilterError) {
    const { column, message } = filter;
    if (!(column >= 1 && column <= Array.from(text).length + 1)) throw new Error(`column ${column}`);
    if (/[\p{Cc}\p{Cf}]/u.test(message)) throw new Error('an error that a terminal would obey');
    return false;
  }
  const compiled = new BatchFilter(filter, 0);
  compiled.use(rows({ protocol: 6, sourcePort: 1, destinationPort: 2, mark: 3 }, { protocol: 1 }));
  for (const row of [0, 1]) if (typeof compiled.matches(row) !== 'boolean') throw new Error('no answer');
  return true;
}

test('any text is a filter or a mistake with a column', t => {
  const property = fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string()), text => {
    survive(text);
  });
  t.notThrows(() => fc.assert(property, { ...seeded(t), numRuns: 3000 }));
});

test('any row of words and signs is a filter or a mistake with a column', t => {
  const words = [
    ...FIELDS.keys(),
    ...'10.0.0.0/8 ::1 1MB 5s tcp ipv6 0xf0 "x" - , ( ) ! && || == != < <= > >= & | in not and or true'.split(' '),
  ];
  const text = fc.array(fc.constantFrom(...words), { maxLength: 12 }).map(all => all.join(' '));
  let good = 0;
  const property = fc.property(text, one => {
    if (survive(one)) good++;
  });
  t.notThrows(() => fc.assert(property, { ...seeded(t), numRuns: 20_000 }));
  t.true(good > 0);
});

test('the longest and the deepest texts are answered', t => {
  for (const piece of [
    '(',
    '!',
    'snat&&',
    'snat||',
    'a',
    '-',
    '"',
    '&',
    '1.',
    'src in(',
    'dst.port in (1,',
    '9',
    '/',
    ':',
  ]) {
    t.notThrows(() => survive(piece.repeat(Math.floor(4096 / piece.length))), piece);
  }
});

/** An expression with what it says of a row, by another way. */
interface Case {
  readonly text: string;
  readonly holds: (facts: Required<Pick<Facts, 'protocol' | 'sourcePort' | 'mark' | 'source'>>) => boolean;
}

const operators: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};
const address = (value: number): string => [24, 16, 8, 0].map(shift => (value >>> shift) & 255).join('.');
const small = fc.integer({ min: 1, max: 9 });

const compared: fc.Arbitrary<Case> = fc
  .tuple(fc.constantFrom(...Object.keys(operators)), small)
  .map(([sign, value]) => ({
    text: `src.port ${sign} ${value}`,
    holds: ({ sourcePort }) => operators[sign](sourcePort, value),
  }));
const listed: fc.Arbitrary<Case> = fc.array(fc.tuple(small, small), { minLength: 1, maxLength: 4 }).map(pairs => {
  const ranges = pairs.map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
  return {
    text: `src.port in (${ranges.map(([low, high]) => (low === high ? low : `${low}-${high}`)).join(', ')})`,
    holds: ({ sourcePort }) => ranges.some(([low, high]) => sourcePort >= low && sourcePort <= high),
  };
});
const masked: fc.Arbitrary<Case> = fc
  .tuple(fc.integer({ min: 1, max: 0xffff_ffff }), fc.integer({ min: 0, max: 0xffff_ffff }))
  .map(([mask, value]) => ({
    text: `mark & ${mask} == ${(value & mask) >>> 0}`,
    holds: ({ mark }) => (mark & mask) >>> 0 === (value & mask) >>> 0,
  }));
const prefixed: fc.Arbitrary<Case> = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 0xffff_ffff }), fc.integer({ min: 0, max: 32 })), {
    minLength: 1,
    maxLength: 4,
  })
  .map(all => {
    const prefixes = all.map(([value, length]) => {
      const mask = length === 0 ? 0 : (-1 << (32 - length)) >>> 0;
      return { first: (value & mask) >>> 0, mask, length };
    });
    return {
      text: `src in (${prefixes.map(({ first, length }) => `${address(first)}/${length}`).join(', ')})`,
      holds: ({ source }) => {
        const number = source.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
        return isIPv4(source) && prefixes.some(({ first, mask }) => (number & mask) >>> 0 === first);
      },
    };
  });

const { expression } = fc.letrec<{ expression: Case }>(tie => ({
  expression: fc.oneof(
    { depthSize: 'small' },
    compared,
    listed,
    masked,
    prefixed,
    tie('expression').map(({ text, holds }): Case => ({ text: `!(${text})`, holds: facts => !holds(facts) })),
    fc
      .tuple(tie('expression'), tie('expression'))
      .map(([a, b]): Case => ({ text: `(${a.text} && ${b.text})`, holds: facts => a.holds(facts) && b.holds(facts) })),
    fc
      .tuple(tie('expression'), tie('expression'))
      .map(([a, b]): Case => ({ text: `(${a.text} || ${b.text})`, holds: facts => a.holds(facts) || b.holds(facts) })),
  ),
}));

test('an expression says what its comparisons say', t => {
  const facts = fc.record({
    protocol: fc.constant(6),
    sourcePort: small,
    destinationPort: fc.constant(1),
    mark: fc.integer({ min: 0, max: 0xffff_ffff }),
    source: fc.integer({ min: 0, max: 0xffff_ffff }).map(address),
  });
  const property = fc.property(expression, facts, ({ text, holds }, one) => {
    if (text.length > 4096) return;
    const filter = new BatchFilter(new Filter(text, 'dump'), 0);
    filter.use(rows(one));
    if (filter.matches(0) !== holds(one)) throw new Error(text);
  });
  t.notThrows(() => fc.assert(property, { ...seeded(t), numRuns: 2000 }));
});
