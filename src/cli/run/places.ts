import type { RunConfig } from '../../config/run-config.js';
import type { RunSettings } from '../../config/run-settings.js';
import { ALL, isSeveral, netnsOf } from '../../daemon/namespaces/namespace-names.js';
import type { PipelineConfig } from '../../daemon/namespaces/pipeline.js';
import type { NamespaceSetOptions } from '../../daemon/namespaces/namespace-set.js';
import { IN_FLIGHT } from '../../daemon/reload/changed-settings.js';
import { NAME_LIMITS } from '../../record/name-table.js';
import { OwnConnections } from '../../row/own-connections.js';
import { now, type Moment } from '../../store/poll-history.js';
import { SharedRoom } from '../../store/connection-table.js';
import { partOf, type Place } from './place.js';

export interface Places extends Pick<NamespaceSetOptions, 'wanted' | 'most' | 'retires'> {
  /** @param left as of {@link NamespaceSetOptions} */
  placeOf(name: string, left: Moment | undefined): Place;
}

/** Where the settings want exporters, and what these have in common. */
export function placesOf({ netns, maxNamespaces, maxConnections }: RunSettings): Places {
  if (!isSeveral(netns)) {
    const [label] = netns ?? [];
    const place = { netns: netnsOf(label), label, parts: 1 };
    return { wanted: undefined, most: 1, retires: false, placeOf: () => place };
  }
  const all = netns[0] === ALL;
  const parts = all ? maxNamespaces : netns.length;
  const shared = {
    room: new SharedRoom(maxConnections),
    nameLimits: { names: partOf(NAME_LIMITS.names, { parts }), bytes: partOf(NAME_LIMITS.bytes, { parts }) },
    own: new OwnConnections(),
  };
  const began = now();
  return {
    wanted: netns,
    most: parts,
    retires: all,
    placeOf: (name, left) => ({
      netns: netnsOf(name),
      label: name,
      parts,
      beside: { ...shared, born: left ?? began },
    }),
  };
}

/** What the run has begun with, with all that was changed since. */
export function withInFlight(began: RunConfig, next: RunConfig): PipelineConfig {
  const changed = Object.fromEntries(IN_FLIGHT.map(key => [key, next.settings[key]]));
  return { settings: { ...began.settings, ...changed }, destinations: next.destinations };
}
