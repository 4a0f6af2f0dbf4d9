/**
 * Why a message was discarded:
 * - `version`: not version 10, so NetFlow or no IPFIX at all
 * - `length`: shorter than a header, or another length than in its header
 * - `set`: a set that leaves the message, or is shorter than its own header
 * - `template`: a template record that leaves its set, has an id below 256, or no scope
 * - `record`: a variable-length field that leaves its set
 * - `truncated`: a TCP connection that ended within a message
 */
export type MalformedReason = 'version' | 'length' | 'set' | 'template' | 'record' | 'truncated';

/** What a collector has counted so far. */
export interface CollectorStats {
  /** Well-formed messages. */
  messages: number;
  /** Data records of templates. */
  records: number;
  /** Data records of options templates. */
  optionsRecords: number;
  /** Templates and options templates learned; refreshing one does not count. */
  templates: number;
  /** Data records missing by the sequence numbers, less those that came late. */
  sequenceLost: number;
  /** Messages that came out of order and filled a gap. */
  lateMessages: number;
  /** Messages whose sequence number lies behind without reason; their records are delivered. */
  repeatedMessages: number;
  /** Times that an exporter's sequence restarted within a session. */
  sequenceRestarts: number;
  /** Data sets without a template: not kept, or kept and their template did not come in time. */
  undecodableSets: number;
  /** Data sets over UDP that were kept because their template had not come. */
  keptSets: number;
  /** Those of them that wait now. */
  waitingSets: number;
  /** Sets with an id that RFC 7011 reserves (0, 1, 4 to 255). */
  reservedSets: number;
  /** Messages discarded whole, as RFC 7011 section 9.1 wants it. */
  malformedMessages: number;
  /** The same by reason. */
  malformed: Record<MalformedReason, number>;
  /** Templates received again with other fields without a withdrawal, which only UDP allows. The newer one is used. */
  conflictingTemplates: number;
  /** Templates not taken: too many fields for the limit, or records with more fields than octets. */
  refusedTemplates: number;
  /** Templates withdrawn. */
  withdrawnTemplates: number;
  /** Withdrawals over UDP, or of templates that are not there. */
  ignoredWithdrawals: number;
  /** Transport sessions open now. */
  sessions: number;
  /** Templates that came over UDP and were not sent again within their lifetime. */
  expiredTemplates: number;
  /** UDP sessions forgotten and TCP connections closed because others were more useful; their templates are gone. */
  evictedSessions: number;
  /** Observation domains of a session forgotten because others were more useful. */
  evictedDomains: number;
  /** TCP connections closed because the stream was no IPFIX, or no TLS any more. */
  disconnectedSessions: number;
  /** TCP connections refused at the limit. */
  refusedConnections: number;
  /** TLS connections and DTLS sessions that got no further than the handshake. */
  refusedHandshakes: number;
  /** TCP connections closed because no message came in time, or not to its end. */
  timedOutConnections: number;
  /** DTLS datagrams of no session that is known: it was forgotten, or this collector was started again. */
  strayDatagrams: number;
  /** Datagrams dropped because records waited and no room was left. The sequence numbers show how many records. */
  droppedDatagrams: number;
  /** Messages that were not decoded when the collector was closed, because records waited on. */
  undeliveredMessages: number;
  /** Records of the message before them that were not delivered; `records` and `optionsRecords` count them. */
  undeliveredRecords: number;
}

/** All zero. */
export function newStats(): CollectorStats {
  return {
    messages: 0,
    records: 0,
    optionsRecords: 0,
    templates: 0,
    sequenceLost: 0,
    lateMessages: 0,
    repeatedMessages: 0,
    sequenceRestarts: 0,
    undecodableSets: 0,
    keptSets: 0,
    waitingSets: 0,
    reservedSets: 0,
    malformedMessages: 0,
    malformed: { version: 0, length: 0, set: 0, template: 0, record: 0, truncated: 0 },
    conflictingTemplates: 0,
    refusedTemplates: 0,
    withdrawnTemplates: 0,
    ignoredWithdrawals: 0,
    sessions: 0,
    expiredTemplates: 0,
    evictedSessions: 0,
    evictedDomains: 0,
    disconnectedSessions: 0,
    refusedConnections: 0,
    refusedHandshakes: 0,
    timedOutConnections: 0,
    strayDatagrams: 0,
    droppedDatagrams: 0,
    undeliveredMessages: 0,
    undeliveredRecords: 0,
  };
}

/** Counts a discarded message. */
export function countMalformed(stats: CollectorStats, reason: MalformedReason): void {
  stats.malformedMessages++;
  stats.malformed[reason]++;
}
