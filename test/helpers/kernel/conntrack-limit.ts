import { readFileSync, writeFileSync } from 'node:fs';
import { CtflowError } from '../../../src/common/errors.js';
import type { Scope } from './scope.js';

/** The one limit for each network namespace of the host. */
const LIMIT = '/proc/sys/net/netfilter/nf_conntrack_max';

/**
 * Raises nf_conntrack_max to so many entries where it is lower, and puts it back at the end of the scope, or of the
 * process where that comes first.
 * @throws CtflowError CTFLOW_KERNEL_SETTING where it cannot be raised
 */
export function raiseConntrackLimit(scope: Scope, entries: number): void {
  const before = readFileSync(LIMIT, 'utf8').trim();
  if (Number(before) >= entries) return;
  try {
    writeFileSync(LIMIT, String(entries));
  } catch (error) {
    throw new CtflowError(
      'CTFLOW_KERNEL_SETTING',
      `nf_conntrack_max is ${before}, and this user or network namespace may not raise it to ${entries}`,
      `Set it as root of the host, or make fewer flows`,
      error,
    );
  }
  const putBack = (): void => writeFileSync(LIMIT, before);
  process.once('exit', putBack);
  scope.teardown(() => {
    process.off('exit', putBack);
    putBack();
  });
}
