import type { ExecutionContext } from 'ava';
import { copyFileSync, writeFileSync } from 'node:fs';
import type { CtflowError } from '../../../src/common/errors.js';
import { eventually } from '../eventually.js';
import type { TransportLog } from '../fakes/transport-log.js';
import { temporaryPath } from '../temporary.js';
import { certificates } from './certificates.js';

interface Changing {
  tlsCa: string;
  reconnectInterval: number;
  trouble: (error: CtflowError) => void;
}

/**
 * The file of authorities is another one, then broken, then right.
 * @param attempt opens a transport to a collector of the right authority, and waits for its first event
 */
export async function changeFiles(
  t: ExecutionContext,
  attempt: (options: Changing) => Promise<readonly [unknown, TransportLog, string]>,
): Promise<void> {
  const { ours, theirs } = certificates();
  const tlsCa = temporaryPath(t, 'ca.pem');
  copyFileSync(theirs.tlsCa, tlsCa);
  const faults: string[] = [];
  const trouble = ({ code, message }: CtflowError): void => void faults.push(`${code}: ${message}`);
  const [, log, first] = await attempt({ tlsCa, reconnectInterval: 20, trouble });
  t.regex(first, /^closed: UNABLE_TO/);
  writeFileSync(tlsCa, 'half a file');
  await eventually('the fault', () => faults.length > 0);
  t.deepEqual(faults, [`CTFLOW_TLS: The TLS file '${tlsCa}' cannot be used: it has no certificate in PEM`]);
  copyFileSync(ours.tlsCa, tlsCa);
  await eventually('a session', () => log.events.at(-1) === 'opened');
  t.is(faults.length, 1, 'a fault is said once');
}
