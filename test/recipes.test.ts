import test from 'ava';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from './helpers/eventually.js';
import { CTFLOW, RECORDING } from './helpers/kernel/cli.js';
import { collect, PrivateNamespace } from './helpers/kernel/namespace.js';
import { needs } from './helpers/kernel/require.js';
import { temporaryPath } from './helpers/temporary.js';

const page = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../docs/${name}`, import.meta.url)), 'utf8');
/** What each recipe says, by its heading. */
const RECIPES = new Map(
  page('recipes.md')
    .split(/^## /m)
    .slice(1)
    .map(text => [text.slice(0, text.indexOf('\n')), text]),
);

/** The commands of a recipe: those of the `collector`, of `ctflow`, and of a `look` at what came. */
function commands(recipe: string, which: string): string {
  return new RegExp('^```sh ' + which + '\\n([\\s\\S]*?)^```', 'm').exec(RECIPES.get(recipe)!)?.[1] ?? '';
}

/** Recipes of programs that the tests have; a line of some says when they are ready. */
const RUN: readonly { recipe: string; programs: readonly string[]; ready?: string }[] = [
  { recipe: 'ctflow collect', programs: [] },
  { recipe: 'nfdump', programs: ['nfcapd', 'nfdump'] },
  { recipe: 'pmacct', programs: ['nfacctd'], ready: 'setting object handlers' },
  { recipe: 'libfixbuf (SiLK, YAF)', programs: ['ipfixDump'] },
];

for (const { recipe, programs, ready } of RUN) {
  needs(test, ['namespace', ...programs])(`the recipe of ${recipe} runs as it stands, and reads records`, async t => {
    const namespace = await PrivateNamespace.create(t);
    const shim = temporaryPath(t, 'ctflow');
    writeFileSync(shim, `#!/bin/sh\nexec '${process.execPath}' '${CTFLOW}' "$@"\n`, { mode: 0o755 });
    const shell = (text: string): [string, string[]] => [
      'sh',
      ['-c', `cd '${dirname(shim)}'; PATH="$PWD:$PATH"; ${text}`],
    ];
    // the last line stays in front
    const lines = commands(recipe, 'collector').trim().split('\n');
    const last = lines.pop()!;
    const collector = last && namespace.spawn(...shell([...lines, `exec ${last}`].join('\n')));
    const finished = collector && collect(collector, {});
    if (collector) {
      let log = '';
      collector.stderr.on('data', chunk => (log += chunk));
      if (ready) await eventually(`${recipe} is ready`, () => log.includes(ready));
      await namespace.listening('udp', 4739);
    }
    const played = `--config none --control off --source replay:${RECORDING} --flow-poll-interval 50ms --observation-domain 1`;
    await namespace.run(...shell(`${commands(recipe, 'ctflow').trim()} ${played}`));
    let printed = '';
    if (collector && finished) {
      await namespace.drained(4739, collector);
      collector.kill('SIGINT');
      printed = (await finished).stdout;
    }
    const look = commands(recipe, 'look');
    if (look) printed = await namespace.run(...shell(look));
    t.regex(printed, /192\.0\.2\.2\b/);
  });
}

test('recipes that name a program have the flags that it was asked with', t => {
  const asked = new Map(
    page('interop.md')
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
