import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { cargoBuild } from './cargo.js';
import { ROOT } from './machine.js';

const PROGRAM = join(ROOT, 'target/release/ctflow-bench');

/**
 * Builds the program that runs beside ctflow, and the library with the floors, where they are not there yet.
 * @returns why they cannot be had, undefined where they are there
 */
export function buildCompanion(): string | undefined {
  return cargoBuild('ctflow-bench');
}

/** A program that takes orders, a line each, as those of crates/ctflow-bench do. */
export class Companion<Ready> {
  readonly ready: Ready;
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  private constructor(child: ChildProcess, answers: AsyncIterator<string>, ready: Ready) {
    this.#child = child;
    this.#answers = answers;
    this.ready = ready;
  }

  /** One of crates/ctflow-bench. */
  static start<Ready>(...args: readonly string[]): Promise<Companion<Ready>> {
    return Companion.startProgram(PROGRAM, args);
  }

  static async startProgram<Ready>(program: string, args: readonly string[]): Promise<Companion<Ready>> {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    return new Companion(child, answers, await answerOf<Ready>(answers, args.join(' ')));
  }

  /** Gives one order, and waits for its answer. */
  ask<Answer>(order: string): Promise<Answer> {
    this.#child.stdin!.write(`${order}\n`);
    return answerOf<Answer>(this.#answers, order);
  }

  async close(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.stdin!.end();
    await ended;
  }
}

async function answerOf<Answer>(answers: AsyncIterator<string>, order: string): Promise<Answer> {
  const { value, done } = await answers.next();
  if (done) throw new Error(`the program has ended at '${order}'`);
  return JSON.parse(value) as Answer;
}
