import { lstatSync, renameSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { CtflowError, errnoOf } from '../../common/errors.js';
import type { Logger } from '../../common/logger.js';
import { Mistakes } from '../../config/mistakes.js';
import {
  type ControlCommand,
  type ControlReply,
  type ControlRequest,
  MOST_REPLY,
  MOST_REQUEST,
  parseRequest,
  plainErrors,
  replyLine,
} from './protocol.js';
import { here, noSocket, prepareFolder } from './socket-path.js';

/** Clients at once; more are refused. */
const MOST_CLIENTS = 16;
/** A client that says nothing for this long, or does not read its reply, is closed. */
const IDLE_MS = 10_000;
/** While a command is at work, its client has a sign of life so often. */
const SIGN_MS = 1_000;
/** JSON takes spaces before a value. */
const SIGN = ' ';
/** Nobody but the user and root may connect (unix(7)). */
const PRIVATE = 0o177;
/** A socket that was left is removed so often: another daemon may leave one meanwhile. */
const MOST_TRIES = 3;

/** What each command does; what it returns goes into the reply as JSON. */
export type ControlHandlers = Readonly<Record<ControlCommand, (request: ControlRequest) => unknown>>;

export interface ControlServerOptions {
  path: string;
  handlers: ControlHandlers;
  log: Logger;
  /** Milliseconds. */
  idleTimeout?: number;
  /** Milliseconds. */
  signInterval?: number;
}

/** The control socket of a daemon. */
export class ControlServer {
  readonly path: string;
  readonly #server: Server;
  readonly #handlers: ControlHandlers;
  readonly #idleTimeout: number;
  readonly #signInterval: number;
  readonly #clients = new Set<Socket>();

  private constructor({ path, handlers, idleTimeout = IDLE_MS, signInterval = SIGN_MS }: ControlServerOptions) {
    this.path = path;
    this.#handlers = handlers;
    this.#idleTimeout = idleTimeout;
    this.#signInterval = signInterval;
    this.#server = createServer({ allowHalfOpen: true }, socket => this.#accept(socket));
  }

  /**
   * Listens. What a killed process has left at the path is no hindrance.
   * @throws CtflowError CTFLOW_CONTROL, among others where another daemon answers there
   */
  static async open(options: ControlServerOptions): Promise<ControlServer> {
    const { path, log } = options;
    prepareFolder(path, here());
    const control = new ControlServer(options);
    await control.#listen();
    control.#server.on('error', error => log.warn(`control socket: ${error.message}`));
    return control;
  }

  /** Closes every client, and removes the socket. */
  async close(): Promise<void> {
    const closed = new Promise(resolve => this.#server.close(resolve));
    for (const socket of this.#clients) socket.destroy();
    await closed;
  }

  async #listen(): Promise<void> {
    for (let tries = 1; ; tries++) {
      const error = await this.#tryListen();
      if (error === undefined) return;
      if (errnoOf(error) !== 'EADDRINUSE' || tries === MOST_TRIES) throw noSocket(this.path, errnoOf(error), error);
      if (await isAnswered(this.path)) {
        throw new CtflowError(
          'CTFLOW_CONTROL',
          `Another ctflow run has the control socket ${this.path}`,
          'Give --control with another path, or --control off',
        );
      }
    }
  }

  #tryListen(): Promise<Error | undefined> {
    return new Promise(resolve => {
      const failed = (error: Error): void => resolve(error);
      this.#server.once('error', failed);
      // the socket is bound before listen() returns
      const umask = process.umask(PRIVATE);
      try {
        this.#server.listen(this.path, () => {
          this.#server.off('error', failed);
          resolve(undefined);
        });
      } finally {
        process.umask(umask);
      }
    });
  }

  #accept(socket: Socket): void {
    socket.on('error', () => {}); // it is gone: nobody waits for the reply
    if (this.#clients.size >= MOST_CLIENTS) {
      const full = new CtflowError('CTFLOW_CONTROL', `${MOST_CLIENTS} commands are connected`, 'End some of them');
      socket.end(replyLine({ errors: plainErrors([full]) }), () => socket.destroy());
      return;
    }
    this.#clients.add(socket);
    socket.once('close', () => this.#clients.delete(socket));
    void this.#serve(socket)
      .catch(() => {})
      .finally(() => socket.destroy());
  }

  /** Answers one request after another until the client ends. */
  async #serve(socket: Socket): Promise<void> {
    socket.setTimeout(this.#idleTimeout, () => socket.destroy());
    let rest = '';
    for await (const chunk of socket.setEncoding('utf8') as AsyncIterable<string>) {
      rest += chunk;
      for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 1);
        socket.setTimeout(0);
        const signs = setInterval(() => socket.write(SIGN), this.#signInterval).unref();
        const answer = line.length < MOST_REQUEST ? await this.#answer(line) : tooLong();
        clearInterval(signs);
        const reply = replyLine(answer);
        socket.setTimeout(this.#idleTimeout);
        await written(socket, Buffer.byteLength(reply) > MOST_REPLY ? replyLine(tooLong('reply')) : reply);
      }
      if (rest.length < MOST_REQUEST) continue;
      await written(socket, replyLine(tooLong()));
      return;
    }
  }

  async #answer(line: string): Promise<ControlReply> {
    try {
      const request = parseRequest(line);
      return { result: await this.#handlers[request.command](request) };
    } catch (error) {
      return { errors: plainErrors(error instanceof Mistakes ? error.errors : [error]) };
    }
  }
}

function tooLong(what = 'request'): ControlReply {
  const most = what === 'request' ? MOST_REQUEST : MOST_REPLY;
  const error = new CtflowError('CTFLOW_CONTROL', `The ${what} has more than ${most} octets`, 'Ask for less');
  return { errors: plainErrors([error]) };
}

function written(socket: Socket, line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(line, error => (error ? reject(error) : resolve()));
    socket.once('close', () => resolve());
  });
}

/**
 * Whether a process answers at the path. Where none does, the socket that a killed one has left is removed.
 * @throws CtflowError CTFLOW_CONTROL where it is no socket
 */
async function isAnswered(path: string): Promise<boolean> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return false;
  if (!stat.isSocket()) throw noSocket(path, 'what is there is no socket');
  const refused = await new Promise<boolean>(resolve => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', error => resolve(['ECONNREFUSED', 'ENOENT'].includes(errnoOf(error))));
  });
  if (!refused) return true;
  // another daemon may have put its own in place meanwhile: that one is put back
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    if (lstatSync(aside).ino !== stat.ino) renameSync(aside, path);
    else rmSync(aside, { force: true });
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw noSocket(path, errnoOf(error), error);
  }
  return false;
}
