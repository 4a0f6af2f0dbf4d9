import type { TlsClientOptions } from '../../../src/transport/tls-options.js';
import { QUIET_HOST } from '../fakes/quiet-host.js';
import type { Certificate } from './authority.js';
import { certificates } from './certificates.js';

/** A certificate of a collector that no record may go to. */
export interface WrongCertificate {
  /** Behind "whose certificate". */
  readonly what: string;
  readonly certificate: () => Certificate;
  /** Of the exporter. */
  readonly options: TlsClientOptions;
  readonly code: RegExp;
  /** What is said of it. */
  readonly meaning: RegExp;
}

const HERE = `IP:${QUIET_HOST}`;
const NOT_TRUSTED = { code: /^UNABLE_TO_|^SELF_SIGNED/, meaning: /authority that is not trusted/ };
const OTHER_NAME = { code: /^ERR_TLS_CERT_ALTNAME_INVALID$/, meaning: /another name/ };
const collector = (): Certificate => certificates().collector;

export const WRONG_COLLECTORS: readonly WrongCertificate[] = [
  {
    what: 'is for another name',
    certificate: () => certificates().ours.issue({ names: ['DNS:other.test'] }),
    options: {},
    ...OTHER_NAME,
  },
  {
    what: 'is for another name than --tls-server-name',
    certificate: collector,
    options: { tlsServerName: 'third.test', tlsPeerName: ['collector.test'] },
    ...OTHER_NAME,
  },
  {
    what: 'has expired',
    certificate: () => certificates().ours.issue({ names: [HERE], expired: true }),
    options: {},
    code: /^CERT_HAS_EXPIRED$/,
    meaning: /expired/,
  },
  {
    what: 'is of an unknown authority',
    certificate: () => certificates().theirs.issue({ names: [HERE] }),
    options: {},
    ...NOT_TRUSTED,
  },
  {
    what: 'is of none of the authorities that Node brings',
    certificate: collector,
    options: { tlsCa: undefined } as object as TlsClientOptions,
    ...NOT_TRUSTED,
  },
  {
    what: 'has none of the names that are allowed',
    certificate: collector,
    options: { tlsPeerName: ['first.test', 'second.test'] },
    code: /^peer not allowed$/,
    meaning: /--tls-peer-name/,
  },
];

/** Certificates of an exporter that a collector refuses: what is wrong, and what is said of it. */
export const WRONG_EXPORTERS: readonly [what: string, certificate: () => Certificate, meaning: RegExp][] = [
  ['has expired', () => certificates().ours.issue({ names: ['DNS:exporter.test'], expired: true }), /expired/],
  ['is of an unknown authority', () => certificates().theirs.issue({ names: ['DNS:exporter.test'] }), /authority/],
];

/** Flags of `openssl s_server`: exporters must have a certificate of the right authority. */
export function wantsCertificate(): string[] {
  return ['-CAfile', certificates().ours.tlsCa, '-Verify', '1', '-verify_return_error'];
}
