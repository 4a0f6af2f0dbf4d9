import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { CtflowError, errnoOf } from '../../common/errors.js';

/** Where Open vSwitch keeps its sockets; its own programs read the same variable. */
const runFolder = (): string => process.env['OVS_RUNDIR'] ?? '/var/run/openvswitch';
/** Milliseconds of silence: ovs-vswitchd answers between two rounds of its own work. */
const PATIENCE_MS = 10_000;
/** Bytes of an answer, two million connections; V8 has no longer strings. */
const MOST = 500_000_000;
const CLOSING_BRACE = 0x7d;

/**
 * Runs a command of ovs-vswitchd, as ovs-appctl does: one request of JSON-RPC at its control socket (lib/unixctl.c).
 * @returns what the command prints
 * @throws CtflowError CTFLOW_OVS, CTFLOW_PERMISSION
 */
export async function askVswitchd(method: string, params: readonly string[]): Promise<string> {
  const path = socketPath();
  const { result, error } = await exchange(path, JSON.stringify({ method, params, id: 0 }));
  if (typeof result === 'string') return result;
  const why = typeof error === 'string' ? error.trim().replace(/\s+/g, ' ') : 'an answer without a result';
  throw new CtflowError('CTFLOW_OVS', `ovs-vswitchd refuses ${method}: ${why}`, `Try ovs-appctl ${method}`);
}

function socketPath(): string {
  const file = join(runFolder(), 'ovs-vswitchd.pid');
  try {
    const pid = readFileSync(file, 'latin1').trim();
    return join(runFolder(), `ovs-vswitchd.${pid}.ctl`);
  } catch (cause) {
    throw unreachable(file, cause);
  }
}

interface Answer {
  readonly result?: unknown;
  readonly error?: unknown;
}

function exchange(path: string, request: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path }, () => socket.write(request));
    const parts: Buffer[] = [];
    let length = 0;
    const fail = (what: string, hint: string): void => {
      socket.destroy();
      reject(new CtflowError('CTFLOW_OVS', `ovs-vswitchd at ${path} ${what}`, hint));
    };
    socket.setTimeout(PATIENCE_MS, () =>
      fail(`has said nothing for ${PATIENCE_MS / 1000} s`, 'Its log, and ovs-appctl version, say whether it works'),
    );
    socket.on('data', (part: Buffer) => {
      parts.push(part);
      length += part.length;
      if (length > MOST)
        return fail(`answered with more than ${MOST} bytes`, 'It has more connections than can be read');
      if (part.at(-1) !== CLOSING_BRACE) return;
      // the answer has no other end; a brace within it is not the last
      const answer = parse(Buffer.concat(parts, length));
      if (answer === undefined) return;
      socket.destroy();
      resolve(answer);
    });
    socket.once('end', () =>
      fail('closed the connection before its answer was whole', 'It may have ended; look at its log'),
    );
    socket.once('error', error => reject(unreachable(path, error)));
  });
}

function parse(bytes: Buffer): Answer | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('latin1'));
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return undefined;
  }
}

function unreachable(path: string, cause: unknown): CtflowError {
  const errno = errnoOf(cause);
  if (errno === 'EACCES' || errno === 'EPERM') {
    const hint = 'Run as root, or as the user of ovs-vswitchd';
    return new CtflowError('CTFLOW_PERMISSION', `${path} may not be used (${errno})`, hint, cause);
  }
  const hint = 'Start ovs-vswitchd, or set OVS_RUNDIR to the folder of its sockets';
  return new CtflowError('CTFLOW_OVS', `ovs-vswitchd is not there: ${path} (${errno})`, hint, cause);
}
