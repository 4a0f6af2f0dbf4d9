/** What a collector keeps at most, and for how long, so that no peer can fill its memory or lock others out. */
export interface Limits {
  /** UDP exporters (address and port) that have sent templates. Beyond, the least useful is forgotten. */
  readonly udpSessions: number;
  /** TCP connections. Beyond, the least useful is closed, which may be the new one. */
  readonly tcpSessions: number;
  /** DTLS sessions. Beyond, the least useful is closed. */
  readonly dtlsSessions: number;
  /** Observation domains of one session that have templates. Beyond, the least useful is forgotten. */
  readonly domains: number;
  /** Fields of all the templates of one session. A template beyond is refused. */
  readonly fields: number;
  /** Fields of all the templates of all UDP sessions. Beyond, the least useful sessions are forgotten. */
  readonly udpFields: number;
  /** Exporters and observation domains that are counted apart. Beyond, those silent the longest are added up. */
  readonly exporters: number;
  /**
   * Octets of datagrams that wait while records do. One address may have as many as are still free, so that others
   * find room; what does not fit is dropped and counted.
   */
  readonly queuedOctets: number;
  /** Octets of data sets over UDP that wait for their template. One host may have as many as are still free. */
  readonly pendingOctets: number;
  /** Milliseconds that such a set waits. */
  readonly pendingLifetime: number;
  /**
   * Milliseconds after which a template that came over UDP or DTLS and was not sent again expires, RFC 7011 section 8.4, and a DTLS
   * session without a message ends.
   */
  readonly templateLifetime: number;
  /** Milliseconds that a TCP connection has for its first message. */
  readonly firstMessage: number;
  /** Milliseconds from the first to the last octet of a message over TCP. */
  readonly message: number;
}

export const DEFAULT_LIMITS: Limits = {
  udpSessions: 4096,
  tcpSessions: 256,
  dtlsSessions: 1024,
  domains: 256,
  fields: 8192,
  udpFields: 524_288,
  exporters: 4096,
  queuedOctets: 16 * 1024 * 1024,
  pendingOctets: 16 * 1024 * 1024,
  // a little more than the refresh interval of templates that RFC 6728 has by default
  pendingLifetime: 660_000,
  templateLifetime: 1_800_000,
  firstMessage: 600_000,
  message: 60_000,
};
