import { Buffer } from 'node:buffer';
import test from 'ava';
// no module of src/, see coverage.ts
import { Fuzzer } from './fuzzer.js';
import { loadTarget, TARGETS, type Target } from './target.js';

/** Inputs of a short run; `npm run fuzz -- TARGET` has more. */
const RUNS = 192;

for (const name of TARGETS) {
  test.serial(`${name}: inputs changed at random, guided by coverage, find nothing`, async t => {
    const target = await loadTarget(name);
    const fuzzer = new Fuzzer(target, { seed: 1 });
    const finding = await fuzzer.run(({ runs }) => runs >= RUNS);
    t.is(finding?.error, undefined, finding && Buffer.from(finding.input).toString('base64'));
    const { coverage, corpus } = fuzzer.progress;
    t.true(coverage > 1000, `${coverage} characters of source`);
    t.true(corpus > 5, `${corpus} inputs reach something that those before do not`);
  });
}

test.serial('the fuzzer finds what is four steps deep, one after another', async t => {
  const target: Target = (await import('./deep.js')).default;
  const fuzzer = new Fuzzer(target, { seed: 7 });
  const finding = await fuzzer.run(({ runs }) => runs >= 100_000);
  t.is(finding && Buffer.from(finding.input.subarray(0, 4)).toString('latin1'), 'deep', String(fuzzer.progress.runs));
  t.is((finding!.error as Error).message, 'found');
});
