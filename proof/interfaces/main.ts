/** `npm run proof:interfaces`: the share of inferred interfaces that are right, against what nft sees. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { ROOT } from '../../bench/host/machine.js';
import { EndingScope } from '../../test/helpers/kernel/scope.js';
import { measure } from './measure.js';
import { PAGE, tableOf, withTable } from './table.js';

const { write } = new Command('proof:interfaces')
  .description('compares the interfaces that records have with those that nft sees, under routes of many kinds')
  .option('--write', `writes the table in ${PAGE}`)
  .parse()
  .opts<{ write?: boolean }>();

const scope = new EndingScope();
try {
  const { scenarios, routes } = await measure(scope);
  const table = tableOf(scenarios);
  process.stdout.write(`${table}\n\nstatistics, without and with ctmark: ${JSON.stringify(routes)}\n`);
  const path = join(ROOT, PAGE);
  if (write) writeFileSync(path, withTable(readFileSync(path, 'utf8'), table));
} finally {
  await scope.end();
}
