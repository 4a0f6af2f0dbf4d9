import { describeError } from '../../common/errors.js';
import { formatSize } from '../../common/size.js';
import { error, ok, warning, type Finding } from './finding.js';
import type { Host } from './host.js';

/** A buffer that a setting asks for. */
export interface WantedBuffer {
  /** As the user knows the setting: `--event-buffer`. */
  readonly setting: string;
  /** Bytes. */
  readonly bytes: number;
  /** Opens a socket as `ctflow run` does, and closes it. @returns what it was given, as the kernel counts: twice the bytes */
  readonly grant: () => number;
}

/** What SO_RCVBUFFORCE, or without the capability SO_RCVBUF, really gives (socket(7)). */
export function checkReceiveBuffer(host: Host, wanted: WantedBuffer | undefined): Finding {
  const limit = Number(host.read('/proc/sys/net/core/rmem_max'));
  if (!wanted) return ok('none is needed: neither events nor denied packets are received');
  const { setting, bytes, grant } = wanted;
  let granted: number;
  try {
    granted = grant();
  } catch (failure) {
    return error(`a socket for events cannot be opened: ${describeError(failure)}`, 'sudo ctflow doctor');
  }
  const found = `${setting} ${formatSize(bytes)}: ${Math.floor(granted / 2)} bytes granted, net.core.rmem_max is ${limit}`;
  if (granted >= 2 * bytes) return ok(found);
  return warning(
    `${found}; without CAP_NET_ADMIN in the initial user namespace it is the limit`,
    `sysctl -w net.core.rmem_max=${bytes}`,
  );
}
