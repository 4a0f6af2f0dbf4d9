import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

type Packages = Readonly<Record<string, { readonly dependencies?: Readonly<Record<string, string>> }>>;

test('deb and rpm have every package that one of theirs depends on, those of optional packages too', async t => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as { packages: Packages };
  const { runtimePackages } = (await import(join(ROOT, 'scripts/runtime-packages.mjs'))) as {
    runtimePackages: (packages: Packages) => string[];
  };
  const paths = new Set(runtimePackages(packages));
  t.true(paths.has('node_modules/@kubernetes/client-node'));
  t.false(paths.has('node_modules/typescript'));
  for (const path of paths)
    for (const name of Object.keys(packages[path].dependencies ?? {})) {
      // of a package that lies within another, that one's are the nearest
      const folders = path.split('/node_modules/').map((_, i, all) => all.slice(0, i + 1).join('/node_modules/'));
      const places = ['', ...folders.map(folder => `${folder}/`)].map(folder => `${folder}node_modules/${name}`);
      t.true(
        places.some(place => paths.has(place)),
        `${name} of ${path}`,
      );
    }
});
