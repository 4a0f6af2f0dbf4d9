import test, { type ExecutionContext } from 'ava';
import { Command } from 'commander';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { jsonSchema } from '../../src/config/json-schema.js';
import { addRunSettings, type RunConfig } from '../../src/config/run-config.js';
import { runSettings } from '../../src/config/run-settings.js';
import { effectiveFile, exampleFile, referencePage } from '../../src/config/yaml-lines.js';
import { temporaryPath } from '../helpers/temporary.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

function read(t: ExecutionContext, yaml: string, args: readonly string[] = []): RunConfig {
  const path = temporaryPath(t, 'ctflow.yaml');
  writeFileSync(path, yaml);
  const command = new Command('run').action(() => {});
  const config = addRunSettings(command);
  command.parse(['--config', path, ...args], { from: 'user' });
  return config();
}

/** Keys with values, and one destination. */
const FULL = `
flowCollectorAddr: [tcp://a, 'udp://[2001:db8::1]:1']
protocolFilter: [tcp, 47]
nflogGroup: [5, 6]
status: ASSURED,!SRC_NAT
mark: 0x10/0xf0
family: 6
instance: "true"
netns: 'a: b # c'
statsInterval: 0s
maxRate: 5000
filter: '${'src.pod == "a: #b" && '.repeat(9)}dnat'
destinations:
  main:
    flowCollectorAddr: udp://h:1
    filter: "src.port == 1${' || dst.port == 1'.repeat(9)}"
    observationDomain: 4294967295
    idleFlowExportTimeout: 1500ms
    netfilterElements: yes
    collectorBuffer: 100000`;

test('the reference page and the JSON Schema are those of the settings: npm run generate', t => {
  t.is(readFileSync(join(ROOT, 'docs/settings.md'), 'utf8'), referencePage());
  t.is(readFileSync(join(ROOT, 'ctflow.schema.json'), 'utf8'), `${JSON.stringify(jsonSchema(), undefined, 2)}\n`);
});

test('the reference page and the example have every key', t => {
  const [page, example] = [referencePage(), exampleFile('x')];
  for (const key of Object.keys(runSettings)) {
    t.true(page.includes(`\`${key}\``), key);
    t.regex(example, new RegExp(`^#?${key}:`, 'm'));
  }
});

test('the example has no mistake, nor has it with every default written', t => {
  const example = exampleFile('x');
  t.deepEqual(read(t, example).mistakes, []);
  const written = example.replaceAll(/^#(\w+: (?!<).+)$/gm, '$1');
  t.true(written.split('\n').filter(line => /^\w/.test(line)).length > 30);
  const { mistakes, settings } = read(t, written);
  t.deepEqual(mistakes, []);
  t.deepEqual(settings, read(t, example).settings, 'they are the defaults');
});

test('what is printed as the effective file gives the same settings again', t => {
  const config = read(t, FULL, ['--poll-budget', '7']);
  t.deepEqual(config.mistakes, []);
  const text = effectiveFile(config);
  t.regex(text, /^pollBudget: 7 # from --poll-budget$/m);
  t.regex(text, /^maxRate: 5000 # from .+ctflow\.yaml$/m);
  t.regex(text, /^mtu: 512 # default$/m);
  const again = read(t, text);
  t.deepEqual(again.mistakes, []);
  t.deepEqual(again.settings, config.settings);
  t.deepEqual(again.destinations, config.destinations);
});

test('the JSON Schema takes what ctflow takes, and no key that it does not know', t => {
  const schema = z.fromJSONSchema(jsonSchema() as Parameters<typeof z.fromJSONSchema>[0]);
  const wrong = (yaml: string): number => schema.safeParse(parse(yaml)).error?.issues.length ?? 0;
  t.is(wrong(FULL.replace('yes', 'on')), 0);
  t.is(wrong(exampleFile('x')), 0);
  for (const yaml of [
    'flowPollIntervall: 5s',
    'mtu: 5',
    'profile: cisco',
    'activeFlowExportTimeout: 5',
    'destinations: {a: {flowCollectorAddr: x, mto: 5}}',
    'destinations: {a b: {flowCollectorAddr: x}}',
  ])
    t.true(wrong(yaml) > 0, yaml);
});
