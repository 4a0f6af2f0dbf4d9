import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from '../eventually.js';
import type { Scope } from '../kernel/scope.js';
import type { Certificate } from './authority.js';

/** `openssl s_server` as a collector: what comes over TLS is its output. */
export class OpensslServer {
  readonly port: number;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #chunks: Buffer[];

  private constructor(child: ChildProcessWithoutNullStreams, chunks: Buffer[], port: number) {
    this.#child = child;
    this.#chunks = chunks;
    this.port = port;
  }

  /** @param at an address, or an address and a port @param flags further ones, such as `-Verify 1` for a client certificate that must be there */
  static async listen(
    t: Scope,
    at: string,
    { tlsCertificate, tlsKey }: Certificate,
    ...flags: string[]
  ): Promise<OpensslServer> {
    const args = [
      's_server',
      '-accept',
      at.includes(':') ? at : `${at}:0`,
      '-cert',
      tlsCertificate,
      '-key',
      tlsKey,
      ...flags,
    ];
    const child = spawn('openssl', args);
    t.teardown(() => void child.kill('SIGKILL'));
    const chunks: Buffer[] = [];
    child.stdout.on('data', chunk => chunks.push(chunk));
    child.stderr.resume();
    const port = await eventually('openssl listens', () => {
      const said = /^ACCEPT(?: \S*:(\d+))?$/m.exec(Buffer.concat(chunks).toString('latin1'));
      // the port is named where it was chosen
      return said ? Number(said[1] ?? at.split(':')[1]) : undefined;
    });
    return new OpensslServer(child, chunks, port);
  }

  get output(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Resolves when all that it wrote has been read. */
  async kill(): Promise<void> {
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }
}
