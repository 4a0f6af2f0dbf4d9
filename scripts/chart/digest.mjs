import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of what a chart renders: its templates, its values, its version. @returns 16 hexadecimal digits */
export function chartDigest(folder) {
  const hash = createHash('sha256');
  const templates = readdirSync(join(folder, 'templates')).map(name => `templates/${name}`);
  for (const name of ['Chart.yaml', 'values.yaml', ...templates.toSorted()])
    hash.update(`${name}\n`).update(readFileSync(join(folder, name)));
  return hash.digest('hex').slice(0, 16);
}
