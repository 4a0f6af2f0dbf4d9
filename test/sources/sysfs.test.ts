import test from 'ava';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readInterfaces } from '../../src/sources/sysfs.js';
import { temporaryPath } from '../helpers/temporary.js';

test('interfaces have their number, name and alias; what is no interface is left out', t => {
  const folder = temporaryPath(t, 'net');
  const add = (name: string, files: Record<string, string>): void => {
    mkdirSync(join(folder, name), { recursive: true });
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, name, file), text);
  };
  add('eth0', { ifindex: '2\n', ifalias: 'uplink\n' });
  add('lo', { ifindex: '1\n', ifalias: '\n' });
  add('odd', {});
  writeFileSync(join(folder, 'bonding_masters'), 'bond0\n');
  const found = readInterfaces(folder).sort((a, b) => a.index - b.index);
  t.deepEqual(found, [
    { index: 1, name: 'lo', description: 'lo' },
    { index: 2, name: 'eth0', description: 'uplink' },
  ]);
  t.deepEqual(readInterfaces(join(folder, 'none')), []);
});
