import { isDeepStrictEqual } from 'node:util';
import { destinationSettings } from '../../config/destination-settings.js';
import type { DestinationConfig, RunConfig } from '../../config/run-config.js';
import type { RunSettings } from '../../config/run-settings.js';

/** These change while ctflow runs, beside the destinations. */
export const IN_FLIGHT = [
  'logLevel',
  'statsInterval',
  'flowPollInterval',
  'pollBudget',
  'shutdownTimeout',
] as const satisfies readonly (keyof RunSettings)[];

/** What differs between the settings of a run and those that were read again, and does not change while it runs; without destinations. */
export function needRestart(before: RunConfig, after: RunConfig): string[] {
  const inFlight: readonly string[] = IN_FLIGHT;
  const keys = differences(before.settings, after.settings).filter(
    // each destination has its own, or what is said for all
    key => !inFlight.includes(key) && !Object.hasOwn(destinationSettings, key) && key !== 'flowCollectorAddr',
  );
  return keys.map(key => after.say([key]));
}

/** What differs between two destinations: `destinations.lab.mtu`. */
export function changedKeys(before: DestinationConfig, after: DestinationConfig): string[] {
  return differences(plain(before), plain(after)).map(key => `destinations.${after.name}.${key}`);
}

/** Without what is only known of the file, and with the filter as it is written. */
function plain({ own: _, filter, ...rest }: DestinationConfig): object {
  return { ...rest, filter: filter?.text };
}

function differences(one: object, other: object): string[] {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].filter(
    key => !isDeepStrictEqual(Reflect.get(one, key), Reflect.get(other, key)),
  );
}
