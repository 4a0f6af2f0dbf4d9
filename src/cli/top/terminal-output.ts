import type { Writable } from 'node:stream';
import { openOutput } from '../../common/terminal/open-output.js';

/** Milliseconds that a terminal has for what restores it. */
const LAST_MS = 1_000;

/** Standard output as a terminal that is never waited for, with what terminal-kit asks of one. */
export interface TerminalOutput extends Writable {
  readonly isTTY: true;
  readonly columns: number;
  readonly rows: number;
}

/** Opens the terminal behind standard output anew, for this process alone. Emits `resize`. */
export function openTerminal(): TerminalOutput {
  const output = openOutput(1);
  Object.defineProperties(output, {
    isTTY: { value: true },
    columns: { get: () => process.stdout.columns },
    rows: { get: () => process.stdout.rows },
  });
  const resized = (): void => void output.emit('resize');
  process.stdout.on('resize', resized);
  output.once('close', () => process.stdout.off('resize', resized));
  // the terminal is gone, and a hang-up on its way
  output.on('error', () => {});
  return output as TerminalOutput;
}

/** A terminal that takes nothing now is not waited for any longer. */
export function closeTerminal(output: TerminalOutput): void {
  output.end();
  setTimeout(() => output.destroy(), LAST_MS).unref();
}
