import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isSecured } from '../../common/endpoint.js';
import type { DestinationConfig } from '../../config/run-config.js';
import { tlsFileErrors } from '../../transport/tls-files.js';
import { error, ok, warning, type Finding } from './finding.js';

const DAY_MS = 86_400_000;
/** A certificate that ends sooner is to be renewed. */
const SOON_DAYS = 30;

/** The own certificates and authorities of all destinations, each file once. */
export function checkCertificates(destinations: readonly DestinationConfig[], now: number): Finding[] {
  const files = new Set<string>();
  const found: Finding[] = [];
  for (const destination of destinations) {
    if (!isSecured(destination.endpoint)) continue;
    const { tlsCa, tlsCertificate, name } = destination;
    const wrong = tlsFileErrors(destination);
    found.push(...wrong.map(({ message, hint }) => error(`${message}. ${hint}`, undefined, name)));
    if (wrong.length > 0) continue;
    for (const file of [tlsCa, tlsCertificate]) if (file !== undefined) files.add(file);
  }
  for (const file of files) {
    // of a file with several the first that ends
    const certificates = readFileSync(file, 'latin1').match(
      /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g,
    )!;
    const [first] = certificates
      .map(pem => new X509Certificate(pem))
      .toSorted((one, other) => endOf(one) - endOf(other));
    found.push(certificateFinding(first, file, now, file));
  }
  const unused = 'no certificate is needed: no destination has TLS or DTLS with files of its own';
  return found.length > 0 ? found : [ok(unused)];
}

/** @param what whose it is; @param now milliseconds since 1970 */
export function certificateFinding(certificate: X509Certificate, what: string, now: number, subject: string): Finding {
  const days = Math.floor((endOf(certificate) - now) / DAY_MS);
  const until = new Date(endOf(certificate)).toISOString().slice(0, 10);
  const show = 'openssl x509 -noout -subject -dates -in';
  const command = subject === what ? `${show} ${what}` : undefined;
  if (Date.parse(certificate.validFrom) > now)
    return error(`${what} is not valid before ${certificate.validFrom}, or the clock is wrong`, command, subject);
  if (days < 0) return error(`${what} has expired on ${until}`, command, subject);
  const found = `${what} is valid until ${until}, ${days} days`;
  return days < SOON_DAYS ? warning(`${found}: renew it`, command, subject) : ok(found, subject);
}

function endOf({ validTo }: X509Certificate): number {
  return Date.parse(validTo);
}
