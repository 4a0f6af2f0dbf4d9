import { readFileSync } from 'node:fs';
import test from 'ava';
import { CtflowError, describeError } from '../../src/common/errors.js';
import { InventoryError, MOST_MISTAKES } from '../../src/inventory/mistakes.js';
import { parseInventory } from '../../src/inventory/parse.js';

function errorOf(text: string): string {
  try {
    parseInventory(text, 'inventory.yaml');
  } catch (error) {
    if (error instanceof CtflowError && error.code === 'CTFLOW_INVENTORY') return describeError(error);
    throw error;
  }
  throw new Error('nothing is wrong with it');
}

const FULL = {
  node: 'worker-1',
  pods: [
    {
      name: 'web-0',
      namespace: 'shop',
      node: 'worker-2',
      addresses: ['10.1.2.5', 'fd00:1::5'],
      since: '2026-01-02T03:04:05Z',
    },
  ],
  nodes: [{ name: 'worker-2', addresses: ['192.0.2.12', '10.1.2.0/24'] }],
  services: [
    {
      name: 'web',
      namespace: 'shop',
      addresses: ['10.96.0.10'],
      ports: [
        { name: 'http', port: 80, protocol: 'TCP' },
        { port: 53, protocol: 'udp' },
      ],
    },
  ],
  podPrefixes: ['10.1.0.0/16', 'fd00:1::/48'],
};

test('JSON is read as YAML', t => {
  const yaml = `
node: worker-1
pods:
  - name: web-0
    namespace: shop
    node: worker-2
    addresses: [10.1.2.5, 'fd00:1::5']
    since: 2026-01-02T03:04:05Z
nodes:
  - { name: worker-2, addresses: [192.0.2.12, 10.1.2.0/24] }
services:
  - name: web
    namespace: shop
    addresses: [10.96.0.10]
    ports: [{ name: http, port: 80, protocol: TCP }, { port: 53, protocol: udp }]
podPrefixes: [10.1.0.0/16, 'fd00:1::/48']
`;
  const inventory = parseInventory(yaml, 'inventory.yaml');
  t.deepEqual(parseInventory(JSON.stringify(FULL), 'i.json'), inventory);
  t.deepEqual(parseInventory(JSON.stringify(FULL, undefined, '\t'), 'i.json'), inventory);
  t.is(inventory.pods[0].since, Date.UTC(2026, 0, 2, 3, 4, 5));
  t.like(inventory.pods[0].addresses[0], { family: 4, first: 0x0a010205n, length: 32 });
  t.deepEqual(
    inventory.services[0].ports.map(({ name, port, protocol }) => [name, port, protocol]),
    [
      ['http', 80, 6],
      [undefined, 53, 17],
    ],
  );
});

test('all parts are optional; a port without a protocol is TCP', t => {
  t.deepEqual(parseInventory('{}', 'x'), { pods: [], nodes: [], services: [] });
  const { services } = parseInventory(
    'services: [{name: a, namespace: b, addresses: [10.0.0.1], ports: [{port: 1}]}]',
    'x',
  );
  t.deepEqual(services[0].ports, [{ port: 1, protocol: 6 }]);
});

const ADDRESS = 'It must be an IPv4 or IPv6 address, such as 192.0.2.1 or 2001:db8::1';
const NAME = 'It must be a text of 1 to 253 bytes without control characters';
const TOP = 'node, pods, nodes, services, podPrefixes';
const pod = (more: string): string => `pods:\n  - name: a\n    namespace: n\n    addresses: [10.0.0.1]\n${more}`;
const service = (port: string): string =>
  `services: [{name: a, namespace: b, addresses: [10.0.0.1], ports: [${port}]}]`;

for (const [what, text, error] of [
  ['nothing in it', '', `1:1: the inventory is null. It must be a map of ${TOP}`],
  ['a list in place of a map', '- a', `1:1: the inventory is ["a"]. It must be a map of ${TOP}`],
  ['a key twice', 'node: a\nnode: b\n', '2:1: this is neither YAML nor JSON: Map keys must be unique. Mend it there'],
  ['an unknown key', 'node: a\npodz: []\n', `2:1: podz is not known. Known there: ${TOP}`],
  [
    'an unknown key of a pod',
    pod('    labels: {}\n'),
    '5:5: pods[0].labels is not known. Known there: name, namespace, node, addresses, since',
  ],
  ['no name', 'pods:\n  - namespace: n\n    addresses: [10.0.0.1]\n', `2:5: pods[0].name is missing. ${NAME}`],
  ['a number for a name', 'node: 17\n', `1:7: node is 17. ${NAME}`],
  ['a name that is too long', `node: ${'é'.repeat(127)}\n`, `1:7: node is "${'é'.repeat(59)}…. ${NAME}`],
  ['a control character', 'node: "a\\u0007"\n', `1:7: node is "a\\u0007". ${NAME}`],
  [
    'an address that is none',
    pod('  - name: b\n    namespace: n\n    addresses:\n      - 10.0.0.2\n      - 10.0.0.300\n'),
    `9:9: pods[1].addresses[1] is "10.0.0.300". ${ADDRESS}`,
  ],
  [
    'a prefix for an address',
    'pods: [{name: a, namespace: n, addresses: [10.0.0.0/24]}]',
    `1:44: pods[0].addresses[0] is "10.0.0.0/24". ${ADDRESS}`,
  ],
  [
    'two mistakes',
    'pods: [{name: a, namespace: n, addresses: [x, y]}]',
    `1:44: pods[0].addresses[0] is "x" (and 1 more). ${ADDRESS}`,
  ],
  [
    'no address',
    'nodes:\n - name: a\n   addresses: []\n',
    '3:15: nodes[0].addresses is []. It must be a list with something in it',
  ],
  [
    'bits behind a prefix',
    'podPrefixes:\n - 10.0.0.1/8\n',
    '2:4: podPrefixes[0] is "10.0.0.1/8". It must be an address, or a prefix without bits behind its length, such as 192.0.2.0/24 or 2001:db8::/32',
  ],
  [
    'a time without a zone',
    pod('    since: 2026-01-02T03:04:05\n'),
    '5:12: pods[0].since is "2026-01-02T03:04:05". It must be a time with its zone, such as 2026-01-02T03:04:05Z',
  ],
  [
    'a port out of range',
    service('{port: 65536}'),
    '1:74: services[0].ports[0].port is 65536. It must be a whole number from 1 to 65535',
  ],
  [
    'a protocol without ports',
    service('{port: 1, protocol: icmp}'),
    '1:87: services[0].ports[0].protocol is "icmp". It must be tcp, udp or sctp',
  ],
  [
    'an address of two pods',
    pod('  - name: b\n    namespace: n\n    addresses: [10.0.0.1]\n'),
    "7:17: pods[1].addresses[0] belongs to n/a too. Give the later one its own 'since', and leave out pods that share the address of their node",
  ],
  [
    'a prefix of two nodes',
    'nodes: [{name: a, addresses: [10.0.0.0/24]},\n  {name: b, addresses: [10.0.0.0/24]}]',
    '2:25: nodes[1].addresses[0] belongs to a too. An address or a prefix belongs to one node',
  ],
  [
    'a port of two services',
    'services:\n - {name: a, namespace: n, addresses: [10.0.0.1], ports: [{port: 1}]}\n - {name: b, namespace: n, addresses: [10.0.0.1], ports: [{port: 1}]}\n',
    '3:59: services[1].ports[0] is a port of n/a at the same address. An address, a port and a protocol belong to one service port',
  ],
] as const) {
  test(`an inventory with ${what} is refused with its line and column`, t => {
    t.is(errorOf(text), `CTFLOW_INVENTORY: inventory.yaml:${error}`);
  });
}

test('YAML that is truncated or expands without bound is refused', t => {
  t.regex(errorOf('pods:\n  - {name: a, namespace'), /inventory\.yaml:2:\d+: this is neither YAML nor JSON: .+/);
  t.regex(errorOf('pods: *nobody\n'), /inventory\.yaml:1:1: it cannot be read: /);
  const lists = [...'bcdefghi'].map((name, i) => {
    const of = 'abcdefgh'[i];
    return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${of}`).join(', ')}]`;
  });
  t.regex(errorOf(['a: &a [1, 1, 1, 1, 1, 1, 1, 1]', ...lists].join('\n')), /cannot be read: Excessive alias count/);
});

test('an address may have belonged to another pod before', t => {
  const two = pod('  - name: b\n    namespace: n\n    addresses: [10.0.0.1]\n    since: 2026-01-02T03:04:05+01:00\n');
  t.is(parseInventory(two, 'x').pods[1].since, Date.UTC(2026, 0, 2, 2, 4, 5));
  const third = '  - name: c\n    namespace: n\n    addresses: [10.0.0.1]\n    since: 2026-01-02T02:04:05Z\n';
  t.regex(errorOf(two + third), /pods\[2\].+ belongs to n\/b too/);
});

test('the example in docs/inventory.md is valid', t => {
  const page = readFileSync(new URL('../../../docs/inventory.md', import.meta.url), 'utf8');
  const [, example] = /```yaml\n(.+?)```/s.exec(page)!;
  const { pods, nodes, services, podPrefixes } = parseInventory(example, 'docs/inventory.md');
  t.deepEqual([pods.length, nodes.length, services.length, podPrefixes?.length], [1, 2, 1, 2]);
});

function mistakesOf(text: string): { said: readonly string[]; count: number } {
  try {
    parseInventory(text, 'i');
  } catch (error) {
    if (!(error instanceof InventoryError)) throw error;
    return { said: error.mistakes.map(({ message }) => message), count: error.count };
  }
  return { said: [], count: 0 };
}

test('every mistake of a kind is named in one go, in the order of the text', t => {
  const form = mistakesOf(
    'pods:\n  - { nane: a, namespace: b, addresses: [x, 10.0.0.1, y] }\nnode: ""\nfoo: 1\nbar: 2\n',
  );
  t.deepEqual(form.said, [
    'i:2:5: pods[0].name is missing',
    'i:2:7: pods[0].nane is not known',
    'i:2:42: pods[0].addresses[0] is "x"',
    'i:2:55: pods[0].addresses[2] is "y"',
    'i:3:7: node is ""',
    'i:4:1: foo is not known',
    'i:5:1: bar is not known',
  ]);
  t.is(form.count, form.said.length);
  const pod = '{ name: a, namespace: b, addresses: [10.0.0.1] }';
  const clashes = mistakesOf(
    `pods: [${[pod, pod, pod].join(', ')}]\nnodes: [{ name: a, addresses: [10.0.0.0/8] }, { name: b, addresses: [10.0.0.0/8] }]`,
  );
  t.is(clashes.count, 3);
  t.deepEqual(
    clashes.said.map(text => text.replace(/^i:\d+:\d+: /, '')),
    [
      'pods[1].addresses[0] belongs to b/a too',
      'pods[2].addresses[0] belongs to b/a too',
      'nodes[1].addresses[0] belongs to a too',
    ],
  );
  t.true(mistakesOf('{ a: [1, }').count > 0);
});

test('of very many mistakes so many are kept, and all are counted', t => {
  const many = Array.from({ length: MOST_MISTAKES + 5 }, (_, i) => `k${i}: 1`).join('\n');
  const { said, count } = mistakesOf(many);
  t.is(said.length, MOST_MISTAKES);
  t.is(count, MOST_MISTAKES + 5);
});
