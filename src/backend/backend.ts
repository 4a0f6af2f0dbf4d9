import type { CpuClock } from '../common/cpu.js';
import type { FlowEncoder, FlowEncoderOptions } from '../encoder/request.js';
import type { Decode } from '../netlink/decode.js';
import type { SendUnixDatagram } from '../common/log/journald.js';
import type { EventOptions, EventReceiver, EventSource } from '../sources/events.js';
import type { NflogOptions, NflogSource } from '../sources/nflog.js';
import type { RowReceiver } from '../sources/row-listener.js';
import type { KernelOptions, Source } from '../sources/source.js';
import type { ConnectDatagram } from '../transport/datagram-socket.js';
import type { CreateDtlsContext } from '../transport/dtls/engine.js';

/**
 * The work that exists twice: in Rust and in TypeScript, with the same bytes.
 */
export interface Backend {
  readonly name: 'native' | 'fallback';
  readonly decode: Decode;
  /** Makes the encoder of one store's flows for one destination. */
  createEncoder(options: FlowEncoderOptions): FlowEncoder;
  /** The kernel's table, live: netlink for native, procfs for the fallback. */
  openKernel(options: KernelOptions): Source;
  /**
   * Conntrack events, live.
   * @throws CtflowError CTFLOW_BACKEND_LACKS in the fallback
   */
  openEvents(options: EventOptions, receiver: EventReceiver): EventSource;
  /**
   * Packets that rules have logged to NFLOG groups, live.
   * @throws CtflowError CTFLOW_BACKEND_LACKS in the fallback
   */
  openNflog(options: NflogOptions, receiver: RowReceiver): NflogSource;
  /**
   * Lets the kernel take no more for a TCP socket while it holds this many octets that it has not sent once.
   * @returns false where that cannot be had: in the fallback, and where `fd` is no TCP socket
   */
  limitUnsent(fd: number, octets: number): boolean;
  /**
   * Locks a file that is open for writing, with a lock that the kernel holds until the last descriptor of this opening is closed.
   * @returns false where another opening of it, in whatever process, has it
   * @throws CtflowError CTFLOW_STATE; CTFLOW_BACKEND_LACKS in the fallback, as Node has no such lock
   */
  lockFile(fd: number): boolean;
  /** Of the calling thread; in the fallback of the whole process. */
  readonly threadCpu: CpuClock;
  /** Makes UDP sockets: native sends many messages a call, the fallback is Node's. */
  readonly connectDatagram: ConnectDatagram;
  /** To the service manager and journald; absent in the fallback, as Node has no sockets for it. */
  readonly sendUnixDatagram?: SendUnixDatagram;
  /** DTLS by the OpenSSL that Node brings. */
  readonly createDtlsContext: CreateDtlsContext;
}
