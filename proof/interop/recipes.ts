/** Recipes of docs/recipes.md whose programs are built for it: as a whole, and not their decoders alone. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../test/helpers/temporary.js';
import { PrivateNamespace } from '../../test/helpers/kernel/namespace.js';
import type { Scope } from '../../test/helpers/kernel/scope.js';
import { type RecipeRun, runRecipe } from '../../test/helpers/recipes.js';
import { goflow2 } from './takers/go.js';
import { BUILT, SOURCES, without } from './takers/programs.js';

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
      without('namespace') ??
      go('goflow2', 'install', `github.com/netsampler/goflow2/v2/cmd/goflow2@${goflow2.version()}`),
  },
  {
    name: 'go-ipfix',
    run: { recipe: 'Antrea flow aggregator, go-ipfix', asked: true, path: PROGRAMS },
    lacks: () =>
      without('namespace', 'curl') ??
      go('collector', 'build', '-o', join(PROGRAMS, 'collector'), 'github.com/vmware/go-ipfix/cmd/collector'),
  },
];

/** @throws where nothing of the recording arrives */
export async function runBuilt({ run }: BuiltRecipe, scope: Scope): Promise<void> {
  const namespace = await PrivateNamespace.create(scope);
  const printed = await runRecipe(namespace, join(temporaryFolder(scope), 'ctflow'), run, WANTED);
  if (!WANTED.test(printed)) throw new Error(`${run.recipe}: nothing of the recording has arrived\n${printed}`);
}

/** Makes a program of Go, where it is not there yet; goipfix/ is a module that requires its. @returns why it cannot be had */
function go(program: string, verb: 'build' | 'install', ...args: readonly string[]): string | undefined {
  if (existsSync(join(PROGRAMS, program))) return undefined;
  const path = `${process.env['PATH']}:/usr/local/go/bin`;
  const env = { ...process.env, CGO_ENABLED: '0', GOBIN: PROGRAMS, PATH: path };
  const { error, status, stderr } = spawnSync('go', [verb, '-p', '1', ...args], {
    cwd: join(SOURCES, 'goipfix'),
    encoding: 'utf8',
    env,
  });
  if (error) return 'go is not installed';
  return status === 0 ? undefined : `go ${verb} says: ${stderr.trim().split('\n').at(-1)!.trim()}`;
}
