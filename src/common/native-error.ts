import { getSystemErrorName } from 'node:util';
import { CtflowError, type ErrorCode } from './errors.js';

const HINTS: Partial<Record<ErrorCode, string>> = {
  CTFLOW_PERMISSION: 'Run as root, or give the process CAP_NET_ADMIN over the network namespace',
  CTFLOW_KERNEL_SETTING: 'Load connection tracking with modprobe nf_conntrack_netlink',
  CTFLOW_NAMESPACE:
    'Give a name from ip netns list or a path such as /proc/PID/ns/net; to enter it CAP_SYS_ADMIN is needed',
  CTFLOW_NFLOG_TAKEN: 'A group has one reader: end the other program, or log to a group of its own',
  CTFLOW_NETLINK: 'Try again; if it stays, the kernel log may say why',
  CTFLOW_STATE: 'Name a state file in a folder that ctflow may write to',
  CTFLOW_USAGE: 'See src/backend.ts for what fits',
};
const EPERM = 1;
const EACCES = 13;

/** What the native module threw as an error of ctflow: its own errors cross as `CODE|text`. Others stay what they are. */
export function nativeError(error: unknown): Error {
  const thrown = error instanceof Error ? error : new Error(String(error));
  const [, code, text] = /^(CTFLOW_\w+)\|(.*)$/s.exec(thrown.message) ?? [];
  const hint = HINTS[code as ErrorCode];
  return hint === undefined ? thrown : new CtflowError(code as ErrorCode, text, hint);
}

/** The errno (positive) with which the kernel ended a dump of its connection table. */
export function answerError(errno: number): CtflowError {
  const code = errno === EPERM || errno === EACCES ? 'CTFLOW_PERMISSION' : 'CTFLOW_NETLINK';
  const message = `The kernel ended the dump of its connection table with ${getSystemErrorName(-errno)}`;
  return new CtflowError(code, message, HINTS[code]!);
}
