import type { RecorderServiceStats } from '../../../src/daemon/recorder/recorder-service.js';
import type { DestinationStats } from '../../../src/destination/destination-stats.js';
import type { ExporterStats } from '../../../src/exporter.js';

/**
 * Statistics in which everything is there that can be, and each number is another one.
 * @param first the least of them
 */
export function fullStatistics(first = 1001): ExporterStats {
  let last = first - 1;
  const n = (): number => ++last;
  const loss = (): { connections: number; packets: number; octets: number } => ({
    connections: n(),
    packets: n(),
    octets: n(),
  });
  const uncertain = (): { records: number; packets: number; octets: number } => ({
    records: n(),
    packets: n(),
    octets: n(),
  });
  const events = (): Record<
    'created' | 'updated' | 'destroyed' | 'filtered' | 'malformed' | 'ignored' | 'truncated' | 'overrun',
    number
  > => ({
    created: n(),
    updated: n(),
    destroyed: n(),
    filtered: n(),
    malformed: n(),
    ignored: n(),
    truncated: n(),
    overrun: n(),
  });
  const destination = (name: string): DestinationStats => ({
    name,
    endpoint: `udp://${name}:4739`,
    connected: true,
    session: {
      records: n(),
      oversize: n(),
      oversizeTemplates: { 'ipv6 tcp': n() },
      optionsRecords: n(),
      messages: n(),
      octets: n(),
      retiredTemplates: n(),
    },
    transport: {
      messages: n(),
      records: n(),
      octets: n(),
      errors: { ECONNREFUSED: n(), EPERM: n() },
      lostRecords: n(),
      uncertainRecords: n(),
      connects: n(),
    },
    udpSegmentation: true,
    certificateExpires: n(),
    removedFiles: n(),
    stale: loss(),
    evictedUnreported: loss(),
    ended: n(),
    endedOverflow: loss(),
    filtered: loss(),
    aggregation: { keys: n(), overflowed: n() },
    restartUncertain: uncertain(),
  });
  return {
    backend: 'native',
    connections: n(),
    poll: {
      polls: n(),
      incomplete: n(),
      overdue: n(),
      rows: n(),
      skipped: { filtered: n(), resized: n() },
      interval: n(),
      behind: n(),
      share: n(),
    },
    store: {
      added: n(),
      reopened: n(),
      counterResets: n(),
      evicted: n(),
      refused: n(),
      destroyed: n(),
      unseen: n(),
      earlier: n(),
      eventless: n(),
      filtered: n(),
      own: n(),
      ambiguous: loss(),
      repeated: n(),
      late: loss(),
    },
    events: { ...events(), guard: 'filter', lost: n(), unread: n(), pollOnly: n(), changes: events() },
    namespacesLeft: n(),
    pendingEvents: { count: n(), overflow: n(), expired: n(), resyncs: n() },
    state: {
      path: '/var/lib/ctflow/state',
      restored: n(),
      endedWhileDown: n(),
      restartUncertain: uncertain(),
      size: n(),
      compactions: n(),
      errors: n(),
      begunAnew: n(),
      ends: { written: n(), full: n(), failed: n(), withoutIdentity: n(), recovered: n() },
    },
    denied: {
      flows: n(),
      added: n(),
      evicted: n(),
      pending: n(),
      matched: n(),
      matchedLate: n(),
      overflow: n(),
      refusedPackets: n(),
      refusedOctets: n(),
      comments: { named: n(), shared: n(), leftOut: n() },
      nflog: {
        packets: n(),
        filtered: n(),
        malformed: n(),
        ignored: n(),
        truncated: n(),
        lost: n(),
        overrun: n(),
        unnamed: n(),
      },
    },
    outcomes: { 'tcp/443': { refused: n(), unanswered: n(), reset: n() } },
    nat: { created: n(), lateFromPoll: n(), lateFromDestroy: n(), deleted: n(), unregistered: n() },
    recordsExported: n(),
    destinations: [destination('main'), destination('lab')],
    removed: { destinations: n(), records: n(), lostRecords: n(), unexported: loss() },
    routes: { asked: n(), forgotten: n(), unreachable: n(), ambiguous: n(), postponed: n(), failed: n() },
    owners: {
      looks: n(),
      sockets: n(),
      connections: n(),
      named: n(),
      without: n(),
      ambiguous: n(),
      unproven: n(),
      ended: n(),
      cpu: n(),
      owners: n(),
      inZone: n(),
      overflow: n(),
      failed: n(),
      ownersOverflow: n(),
    },
    inventory: { pods: n(), nodes: n(), services: n(), podPrefixes: n(), loadedAt: n(), reloads: n(), errors: n() },
    kubernetes: {
      pods: n(),
      nodes: n(),
      services: n(),
      podPrefixes: n(),
      synced: n(),
      watched: n(),
      contactAt: n(),
      changes: n(),
      lists: n(),
      watches: n(),
      errors: n(),
      leftOut: n(),
      labelsLeftOut: n(),
      corrected: n(),
    },
    geoip: {
      asn: { loadedAt: n(), builtAt: n(), reloads: n(), errors: n() },
      country: { loadedAt: n(), builtAt: n(), reloads: n(), errors: n() },
      known: n(),
      lookedUp: n(),
      damaged: n(),
    },
    dns: {
      addresses: n(),
      waiting: n(),
      asked: n(),
      answered: n(),
      without: n(),
      unusable: n(),
      timeouts: n(),
      failed: n(),
      overflow: n(),
      evicted: { room: n(), age: n() },
    },
    names: { count: n(), overflow: n() },
  };
}

/** The same of a flight recorder. */
export function fullRecorderStatistics(first = 90_001): RecorderServiceStats {
  let last = first - 1;
  const n = (): number => ++last;
  return {
    segments: n(),
    octets: n(),
    span: n(),
    waiting: n(),
    cpu: n(),
    events: n(),
    dumps: n(),
    partDumps: n(),
    octetsWritten: n(),
    errors: n(),
    droppedEvents: { rate: n(), cpu: n(), busy: n(), disk: n() },
    skippedDumps: { size: n(), rate: n(), cpu: n(), disk: n() },
    recordings: n(),
    failedRecordings: n(),
    conditions: { 'table-fill': n(), drops: n(), suppressed: n() },
    lastError: 'ENOSPC',
  };
}
