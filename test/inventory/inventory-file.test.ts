import { mkdirSync, renameSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { NameTable } from '../../src/record/name-table.js';
import { InventoryFile } from '../../src/inventory/inventory-file.js';
import { eventually } from '../helpers/eventually.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';
import { temporaryPath } from '../helpers/temporary.js';

const inventory = (...nodes: string[]): string =>
  `nodes:\n${nodes.map((name, i) => `  - {name: ${name}, addresses: [10.0.0.${i + 1}]}\n`).join('')}`;

/** Never in the time of a test. */
const NEVER = 3_600_000;

interface Followed {
  file: InventoryFile;
  /** The names of nodes of each inventory that came into force later. */
  seen: string[];
  errors(): string[];
}

async function follow(t: ExecutionContext, path: string, pollMs: number): Promise<Followed> {
  const { log, lines } = listeningLogger();
  const file = await InventoryFile.open(path, log, pollMs);
  t.teardown(() => file.close());
  const seen: string[] = [];
  file.subscribe(new NameTable(), async () => {
    seen.push(file.inventory.names.slice(1).join());
  });
  return { file, seen, errors: () => lines.filter(({ level }) => level === 50).map(({ msg }) => String(msg)) };
}

async function last(t: ExecutionContext, seen: readonly string[], names: string): Promise<void> {
  await eventually(`the inventory with ${names} is in force`, () => seen.at(-1) === names);
  t.pass();
}

test('a file that is missing, not text or invalid is refused at startup', async t => {
  const path = temporaryPath(t, 'inventory.yaml');
  const { log } = listeningLogger();
  const refused = async (message: RegExp): Promise<void> => {
    await t.throwsAsync(InventoryFile.open(path, log), { code: 'CTFLOW_INVENTORY', message });
  };
  await refused(/inventory\.yaml cannot be read: ENOENT$/);
  writeFileSync(path, Buffer.from([0x6e, 0xff]));
  await refused(/inventory\.yaml is not text in UTF-8$/);
  writeFileSync(path, 'nodes: 3\n');
  await refused(/inventory\.yaml:1:8: nodes is 3$/);
  writeFileSync(path, '');
  truncateSync(path, (64 << 20) + 1);
  await refused(/inventory\.yaml has 67108865 bytes or more$/);
});

test('an overwritten file is loaded; a broken one is not, and is logged', async t => {
  const path = temporaryPath(t, 'inventory.yaml');
  writeFileSync(path, inventory('a'));
  const { file, seen, errors } = await follow(t, path, NEVER);
  t.like(file.stats(), { nodes: 1, pods: 0, services: 0, podPrefixes: 0, reloads: 0, errors: 0 });
  const { loadedAt } = file.stats();
  writeFileSync(path, inventory('a', 'b'));
  await last(t, seen, 'a,b');
  writeFileSync(path, 'nodes: [\n');
  await eventually('the broken file is noticed', () => errors().length > 0);
  t.regex(
    errors()[0],
    /^CTFLOW_INVENTORY: .+:\d+:\d+: this is neither YAML nor JSON: .+; the previous inventory stays in use$/,
  );
  t.deepEqual(file.inventory.names, ['', 'a', 'b']);
  t.like(file.stats(), { nodes: 2, reloads: 1, errors: 1 });
  t.true(file.stats().loadedAt > loadedAt);
  unlinkSync(path);
  await eventually('the missing file is noticed', () => errors().length > 1);
  t.deepEqual(file.inventory.names, ['', 'a', 'b']);
  writeFileSync(path, inventory('c'));
  await last(t, seen, 'c');
  t.deepEqual(seen, ['a,b', 'c']);
});

test('a file replaced by rename is loaded, again and again', async t => {
  const path = temporaryPath(t, 'inventory.yaml');
  writeFileSync(path, inventory('a'));
  const { seen } = await follow(t, path, NEVER);
  for (const name of ['b', 'c']) {
    writeFileSync(`${path}.new`, inventory(name));
    renameSync(`${path}.new`, path);
    await last(t, seen, name);
  }
});

test('a Kubernetes ConfigMap, where a symbolic link changes, is reloaded', async t => {
  const path = temporaryPath(t, 'inventory.yaml');
  const folder = dirname(path);
  const version = (name: string): void => {
    mkdirSync(join(folder, `..${name}`));
    writeFileSync(join(folder, `..${name}`, 'inventory.yaml'), inventory(name));
    symlinkSync(`..${name}`, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  version('a');
  symlinkSync('..data/inventory.yaml', path);
  const { seen } = await follow(t, path, NEVER);
  for (const name of ['b', 'c']) {
    version(name);
    await last(t, seen, name);
  }
});

test('a directory that changes all the time hides no change', async t => {
  const path = temporaryPath(t, 'inventory.yaml');
  writeFileSync(path, inventory('a'));
  const { seen } = await follow(t, path, NEVER);
  const busy = setInterval(() => writeFileSync(`${path}.log`, 'x'), 50);
  t.teardown(() => clearInterval(busy));
  writeFileSync(path, inventory('bb'));
  await last(t, seen, 'bb');
});

test('a change without a file event is found by polling', async t => {
  const path = temporaryPath(t, 'inventory.yaml');
  const elsewhere = temporaryPath(t, 'inventory.yaml');
  writeFileSync(elsewhere, inventory('a'));
  symlinkSync(elsewhere, path);
  const { seen } = await follow(t, path, 50);
  writeFileSync(elsewhere, inventory('bb')); // of another size, as the clock of files is coarse
  await last(t, seen, 'bb');
});

test('reload() always reads the file; polling reads it only when it changed', async t => {
  const path = temporaryPath(t, 'inventory.yaml');
  writeFileSync(path, inventory('a'));
  const { file, seen } = await follow(t, path, 20);
  await file.reload();
  t.deepEqual(seen, ['a']);
  await Promise.all([file.reload(), file.reload(), file.reload()]);
  t.true(seen.length <= 3, 'those that wait are one');
  const { reloads } = file.stats();
  await new Promise(resolve => setTimeout(resolve, 100));
  t.is(file.stats().reloads, reloads);
});

test('after close nothing is read or logged', async t => {
  const path = temporaryPath(t, 'inventory.yaml');
  writeFileSync(path, inventory('a'));
  const { file, seen, errors } = await follow(t, path, NEVER);
  const reading = file.reload();
  file.close();
  await reading;
  await file.reload();
  t.deepEqual(seen, []);
  t.deepEqual(errors(), []);
});
