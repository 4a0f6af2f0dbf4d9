import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { Backend } from '../backend/backend.js';
import { formatDestination } from '../common/destination-endpoint.js';
import { VERSION } from '../common/version.js';
import type { RunConfig } from '../config/run-config.js';
import { runSettings } from '../config/run-settings.js';
import { about, type Settings, shown } from '../config/setting.js';
import type { DestinationOptions } from '../destination/destination-options.js';
import type { Source } from '../sources/source.js';
import { eventKind } from './run-checks.js';

/** Numbers of the capabilities that ctflow can use (capability.h). */
const CAPABILITIES = {
  CAP_DAC_READ_SEARCH: 2,
  CAP_NET_ADMIN: 12,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
} as const;

/** All that is needed to understand a run: what runs, where, with which rights and settings. */
export function runFacts(
  config: RunConfig,
  backend: Backend,
  kind: Source['kind'],
  destinations: readonly (DestinationOptions & { name: string })[],
): object {
  const { settings, file } = config;
  const given = Object.keys(runSettings).filter(key => key !== 'flowCollectorAddr' && config.isGiven(key));
  return {
    backend: backend.name,
    source: kind,
    events: eventKind(settings, kind),
    destinations: destinations.map(({ name, endpoint, profile, observationDomain }) => {
      const values = config.destinations.find(one => one.name === name)!;
      const keys = [...values.own].filter(key => key !== 'flowCollectorAddr' && key !== 'profile');
      return {
        name,
        endpoint: formatDestination(endpoint),
        profile,
        observationDomain,
        ...(keys.length > 0 && { settings: shownSettings(keys, values) }),
      };
    }),
    ...(file && { file: file.path }),
    settings: shownSettings(given, settings),
    version: VERSION,
    node: process.version,
    kernel: release(),
    uid: process.geteuid?.(),
    capabilities: capabilities(),
  };
}

/** As a file has them. */
function shownSettings(keys: readonly string[], values: object): Record<string, string> {
  const schemas = runSettings as Settings;
  const known = values as Readonly<Record<string, unknown>>;
  return Object.fromEntries(keys.map(key => [key, shown(about(schemas[key]), known[key])]));
}

/** Those that are in effect, of those that ctflow can use. */
function capabilities(): string[] {
  try {
    const [, effective] = /^CapEff:\s*(\w+)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
    const bits = BigInt(`0x${effective}`);
    return Object.entries(CAPABILITIES).flatMap(([name, bit]) => ((bits >> BigInt(bit)) & 1n ? [name] : []));
  } catch {
    return []; // there are none on this system
  }
}
