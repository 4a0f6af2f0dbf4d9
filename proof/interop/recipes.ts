/** Recipes of docs/recipes.md whose programs are built for it: as a whole, and not their decoders alone. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../test/helpers/temporary.js';
import { PrivateNamespace } from '../../test/helpers/kernel/namespace.js';
import type { Scope } from '../../test/helpers/kernel/scope.js';
import { type RecipeRun, runRecipe } from '../../test/helpers/recipes.js';
import { goflow2 } from './takers/go.js';
import { BUILT, without } from './takers/programs.js';

export interface BuiltRecipe {
  /** Of the taker with its decoder. */
  readonly name: string;
  readonly run: RecipeRun;
  /** @returns why the program cannot be had, undefined where it is there */
  lacks(): string | undefined;
}

const PROGRAMS = join(BUILT, 'bin');
/** An address of the recording. */
const WANTED = /192\.0\.2\.2\b/;

export const BUILT_RECIPES: readonly BuiltRecipe[] = [
  {
    name: 'goflow2',
    run: { recipe: 'goflow2, and what is built on it', path: PROGRAMS },
    lacks: () =>
      without('namespace') ?? install('goflow2', 'github.com/netsampler/goflow2/v2/cmd/goflow2', goflow2.version()),
  },
];

/** @throws where nothing of the recording arrives */
export async function runBuilt({ run }: BuiltRecipe, scope: Scope): Promise<void> {
  const namespace = await PrivateNamespace.create(scope);
  const printed = await runRecipe(namespace, join(temporaryFolder(scope), 'ctflow'), run, WANTED);
  if (!WANTED.test(printed)) throw new Error(`${run.recipe}: nothing of the recording has arrived\n${printed}`);
}

/** A program of Go by its package. @returns why it cannot be had */
function install(program: string, name: string, version: string): string | undefined {
  if (existsSync(join(PROGRAMS, program))) return undefined;
  const path = `${process.env['PATH']}:/usr/local/go/bin`;
  const env = { ...process.env, CGO_ENABLED: '0', GOBIN: PROGRAMS, PATH: path };
  const { error, status, stderr } = spawnSync('go', ['install', '-p', '1', `${name}@${version}`], {
    encoding: 'utf8',
    env,
  });
  if (error) return 'go is not installed';
  return status === 0 ? undefined : `go install says: ${stderr.trim().split('\n').at(-1)!.trim()}`;
}
