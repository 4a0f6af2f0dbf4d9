import { CtflowError, type ErrorCode } from '../../common/errors.js';

/** Of what is said over the control socket: one line of JSON for each request, and one for each reply. */
export const CONTROL_VERSION = 1;
/** Octets of a request at most, with its line break: the longest filter fits in. */
export const MOST_REQUEST = 32_768;
/** Octets of a reply at most: far more than any status has. */
export const MOST_REPLY = 16 << 20;

export const COMMANDS = ['status', 'templates-resend', 'flush', 'reload', 'record-dump', 'top', 'pressure'] as const;
export type ControlCommand = (typeof COMMANDS)[number];

/** `{"version":1,"command":"flush","destination":"main"}` */
export interface ControlRequest {
  readonly command: ControlCommand;
  /** The name of one; all where it is absent. */
  readonly destination?: string | undefined;
  /** Which network namespace `top` and `pressure` look at, where several are read; the first one where it is absent. */
  readonly netns?: string | undefined;
  /** Of `top` a TopQuery, of `pressure` a PressureQuery. */
  readonly query?: unknown;
}

interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/** What a command brought, or each error with its stable code. */
export type ControlReply = { readonly result: unknown } | { readonly errors: readonly PlainError[] };

export function requestLine(request: ControlRequest): string {
  return `${JSON.stringify({ version: CONTROL_VERSION, ...request })}\n`;
}

export function replyLine(reply: ControlReply): string {
  return `${JSON.stringify({ version: CONTROL_VERSION, ...reply })}\n`;
}

/** @throws CtflowError CTFLOW_CONTROL */
export function parseRequest(line: string): ControlRequest {
  const { command, destination, netns, query } = parseLine(line, 'request');
  if (!COMMANDS.some(one => one === command)) {
    const known = COMMANDS.join(', ');
    throw wrong(`There is no command '${String(command).slice(0, 40)}'`, `Known here: ${known}`);
  }
  if (destination !== undefined && typeof destination !== 'string')
    throw wrong('The destination of a request is no text', 'Give the name of one, or none for all');
  if (netns !== undefined && typeof netns !== 'string')
    throw wrong('The network namespace of a request is no text', 'Give the name of one that ctflow status shows');
  return { command: command as ControlCommand, destination, netns, query };
}

/** @throws CtflowError CTFLOW_CONTROL where it is no reply */
export function parseReply(line: string): ControlReply {
  const reply = parseLine(line, 'reply');
  if (Array.isArray(reply['errors'])) return { errors: reply['errors'] as PlainError[] };
  return { result: reply['result'] };
}

/** The errors of a failure as a reply has them. */
export function plainErrors(failures: readonly unknown[]): readonly PlainError[] {
  return failures.map(failure => {
    if (failure instanceof CtflowError) return { code: failure.code, message: failure.message, hint: failure.hint };
    const message = failure instanceof Error ? failure.message : String(failure);
    return {
      code: 'CTFLOW_CONTROL',
      message: `The command failed: ${message}`,
      hint: 'The log of ctflow run says more',
    };
  });
}

function parseLine(line: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    value = undefined;
  }
  if (typeof value !== 'object' || value === null)
    throw wrong(`The ${what} is no line of JSON`, 'Send {"version":1,"command":"status"} and a line break');
  const { version } = value as { version?: unknown };
  if (version !== CONTROL_VERSION) {
    throw wrong(
      `The ${what} has version ${String(version).slice(0, 20)}, and ${CONTROL_VERSION} is known here`,
      'Use the ctflow command of the version that runs: both are of one package',
    );
  }
  return value as Record<string, unknown>;
}

function wrong(message: string, hint: string): CtflowError {
  return new CtflowError('CTFLOW_CONTROL', message, hint);
}
