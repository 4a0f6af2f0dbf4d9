import { hostname } from 'node:os';
import type { Logger } from '../common/logger.js';
import type { RunSettings } from '../config/run-settings.js';
import { DnsNames } from '../inventory/addresses/dns-names.js';
import { Geoip } from '../inventory/addresses/geoip.js';
import { InventoryFile } from '../inventory/inventory-file.js';
import { KubernetesInventory, type KubernetesOptions } from '../inventory/kubernetes/kubernetes-inventory.js';

/** Where what is known of addresses comes from, as far as the settings ask for any. */
export interface Names {
  readonly inventory?: InventoryFile;
  readonly kubernetes?: KubernetesInventory;
  readonly geoip?: Geoip;
  readonly dns?: DnsNames;
}

/**
 * @param stopped gives up: a large file takes its time
 * @returns undefined where it was stopped before
 * @throws CtflowError CTFLOW_INVENTORY, CTFLOW_KUBERNETES, CTFLOW_GEOIP
 */
export async function openNames(
  settings: RunSettings,
  log: Logger,
  stopped: Promise<unknown>,
): Promise<Names | undefined> {
  const stopping = new AbortController();
  void stopped.then(() => stopping.abort());
  const { signal } = stopping;
  const { inventory, geoipAsn: asn, geoipCountry: country, dnsServers: servers } = settings;
  const cluster = clusterOf(settings);
  const names: { -readonly [K in keyof Names]: Names[K] } = {};
  try {
    if (asn !== undefined || country !== undefined) names.geoip = await Geoip.open({ asn, country }, log, { signal });
    if (settings.dnsNames) names.dns = new DnsNames({ servers, most: settings.dnsCache, maxAge: settings.dnsMaxAge });
    if (inventory !== undefined) names.inventory = await InventoryFile.open(inventory, log, undefined, signal);
    else if (cluster) names.kubernetes = await KubernetesInventory.open(cluster, log, signal);
    return names;
  } catch (error) {
    await closeNames(names);
    if (signal.aborted) return undefined;
    throw error;
  }
}

/** Reads the files again. @returns of each that stays as it was, as it has a mistake, a sentence */
export async function readNamesAgain({ inventory, geoip }: Names): Promise<string[]> {
  const files = [
    {
      file: inventory,
      errors: () => inventory?.stats().errors,
      sentence: 'the inventory cannot be used, and stays as it was',
    },
    { file: geoip, errors: () => geoip?.errors, sentence: 'a GeoIP database cannot be used, and stays as it was' },
  ];
  const kept: string[] = [];
  for (const { file, errors, sentence } of files) {
    const before = errors();
    await file?.reload();
    if (errors() !== before) kept.push(sentence);
  }
  return kept;
}

export async function closeNames(names: Names | undefined): Promise<void> {
  names?.inventory?.close();
  names?.geoip?.close();
  names?.dns?.close();
  await names?.kubernetes?.close();
}

function clusterOf({
  kubernetes: config,
  kubernetesNode = process.env['NODE_NAME'] || hostname(),
  kubernetesPods: pods,
  kubernetesPodPrefixes: podPrefixes = [],
  kubernetesLabels: labels = [],
}: RunSettings): KubernetesOptions | undefined {
  return config === undefined ? undefined : { config, node: kubernetesNode, pods, podPrefixes, labels };
}
