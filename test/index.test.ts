import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));

/** Objects that a program gets from one function and hands to another; it does not make them by itself. */
const OPAQUE = new Set([
  'Backend',
  'BesideOptions',
  'Filter',
  'Journal',
  'InventoryFile',
  'KubernetesInventory',
  'NamespaceOptions',
  'NflogSource',
  'Scope',
  'StoredFlows',
]);

interface Module {
  /** Declarations by name, and whether another module may import them. */
  readonly declarations: ReadonlyMap<string, string>;
  /** Where an imported name comes from: file and name there. */
  readonly imports: ReadonlyMap<string, readonly [file: string, name: string]>;
}

/** What a file of declarations declares and imports. */
function read(file: string): Module {
  const text = readFileSync(file, 'utf8').replaceAll(/\/\*[^]*?\*\//g, '');
  const declarations = new Map<string, string>();
  const imports = new Map<string, readonly [string, string]>();
  for (const part of text.split(/^(?=import |export |declare |interface |type )/m)) {
    const from = /from '(\.[^']+)\.js'/.exec(part)?.[1];
    const names = /\{([^}]*)\}/.exec(part)?.[1] ?? '';
    if (from !== undefined) {
      for (const name of names.split(',').map(word => word.replace(/\btype\b/, '').trim())) {
        const [inner, outer = inner] = name.split(/ as /);
        if (name) imports.set(outer, [join(dirname(file), `${from}.d.ts`), inner]);
      }
    }
    const declared = /^(?:export )?(?:declare )?(?:abstract )?(?:interface|class|type|function|const) (\w+)/.exec(
      part,
    )?.[1];
    if (declared !== undefined) declarations.set(declared, part);
  }
  return { declarations, imports };
}

/** Where a name is declared, through modules that hand it on. */
function origin(file: string, name: string): string {
  const { declarations, imports } = read(file);
  const further = declarations.has(name) ? undefined : imports.get(name);
  return further ? origin(...further) : `${file} ${name}`;
}

test('every type that an exported type names is exported as well', t => {
  const index = join(DIST, 'index.d.ts');
  t.true(existsSync(index));
  const exported = new Map([...read(index).imports].map(([name, from]) => [origin(...from), name]));
  const missing = new Set<string>();
  for (const key of exported.keys()) {
    const [file, name] = key.split(' ');
    if (OPAQUE.has(name)) continue;
    const { declarations, imports } = read(file);
    const text = declarations.get(name) ?? '';
    t.not(text, '', `${name} of ${file}`);
    for (const word of new Set(text.match(/\b[A-Z]\w+/g))) {
      const [from, inner] = imports.get(word) ?? [file, word];
      const known = imports.has(word) || declarations.has(word);
      if (known && word !== name && !exported.has(origin(from, inner))) missing.add(`${word}, which ${name} names`);
    }
  }
  t.deepEqual([...missing], []);
});
