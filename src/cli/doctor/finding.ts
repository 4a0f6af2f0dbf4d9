export type Status = 'ok' | 'warning' | 'error';

/** A change that takes nothing from anybody: see docs/doctor.md. */
export interface Fix {
  /** What is about to be done. */
  readonly says: string;
  /** @throws the system's error */
  apply(): void | Promise<void>;
}

/** One line: what was found, and what mends it. */
export interface Finding {
  readonly status: Status;
  readonly found: string;
  /** Of several that one check is about: a destination, a module, a group. */
  readonly subject?: string;
  /** The one command that mends it. */
  readonly command?: string;
  readonly fix?: Fix;
}

export function ok(found: string, subject?: string): Finding {
  return finding('ok', found, undefined, subject);
}

export function warning(found: string, command?: string, subject?: string): Finding {
  return finding('warning', found, command, subject);
}

export function error(found: string, command?: string, subject?: string): Finding {
  return finding('error', found, command, subject);
}

function finding(status: Status, found: string, command?: string, subject?: string): Finding {
  return {
    status,
    found,
    ...(subject !== undefined && { subject }),
    ...(command !== undefined && { command }),
  };
}
