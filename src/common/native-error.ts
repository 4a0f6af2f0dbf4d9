import { getSystemErrorName } from 'node:util';
import { CtflowError, type ErrorCode } from './errors.js';

const HINTS: Partial<Record<ErrorCode, string>> = {
  CTFLOW_PERMISSION: 'Run as root, or give the process CAP_NET_ADMIN in the network namespace',
  CTFLOW_KERNEL_SETTING: 'Load connection tracking with modprobe nf_conntrack_netlink',
  CTFLOW_NAMESPACE:
    'Give a name from ip netns list or a path such as /proc/PID/ns/net; entering it needs CAP_SYS_ADMIN',
  CTFLOW_NFLOG_TAKEN: 'A group has one reader: stop the other program, or use another group',
  CTFLOW_NETLINK: 'Try again; if it fails again, see the kernel log',
  CTFLOW_STATE: 'Give a state file in a directory that ctflow can write to',
  CTFLOW_TLS: 'Give a certificate, a key and authorities that OpenSSL takes',
  CTFLOW_BACKEND_LACKS: 'Use a Node of nodejs.org or of a Linux distribution, or tls://',
  CTFLOW_USAGE: 'Check the arguments of the call',
};
const EPERM = 1;
const EACCES = 13;

/** An error of the native module, which has a code of ctflow, as an error of ctflow. Others stay what they are. */
export function nativeError(error: unknown): Error {
  const thrown = error instanceof Error ? error : new Error(String(error));
  const { code } = thrown as Error & { code?: ErrorCode };
  const hint = code && HINTS[code];
  return hint === undefined || thrown instanceof CtflowError ? thrown : new CtflowError(code!, thrown.message, hint);
}

/** Calls the native module. @throws see {@link nativeError} */
export function native<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw nativeError(error);
  }
}

/** The errno (positive) with which the kernel ended a dump of its connection table. */
export function answerError(errno: number): CtflowError {
  const code = errno === EPERM || errno === EACCES ? 'CTFLOW_PERMISSION' : 'CTFLOW_NETLINK';
  const message = `The kernel ended the dump of the conntrack table with ${getSystemErrorName(-errno)}`;
  return new CtflowError(code, message, HINTS[code]!);
}
