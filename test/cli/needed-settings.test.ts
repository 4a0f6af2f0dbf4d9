import test from 'ava';
import { Command } from 'commander';
import { createFallbackBackend } from '../../src/backend/fallback.js';
import type { Backend } from '../../src/backend/backend.js';
import { checkRun } from '../../src/cli/run-checks.js';
import { settingsWithoutEffect } from '../../src/cli/settings-without-effect.js';
import { addRunSettings, type RunConfig } from '../../src/config/run-config.js';

const FALLBACK = createFallbackBackend();
const NATIVE: Backend = { ...FALLBACK, name: 'native' };
const UDP = '--collector udp://a:1';

function parse(line: string): RunConfig {
  const command = new Command('run').action(() => {});
  const config = addRunSettings(command);
  command.parse(['--config', 'none', ...line.split(' ').filter(Boolean)], { from: 'user' });
  return config();
}

function warnings(line: string): string[] {
  return settingsWithoutEffect(parse(line), NATIVE);
}

test('elements of owners need --owners, whether a registry has them or not', t => {
  const line = `${UDP} --fields flowId,userName,sourcePodUid=32473/1`;
  t.deepEqual(
    checkRun(parse(line), NATIVE).map(({ message }) => message),
    ["--fields: 'userName' needs --owners", "--fields: 'sourcePodUid=32473/1' needs --owners"],
  );
  t.deepEqual(checkRun(parse(`${line} --owners`), NATIVE), []);
  t.deepEqual(warnings(`${line} --owners`), []);
});

test('autonomous systems and countries need their files', t => {
  const line = `${UDP} --fields flowId,bgpDestinationAsNumber,sourceCountry=32473/1`;
  t.deepEqual(
    checkRun(parse(line), FALLBACK).map(({ message }) => message),
    ["--fields: 'bgpDestinationAsNumber' needs --geoip-asn", "--fields: 'sourceCountry=32473/1' needs --geoip-country"],
  );
  t.deepEqual(checkRun(parse(`${line} --geoip-asn a --geoip-country c`), FALLBACK), []);
  t.deepEqual(warnings(`${line} --geoip-asn a --geoip-country c`), []);
  t.deepEqual(warnings(`${UDP} --geoip-asn a --filter src.asn==1`), []);
});

test('workloads need --kubernetes', t => {
  const line = `${UDP} --fields flowId,sourceWorkload=32473/1`;
  for (const inventory of ['', ' --inventory x']) {
    t.deepEqual(
      checkRun(parse(line + inventory), NATIVE).map(({ message }) => message),
      ["--fields: 'sourceWorkload=32473/1' needs --kubernetes"],
    );
  }
  t.deepEqual(checkRun(parse(`${line} --kubernetes x`), NATIVE), []);
  t.deepEqual(warnings(`${line} --kubernetes x`), []);
  t.deepEqual(warnings(`${UDP} --kubernetes x --filter src.workload==a`), []);
  t.deepEqual(warnings(`${UDP} --kubernetes x`), [
    '--kubernetes has no effect without --profile antrea: --fields has no names, and --filter asks for none',
  ]);
  t.deepEqual(warnings(`${UDP} --inventory x --filter src.workload==a||src.pod==a`), [
    '--filter asks for src.workload, which is not known without --kubernetes',
  ]);
});

test('labels of pods need to be asked for, of a cluster', t => {
  const line = `${UDP} --fields flowId,destinationPodLabels`;
  for (const more of ['', ' --kubernetes x', ' --kubernetes-labels all']) {
    t.deepEqual(
      checkRun(parse(line + more), NATIVE).map(({ message }) => message),
      ["--fields: 'destinationPodLabels' needs --kubernetes-labels"],
    );
  }
  const both = '--kubernetes x --kubernetes-labels app';
  t.deepEqual(checkRun(parse(`${line} ${both}`), NATIVE), []);
  t.deepEqual(warnings(`${line} ${both}`), []);
  t.deepEqual(warnings(`${UDP} ${both} --filter dst.labels==app`), []);
  t.deepEqual(warnings(`${UDP} --profile antrea ${both}`), [
    '--kubernetes-labels has no effect without --fields that have sourcePodLabels, and --filter asks for none',
  ]);
  t.deepEqual(warnings(`${UDP} --kubernetes-labels app --filter src.labels==app`), [
    '--kubernetes-labels has no effect without --kubernetes',
  ]);
  t.deepEqual(warnings(`${UDP} --filter src.labels==app`), [
    '--filter asks for src.labels, which is not known without --kubernetes-labels',
  ]);
  for (const key of ['-app', 'a/b/c', 'app=web', '/app'])
    t.regex(String(parse(`${UDP} --kubernetes-labels=${key}`).mistakes[0]?.message), /is not the key of a label/, key);
});

test('names in the DNS need --dns-names', t => {
  const line = `${UDP} --fields flowId,sourceDnsName=32473/1`;
  t.deepEqual(
    checkRun(parse(line), NATIVE).map(({ message }) => message),
    ["--fields: 'sourceDnsName=32473/1' needs --dns-names"],
  );
  t.deepEqual(checkRun(parse(`${line} --dns-names`), NATIVE), []);
  t.deepEqual(warnings(`${line} --dns-names --dns-cache 5`), []);
});
