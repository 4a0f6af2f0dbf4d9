// Writes what is generated from the settings in src/config, docs/settings.md and ctflow.schema.json, docs/fields.md from
// src/ipfix, and docs/metrics.md from src/daemon/metrics. Tests hold them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setUp } from './setup.mjs';
import { root } from './terminal.mjs';

await setUp('package');
const { fieldsPage } = await import('../dist/config/fields-page.js');
const { jsonSchema } = await import('../dist/config/json-schema.js');
const { referencePage } = await import('../dist/config/yaml-lines.js');
const { metricsPage } = await import('../dist/daemon/metrics/reference-page.js');
writeFileSync(join(root, 'docs/fields.md'), fieldsPage());
writeFileSync(join(root, 'docs/metrics.md'), metricsPage());
writeFileSync(join(root, 'docs/settings.md'), referencePage());
writeFileSync(join(root, 'ctflow.schema.json'), `${JSON.stringify(jsonSchema(), undefined, 2)}\n`);
