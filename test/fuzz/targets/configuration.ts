import { Buffer } from 'node:buffer';
import { Command } from 'commander';
import { createFallbackBackend } from '../../../src/backend/fallback.js';
import { checkRun } from '../../../src/cli/run-checks.js';
import { settingsWithoutEffect } from '../../../src/cli/settings-without-effect.js';
import type { CtflowError } from '../../../src/common/errors.js';
import { inOrder } from '../../../src/config/config-file.js';
import { addRunSettings, RunConfig } from '../../../src/config/run-config.js';
import { ownSettings, runSettings } from '../../../src/config/run-settings.js';
import { effectiveFile, exampleFile } from '../../../src/config/yaml-lines.js';
import { allow } from '../allowed.js';
import { ScratchFile } from '../scratch-file.js';
import type { Target } from '../target.js';

const file = new ScratchFile('ctflow.yaml');
// a machine with the native module or without finds the same
const backend = { ...createFallbackBackend(), name: 'native' } as const;
const command = new Command('run').action(() => {});
addRunSettings(command);
file.write(Buffer.from('flowCollectorAddr: udp://h:1\n'));
command.parse(['--config', file.path], { from: 'user' });

const SAMPLES = [
  'flowCollectorAddr: [udp://192.0.2.1:4739, tls://collector.example, "file:///var/log/flows.ipfix"]\nmaxRate: 5000\n',
  'destinations:\n  main:\n    flowCollectorAddr: tcp://[2001:db8::1]\n    profile: antrea\n    activeFlowExportTimeout: 1m30s\n  lab:\n    flowCollectorAddr: udp://h:1\n    fields: [sourceIPv4Address, octetDeltaCount]\n    filter: protocol == tcp && bytes > 1MB\n    interfaces: 7,8\n    mtu: path\n',
  'protocolFilter: [tcp, 47]\nmark: 0x10/0xf0\nstatus: ASSURED\nnflogGroup: 5\neventBuffer: 64KiB\nsource: procfs\nstate: /tmp/x\n',
  'a: &a {mtu: 1400}\ndestinations: {one: *a, two: {<<: *a}}\n',
];

/** The input is a configuration file. */
const target: Target = {
  covers: ['/dist/config/', '/dist/cli/run-checks'],
  seeds: () => [exampleFile('x').replaceAll(/^#(\w+:)/gm, '$1'), ...SAMPLES].map(text => Buffer.from(text)),
  words: [
    ...new Set([...Object.keys(runSettings), ...Object.keys(ownSettings)].map(key => `${key}: `)),
    'destinations:\n  main:\n    ',
    '\n',
    '\n  ',
    '- ',
    '[',
    ']',
    '{',
    '}',
    ', ',
    '"',
    "'",
    '# ',
    '&a ',
    '*a',
    '<<: *a',
    '? ',
    '!!str ',
    '---\n',
    'null',
    'on',
    'off',
    'auto',
    'path',
    'none',
    'udp://h:1',
    'tcp://[::1]:4739',
    'tls://h',
    'h:1:tcp',
    'file:///tmp/x',
    '5s',
    '1m30s',
    '32MiB',
    '0x10/0xf0',
    'tcp,udp,47',
    '__proto__: 1\n',
    'constructor: ',
    '\u0000',
    '4294967296',
  ],
  run: input => {
    const config = read(input);
    const errors = inOrder([...config.mistakes, ...checkRun(config, backend)]);
    for (const error of errors) check(error);
    settingsWithoutEffect(config, backend);
    if (errors.length === 0) checkPrinted(effectiveFile(config));
  },
};
export default target;

function read(content: Uint8Array): RunConfig {
  file.write(content);
  return new RunConfig(command);
}

function check(error: CtflowError): void {
  allow(error, 'CTFLOW_CONFIG', 'CTFLOW_USAGE', 'CTFLOW_TLS');
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(error.message)) throw new Error(`not one line: ${error.message}`);
  if (error.message.includes('undefined') || error.hint.includes('undefined')) throw error;
}

/** `ctflow config print` prints a file with the same settings. */
function checkPrinted(printed: string): void {
  const again = read(Buffer.from(printed));
  const [mistake] = [...again.mistakes, ...checkRun(again, backend)];
  if (mistake) throw new Error(`the printed file is refused: ${mistake.message}\n${printed}`);
  const plain = (text: string): string => text.replaceAll(/ # (default|from \S+)$/gm, '');
  if (plain(effectiveFile(again)) !== plain(printed)) throw new Error(`printed differently: ${printed}`);
}
