import type { Backend } from '../backend/backend.js';
import type { Logger } from '../common/logger.js';
import type { HostInterfaces } from '../inventory/host-interfaces.js';
import type { Flows } from '../record/flows.js';
import type { NameTable } from '../record/name-table.js';
import type { OwnConnections } from '../row/own-connections.js';
import type { DestinationJournal } from '../state/destination-journal.js';
import type { Unexported } from '../store/unexported.js';

/** What a destination has of the exporter. */
export interface DestinationContext {
  backend: Backend;
  /** Connections first. */
  flows: readonly Flows[];
  /** The names that flows refer to by number. */
  names: NameTable;
  staleConnectionTimeout: number;
  /** Milliseconds from one poll to the next, as it is now. */
  pollInterval: () => number;
  /** Polls that are over. */
  polls: () => number;
  /** What was lost before the store: it counts as ignored. */
  lost: () => Unexported;
  log: Logger;
  /** Where a destination has interfaces in its records. */
  interfaces?: HostInterfaces | undefined;
  /** A session is open: what is due can be exported. */
  opened: () => void;
  /** Where its sockets are noted. */
  own: OwnConnections;
  /** Where there is a state file. */
  journal?: DestinationJournal | undefined;
}
