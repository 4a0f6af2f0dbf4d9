import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Files in PEM. */
export interface Certificate {
  readonly tlsCertificate: string;
  readonly tlsKey: string;
}

export interface Issued {
  /** As openssl writes them: `DNS:collector.example`, `IP:127.0.0.1`. */
  readonly names: readonly string[];
  readonly expired?: boolean;
  /** For which it is valid from now on. */
  readonly days?: number;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** A certificate authority of a test's own, made with openssl in a folder that goes when the process ends. */
export class Authority {
  /** Its certificate. */
  readonly tlsCa: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'ctflow-tls-'));
  readonly #key = join(this.#folder, 'authority-key.pem');
  #issued = 0;

  constructor(name: string) {
    this.tlsCa = join(this.#folder, 'authority.pem');
    process.on('exit', () => rmSync(this.#folder, { recursive: true, force: true }));
    openssl(
      'req',
      '-x509',
      ...NEW_KEY,
      '-keyout',
      this.#key,
      '-out',
      this.tlsCa,
      '-subj',
      `/CN=${name}`,
      '-days',
      '3650',
    );
  }

  issue({ names, expired = false, days = 3650 }: Issued): Certificate {
    const number = ++this.#issued;
    const tlsCertificate = join(this.#folder, `${number}.pem`);
    const tlsKey = join(this.#folder, `${number}-key.pem`);
    const file = (suffix: string): string => join(this.#folder, `${number}${suffix}`);
    openssl('req', '-new', ...NEW_KEY, '-keyout', tlsKey, '-out', file('.csr'), '-subj', `/CN=certificate ${number}`);
    writeFileSync(file('.ext'), `subjectAltName=${names.join(',')}\nbasicConstraints=critical,CA:FALSE\n`);
    const from = `-in ${file('.csr')} -CA ${this.tlsCa} -CAkey ${this.#key} -set_serial ${number}`;
    openssl(
      ...`x509 -req ${from} -days ${expired ? -1 : days} -extfile ${file('.ext')} -out ${tlsCertificate}`.split(' '),
    );
    return { tlsCertificate, tlsKey };
  }
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
