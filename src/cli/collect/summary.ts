import { OTHER_EXPORTERS, type ExporterCounts } from '../../collector/exporter-counts.js';
import type { CollectorStats } from '../../collector/stats.js';

/** Exporters that have a line; those with the most losses come first. */
const MAX_LINES = 20;

/** What is always printed, and what is printed where it is not 0. */
export function summary(stats: CollectorStats): string {
  const always = [
    `${stats.messages} messages`,
    `${stats.records} records`,
    `${stats.sequenceLost} lost`,
    `${stats.undecodableSets} undecodable sets`,
    `${stats.malformedMessages} malformed messages`,
  ];
  const sometimes: [number, string][] = [
    [stats.optionsRecords, 'options records'],
    [stats.waitingSets, 'sets wait for their template'],
    [stats.lateMessages, 'late messages'],
    [stats.repeatedMessages, 'repeated messages'],
    [stats.sequenceRestarts, 'sequence restarts'],
    [stats.reservedSets, 'reserved sets'],
    [stats.conflictingTemplates, 'conflicting templates'],
    [stats.refusedTemplates, 'refused templates'],
    [stats.ignoredWithdrawals, 'ignored withdrawals'],
    [stats.evictedSessions, 'evicted sessions'],
    [stats.evictedDomains, 'evicted observation domains'],
    [stats.disconnectedSessions, 'connections closed'],
    [stats.refusedConnections, 'connections refused'],
    [stats.refusedHandshakes, 'TLS handshakes refused'],
    [stats.strayDatagrams, 'DTLS datagrams of no session'],
    [stats.timedOutConnections, 'connections timed out'],
    [stats.expiredTemplates, 'expired templates'],
    [stats.droppedDatagrams, 'datagrams dropped'],
    [stats.undeliveredRecords, 'records not printed'],
    [stats.undeliveredMessages, 'messages not read'],
  ];
  return [...always, ...nonZero(sometimes)].join(', ');
}

/** One line for each exporter and observation domain, with what is not 0. */
export function exporterLines(exporters: readonly ExporterCounts[]): string[] {
  const sorted = [...exporters].sort((a, b) => b.sequenceLost - a.sequenceLost || b.records - a.records);
  const lines = sorted.slice(0, MAX_LINES).map(line);
  return sorted.length > MAX_LINES ? [...lines, `${sorted.length - MAX_LINES} more exporters`] : lines;
}

function line(counts: ExporterCounts): string {
  const { exporter, observationDomain, messages, records, sequenceLost } = counts;
  const who = exporter === OTHER_EXPORTERS ? 'other exporters' : `${exporter}, observation domain ${observationDomain}`;
  const sometimes: [number, string][] = [
    [counts.optionsRecords, 'options records'],
    [counts.gaps, 'gaps'],
    [counts.lateMessages, 'late messages'],
    [counts.repeatedMessages, 'repeated messages'],
    [counts.sequenceRestarts, 'sequence restarts'],
    [counts.undecodableSets, 'undecodable sets'],
  ];
  const all = [`${messages} messages`, `${records} records`, `${sequenceLost} lost`, ...nonZero(sometimes)];
  return `${who}: ${all.join(', ')}`;
}

function nonZero(counts: readonly (readonly [number, string])[]): string[] {
  return counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
}
