import { readdir, readFile, stat } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';

/** Containers whose names are kept at most; the one that was asked for first goes first. */
const MOST_CONTAINERS = 4_096;
/** Octets of a file or an answer that are read at most. */
const MOST_OCTETS = 4 << 20;
/** Milliseconds that an engine has for its answer. */
const PATIENCE_MS = 2_000;

const DOCKER = 'var/lib/docker/containers';
const CONTAINERD = 'run/containerd/io.containerd.runtime.v2.task';
const STORAGE = 'var/lib/containers/storage';
/** Engines that answer in Docker's way. */
const SOCKETS = ['run/docker.sock', 'run/podman/podman.sock'];
/** Annotations of a container of containerd: those of Kubernetes, of its sandbox, and of nerdctl. */
const ANNOTATIONS = ['io.kubernetes.cri.container-name', 'io.kubernetes.cri.sandbox-name', 'nerdctl/name'];

/** Names of containers by id: from the files of their engines where these can be read, else from an engine's socket. */
export class ContainerNames {
  readonly #root: string;
  readonly #most: number;
  /** In the order in which they were asked for. */
  readonly #names = new Map<string, Promise<string>>();
  #storage: { readonly stamp: string; readonly names: ReadonlyMap<string, string> } | undefined;

  /** @param root of the host's files */
  constructor(root = '/', most: number = MOST_CONTAINERS) {
    this.#root = root;
    this.#most = most;
  }

  /** @param id 64 hexadecimal digits @returns the empty one where nobody knows it; never rejects */
  name(id: string): Promise<string> {
    const known = this.#names.get(id);
    if (known) return known;
    const name = this.#ask(id);
    this.#names.set(id, name);
    if (this.#names.size > this.#most) this.#names.delete(this.#names.keys().next().value!);
    return name;
  }

  async #ask(id: string): Promise<string> {
    for (const ask of [this.#ofDocker, this.#ofContainerd, this.#ofStorage, ...SOCKETS.map(ofSocket)]) {
      try {
        const name = await ask.call(this, id, this.#root);
        if (name !== '') return name;
      } catch {
        // this engine is not there, cannot be read, or does not know it
      }
    }
    return '';
  }

  async #ofDocker(id: string): Promise<string> {
    return withoutSlash(memberOf(await readJson(join(this.#root, DOCKER, id, 'config.v2.json')), 'Name'));
  }

  /** The specification of the Open Container Initiative, in a folder for each of containerd's namespaces. */
  async #ofContainerd(id: string): Promise<string> {
    for (const namespace of await readdir(join(this.#root, CONTAINERD))) {
      const file = join(this.#root, CONTAINERD, namespace, id, 'config.json');
      const spec = await readJson(file).catch(() => undefined);
      const annotations: unknown = (spec as { annotations?: unknown } | undefined)?.annotations;
      const name = ANNOTATIONS.map(key => memberOf(annotations, key)).find(one => one !== '');
      if (name !== undefined) return name;
    }
    return '';
  }

  /** What podman and CRI-O have stored, in a folder for each driver. */
  async #ofStorage(id: string): Promise<string> {
    const folder = join(this.#root, STORAGE);
    const drivers = (await readdir(folder)).filter(name => name.endsWith('-containers'));
    const files = drivers.map(driver => join(folder, driver, 'containers.json'));
    const stamps = await Promise.all(files.map(stampOf));
    const stamp = stamps.join();
    if (this.#storage?.stamp !== stamp) {
      const lists = await Promise.all(files.map(file => readJson(file).catch(() => [])));
      const names = lists.flat().map(one => [memberOf(one, 'id'), firstName(one)] as const);
      this.#storage = { stamp, names: new Map(names) };
    }
    return this.#storage.names.get(id) ?? '';
  }
}

function ofSocket(socket: string) {
  return async (id: string, root: string): Promise<string> =>
    withoutSlash(memberOf(await getJson(join(root, socket), `/containers/${id}/json`), 'Name'));
}

async function stampOf(file: string): Promise<string> {
  const { mtimeMs, size, ino } = await stat(file);
  return `${mtimeMs}/${size}/${ino}`;
}

async function readJson(file: string): Promise<unknown> {
  const { size } = await stat(file);
  if (size > MOST_OCTETS) throw new Error(`${file} has ${size} octets`);
  return JSON.parse(await readFile(file, 'utf8'));
}

function getJson(socketPath: string, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, timeout: PATIENCE_MS }, response => {
      const parts: Buffer[] = [];
      let octets = 0;
      response.on('data', (part: Buffer) => {
        octets += part.length;
        if (octets > MOST_OCTETS) asked.destroy(new Error('the answer is too long'));
        parts.push(part);
      });
      response.on('error', reject);
      response.on('end', () => {
        try {
          if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
          resolve(JSON.parse(Buffer.concat(parts).toString()));
        } catch (error) {
          reject(error as Error);
        }
      });
    });
    const timer = setTimeout(() => asked.destroy(new Error('no answer')), PATIENCE_MS);
    asked.on('error', reject);
    asked.on('close', () => clearTimeout(timer));
    asked.end();
  });
}

/** A text that an object has under this name; else the empty one. */
function memberOf(value: unknown, name: string): string {
  const member: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  return typeof member === 'string' ? member : '';
}

function firstName(container: unknown): string {
  const names: unknown = (container as { names?: unknown } | null)?.names;
  return Array.isArray(names) && typeof names[0] === 'string' ? names[0] : '';
}

/** Docker puts one in front. */
function withoutSlash(name: string): string {
  return name.replace(/^\//, '');
}
