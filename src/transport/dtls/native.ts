import * as tls from 'node:tls';
import type * as binding from '../../../native/binding.js';
import { native } from '../../common/native-error.js';
import type { TlsTexts } from '../tls-options.js';
import type { DtlsContext } from './engine.js';

/** Those of TLS 1.2 that encrypt and authenticate at once, with keys that nobody has later (RFC 9325 section 4.2). */
const CIPHERS = 'ECDHE+AESGCM:ECDHE+CHACHA20';

/** @throws CtflowError CTFLOW_TLS, CTFLOW_BACKEND_LACKS */
export function nativeDtlsContext(
  { DtlsContext: Context, DtlsSession: Session }: Pick<typeof binding, 'DtlsContext' | 'DtlsSession'>,
  { ca, cert, key }: TlsTexts,
): DtlsContext {
  const authorities = ca === undefined ? ofNode() : pem(ca);
  const context = native(() => new Context(authorities, pem(cert), pem(key), CIPHERS));
  return {
    client: (name, packet, headers) => native(() => Session.client(context, name, packet, headers)),
    server: (verify, packet, headers) => native(() => Session.server(context, verify, packet, headers)),
  };
}

/** The authorities that Node's TLS trusts where none are given; older versions do not name those of NODE_EXTRA_CA_CERTS. */
function ofNode(): string {
  const { getCACertificates } = tls as { getCACertificates?: () => string[] };
  return pem(getCACertificates?.() ?? [...tls.rootCertificates]);
}

function pem(texts: string | readonly string[] = ''): string {
  return typeof texts === 'string' ? texts : texts.join('\n');
}
