import { hostname } from 'node:os';
import type { Logger } from '../common/logger.js';
import type { RunSettings } from '../config/run-settings.js';
import { InventoryFile } from '../inventory/inventory-file.js';
import { KubernetesInventory, type KubernetesOptions } from '../inventory/kubernetes/kubernetes-inventory.js';

/** Where the names of flows come from, as far as the settings ask for any. */
export interface Names {
  readonly inventory?: InventoryFile;
  readonly kubernetes?: KubernetesInventory;
}

/**
 * @param stopped gives up: a large file takes its time
 * @returns undefined where it was stopped before
 * @throws CtflowError CTFLOW_INVENTORY, CTFLOW_KUBERNETES
 */
export async function openNames(
  settings: RunSettings,
  log: Logger,
  stopped: Promise<unknown>,
): Promise<Names | undefined> {
  const stopping = new AbortController();
  void stopped.then(() => stopping.abort());
  const { signal } = stopping;
  const cluster = clusterOf(settings);
  try {
    if (settings.inventory !== undefined)
      return { inventory: await InventoryFile.open(settings.inventory, log, undefined, signal) };
    return cluster ? { kubernetes: await KubernetesInventory.open(cluster, log, signal) } : {};
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

export async function closeNames(names: Names | undefined): Promise<void> {
  names?.inventory?.close();
  await names?.kubernetes?.close();
}

function clusterOf({
  kubernetes: config,
  kubernetesNode = process.env['NODE_NAME'] || hostname(),
  kubernetesPods: pods,
  kubernetesPodPrefixes: podPrefixes = [],
}: RunSettings): KubernetesOptions | undefined {
  return config === undefined ? undefined : { config, node: kubernetesNode, pods, podPrefixes };
}
