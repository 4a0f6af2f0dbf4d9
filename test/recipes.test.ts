import test from 'ava';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PrivateNamespace } from './helpers/kernel/namespace.js';
import { needs } from './helpers/kernel/require.js';
import { commands, RECIPES, type RecipeRun, runRecipe } from './helpers/recipes.js';
import { temporaryPath } from './helpers/temporary.js';

/** Recipes of programs that the tests have. */
const RUN: readonly (RecipeRun & { programs: readonly string[]; wanted?: RegExp })[] = [
  { recipe: 'ctflow collect', programs: [] },
  { recipe: 'nfdump', programs: ['nfcapd', 'nfdump'] },
  { recipe: 'pmacct', programs: ['nfacctd'], ready: 'setting object handlers' },
  { recipe: 'libfixbuf (SiLK, YAF)', programs: ['ipfixDump'] },
  { recipe: 'Wireshark', programs: ['tshark', 'dumpcap'], ready: 'Capturing on', beside: 'ctflow collect' },
  { recipe: 'A NAT log', programs: [], wanted: /"natEvent"/ },
];

for (const { programs, wanted = /192\.0\.2\.2\b/, ...run } of RUN) {
  const title = `the recipe of ${run.recipe} runs as it stands, and reads records`;
  needs(test, ['namespace', ...programs])(title, async t => {
    const namespace = await PrivateNamespace.create(t);
    t.regex(await runRecipe(namespace, temporaryPath(t, 'ctflow'), run, wanted), wanted);
  });
}

test('the page says of each recipe whether it is run, and by what', t => {
  for (const [recipe, text] of RECIPES) {
    if (commands(recipe, 'ctflow') === '') continue;
    const says = /^\*(Run|Run by `npm run proof:interop`|Its decoder alone|Not tried)\.\*/m.exec(text)?.[1];
    t.truthy(says, recipe);
    t.is(
      says === 'Run',
      RUN.some(run => run.recipe === recipe),
      recipe,
    );
  }
});

test('recipes that name a program have the flags that it was asked with', t => {
  const asked = new Map(
    readFileSync(fileURLToPath(new URL('../../docs/interop.md', import.meta.url)), 'utf8')
      .split('\n')
      .map(line => /^\| ([\w, .-]+) \| .* \| `(--[^`]*)` \| [\d]+ of/.exec(line))
      .filter(row => row !== null)
      .map(([, program, flags]) => [program, flags] as const)
      // the first table
      .toReversed(),
  );
  const flagsOf = (recipe: string): string =>
    /^ctflow run --collector \S+ ?(.*)$/m.exec(commands(recipe, 'ctflow'))![1];
  const essential = (flags: string): string =>
    flags
      .replace(/--interfaces \S+/, '')
      .replaceAll(/\s+/g, ' ')
      .trim();
  for (const [recipe, program] of [
    ['nfdump', 'nfcapd'],
    ['pmacct', 'nfacctd'],
    ['Wireshark', 'tshark'],
    ['goflow2, and what is built on it', 'goflow2'],
    ['Akvorado', 'Akvorado'],
    ['Filebeat', 'Filebeat'],
    ['Antrea flow aggregator, go-ipfix', 'go-ipfix'],
    ['NetGauze', 'NetGauze'],
  ]) {
    t.truthy(asked.get(program), program);
    t.is(essential(flagsOf(recipe)), essential(asked.get(program)!), recipe);
  }
});
