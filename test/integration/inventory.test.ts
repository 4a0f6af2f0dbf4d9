/** Names and flow types from an inventory, from the kernel's table to a collector, while the inventory changes. */
import { renameSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { BACKENDS, RunningCommand, startExporter } from '../helpers/kernel/command.js';
import { eventually } from '../helpers/eventually.js';
import type { WrittenInventory } from '../helpers/builders/inventory.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { needs } from '../helpers/kernel/require.js';
import { temporaryPath } from '../helpers/temporary.js';
import { Traffic } from '../helpers/kernel/traffic.js';

const [CLIENT, SERVER, FAR, SERVICE, OUTSIDE] = ['10.1.1.1', '10.1.1.2', '10.1.9.9', '10.96.0.10', '192.0.2.50'];

const FIRST: WrittenInventory = {
  node: 'worker-1',
  pods: [
    { name: 'client-0', namespace: 'shop', addresses: [CLIENT] },
    { name: 'server-0', namespace: 'shop', addresses: [SERVER] },
  ],
  services: [{ name: 'web', namespace: 'shop', addresses: [SERVICE], ports: [{ name: 'http', port: 80 }] }],
  podPrefixes: ['10.1.0.0/16'],
};

const LATER: WrittenInventory = {
  ...FIRST,
  pods: [
    { name: 'heir-0', namespace: 'lab', addresses: [CLIENT] },
    { name: 'server-0', namespace: 'shop', addresses: [SERVER] },
    { name: 'far-0', namespace: 'lab', node: 'worker-2', addresses: [FAR] },
  ],
};

const NAMES = [
  'sourcePodName',
  'sourcePodNamespace',
  'sourceNodeName',
  'destinationPodName',
  'destinationPodNamespace',
  'destinationNodeName',
  'destinationServicePortName',
  'flowType',
];

const NOBODY = ['', '', ''];
const client = ['client-0', 'shop', 'worker-1'];
const heir = ['heir-0', 'lab', 'worker-1'];
const server = ['server-0', 'shop', 'worker-1'];
const far = ['far-0', 'lab', 'worker-2'];

for (const { name: backend, needs: wanted } of BACKENDS) {
  needs(test.serial, ['namespace', 'conntrack', ...wanted])(
    `${backend}: an inventory gives names, and a reload names the connections that had none`,
    async t => {
      const namespace = await PrivateNamespace.create(t);
      for (const address of [CLIENT, SERVER, FAR, OUTSIDE]) {
        await namespace.run('ip', ['address', 'add', `${address}/32`, 'dev', 'lo']);
      }
      await namespace.run('ip', ['route', 'add', 'local', SERVICE, 'dev', 'lo']);
      await namespace.track();
      await namespace.nft(`table ip services { chain out { type nat hook output priority -100;
        ip daddr ${SERVICE} tcp dport 80 dnat to ${SERVER}:8080
        }
      }`);
      const inventory = temporaryPath(t, 'inventory.yaml');
      const rewrite = (text: string): void => {
        writeFileSync(`${inventory}.new`, text);
        renameSync(`${inventory}.new`, inventory);
      };
      rewrite(JSON.stringify(FIRST));
      const endpoint = 'tcp://127.0.0.1:4739';
      const collector = new RunningCommand(namespace, ['collect', '--format', 'json', '--listen', endpoint]);
      await eventually('the collector listens', () => collector.stderr.includes('listening'));
      const flags = `--profile antrea --inventory ${inventory}`;
      const exporter = await startExporter(namespace, backend, [endpoint], flags);
      const traffic = new Traffic(namespace);
      await traffic.do('tcpListen', { host: '0.0.0.0', port: 8080, answer: 10 });

      const records = (): Record<string, unknown>[] =>
        collector.stdout
          .split('\n')
          .filter(line => line.includes('"flowType"'))
          .map(line => JSON.parse(line) as Record<string, unknown>);
      /** The latest that was said of the connection from a port. */
      const said = async (from: number, ended: boolean): Promise<unknown[]> => {
        const record = await eventually(`a record of ${from}`, () =>
          records().findLast(
            ({ sourceTransportPort, flowEndReason }) => sourceTransportPort === from && (!ended || flowEndReason === 3),
          ),
        );
        return NAMES.map(name => record[name]);
      };
      const open = async (local: string, host: string, port: number, from: number): Promise<number> =>
        (await traffic.do('tcpOpen', { local, host, port, from, send: 10, expect: 10 })).handle;

      const handles = [
        await open(CLIENT, SERVICE, 80, 5001),
        await open(CLIENT, FAR, 8080, 5002),
        await open(CLIENT, OUTSIDE, 8080, 5003),
        await open(OUTSIDE, SERVER, 8080, 5004),
      ];
      t.deepEqual(await said(5001, false), [...client, ...server, 'shop/web:http', 1]);
      t.deepEqual(await said(5002, false), [...client, ...NOBODY, '', 0]);
      t.deepEqual(await said(5003, false), [...client, ...NOBODY, '', 3]);
      t.deepEqual(await said(5004, false), [...NOBODY, ...server, '', 4]);

      rewrite(JSON.stringify(LATER));
      await eventually('the change is read', () => exporter.messages().includes('inventory reloaded'));
      for (const handle of handles) await traffic.do('tcpClose', { handle });
      t.deepEqual(await said(5001, true), [...client, ...server, 'shop/web:http', 1], 'it keeps its names');
      t.deepEqual(await said(5002, true), [...client, ...far, '', 2], 'it has names now');
      await open(CLIENT, SERVER, 8080, 5005);
      t.deepEqual(await said(5005, false), [...heir, ...server, '', 1], 'the address has another owner');

      rewrite('pods: [');
      const broken = (): number => exporter.messages().split('CTFLOW_INVENTORY').length - 1;
      await eventually('the broken file is refused', () => broken() === 1);
      process.kill(exporter.pid, 'SIGHUP');
      await eventually('the broken file is refused again', () => broken() === 2);
      await open(CLIENT, SERVER, 8080, 5006);
      t.deepEqual(await said(5006, false), [...heir, ...server, '', 1], 'the last good one stays');

      t.is((await exporter.stop()).code, 0);
      t.like(exporter.log().at(-1), { inventory: { pods: 3, reloads: 1, errors: 2 }, names: { overflow: 0 } });
      const toService = records().find(({ sourceTransportPort }) => sourceTransportPort === 5001);
      t.like(toService, {
        destinationServicePort: 80,
        destinationServiceIPv4: SERVICE,
        destinationIPv4Address: SERVER,
      });
    },
  );
}
