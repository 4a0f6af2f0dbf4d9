import { constants, createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { CtflowError, errnoOf } from '../common/errors.js';
import { notRegular, READ_NOW } from '../common/regular-file.js';
import type { TlsFileNames, TlsTexts } from './tls-options.js';

/** Bytes of a file at most. */
const LARGEST = 4 << 20;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** What TLS needs of the files now. */
export interface TlsContent {
  readonly context: SecureContext;
  /** What it is made from. */
  readonly options: SecureContextOptions & TlsTexts;
  /** Changes with the files. */
  readonly digest: string;
}

/**
 * Reads the files of a side of TLS.
 * @throws CtflowError CTFLOW_TLS, which names the file and has nothing of its content
 */
export function readTlsFiles({ tlsCa, tlsCertificate, tlsKey }: TlsFileNames): TlsContent {
  const hash = createHash('sha256');
  const read = (file: string): string => {
    const text = readText(file);
    hash.update(text).update('\0');
    return text;
  };
  const ca = tlsCa === undefined ? undefined : certificates(tlsCa, read(tlsCa));
  const chain = tlsCertificate === undefined ? undefined : certificates(tlsCertificate, read(tlsCertificate));
  const key = tlsKey === undefined ? undefined : read(tlsKey);
  if (chain && key) checkKey(chain[0], key, tlsCertificate!, tlsKey!);
  const options = {
    ...(ca && { ca }),
    ...(chain && { cert: chain.join('\n') }),
    ...(key !== undefined && { key }),
    // whatever NODE_OPTIONS says
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: constants.defaultCoreCipherList,
  } as const;
  try {
    return { context: createSecureContext(options), options, digest: hash.digest('hex') };
  } catch (error) {
    throw wrong(tlsCertificate ?? tlsCa ?? '', reasonOf(error), 'Give a certificate and a key that OpenSSL takes');
  }
}

/** What is wrong with the file of one setting. */
export interface TlsFileFault {
  readonly setting: keyof TlsFileNames;
  readonly error: CtflowError;
}

/** All that is wrong with the files: each by itself, or else with one another. */
export function tlsFileFaults({ tlsCa, tlsCertificate, tlsKey }: TlsFileNames): TlsFileFault[] {
  const all = {
    ...(tlsCa !== undefined && { tlsCa }),
    ...(tlsCertificate !== undefined && { tlsCertificate }),
    ...(tlsKey !== undefined && { tlsKey }),
  };
  const settings = Object.keys(all) as (keyof TlsFileNames)[];
  const each = settings.flatMap(setting => faultOf(setting, { [setting]: all[setting] }));
  return each.length > 0 ? each : faultOf(settings.at(-1)!, all);
}

export function tlsFileErrors(names: TlsFileNames): CtflowError[] {
  return tlsFileFaults(names).map(({ error }) => error);
}

function faultOf(setting: keyof TlsFileNames, names: TlsFileNames): TlsFileFault[] {
  try {
    readTlsFiles(names);
    return [];
  } catch (error) {
    return [{ setting, error: error as CtflowError }];
  }
}

/** The files as they were when they could be used last; they are read again where they have changed. */
export class TlsFiles {
  readonly #names: TlsFileNames;
  readonly #trouble: (error: CtflowError) => void;
  #content: TlsContent;
  #said = '';

  /**
   * @param trouble called once for each fault of files that could be used before
   * @throws CtflowError CTFLOW_TLS
   */
  constructor(names: TlsFileNames, trouble: (error: CtflowError) => void) {
    this.#names = names;
    this.#trouble = trouble;
    this.#content = readTlsFiles(names);
  }

  /** What was read last. */
  get current(): TlsContent {
    return this.#content;
  }

  /** Reads them: whether they are others than those that were read last, and can be used. */
  haveChanged(): boolean {
    const before = this.#content;
    return this.read() !== before;
  }

  read(): TlsContent {
    try {
      const content = readTlsFiles(this.#names);
      if (content.digest !== this.#content.digest) this.#content = content;
      this.#said = '';
    } catch (error) {
      const { message } = error as CtflowError;
      if (message !== this.#said) this.#trouble(error as CtflowError);
      this.#said = message;
    }
    return this.#content;
  }
}

function readText(file: string): string {
  let fd: number | undefined;
  try {
    fd = openSync(file, READ_NOW);
    const status = fstatSync(fd);
    const why = notRegular(status) ?? (status.size > LARGEST ? `it is above ${LARGEST} bytes` : undefined);
    if (why) throw wrong(file, why, 'Give a file in PEM');
    return readFileSync(fd, 'latin1');
  } catch (error) {
    if (error instanceof CtflowError) throw error;
    throw wrong(file, errnoOf(error), 'Give a file that ctflow may read');
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function certificates(file: string, text: string): string[] {
  const found = text.match(CERTIFICATE);
  if (!found) throw wrong(file, 'it has no certificate in PEM', 'Give a file with -----BEGIN CERTIFICATE-----');
  for (const certificate of found) parsed(certificate, file);
  return found;
}

function parsed(certificate: string, file: string): X509Certificate {
  try {
    return new X509Certificate(certificate);
  } catch (error) {
    throw wrong(file, reasonOf(error), 'Check it with openssl x509 -in FILE -noout -text');
  }
}

function checkKey(certificate: string, key: string, certificateFile: string, keyFile: string): void {
  const encrypted = /ENCRYPTED/.test(key.slice(0, 1000));
  let fits: boolean;
  try {
    if (encrypted) throw new Error();
    fits = parsed(certificate, certificateFile).checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    const why = encrypted ? 'it has a passphrase' : reasonOf(error);
    throw wrong(keyFile, why, 'Give a key in PEM without a passphrase, which only ctflow may read');
  }
  if (!fits) throw wrong(keyFile, `it is not the key of ${certificateFile}`, 'Give the key of the certificate');
}

/** A code alone: the text of an error may have more. */
function reasonOf(error: unknown): string {
  return errnoOf(error) || 'it cannot be understood';
}

function wrong(file: string, why: string, hint: string): CtflowError {
  return new CtflowError('CTFLOW_TLS', `The TLS file '${file}' cannot be used: ${why}`, hint);
}
