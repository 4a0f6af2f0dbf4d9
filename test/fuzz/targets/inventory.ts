import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { compileInventory } from '../../../src/inventory/compile.js';
import { parseInventory } from '../../../src/inventory/parse.js';
import { allow } from '../allowed.js';
import type { Target } from '../target.js';

const SAMPLES = [
  'node: worker-1\npods: []\n',
  'pods:\n  - { name: web-0, namespace: shop, node: worker-2, addresses: [10.1.2.5, "fd00:1::5"], since: 2026-01-02T03:04:05Z }\n',
  'nodes:\n  - { name: worker-2, addresses: [192.0.2.12, 10.1.2.0/24] }\npodPrefixes: [10.1.0.0/16, "fd00:1::/48"]\n',
  'services:\n  - name: web\n    namespace: shop\n    addresses: [10.96.0.10]\n    ports: [{ name: http, port: 80, protocol: TCP }, { port: 53, protocol: udp }]\n',
  '{"node":"a","pods":[{"name":"b","namespace":"c","addresses":["192.0.2.1"]}]}',
];

/** The input is the text of an inventory. */
const target: Target = {
  covers: ['/dist/inventory/'],
  seeds: () => [
    readFileSync(new URL('../../../../examples/inventory.yaml', import.meta.url)),
    ...SAMPLES.map(text => Buffer.from(text)),
  ],
  words: [
    'node:',
    'pods:',
    'nodes:',
    'services:',
    'podPrefixes:',
    'name:',
    'namespace:',
    'addresses:',
    'ports:',
    'port:',
    'protocol:',
    'since:',
    '\n',
    '\n  ',
    '\n  - ',
    '- ',
    ': ',
    '[',
    ']',
    '{',
    '}',
    ', ',
    '"',
    "'",
    '&a ',
    '*a',
    '!!str ',
    '!!map',
    '| ',
    '> ',
    '# ',
    '<<: *a',
    '---\n',
    '...\n',
    '? ',
    '~',
    'null',
    'true',
    '.nan',
    '.inf',
    '0x10',
    '1e999',
    '-0',
    '192.0.2.1',
    '0.0.0.0/0',
    '::/0',
    '::1',
    '10.0.0.0/33',
    'fe80::1%eth0',
    '2026-01-02T03:04:05Z',
    '2026-13-45',
    'TCP',
    'udp',
    '\u0000',
    '\ufeff',
    '__proto__:',
    'constructor:',
  ],
  run: input => {
    try {
      compileInventory(parseInventory(Buffer.from(input).toString('utf8'), 'inventory.yaml'));
    } catch (error) {
      allow(error, 'CTFLOW_INVENTORY');
    }
    if ('polluted' in {} || Object.keys(Object.prototype).length > 0) throw new Error('Object.prototype was changed');
  },
};
export default target;
