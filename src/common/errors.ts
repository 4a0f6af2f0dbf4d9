/** What can go wrong, by stable code. A code never changes its meaning. */
export type ErrorCode =
  | 'CTFLOW_USAGE' // a flag, an address or a value that cannot be understood
  | 'CTFLOW_CONFIG' // the configuration file cannot be read, or has mistakes
  | 'CTFLOW_PERMISSION' // the kernel refused: a capability is missing
  | 'CTFLOW_KERNEL_SETTING' // conntrack, accounting or timestamps are off
  | 'CTFLOW_NAMESPACE' // a network namespace cannot be entered or made
  | 'CTFLOW_NETLINK' // the kernel answered with an error
  | 'CTFLOW_NFLOG_TAKEN' // another program reads the NFLOG group
  | 'CTFLOW_PROCFS' // /proc/net/nf_conntrack cannot be read
  | 'CTFLOW_OVS' // Open vSwitch does not answer, or has no datapath
  | 'CTFLOW_RECORDING' // a replay file is not one, or is damaged
  | 'CTFLOW_BACKEND_ABSENT' // the native module was asked for and is not there
  | 'CTFLOW_BACKEND_BROKEN' // the native module is there and does not load, or is of another layout
  | 'CTFLOW_BACKEND_LACKS' // only the native backend can do this
  | 'CTFLOW_ADDRESS' // a host name cannot be resolved, or an address cannot be bound
  | 'CTFLOW_TRANSPORT' // a socket to or from a collector failed
  | 'CTFLOW_TLS' // a certificate, a key or an authority for TLS cannot be used
  | 'CTFLOW_UNEXPORTED' // records were left when the exporter stopped, or files were not sent whole
  | 'CTFLOW_STATE' // a state file cannot be had, or another exporter holds it
  | 'CTFLOW_OUTPUT' // standard output cannot be written
  | 'CTFLOW_IPFIX' // an IPFIX message or file that cannot be read
  | 'CTFLOW_INVENTORY' // the inventory cannot be read, or is not valid
  | 'CTFLOW_GEOIP' // a GeoIP database cannot be read, or is not one
  | 'CTFLOW_KUBERNETES' // the client for Kubernetes or its configuration cannot be used
  | 'CTFLOW_CONTROL' // the control socket cannot be had, or no daemon answers there
  | 'CTFLOW_LIMIT' // the process may have no more memory or open files
  | 'CTFLOW_DOCTOR' // `ctflow doctor` has found errors
  | 'CTFLOW_DEMO'; // the demonstration cannot be shown, or its counts differ

/**
 * Every error that ctflow raises on purpose. `message` says what failed and on what; `hint` says what to do about it.
 */
export class CtflowError extends Error {
  override readonly name = 'CtflowError';
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(code: ErrorCode, message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}

/** One line for a person: the code, what failed, what to do. */
export function describeError(failure: unknown): string {
  const error = limitError(failure) ?? failure;
  if (error instanceof CtflowError) return `${error.code}: ${error.message}. ${error.hint}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The errno name of a Node system error (`ECONNREFUSED`), or the empty string. */
export function errnoOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** Node says with errors of several kinds that memory or descriptors ran out. */
function limitError(error: unknown): CtflowError | undefined {
  const { message = '' } = error instanceof Error ? error : {};
  if (error instanceof RangeError && /allocation failed|Invalid (typed )?array( buffer)? length/i.test(message)) {
    const hint = 'Lower --max-connections, --max-denied or --ended-queue, or allow more memory (ulimit -v, cgroup)';
    return new CtflowError('CTFLOW_LIMIT', `There is not enough memory (${message})`, hint, error);
  }
  if (['EMFILE', 'ENFILE'].includes(errnoOf(error)) && !(error instanceof CtflowError)) {
    return new CtflowError('CTFLOW_LIMIT', `Too many open files (${message})`, 'Allow more (ulimit -n)', error);
  }
  return undefined;
}
