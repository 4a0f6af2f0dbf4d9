import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { QUIET_HOST } from '../fakes/quiet-host.js';
import type { Scope } from '../kernel/scope.js';
import { temporaryFolder } from '../temporary.js';
import { certificates } from '../tls/certificates.js';

/** An object of the API, as JSON. */
export interface ApiObject {
  metadata: { uid: string; name: string; namespace?: string; resourceVersion?: string; [more: string]: unknown };
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  [more: string]: unknown;
}

const PATHS = {
  pods: '/api/v1/pods',
  nodes: '/api/v1/nodes',
  services: '/api/v1/services',
  endpoints: '/apis/discovery.k8s.io/v1/endpointslices',
} as const;
export type Kind = keyof typeof PATHS;

/** Where objects are made, changed and removed. */
export interface ObjectStore {
  put(kind: Kind, object: ApiObject): void;
  remove(kind: Kind, uid: string): void;
}

interface Change {
  readonly version: number;
  readonly before: ApiObject | undefined;
  readonly after: ApiObject | undefined;
}

interface Watcher {
  readonly kind: Kind;
  readonly selects: (object: ApiObject) => boolean;
  readonly bookmarks: boolean;
  readonly response: ServerResponse;
}

/** What a request asks for. */
export interface Request {
  readonly kind: Kind;
  readonly watch: boolean;
  readonly query: URLSearchParams;
}

/** An answer in place of the right one, or `hang` for none; undefined for the right one. */
export type Fault = (request: Request) => { status: number; retryAfter?: number } | 'hang' | undefined;

/**
 * The part of an API server that lists and watches, over HTTPS: pages, versions, bookmarks, 410 for versions that it has forgotten,
 * field selectors, tokens, and streams that break. What is put there appears in all watches at once.
 */
export class ApiServer implements ObjectStore {
  /** Whoever has none of them gets 401. */
  tokens = new Set(['first']);
  fault: Fault = () => undefined;
  readonly requests: Request[] = [];
  readonly #server: Server;
  readonly #objects: Record<Kind, Map<string, ApiObject>> = {
    pods: new Map(),
    nodes: new Map(),
    services: new Map(),
    endpoints: new Map(),
  };
  readonly #history: Record<Kind, Change[]> = { pods: [], nodes: [], services: [], endpoints: [] };
  readonly #watchers = new Set<Watcher>();
  /** What is left of a list, by the token for going on. */
  readonly #pages = new Map<string, { version: number; items: ApiObject[] }>();
  #port = 0;
  #version = 100;
  /** Older versions are forgotten. */
  #oldest = 0;

  private constructor() {
    const { tlsCertificate, tlsKey } = certificates().collector;
    const pair = { cert: readFileSync(tlsCertificate), key: readFileSync(tlsKey) };
    this.#server = createServer(pair, (request, response) => this.#answer(request, response));
  }

  static async open(scope: Scope): Promise<ApiServer> {
    const server = new ApiServer();
    await server.listen();
    scope.teardown(() => server.close());
    return server;
  }

  /** At the port of before. */
  async listen(): Promise<void> {
    await new Promise<void>(resolve => this.#server.listen(this.#port, QUIET_HOST, resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Nobody answers any more, and all connections break. */
  async close(): Promise<void> {
    const closed = new Promise<unknown>(resolve => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  /** A kubeconfig whose token is read from a file. @returns its path, and that of the token */
  writeConfig(scope: Scope): { config: string; token: string } {
    const folder = temporaryFolder(scope);
    const [config, token] = [join(folder, 'config'), join(folder, 'token')];
    writeFileSync(token, 'first');
    const { tlsCa } = certificates().ours;
    const user = { 'auth-provider': { name: 'tokenFile', config: { tokenFile: token } } };
    writeFileSync(
      config,
      JSON.stringify({
        clusters: [
          { name: 'c', cluster: { server: `https://${QUIET_HOST}:${this.#port}`, 'certificate-authority': tlsCa } },
        ],
        users: [{ name: 'u', user }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }),
    );
    return { config, token };
  }

  put(kind: Kind, object: ApiObject): void {
    const version = ++this.#version;
    const after = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    const before = this.#objects[kind].get(object.metadata.uid);
    this.#objects[kind].set(object.metadata.uid, after);
    this.#tell(kind, { version, before, after });
  }

  remove(kind: Kind, uid: string): void {
    const before = this.#objects[kind].get(uid);
    if (!before) throw new Error(`${kind} have no ${uid}`);
    this.#objects[kind].delete(uid);
    const version = ++this.#version;
    this.#tell(kind, {
      version,
      before: { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } },
      after: undefined,
    });
  }

  get(kind: Kind, uid: string): ApiObject | undefined {
    return this.#objects[kind].get(uid);
  }

  /** Whoever watches from an older version gets 410. */
  forget(): void {
    this.#oldest = ++this.#version;
    for (const kind of Object.keys(PATHS) as Kind[]) this.#history[kind].length = 0;
  }

  bookmark(): void {
    for (const { bookmarks, response } of this.#watchers)
      if (bookmarks) send(response, 'BOOKMARK', { metadata: { resourceVersion: String(this.#version) } });
  }

  /** Ends all watches: as the server does in time; within an event; or by resetting the connection. */
  endWatches(how: 'well' | 'within' | 'reset'): void {
    for (const { response } of this.#watchers) {
      if (how === 'within') response.write('{"type":"MODIFIED","object":{"metadata":{"na');
      if (how === 'reset') response.socket?.destroy();
      else response.end();
    }
    this.#watchers.clear();
  }

  /** An event that says that the version is too old, in watches that stand. */
  sendGone(): void {
    for (const { response } of this.#watchers)
      send(response, 'ERROR', { kind: 'Status', code: 410, message: 'too old' });
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  requestsOf(kind: Kind, watch: boolean): Request[] {
    return this.requests.filter(request => request.kind === kind && request.watch === watch);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams: query } = new URL(request.url!, 'https://server');
    const kind = (Object.keys(PATHS) as Kind[]).find(kind => PATHS[kind] === pathname);
    if (!kind) return refuse(response, 404, `no path ${pathname}`);
    const asked: Request = { kind, watch: query.get('watch') === 'true', query };
    this.requests.push(asked);
    if (!this.tokens.has(request.headers.authorization?.replace('Bearer ', '') ?? ''))
      return refuse(response, 401, 'Unauthorized');
    const fault = this.fault(asked);
    if (fault === 'hang') return;
    if (fault) {
      if (fault.retryAfter !== undefined) response.setHeader('retry-after', fault.retryAfter);
      return refuse(response, fault.status, 'a fault');
    }
    if (asked.watch) this.#watch(kind, query, response);
    else this.#list(kind, query, response);
  }

  #list(kind: Kind, query: URLSearchParams, response: ServerResponse): void {
    const limit = Number(query.get('limit') ?? 0) || Number.POSITIVE_INFINITY;
    const token = query.get('continue');
    const begun = token === null ? undefined : this.#pages.get(token);
    if (token !== null && (!begun || begun.version < this.#oldest))
      return refuse(response, 410, 'the token is too old');
    const selects = selectorOf(query);
    const { version, items } = begun ?? {
      version: this.#version,
      items: [...this.#objects[kind].values()].filter(selects),
    };
    const rest = items.slice(limit);
    const next = rest.length === 0 ? undefined : `${kind} ${version} ${rest.length}`;
    if (next !== undefined) this.#pages.set(next, { version, items: rest });
    const metadata = { resourceVersion: String(version), ...(next !== undefined && { continue: next }) };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ kind: 'List', metadata, items: items.slice(0, limit) }));
  }

  #watch(kind: Kind, query: URLSearchParams, response: ServerResponse): void {
    const from = Number(query.get('resourceVersion'));
    if (from < this.#oldest) return refuse(response, 410, `too old resource version: ${from} (${this.#oldest})`);
    const bookmarks = query.get('allowWatchBookmarks') === 'true';
    const watcher = { kind, selects: selectorOf(query), bookmarks, response };
    response.setHeader('content-type', 'application/json');
    response.flushHeaders();
    for (const change of this.#history[kind]) if (change.version > from) tell(watcher, change);
    this.#watchers.add(watcher);
    response.on('close', () => this.#watchers.delete(watcher));
  }

  #tell(kind: Kind, change: Change): void {
    this.#history[kind].push(change);
    for (const watcher of this.#watchers) if (watcher.kind === kind) tell(watcher, change);
  }
}

/** What leaves a selection appears as deleted, what enters it as added. */
function tell({ selects, response }: Watcher, { before, after }: Change): void {
  const was = before !== undefined && selects(before);
  const is = after !== undefined && selects(after);
  if (was && is) send(response, 'MODIFIED', after);
  else if (is) send(response, 'ADDED', after);
  else if (was) send(response, 'DELETED', after ?? before);
}

function send(response: ServerResponse, type: string, object: unknown): void {
  response.write(`${JSON.stringify({ type, object })}\n`);
}

function refuse(response: ServerResponse, code: number, message: string): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ kind: 'Status', code, message }));
}

/** `status.phase!=Failed,spec.nodeName=worker-1` */
function selectorOf(query: URLSearchParams): (object: ApiObject) => boolean {
  const terms = (query.get('fieldSelector') ?? '').split(',').filter(term => term !== '');
  const tests = terms.map(term => {
    const [, path, sign, value] = /^([\w.]+)(!?=)(.*)$/.exec(term)!;
    const [part, field] = path.split('.');
    return (object: ApiObject): boolean => {
      const found = (object[part] as Record<string, unknown> | undefined)?.[field] ?? '';
      return sign === '=' ? found === value : found !== value;
    };
  });
  return object => tests.every(test => test(object));
}
