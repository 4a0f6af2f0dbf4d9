/** What a collector keeps at most, so that no peer can fill its memory. */
export interface Limits {
  /** UDP exporters (address and port). The one that has been silent the longest is forgotten. */
  readonly udpSessions: number;
  /** TCP connections. More are refused. */
  readonly tcpSessions: number;
  /** Observation domains of one session. The one that has been silent the longest is forgotten. */
  readonly domains: number;
  /** Fields of all the templates of one session. A template beyond is refused. */
  readonly fields: number;
  /** Fields of all the templates of all UDP sessions. The sessions that have been silent the longest are forgotten. */
  readonly udpFields: number;
}

export const DEFAULT_LIMITS: Limits = {
  udpSessions: 4096,
  tcpSessions: 256,
  domains: 256,
  fields: 8192,
  udpFields: 524_288,
};
