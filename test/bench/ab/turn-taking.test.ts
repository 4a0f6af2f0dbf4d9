import test from 'ava';
import { EventEmitter } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { TurnTaking } from '../../../bench/ab/turn-taking.js';

/** A process that works when it is sent word, and writes its name down. */
class Worker extends EventEmitter {
  readonly #name: string;
  readonly #turns: string[];
  #left: number;

  constructor(name: string, turns: string[], left: number) {
    super();
    this.#name = name;
    this.#turns = turns;
    this.#left = left;
  }

  send(): void {
    this.#turns.push(this.#name);
    setImmediate(() => this.go());
  }

  go(): void {
    if (this.#left-- > 0) this.emit('message');
    else this.emit('close');
  }
}

/** Two processes with so many turns each. @returns whose turn it was */
async function turnsOf(lots: readonly number[], a: number, b: number): Promise<string[]> {
  const turns: string[] = [];
  const remaining = [...lots];
  const taking = new TurnTaking(() => remaining.shift() ?? 0);
  const workers = [new Worker('a', turns, a), new Worker('b', turns, b)];
  taking.join(workers[0] as unknown as ChildProcess);
  const first = new Promise(resolve => workers[0].once('close', resolve));
  const second = new Promise(resolve => workers[1].once('close', resolve));
  workers[0].go();
  await taking.firstWaits;
  taking.join(workers[1] as unknown as ChildProcess);
  workers[1].go();
  await Promise.all([first, second]);
  return turns;
}

test('both have a turn in each round, in the order of its lot', async t => {
  t.deepEqual(await turnsOf([0, 1, 1, 0], 4, 4), ['a', 'b', 'b', 'a', 'b', 'a', 'a', 'b']);
});

test('who is left alone goes on at once', async t => {
  t.deepEqual(await turnsOf([0], 1, 3), ['a', 'b', 'b', 'b']);
  t.deepEqual(await turnsOf([0], 3, 1), ['a', 'b', 'a', 'a']);
});

test('a process that asks for no turns is run before or after the other', async t => {
  t.deepEqual(await turnsOf([], 0, 2), ['b', 'b']);
  t.deepEqual(await turnsOf([], 2, 0), ['a', 'a']);
});
