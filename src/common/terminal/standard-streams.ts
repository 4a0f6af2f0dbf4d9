import { Writable } from 'node:stream';
import { readerOf } from '../log/reader.js';
import { LineOutput } from './line-output.js';
import { LineSink } from './line-sink.js';
import { openOutput } from './open-output.js';

/** For whoever writes to process.stdout or stderr by himself, such as Node with its warnings; bin/ctflow.js took theirs. */
export function replaceProcessStreams(): void {
  const targets = { stdout: standardOutput, stderr: standardError } as const;
  for (const [name, target] of Object.entries(targets)) {
    if (process[name as keyof typeof targets].isTTY !== false) continue;
    const value = new Writable({
      decodeStrings: false,
      write(text: string | Buffer, _, done) {
        target().write(String(text));
        done();
      },
    });
    Object.defineProperty(process, name, { configurable: true, value });
  }
}

let output: LineOutput | undefined;
let errors: LineSink | undefined;

/** What was asked for. Nothing of it is dropped. */
export function standardOutput(): LineOutput {
  return (output ??= new LineOutput(openOutput(1)));
}

/**
 * Waits until all of the output is written, where there is any.
 * @returns whether it was; without a reader, it was not
 * @throws CtflowError CTFLOW_OUTPUT
 */
export async function closeStandardOutput(): Promise<boolean> {
  if (!output) return true;
  const written = await output.end();
  if (output.broken) await output.closed;
  return written;
}

/** The log, and notes for people. */
export function standardError(): LineSink {
  return (errors ??= new LineSink(() => openOutput(2)));
}

/** To the beginning of the line, and nothing behind it (ECMA-48). */
const CLEAR_LINE = '\r\u001b[K';
let progress = '';

/** A line below all notes, in place of the one before; empty for none. Standard error has to be a terminal. */
export function setProgress(text: string): void {
  if (text === '' && progress === '') return;
  // one that wraps could not be taken away
  progress = text.slice(0, Math.max(process.stderr.columns - 1, 0));
  standardError().write(CLEAR_LINE + progress);
}

/** One note of a command, on standard error. @param priority of syslog(3), for journald */
export function note(text: string, priority = 6): void {
  const line = `${progress === '' ? '' : CLEAR_LINE}ctflow: ${text}\n${progress}`;
  // what was printed before stands before it, where both are one terminal
  output?.flush();
  standardError().write(readerOf(2) === 'journald' ? line.replaceAll(/^(?=.)/gm, `<${priority}>`) : line);
}
