import type { Backend } from '../../backend/backend.js';
import { CtflowError } from '../../common/errors.js';
import { hostIdentity, isOwnNamespace } from '../../common/host.js';
import type { Logger } from '../../common/logger.js';
import { formerDomain } from '../../common/observation-domain.js';
import type { RunSettings } from '../../config/run-settings.js';
import type { DeniedOptions } from '../../denied/denied-packets.js';
import { type DestinationOptions, nameWithDomain } from '../../destination/destination-options.js';
import type { EventsOptions, EventTap } from '../../ingest/conntrack-events.js';
import { ownersLack } from '../../inventory/owners/host-owners.js';
import { lastingFilter } from '../../row/filter.js';
import { checkKernel, setupKernel } from '../../sources/kernel-settings.js';
import { isOfKernel, type Source } from '../../sources/source.js';
import { Journal } from '../../state/journal.js';
import { warnIfInactive } from '../doctor/conntrack.js';
import { filterOf, type SourceSettings } from '../open-source.js';
import { eventKind } from '../run-checks.js';
import { inFileName, partOf, type Place } from './place.js';

/** Bytes. */
const LEAST_BUFFER = 65_536;

/** The settings of the source that are read in this place. */
export function sourceSettingsOf({ netns: _, ...settings }: RunSettings, { netns }: Place): SourceSettings {
  return { ...settings, ...(netns !== undefined && { netns }) };
}

/** Only in the namespace where its sockets are. */
export function excludesSelf({ excludeSelf }: RunSettings, { netns }: Place, { kind }: Source): boolean {
  return excludeSelf && kind !== 'replay' && isOwnNamespace(netns);
}

export function eventsOf(
  flags: RunSettings,
  place: Place,
  source: Source,
  tap: EventTap | undefined,
): EventsOptions | undefined {
  const kind = eventKind(flags, source.kind);
  if (kind === 'off') return undefined;
  const { netns } = place;
  const { eventBuffer, holdEnded, dyingLimit } = flags;
  const before = source.sysctl('nf_conntrack_events');
  return {
    kind,
    filter: lastingFilter(filterOf(flags)),
    ...(netns !== undefined && { netns }),
    receiveBuffer: partOf(eventBuffer, place, LEAST_BUFFER),
    holdEnded,
    ...(dyingLimit !== undefined && { dyingLimit: partOf(dyingLimit, place) }),
    earlierHaveNone: before !== undefined && before !== '1',
    tap,
  };
}

export function deniedOf(flags: RunSettings, place: Place): DeniedOptions | undefined {
  const { netns } = place;
  const { nflogGroup: groups, nflogBuffer, maxDenied, nftComments } = flags;
  if (!groups) return undefined;
  return {
    filter: filterOf(flags),
    groups: [...new Set(groups)],
    receiveBuffer: partOf(nflogBuffer, place, LEAST_BUFFER),
    maxDenied: partOf(maxDenied, place),
    nftComments,
    ...(netns !== undefined && { netns }),
  };
}

/** @returns the settings that were changed, and stay so */
export function prepareKernel(
  source: Source,
  flags: RunSettings,
  { netns }: Place,
  events: boolean,
  log: Logger,
): string[] {
  const changed = flags.setupSysctl && isOfKernel(source) ? setupKernel(source, events) : [];
  for (const name of changed) log.info(`net.netfilter.${name} set to 1`);
  for (const { message, hint } of checkKernel(source, events)) log.warn({ hint }, message);
  const lacking = flags.owners ? ownersLack(source) : undefined;
  if (lacking !== undefined) log.warn(lacking);
  void warnIfInactive(source, netns, ({ message, hint }) => log.warn({ hint }, message));
  // what fails here, the first poll reports
  source.lacks?.().then(
    sentence => sentence !== undefined && log.warn(sentence),
    () => {},
  );
  return changed;
}

/** The state file of this place; each network namespace has one of its own. */
export function statePathOf({ state }: RunSettings, { label, beside }: Place): string | undefined {
  return state !== undefined && beside ? `${state}.${inFileName(label!)}` : state;
}

/** @throws CtflowError where connections have no start by which they could be known again */
export async function openState(
  flags: RunSettings,
  place: Place,
  source: Source,
  backend: Backend,
  destinations: readonly DestinationOptions[],
  log: Logger,
): Promise<Journal | undefined> {
  const path = statePathOf(flags, place);
  if (path === undefined) return undefined;
  if (source.sysctl('nf_conntrack_timestamp')?.trim() !== '1') {
    throw new CtflowError(
      'CTFLOW_KERNEL_SETTING',
      '--state needs start times, but nf_conntrack_timestamp is off',
      'Run sysctl -w net.netfilter.nf_conntrack_timestamp=1, or add --setup-sysctl',
    );
  }
  // files of earlier versions have the default of those
  const former = formerDomain();
  const formerNames = new Map(
    destinations.map(destination => [
      nameWithDomain(destination),
      nameWithDomain({ ...destination, observationDomain: former }),
    ]),
  );
  const lock = (fd: number): boolean => backend.lockFile(fd);
  return Journal.open({ path, identity: hostIdentity(place.netns), log, lock, formerNames });
}
