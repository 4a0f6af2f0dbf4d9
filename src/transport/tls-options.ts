/** Files in PEM. */
export interface TlsFileNames {
  /** Certificates of the authorities that are trusted; absent for those that Node brings. */
  tlsCa?: string;
  /** The own certificate, and behind it those between it and its authority. */
  tlsCertificate?: string;
  /** The key of the own certificate, without a passphrase. */
  tlsKey?: string;
}

/** What stands in these files. */
export interface TlsTexts {
  readonly ca?: string[];
  readonly cert?: string;
  readonly key?: string;
}

/** Of the side that connects. */
export interface TlsClientOptions extends TlsFileNames {
  /** The collector's certificate is for this name; absent for the host of its endpoint. */
  tlsServerName?: string;
  /** Of these names the collector's certificate has one, too. */
  tlsPeerName?: readonly string[];
}

/** Of the side that listens. */
export interface TlsListenerOptions extends TlsFileNames {
  /** Of these names an exporter's certificate has one. Needs authorities of its own. */
  tlsPeerName?: readonly string[];
}
