import test from 'ava';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseInventory } from '../src/inventory/parse.js';
import { PrivateNamespace } from './helpers/kernel/namespace.js';
import { needs } from './helpers/kernel/require.js';

const pathOf = (name: string): string => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));

test('the example inventory is valid', t => {
  const name = 'inventory.yaml';
  const { pods, nodes, services, podPrefixes } = parseInventory(readFileSync(pathOf(name), 'utf8'), name);
  t.deepEqual([pods.length, nodes.length, services.length, podPrefixes?.length], [2, 2, 1, 3]);
});

needs(test, ['namespace'])('nft accepts the example of a ruleset', async t => {
  const namespace = await PrivateNamespace.create(t);
  await namespace.run('nft', ['-f', pathOf('ctflow.nft')]);
  t.regex(await namespace.run('nft', ['list', 'ruleset']), /log prefix "ctflow:drop:in:prod\/web:no-ssh" group 5/);
});

test('the example of library use dumps, exports and collects a recording', async t => {
  const { stdout } = await promisify(execFile)(process.execPath, [pathOf('library.mjs')]);
  t.is(stdout.trimEnd().split('\n').at(-1), '11 connections dumped, 20 records exported, 20 collected');
});
