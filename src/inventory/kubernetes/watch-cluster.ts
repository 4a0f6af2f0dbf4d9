import type { MessagePort } from 'node:worker_threads';
import type { V1EndpointSlice, V1Pod } from '@kubernetes/client-node';
import { Api } from './api.js';
import type { FromThread, WatchOptions } from './facts.js';
import { endpointFacts, nodeFacts, podFacts, serviceFacts } from './objects.js';
import { Reflector, type ReflectorHooks, type Resource } from './reflector.js';

/** Messages on their way to the exporter; more are not read from the server until it has taken some. */
const MOST_UNTAKEN = 16;

/**
 * Watches the API server until `close` comes, and passes on what it has received.
 * @param port takes FromThread, and gives `taken` for each message with changes, and `close`
 */
export async function watchCluster(options: WatchOptions, port: MessagePort): Promise<void> {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  const send = (message: FromThread): void => port.postMessage(message);
  let api: Api;
  try {
    const { KubeConfig } = await import('@kubernetes/client-node');
    api = new Api(() => {
      const config = new KubeConfig();
      if (options.config === 'in-cluster') config.loadFromCluster();
      else config.loadFromFile(options.config);
      return config;
    });
    send({ type: 'ready', server: api.server });
  } catch (error) {
    send({ type: 'failed', ...failureOf(error as NodeJS.ErrnoException, options) });
    port.close();
    return;
  }
  const end = new AbortController();
  const taken = new Room(MOST_UNTAKEN);
  port.on('message', (message: 'taken' | 'close') => {
    if (message === 'taken') taken.free();
    else end.abort();
  });
  const hooks: ReflectorHooks = {
    changes: changes => {
      send({ type: 'changes', changes });
      return taken.use();
    },
    state: state => send({ type: 'state', state }),
    trouble: (kind, message) => send({ type: 'trouble', kind, message }),
  };
  await Promise.all(
    resources(options).map(resource => new Reflector(resource, api, options.limits, hooks, end.signal).run()),
  );
  port.close();
}

export function resources({ node, pods, labels }: WatchOptions): Resource[] {
  const running = 'status.phase!=Succeeded,status.phase!=Failed';
  const ours = pods === 'node' ? `,spec.nodeName=${node}` : '';
  const onNode = pods === 'node' ? node : undefined;
  return [
    {
      kind: 'pods',
      path: '/api/v1/pods',
      query: { fieldSelector: running + ours },
      facts: (pod: V1Pod, at) => podFacts(pod, at, labels),
    },
    { kind: 'nodes', path: '/api/v1/nodes', facts: nodeFacts },
    { kind: 'services', path: '/api/v1/services', facts: serviceFacts },
    {
      kind: 'endpoints',
      path: '/apis/discovery.k8s.io/v1/endpointslices',
      facts: (slice: V1EndpointSlice) => endpointFacts(slice, onNode),
    },
  ];
}

function failureOf({ code, message }: NodeJS.ErrnoException, options: WatchOptions): { message: string; hint: string } {
  if (code === 'ERR_MODULE_NOT_FOUND')
    return { message: 'the official client is not installed', hint: 'Run npm install @kubernetes/client-node@1' };
  const hint =
    options.config === 'in-cluster'
      ? 'in-cluster works in a pod with a service account; elsewhere give a kubeconfig file'
      : 'Give a kubeconfig file with a current context';
  return { message, hint };
}

/** So many at once. */
class Room {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(size: number) {
    this.#free = size;
  }

  /** Settles when there is room again. */
  async use(): Promise<void> {
    this.#free--;
    if (this.#free < 0) await new Promise<void>(resolve => this.#waiting.push(resolve));
  }

  free(): void {
    this.#free++;
    this.#waiting.shift()?.();
  }
}
