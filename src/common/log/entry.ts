/** Where a log goes: a LineSink fits. */
export interface LogSink {
  write(line: string): void;
  onRoom: (dropped: number) => void;
}

/** A line of the log as pino writes it: `level`, `time`, `msg`, and whatever else was given. */
export interface Entry {
  readonly level: string;
  readonly msg: string;
  readonly fields: readonly (readonly [name: string, value: unknown])[];
}

/** syslog(3): 3 error, 4 warning, 6 informational, 7 debug. */
export const PRIORITIES: Readonly<Record<string, number>> = { error: 3, warn: 4, info: 6, debug: 7 };
/** Too long for a line that a person reads: it is a field of journald alone. */
const FIELD_ALONE = 'statistics';

export function parseEntry(line: string): Entry {
  const { level, time: _, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  return { level: String(level), msg: String(msg), fields: Object.entries(fields) };
}

/** The message and its fields, as `name=value`: what `journalctl` shows. */
export function readable({ msg, fields }: Entry): string {
  const shown = fields.filter(([name]) => name !== FIELD_ALONE);
  return [msg, ...shown.map(([name, value]) => `${name}=${text(value, true)}`)].join(' ');
}

/** @param quoted where words could run together */
export function text(value: unknown, quoted = false): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  return quoted && !/^[^\s"=]+$/.test(value) ? JSON.stringify(value) : value;
}
