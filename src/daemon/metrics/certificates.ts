import { X509Certificate } from 'node:crypto';
import { destinationName, type DestinationOptions } from '../../destination/destination-options.js';
import { readTlsFiles } from '../../transport/tls-files.js';

/** When the certificates of one file expire. */
export interface CertificateExpiry {
  readonly destination: string;
  /** The setting that names the file. */
  readonly setting: 'tlsCa' | 'tlsCertificate';
  readonly file: string;
  /** Seconds since 1970, of the first to expire. */
  readonly expires: number;
}

type Secured = Pick<DestinationOptions, 'name' | 'endpoint' | 'tlsCa' | 'tlsCertificate' | 'tlsKey'>;

/** Of all files of these destinations as they are now; one that cannot be read has none. */
export function certificateExpiries(destinations: readonly Secured[]): CertificateExpiry[] {
  return destinations.flatMap(destination =>
    (['tlsCa', 'tlsCertificate'] as const).flatMap(setting => {
      const file = destination[setting];
      const expires = file === undefined ? undefined : expiryOf({ [setting]: file });
      return expires === undefined
        ? []
        : [{ destination: destinationName(destination), setting, file: file!, expires }];
    }),
  );
}

function expiryOf(files: Pick<Secured, 'tlsCa' | 'tlsCertificate'>): number | undefined {
  try {
    const { ca, cert } = readTlsFiles(files).options;
    const texts = ca ?? cert!.split(/(?<=-----END CERTIFICATE-----)\n/);
    return Math.min(...texts.map(text => Date.parse(new X509Certificate(text).validTo))) / 1000;
  } catch {
    return undefined;
  }
}
