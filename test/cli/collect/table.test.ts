import test from 'ava';
import * as fc from 'fast-check';
import { LABELS } from '../../../src/cli/collected-row.js';
import { CollectedTable } from '../../../src/cli/collect/table.js';
import { seeded } from '../../helpers/seed.js';

const V4 = [
  '21:21:30',
  'tcp',
  '192.0.2.2:40020',
  '198.51.100.2:443',
  '17/15',
  '17128/65732',
  '2/1',
  '104/52',
  'end',
  '',
];
const LONG = '[2001:db8:1234:5678:9abc:def0:1234:5678]:51234';
const V6 = ['21:21:30', 'tcp', LONG, LONG, '1/1', '40/40', '1/1', '40/40', 'idle', `denied snat=${LONG} zone=7`];

test('80 columns: a row of IPv4 fits, and its deltas and words continue below with their names', t => {
  const table = new CollectedTable(80);
  t.is(table.header(), 'time     proto source                destination                pkts      octets\n');
  t.deepEqual(table.rows(V4), [
    '21:21:30 tcp   192.0.2.2:40020       198.51.100.2:443          17/15 17128/65732\n',
    '         +pkts 2/1  +octets 104/52  end end\n',
  ]);
});

test('80 columns: IPv6 addresses are whole, on lines of their own where they do not fit', t => {
  t.deepEqual(new CollectedTable(80).rows(V6), [
    `21:21:30 tcp   ${LONG}\n`,
    `         ${LONG}  pkts 1/1  octets 40/40\n`,
    '         +pkts 1/1  +octets 40/40  end idle  denied\n',
    `         snat=${LONG}  zone=7\n`,
  ]);
});

test('200 columns: everything on one line', t => {
  const table = new CollectedTable(200);
  t.regex(table.header(), /^time .* \+octets end +more\n$/);
  t.is(table.rows(V4).length, 1);
});

test('where the output is no terminal, a row is a line', t => {
  t.is(new CollectedTable().rows(V6).length, 1);
});

test('no line is longer than the terminal, and every cell is there', t => {
  const cell = fc.string({ unit: fc.constantFrom(...'abcdef0123456789:./=[]'), maxLength: 60 });
  fc.assert(
    fc.property(
      fc.array(cell, { minLength: LABELS.length, maxLength: LABELS.length }),
      fc.integer({ min: 10, max: 250 }),
      (row, width) => {
        const table = new CollectedTable(width);
        const lines = table.rows(row);
        for (const line of [table.header(), ...lines]) t.true(line.length - 1 <= width, `${width}: ${line}`);
        t.true(lines.every(line => line.endsWith('\n') && line.indexOf('\n') === line.length - 1));
        // in order, whatever stands between them and wherever they were split
        const text = lines.join('').replaceAll(/\s/g, '');
        let at = 0;
        for (const each of row) {
          const found = text.indexOf(each, at);
          t.true(found >= at, `${each} in ${text}`);
          at = found + each.length;
        }
      },
    ),
    { ...seeded(t), numRuns: 500 },
  );
});
