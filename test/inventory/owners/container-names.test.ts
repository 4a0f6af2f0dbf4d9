import { createServer, type RequestListener } from 'node:http';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ContainerNames } from '../../../src/inventory/owners/container-names.js';
import { temporaryFolder } from '../../helpers/temporary.js';

const ID = 'ab'.repeat(32);
const OTHER = 'cd'.repeat(32);
const CONTAINERD = 'run/containerd/io.containerd.runtime.v2.task';
const STORAGE = 'var/lib/containers/storage/overlay-containers/containers.json';

function write(root: string, path: string, content: unknown): void {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
}

/** An engine that answers at this socket. */
async function engine(t: ExecutionContext, root: string, socket: string, answer: RequestListener): Promise<void> {
  const path = join(root, socket);
  mkdirSync(dirname(path), { recursive: true });
  const server = createServer(answer);
  await new Promise<void>(resolve => server.listen(path, resolve));
  chmodSync(path, 0o600);
  t.teardown(() => void server.close());
  t.teardown(() => server.closeAllConnections());
}

const inspect: RequestListener = (request, response) => {
  const known = request.url === `/containers/${ID}/json`;
  response.writeHead(known ? 200 : 404);
  response.end(JSON.stringify(known ? { Id: ID, Name: '/of-socket' } : { message: 'No such container' }));
};

const FILES: readonly [what: string, path: string, content: unknown, name: string][] = [
  ['Docker', `var/lib/docker/containers/${ID}/config.v2.json`, { ID, Name: '/web', State: {} }, 'web'],
  [
    'the kubelet with containerd',
    `${CONTAINERD}/k8s.io/${ID}/config.json`,
    { annotations: { 'io.kubernetes.cri.container-name': 'app', 'io.kubernetes.cri.sandbox-name': 'shop-1' } },
    'app',
  ],
  [
    'the sandbox of a Pod',
    `${CONTAINERD}/k8s.io/${ID}/config.json`,
    { annotations: { 'io.kubernetes.cri.container-type': 'sandbox', 'io.kubernetes.cri.sandbox-name': 'shop-1' } },
    'shop-1',
  ],
  ['nerdctl', `${CONTAINERD}/default/${ID}/config.json`, { annotations: { 'nerdctl/name': 'mail' } }, 'mail'],
  [
    'podman',
    STORAGE,
    [
      { id: OTHER, names: ['x'] },
      { id: ID, names: ['db', 'other'] },
    ],
    'db',
  ],
];

for (const [what, path, content, name] of FILES)
  test(`a container of ${what} has its name`, async t => {
    const root = temporaryFolder(t);
    write(root, path, content);
    const names = new ContainerNames(root);
    t.is(await names.name(ID), name);
    t.is(await names.name('00'.repeat(32)), '');
  });

for (const socket of ['run/docker.sock', 'run/podman/podman.sock'])
  test(`where there is no file, the engine at ${socket} is asked`, async t => {
    const root = temporaryFolder(t);
    await engine(t, root, socket, inspect);
    const names = new ContainerNames(root);
    t.is(await names.name(ID), 'of-socket');
    t.is(await names.name(OTHER), '');
  });

test('a file comes before a socket, and the next engine is asked where one is wrong', async t => {
  const root = temporaryFolder(t);
  await engine(t, root, 'run/docker.sock', inspect);
  write(root, STORAGE, [{ id: ID, names: ['db'] }]);
  t.is(await new ContainerNames(root).name(ID), 'db');
  for (const wrong of ['', '{', 'null', '[]', '[null]', '[{"id":7,"names":"x"}]', `[{"id":"${ID}","names":[]}]`]) {
    write(root, STORAGE, wrong);
    write(root, `var/lib/docker/containers/${ID}/config.v2.json`, wrong);
    write(root, `${CONTAINERD}/k8s.io/${ID}/config.json`, wrong);
    t.is(await new ContainerNames(root).name(ID), 'of-socket', wrong);
  }
});

test('an engine that answers nonsense, too much or not to its end knows no name', async t => {
  const answers: RequestListener[] = [
    (_, response) => response.end('nonsense'),
    (_, response) => response.end(Buffer.alloc(5 << 20, 0x20)),
    (_, response) => response.socket!.destroy(),
    (_, response) => response.writeHead(200, { 'content-length': 10 }).end('{'),
  ];
  for (const answer of answers) {
    const root = temporaryFolder(t);
    await engine(t, root, 'run/docker.sock', answer);
    t.is(await new ContainerNames(root).name(ID), '');
  }
});

test('an engine that does not answer is left after a time', async t => {
  const root = temporaryFolder(t);
  await engine(t, root, 'run/docker.sock', () => {});
  t.is(await new ContainerNames(root).name(ID), '');
});

test('a name is asked for once, and what is stored is read again where it has changed', async t => {
  const root = temporaryFolder(t);
  write(root, STORAGE, [{ id: ID, names: ['db'] }]);
  const names = new ContainerNames(root, 2);
  t.is(await names.name(ID), 'db');
  write(root, STORAGE, [
    { id: ID, names: ['renamed'] },
    { id: OTHER, names: ['new'] },
  ]);
  t.is(await names.name(OTHER), 'new');
  t.is(await names.name(ID), 'db', 'it is kept');
  t.is(await names.name('00'.repeat(32)), '');
  t.is(await names.name(ID), 'renamed', 'the oldest has gone, as two are kept');
  rmSync(join(root, 'var'), { recursive: true });
  t.is(await names.name(ID), 'renamed');
});
