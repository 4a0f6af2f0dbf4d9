/** Interfaces by routes, under routes of many kinds, against what nft saw. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { ROOT } from '../../bench/host/machine.js';
import { measure } from '../../proof/interfaces/measure.js';
import { PAGE, tableOf, withTable } from '../../proof/interfaces/table.js';
import { needs } from '../helpers/kernel/require.js';

needs(test.serial, ['namespace', 'conntrack', 'native'])(
  'interfaces by routes are those that nft sees, or left out, as often as the page says',
  async t => {
    const { scenarios, routes, names } = await measure(t);
    t.log(`\n${tableOf(scenarios)}`);
    const page = readFileSync(join(ROOT, PAGE), 'utf8');
    t.is(page, withTable(page, tableOf(scenarios)), 'npm run proof:interfaces -- --write');
    // an interface is wrong only where packets come by another way than they would go back
    const wrong = scenarios.filter(({ ingress, egress }) => ingress.wrong + egress.wrong > 0);
    t.deepEqual(
      wrong.map(({ scenario, egress }) => [scenario.name.split(':')[0], egress.wrong]),
      [['asymmetric', 0]],
    );
    const statistics = readFileSync(join(ROOT, 'docs/statistics.md'), 'utf8');
    for (const counts of routes) {
      for (const name of Object.keys(counts)) t.true(statistics.includes(`| \`${name}\` |`), name);
      t.is(counts['failed'], 0);
      t.is(counts['postponed'], 0);
      t.true(counts['asked'] > 0 && counts['forgotten'] > 0 && counts['unreachable'] > 0 && counts['ambiguous'] > 0);
    }
    t.deepEqual(names, ['inside', 'lo', 'out1', 'out2']);
  },
);
