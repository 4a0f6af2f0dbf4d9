import test from 'ava';
import * as fc from 'fast-check';
import { Intake } from '../../src/collector/intake.js';
import { seeded } from '../helpers/seed.js';

const SIZE = 512 + 100;

test('whoever comes in, order is kept and nothing taken is lost', async t => {
  const step = fc.record({ peer: fc.constantFrom('a', 'b', 'c'), limited: fc.boolean(), wait: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 8 }), async (steps, room) => {
      const taken: number[] = [];
      const delivered: number[] = [];
      const turns: string[] = [];
      const intake = new Intake(
        room * SIZE,
        () => turns.push('busy'),
        () => turns.push('idle'),
      );
      let last: Promise<void> | undefined;
      for (const [i, { peer, limited, wait }] of steps.entries()) {
        const deliver = (): Promise<void> | undefined => {
          delivered.push(i);
          return wait ? (last = new Promise(resolve => setImmediate(resolve))) : undefined;
        };
        const arrival = { peer, bytes: new Uint8Array(100), deliver };
        if (!limited) intake.take(arrival);
        if (!limited || intake.offer(arrival)) taken.push(i);
        if (i % 7 === 6) await last;
      }
      while (intake.busy) await new Promise(resolve => setImmediate(resolve));
      t.deepEqual(delivered, taken);
      t.is(intake.waiting, 0);
      t.true(turns.every((turn, i) => turn === (i % 2 ? 'idle' : 'busy')) && turns.length % 2 === 0);
    }),
    { ...seeded(t), numRuns: 200 },
  );
});

test('a peer may queue as much as is left for others', t => {
  const intake = new Intake(
    8 * SIZE,
    () => {},
    () => {},
  );
  const offer = (peer: string): boolean =>
    intake.offer({ peer, bytes: new Uint8Array(100), deliver: () => new Promise(() => {}) });
  t.true(offer('a'), 'delivered');
  const taken = (peer: string): number => Array.from({ length: 20 }, () => offer(peer)).filter(Boolean).length;
  t.is(taken('a'), 4);
  t.is(taken('b'), 2);
  t.is(taken('c'), 1);
});
