import { X509Certificate } from 'node:crypto';
import { CtflowError } from '../../common/errors.js';
import { hasName } from '../tls-client.js';
import { TlsFiles } from '../tls-files.js';
import type { TlsFileNames } from '../tls-options.js';
import type { CreateDtlsContext, DtlsContext, DtlsSession } from './engine.js';

/** The context of the files as they were when they could be used last. */
export class DtlsContexts {
  readonly #files: TlsFiles;
  readonly #create: CreateDtlsContext;
  readonly #trouble: (error: CtflowError) => void;
  #context: DtlsContext;
  #digest: string;

  /**
   * @param trouble the files have changed and cannot be used: those of before stay in use
   * @throws CtflowError CTFLOW_TLS, CTFLOW_BACKEND_LACKS
   */
  constructor(names: TlsFileNames, create: CreateDtlsContext, trouble: (error: CtflowError) => void) {
    this.#files = new TlsFiles(names, trouble);
    this.#create = create;
    this.#trouble = trouble;
    const { options, digest } = this.#files.current;
    this.#context = create(options);
    this.#digest = digest;
  }

  /** As of {@link TlsFiles.haveChanged}. */
  haveFilesChanged(): boolean {
    return this.#files.haveChanged();
  }

  /** Reads the files again. */
  read(): DtlsContext {
    const { options, digest } = this.#files.read();
    if (digest === this.#digest) return this.#context;
    this.#digest = digest;
    try {
      this.#context = this.#create(options);
    } catch (error) {
      if (!(error instanceof CtflowError)) throw error;
      this.#trouble(error);
    }
    return this.#context;
  }
}

/** The other side's certificate; undefined where it has given none. */
export function peerCertificate(session: DtlsSession): X509Certificate | undefined {
  const der = session.peerCertificate();
  return der === null ? undefined : new X509Certificate(der);
}

/** Whether it has one of these names. */
export function peerHasName(session: DtlsSession, names: readonly string[]): boolean {
  const certificate = peerCertificate(session);
  return certificate !== undefined && hasName(certificate.toLegacyObject(), names);
}
