import { type Stats, statSync } from 'node:fs';
import { CtflowError } from '../common/errors.js';
import type { RunConfig } from '../config/run-config.js';
import type { RunSettings } from '../config/run-settings.js';
import { noSocket } from '../daemon/control/socket-path.js';
import { cannotRecord } from '../daemon/recorder/ring.js';
import { GeoipDatabase } from '../inventory/addresses/geoip-database.js';
import { Api } from '../inventory/kubernetes/api.js';
import { InventoryError } from '../inventory/mistakes.js';
import { readInventory } from '../inventory/reader.js';
import { RecordingReader } from '../sources/recording.js';
import { resolveStatePath } from '../state/state-path.js';
import { partsOf } from './open-source.js';

/**
 * What a run refuses because of the files that its settings name, beside those of TLS. What it reads is read whole. Of what it writes it
 * is only said what is something else: it may be made by the run, or belong to another user.
 */
export async function fileMistakes(config: RunConfig): Promise<CtflowError[]> {
  const { settings } = config;
  const { inventory, geoipAsn, geoipCountry, kubernetes, source, state, control, recordLast, recordDirectory } =
    settings;
  const found: CtflowError[] = [];
  const look = async (key: keyof RunSettings, read: () => unknown): Promise<void> => {
    try {
      await read();
    } catch (error) {
      found.push(...mistakesOf(config, key, error as CtflowError));
    }
  };
  const [kind, recording] = partsOf(source);
  if (kind === 'replay') await look('source', async () => (await RecordingReader.open(recording!)).close());
  if (inventory !== undefined) await look('inventory', () => readInventory(inventory));
  if (geoipAsn !== undefined) await look('geoipAsn', () => GeoipDatabase.read(geoipAsn, 'asn'));
  if (geoipCountry !== undefined) await look('geoipCountry', () => GeoipDatabase.read(geoipCountry, 'country'));
  if (kubernetes !== undefined && kubernetes !== 'in-cluster')
    await look('kubernetes', () => readKubeconfig(kubernetes));
  if (state !== undefined)
    await look('state', () => {
      if (statOf(state)) resolveStatePath(state);
    });
  if (control !== undefined && control !== 'off')
    await look('control', () => {
      if (statOf(control)?.isSocket() === false) throw noSocket(control, 'what is there is no socket');
    });
  if (recordLast !== undefined)
    await look('recordDirectory', () => {
      if (statOf(recordDirectory)?.isDirectory() === false) throw cannotRecord(recordDirectory, { code: 'ENOTDIR' });
    });
  return found;
}

/** The place of the setting, and what is wrong in the file. */
function mistakesOf(config: RunConfig, key: keyof RunSettings, error: CtflowError): CtflowError[] {
  const { blame } = config;
  if (!(error instanceof InventoryError)) return [blame([key], error.message, config.inWords(error.hint ?? ''))];
  const found = error.mistakes.map(({ message, hint }) => blame([key], message, hint));
  const more = error.count - found.length;
  if (more > 0) found.push(blame([key], `the inventory has ${more} mistakes more`, 'Mend these first'));
  return found;
}

async function readKubeconfig(file: string): Promise<void> {
  try {
    const { KubeConfig } = await import('@kubernetes/client-node');
    const load = (): InstanceType<typeof KubeConfig> => {
      const config = new KubeConfig();
      config.loadFromFile(file);
      return config;
    };
    // what a run asks first
    void new Api(load).server;
  } catch (error) {
    const { message } = error as Error;
    throw new CtflowError(
      'CTFLOW_KUBERNETES',
      `Kubernetes (${file}): ${message}`,
      'Give a kubeconfig file with a current context',
    );
  }
}

/** Undefined where nothing is there, or this user cannot see it. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
