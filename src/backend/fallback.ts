import type { Backend } from './backend.js';
import type { KernelOptions } from '../sources/source.js';
import { processCpu } from '../common/cpu.js';
import { FallbackEncoder } from '../encoder/flow-encoder.js';
import { CtflowError } from '../common/errors.js';
import { decode } from '../netlink/decode.js';
import { lastingFilter } from '../row/filter.js';
import { PROCFS_STATUS } from '../sources/procfs-line.js';
import { ProcfsSource } from '../sources/procfs.js';
import { connectNodeDatagram } from '../transport/node-datagram.js';

/** The backend in pure TypeScript: decodes and encodes anywhere, and reads the kernel's table through procfs. */
export function createFallbackBackend(): Backend {
  return {
    name: 'fallback',
    decode,
    createEncoder: options => new FallbackEncoder(options),
    openKernel,
    openEvents,
    openNflog,
    limitUnsent: () => false,
    lockFile,
    threadCpu: processCpu,
    connectDatagram: connectNodeDatagram,
    createDtlsContext,
  };
}

function createDtlsContext(): never {
  throw new CtflowError(
    'CTFLOW_BACKEND_LACKS',
    'Only the native backend has DTLS',
    'Build the native module, or use tls://',
  );
}

function lockFile(): never {
  throw new CtflowError(
    'CTFLOW_BACKEND_LACKS',
    'Only the native backend can lock a state file',
    'Build the native module, or remove --state',
  );
}

function openEvents(): never {
  throw new CtflowError(
    'CTFLOW_BACKEND_LACKS',
    'Only the native backend can receive conntrack events',
    'Build the native module, or use --events off',
  );
}

function openNflog(): never {
  throw new CtflowError(
    'CTFLOW_BACKEND_LACKS',
    'Only the native backend can read NFLOG groups',
    'Build the native module, or remove --nflog-group',
  );
}

function openKernel(options: KernelOptions): ProcfsSource {
  if (options.netns !== undefined) {
    throw new CtflowError(
      'CTFLOW_BACKEND_LACKS',
      `Only the native backend can enter network namespace '${options.netns}'`,
      'Build the native module, or start ctflow inside the namespace with ip netns exec',
    );
  }
  const status = options.filter.status;
  if (status && status.mask & ~PROCFS_STATUS) {
    throw new CtflowError(
      'CTFLOW_BACKEND_LACKS',
      `Only the native backend can filter by all status bits of 0x${status.mask.toString(16)}`,
      'Build the native module, or filter by seen-reply, assured, confirmed and offload only',
    );
  }
  return new ProcfsSource(options.anyMarkAndStatus ? lastingFilter(options.filter) : options.filter);
}
