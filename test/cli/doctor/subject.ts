import { Command } from 'commander';
import { createFallbackBackend } from '../../../src/backend/fallback.js';
import type { Backend } from '../../../src/backend/backend.js';
import { CHECKS, type Subject } from '../../../src/cli/doctor/checks.js';
import type { Finding } from '../../../src/cli/doctor/finding.js';
import type { Host, Ran } from '../../../src/cli/doctor/host.js';
import { readRules } from '../../../src/cli/doctor/rules/rules.js';
import { placesOf } from '../../../src/cli/run/places.js';
import { addRunSettings, type RunConfig } from '../../../src/config/run-config.js';

/** A host with these files, by path; programs by their command line, those that are missing not installed. */
export interface FakeHost {
  files?: Readonly<Record<string, string>>;
  programs?: Readonly<Record<string, string | Ran>>;
  /** Processes that have a socket, by its inode. */
  holders?: Readonly<Record<number, number>>;
}

export const NETFILTER = '/proc/sys/net/netfilter/nf_conntrack_';
/** As a host that lacks nothing. */
export const HEALTHY: Readonly<Record<string, string>> = {
  [`${NETFILTER}max`]: '1000\n',
  [`${NETFILTER}count`]: '10\n',
  [`${NETFILTER}acct`]: '1\n',
  [`${NETFILTER}timestamp`]: '1\n',
  [`${NETFILTER}events`]: '1\n',
  '/proc/self/status': 'CapEff:\t000001ffffffffff\n',
  '/proc/net/netfilter/nfnetlink_log': '',
  '/proc/net/netfilter/nf_log': ' 2 NONE (nfnetlink_log)\n',
  '/proc/net/stat/nf_conntrack': 'entries  drop early_drop insert_failed search_restart\n0000000a 0 0 0 0\n',
  '/proc/sys/net/core/rmem_max': '212992\n',
};
/** The process of inode 4242 reads, by a port that is no process; another protocol has the same port. */
export const NETLINK_SOCKETS = `sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
0000000042e474b8 0   4294963198 00000000 0        0        0     2        0        4240
000000009bab45d9 12  77         00000000 0        0        0     2        0        4241
000000009bab45da 12  4294963198 00000000 0        0        0     2        0        4242
`;
export const NO_RULES = '{"nftables": []}';
export const NO_PROGRAMS: NonNullable<FakeHost['programs']> = {
  'nft -j -t list ruleset': NO_RULES,
  'nft list flowtables': '',
};

export function fakeHost({ files = HEALTHY, programs = NO_PROGRAMS, holders = {} }: FakeHost = {}): Host {
  const written = new Map<string, string>();
  return {
    read: path => written.get(path) ?? files[path],
    write: (path, text) => void written.set(path, text),
    run: (program, args) => {
      const ran = programs[[program, ...args].join(' ')] ?? { failure: `${program} is not installed`, absent: true };
      return Promise.resolve(typeof ran === 'string' ? { output: ran } : ran);
    },
    line: command => command,
    holderOf: inode => holders[inode],
  };
}

/** Commander takes its time for so many flags. */
const configs = new Map<string, RunConfig>();

export function configOf(line: string): RunConfig {
  const known = configs.get(line);
  if (known) return known;
  const command = new Command('doctor').action(() => {});
  const config = addRunSettings(command);
  command.parse(['--config', 'none', ...line.split(' ').filter(Boolean)], { from: 'user' });
  configs.set(line, config());
  return config();
}

export interface Case extends FakeHost, Partial<Pick<Subject, 'kind' | 'platform' | 'clockMoved'>> {
  /** Flags. */
  line?: string;
  backend?: Partial<Backend>;
}

export function subjectWith({ files, programs, holders, line = '', backend = {}, ...more }: Case = {}): Subject {
  const host = fakeHost({ ...(files && { files }), ...(programs && { programs }), ...(holders && { holders }) });
  const native: Backend = { ...createFallbackBackend(), name: 'native', ...backend };
  return {
    config: configOf(line),
    place: placesOf(configOf(line).settings).placeOf('', undefined),
    backend: native,
    host,
    kind: 'netlink',
    platform: 'linux',
    rules: () => readRules(host),
    clockMoved: () => 0,
    ...more,
  };
}

/** What one check finds. */
export async function findingsOf(name: string, subject: Subject): Promise<Finding[]> {
  const check = CHECKS.find(check => check.name === name)!;
  return [await check.run(subject)].flat();
}
