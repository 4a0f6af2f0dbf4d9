import { isDeepStrictEqual } from 'node:util';
import { destinationSettings } from '../../config/destination-settings.js';
import type { DestinationConfig, RunConfig } from '../../config/run-config.js';
import type { RunSettings } from '../../config/run-settings.js';

/** These change while ctflow runs. */
export const IN_FLIGHT = ['logLevel', 'statsInterval'] as const satisfies readonly (keyof RunSettings)[];

/** What differs between the settings of a run and those that were read again, and does not change while it runs: `destinations.lab.mtu`. */
export function needRestart(before: RunConfig, after: RunConfig): string[] {
  const inFlight: readonly string[] = IN_FLIGHT;
  const keys = differences(before.settings, after.settings).filter(
    // each destination has its own, or what is said for all
    key => !inFlight.includes(key) && !Object.hasOwn(destinationSettings, key) && key !== 'flowCollectorAddr',
  );
  const found = keys.map(key => after.say([key]));
  const names = new Set([...before.destinations, ...after.destinations].map(({ name }) => name));
  for (const name of names) {
    const [one, other] = [before, after].map(({ destinations }) => destinations.find(its => its.name === name));
    const path = `destinations.${name}`;
    if (!one) found.push(`${path} (added)`);
    else if (!other) found.push(`${path} (removed)`);
    else found.push(...differences(plain(one), plain(other)).map(key => `${path}.${key}`));
  }
  return found;
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
