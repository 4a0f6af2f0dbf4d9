import { CtflowError } from '../common/errors.js';
import { isOfKernel, type Source } from './source.js';

/** Something in the kernel's settings that takes facts away, and what to do about it. */
export interface Finding {
  readonly message: string;
  readonly hint: string;
}

interface Setting {
  readonly name: string;
  /** Values that take something away, and what. */
  readonly wanting: Readonly<Record<string, string>>;
}

const SETTINGS: readonly Setting[] = [
  {
    name: 'nf_conntrack_acct',
    wanting: { 0: 'accounting is off: connections have no packet and octet counters' },
  },
  {
    name: 'nf_conntrack_timestamp',
    wanting: {
      0: 'timestamps are off: connections have no start time, and a reopened connection may be taken for the old one',
    },
  },
];
const EVENTS: Setting = {
  name: 'nf_conntrack_events',
  wanting: {
    0: 'events are off: packets after the last poll of a connection are not counted',
    2: 'events are automatic: existing connections send none, so polls find their end',
  },
};
export const setupHint = (name: string): string =>
  `Run sysctl -w net.netfilter.${name}=1, or ctflow run --setup-sysctl; it applies to new connections only`;

/**
 * What the namespace's settings take away from the export; nothing where they cannot be read.
 * @param events DESTROY events are wanted
 */
export function checkKernel(source: Source, events = false): Finding[] {
  if (!isOfKernel(source)) return [];
  return [...settingsOff(source, events)].map(([name, message]) => ({ message, hint: setupHint(name) }));
}

/** The settings that take something away as they are now, by name: what they take. Empty where they cannot be read. */
export function settingsOff(source: Pick<Source, 'sysctl'>, events: boolean): Map<string, string> {
  const off = new Map<string, string>();
  for (const { name, wanting } of settings(events)) {
    const message = wanting[source.sysctl(name) ?? ''];
    if (message !== undefined) off.set(name, message);
  }
  return off;
}

/**
 * Switches accounting, timestamps and, where they are wanted, events on; they are left on at the end.
 * @returns the names that were changed
 * @throws CtflowError CTFLOW_PERMISSION
 */
export function setupKernel(source: Source, events = false): string[] {
  const changed: string[] = [];
  for (const { name, wanting } of settings(events)) {
    if (wanting[source.sysctl(name) ?? ''] === undefined) continue;
    try {
      source.setSysctl(name, '1');
    } catch (error) {
      throw new CtflowError(
        'CTFLOW_PERMISSION',
        `net.netfilter.${name} cannot be set`,
        'Run as root of the network namespace, or set it beforehand and remove --setup-sysctl',
        error,
      );
    }
    changed.push(name);
  }
  return changed;
}

function settings(events: boolean): readonly Setting[] {
  return events ? [...SETTINGS, EVENTS] : SETTINGS;
}
