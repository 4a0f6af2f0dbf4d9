import type { ApiObject } from './api-server.js';

/** As the API writes a time: whole seconds. */
export function apiTime(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

interface PodOptions {
  readonly uid?: string;
  readonly namespace?: string;
  readonly node?: string;
  readonly addresses?: readonly string[];
  readonly started?: number;
  readonly phase?: string;
  readonly restartPolicy?: string;
  readonly hostNetwork?: boolean;
  /** When it was told to end. */
  readonly deleted?: number;
  /** When its only container ended. */
  readonly finished?: number;
  readonly labels?: Readonly<Record<string, string>>;
  /** Its controller. */
  readonly controller?: Controller;
}

export interface Controller {
  readonly apiVersion?: string;
  readonly kind: string;
  readonly name: string;
}

/** A pod that runs since an hour, as far as nothing else is said. */
export function podObject(name: string, options: PodOptions = {}): ApiObject {
  const { uid = `uid-${name}`, namespace = 'shop', node = 'worker-1', addresses = [], deleted, finished } = options;
  const { started = Date.now() - 3_600_000, phase = 'Running', restartPolicy = 'Always', hostNetwork } = options;
  const { labels, controller } = options;
  const state =
    finished === undefined ? { running: {} } : { terminated: { exitCode: 0, finishedAt: apiTime(finished) } };
  return {
    metadata: {
      uid,
      name,
      namespace,
      creationTimestamp: apiTime(started),
      ...(labels && { labels }),
      ...(controller && { ownerReferences: [ownerReference(controller)] }),
      ...(deleted !== undefined && { deletionTimestamp: apiTime(deleted + 30_000), deletionGracePeriodSeconds: 30 }),
    },
    spec: { nodeName: node, restartPolicy, ...(hostNetwork && { hostNetwork }) },
    status: {
      phase,
      ...(addresses.length > 0 && {
        startTime: apiTime(started),
        podIP: addresses[0],
        podIPs: addresses.map(ip => ({ ip })),
        containerStatuses: [{ name: 'main', state }],
      }),
    },
  };
}

function ownerReference({ apiVersion = 'apps/v1', kind, name }: Controller): unknown {
  return { apiVersion, kind, name, uid: `uid-${kind}-${name}`, controller: true, blockOwnerDeletion: true };
}

export function nodeObject(name: string, addresses: readonly string[], podCIDRs: readonly string[] = []): ApiObject {
  return {
    metadata: { uid: `uid-${name}`, name },
    spec: podCIDRs.length > 0 ? { podCIDR: podCIDRs[0], podCIDRs } : {},
    status: {
      addresses: [...addresses.map(address => ({ type: 'InternalIP', address })), { type: 'Hostname', address: name }],
    },
  };
}

interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly protocol?: string;
  readonly nodePort?: number;
}

export function serviceObject(
  name: string,
  clusterIPs: readonly string[],
  ports: readonly ServicePort[],
  more: { externalIPs?: readonly string[]; balancers?: readonly string[]; created?: number } = {},
): ApiObject {
  const { externalIPs, balancers = [], created = Date.now() - 3_600_000 } = more;
  return {
    metadata: { uid: `uid-${name}`, name, namespace: 'shop', creationTimestamp: apiTime(created) },
    spec: { clusterIP: clusterIPs[0], clusterIPs, ports, ...(externalIPs && { externalIPs }) },
    status: { loadBalancer: { ingress: balancers.map(ip => ({ ip })) } },
  };
}

export function sliceObject(
  service: string,
  pods: readonly ApiObject[],
  ports: readonly { name?: string; port: number; protocol?: string }[],
): ApiObject {
  const labels = { 'kubernetes.io/service-name': service };
  return {
    metadata: { uid: `uid-slice-${service}`, name: `${service}-abcde`, namespace: 'shop', labels },
    addressType: 'IPv4',
    endpoints: pods.map(({ metadata, spec, status }) => ({
      addresses: [status?.['podIP']],
      nodeName: spec?.['nodeName'],
      targetRef: { kind: 'Pod', uid: metadata.uid, name: metadata.name },
    })),
    ports,
  };
}
