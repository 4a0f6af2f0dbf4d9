/** The recipes of docs/recipes.md, run as they stand there. */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.js';
import { CTFLOW, RECORDING } from './kernel/cli.js';
import { collect, type PrivateNamespace } from './kernel/namespace.js';

const PAGE = readFileSync(fileURLToPath(new URL('../../../docs/recipes.md', import.meta.url)), 'utf8');
/** What each recipe says, by its heading. */
export const RECIPES: ReadonlyMap<string, string> = new Map(
  PAGE.split(/^## /m)
    .slice(1)
    .map(text => [text.slice(0, text.indexOf('\n')), text]),
);
/** Where collectors of all recipes listen. */
const PORT = 4739;
const PLAYED = `--config none --control off --source replay:${RECORDING} --flow-poll-interval 50ms --observation-domain 1`;

/** The commands of a recipe: those of the `collector`, of `ctflow`, and of a `look` at what came. */
export function commands(recipe: string, which: 'collector' | 'ctflow' | 'look'): string {
  return new RegExp('^```sh ' + which + '\\n([\\s\\S]*?)^```', 'm').exec(RECIPES.get(recipe)!)?.[1] ?? '';
}

export interface RecipeRun {
  readonly recipe: string;
  /** What its collector says when it is ready. */
  readonly ready?: string;
  /** It reads what goes to another: that one's recipe. */
  readonly beside?: string;
  /** Its collector is asked for what came, and forgets it when it is stopped. */
  readonly asked?: boolean;
  /** Folders with its programs, separated as in PATH. */
  readonly path?: string;
}

/**
 * Plays a recording by a recipe.
 * @param shim a path for a script, in a folder that is the recipe's own
 * @param wanted what the collector prints in the end; it is stopped then, or when it has read everything
 * @returns what was printed
 */
export async function runRecipe(
  namespace: PrivateNamespace,
  shim: string,
  { recipe, ready, beside, asked = false, path = '' }: RecipeRun,
  wanted: RegExp,
): Promise<string> {
  writeFileSync(shim, `#!/bin/sh\nexec '${process.execPath}' '${CTFLOW}' "$@"\n`, { mode: 0o755 });
  const shell = (text: string): [string, string[]] => [
    'sh',
    ['-c', `cd '${dirname(shim)}'; PATH="$PWD:${path}:$PATH"; ${text}`],
  ];
  const start = (text: string) => {
    // the last line stays in front
    const lines = text.trim().split('\n');
    const last = lines.pop()!;
    const child = namespace.spawn(...shell([...lines, `exec ${last}`].join('\n')));
    const output = { said: '', printed: '' };
    child.stderr.on('data', chunk => (output.said += chunk));
    child.stdout.on('data', chunk => (output.printed += chunk));
    return { child, output, finished: collect(child) };
  };
  if (beside !== undefined) start(commands(beside, 'collector'));
  const text = commands(recipe, 'collector');
  const collector = text === '' ? undefined : start(text);
  if (ready !== undefined) await eventually(`${recipe} is ready`, () => collector!.output.said.includes(ready));
  const protocol = commands(recipe, 'ctflow').includes('tcp://') ? 'tcp' : 'udp';
  if (collector) await namespace.listening(protocol, PORT);
  await namespace.run(...shell(`${commands(recipe, 'ctflow').trim()} ${PLAYED}`));
  const look = (): Promise<string> => namespace.run(...shell(commands(recipe, 'look')));
  let answer: string | undefined;
  if (collector) {
    if (beside !== undefined) await eventually(`${recipe} prints it`, () => wanted.test(collector.output.printed));
    else if (protocol === 'udp') await namespace.drained(PORT, collector.child);
    else await namespace.readToEnd(PORT);
    if (asked) {
      answer = await eventually(`${recipe} has it`, async () => {
        const text = await look();
        return wanted.test(text) && text;
      });
    }
    collector.child.kill('SIGINT');
    await collector.finished;
  }
  if (answer !== undefined) return answer;
  return commands(recipe, 'look') === '' ? (collector?.output.printed ?? '') : look();
}
