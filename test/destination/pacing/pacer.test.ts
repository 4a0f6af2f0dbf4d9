import test from 'ava';
import { BURST, Pacer } from '../../../src/destination/pacing/pacer.js';

/** Takes what the pacer allows, at most so many records a burst, for so many milliseconds. @returns when each burst was, and how large */
function run(pacer: Pacer, from: number, milliseconds: number, most: number): [number, number][] {
  const bursts: [number, number][] = [];
  for (let now = from; now < from + milliseconds; now += Math.max(pacer.wait, 0.1)) {
    const records = Math.min(pacer.allowance(now), most);
    if (records > 0) bursts.push([now, records]);
    pacer.spend(records, true);
  }
  return bursts;
}

const sum = (bursts: readonly [number, number][]): number => bursts.reduce((all, [, records]) => all + records, 0);

test('in any time no more leaves than the rate allows and one burst', t => {
  for (const rate of [1, 300, 10_000, 80_000, 500_000]) {
    const bursts = run(new Pacer(rate), 5_000, 3_000, 200);
    for (let first = 0; first < bursts.length; first += 7) {
      for (const length of [1, 10, 200]) {
        const part = bursts.slice(first, first + length);
        const [begin, end] = [part[0][0], part.at(-1)![0]];
        // a token a burst may be left over from before it began
        t.true(sum(part) <= (rate * (end - begin)) / 1000 + Math.max(BURST, rate * 0.02) + 1, `${rate} a second`);
      }
    }
  }
});

test('the rate is reached, at 500,000 records a second too', t => {
  for (const rate of [300, 10_000, 80_000, 500_000]) {
    const sent = sum(run(new Pacer(rate), 0, 5_000, 200));
    t.true(sent >= rate * 5 * 0.97, `${sent} of ${rate * 5}`);
  }
});

test('after a pause there is room for one burst, and not for what could have left meanwhile', t => {
  const pacer = new Pacer(50_000);
  pacer.allowance(0);
  pacer.spend(10, false);
  t.is(pacer.allowance(60_000), BURST);
});

test('what leaves without asking is waited for', t => {
  const pacer = new Pacer(1_000);
  pacer.allowance(0);
  pacer.spend(BURST + 100, true);
  t.is(pacer.allowance(50), 0);
  t.is(pacer.allowance(100), 0);
  t.is(pacer.allowance(164), BURST);
});
