import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ROOT } from '../../bench/host/machine.js';
import { eventually } from '../../test/helpers/eventually.js';
import type { Scope } from '../../test/helpers/kernel/scope.js';
import { temporaryFolder } from '../../test/helpers/temporary.js';
import { ApiClient } from './api-client.js';

const SOURCES = join(ROOT, 'proof/kubernetes/servers');
const ADMIN = 'admin-of-the-proof';
const HOST = '127.0.0.1';
/** Milliseconds within which a server answers. */
const PATIENCE = 120_000;

/** A kube-apiserver and its etcd on loopback. */
export class RealServers {
  readonly folder: string;
  readonly admin: ApiClient;
  readonly port: number;
  readonly #program: string;
  readonly #etcd: string;
  readonly #scope: Scope;
  #apiServer: ChildProcess | undefined;

  private constructor(scope: Scope, program: string, folder: string, etcd: string, port: number) {
    this.#scope = scope;
    this.#program = program;
    this.folder = folder;
    this.#etcd = etcd;
    this.port = port;
    this.admin = new ApiClient(HOST, port, ADMIN, this.authority);
  }

  /** Where the certificate of the API server is, that it has made for itself. */
  get authority(): string {
    return join(this.folder, 'certificates/apiserver.crt');
  }

  /** Starts both; what they say is in files of the folder. */
  static async start(scope: Scope): Promise<RealServers> {
    const program = serversProgram();
    const folder = temporaryFolder(scope);
    const [client, peer, port] = await freePorts(3);
    const etcd = `http://${HOST}:${client}`;
    const peers = `http://${HOST}:${peer}`;
    const servers = new RealServers(scope, program, folder, etcd, port);
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    writeFileSync(join(folder, 'sa.key'), privateKey.export({ type: 'pkcs1', format: 'pem' }));
    writeFileSync(join(folder, 'sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
    writeFileSync(join(folder, 'tokens.csv'), `${ADMIN},admin,admin,system:masters\n`);
    servers.#run('etcd', [
      `--data-dir=${join(folder, 'etcd')}`,
      `--listen-client-urls=${etcd}`,
      `--advertise-client-urls=${etcd}`,
      `--listen-peer-urls=${peers}`,
      `--initial-advertise-peer-urls=${peers}`,
      `--initial-cluster=default=${peers}`,
      '--unsafe-no-fsync',
    ]);
    await servers.startApiServer();
    return servers;
  }

  /** At the port of before. */
  async startApiServer(): Promise<void> {
    const at = (name: string): string => join(this.folder, name);
    const child = (this.#apiServer = this.#run('kube-apiserver', [
      `--etcd-servers=${this.#etcd}`,
      `--bind-address=${HOST}`,
      `--advertise-address=${HOST}`,
      `--secure-port=${this.port}`,
      `--cert-dir=${at('certificates')}`,
      '--service-cluster-ip-range=10.96.0.0/16',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${at('sa.pub')}`,
      `--service-account-signing-key-file=${at('sa.key')}`,
      `--token-auth-file=${at('tokens.csv')}`,
      '--authorization-mode=RBAC',
      // pods are made without their service account, and nobody but us is an end of the service `kubernetes`
      '--disable-admission-plugins=ServiceAccount',
      '--endpoint-reconciler-type=none',
    ]));
    const ready = async (): Promise<boolean> => {
      if (child.exitCode !== null) throw new Error(`kube-apiserver has ended: ${this.folder}/kube-apiserver.log`);
      return (
        existsSync(this.authority) && (await this.admin.ask('GET', '/readyz').catch(() => undefined))?.status === 200
      );
    };
    await eventually('the API server is ready', ready, PATIENCE);
  }

  async stopApiServer(): Promise<void> {
    await end(this.#apiServer!);
  }

  /** etcd forgets all versions before this one. */
  async compact(): Promise<void> {
    const ask = async (path: string, body: unknown): Promise<{ header?: { revision?: string } }> => {
      const answer = await fetch(`${this.#etcd}/v3/kv/${path}`, { method: 'POST', body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(`etcd refuses ${path}: ${await answer.text()}`);
      return (await answer.json()) as { header?: { revision?: string } };
    };
    const { header } = await ask('range', { key: Buffer.from('none').toString('base64') });
    await ask('compaction', { revision: header?.revision, physical: true });
  }

  #run(name: string, args: readonly string[]): ChildProcess {
    const log = openSync(join(this.folder, `${name}.log`), 'a');
    const child = spawn(this.#program, [name, ...args], { stdio: ['ignore', log, log] });
    this.#scope.teardown(() => end(child));
    return child;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await ended;
  clearTimeout(late);
}

/** Both servers are one program in Go; it is built once for its sources, which takes a quarter of an hour or more. */
function serversProgram(): string {
  const hash = createHash('sha256');
  for (const name of ['go.mod', 'go.sum', 'main.go']) hash.update(readFileSync(join(SOURCES, name)));
  const folder = join(ROOT, `build/kubernetes-servers-${hash.digest('hex').slice(0, 16)}`);
  const program = join(folder, 'servers');
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  process.stdout.write('building kube-apiserver and etcd\n');
  const env = { ...process.env, CGO_ENABLED: '0' };
  const { status } = spawnSync('go', ['build', '-o', program, '.'], { cwd: SOURCES, env, stdio: 'inherit' });
  if (status !== 0) throw new Error('go cannot build kube-apiserver');
  return program;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    server.listen(0, HOST);
    await once(server, 'listening');
    ports.push((server.address() as AddressInfo).port);
  }
  for (const server of servers) server.close();
  return ports;
}
