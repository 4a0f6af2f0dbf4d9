import type { Backend } from '../../backend/backend.js';
import { hostIdentity } from '../../common/host.js';
import { NO_DESTINATION, type RunConfig } from '../../config/run-config.js';
import type { Source } from '../../sources/source.js';
import { sourceOf } from '../open-source.js';
import { fileMistakes } from '../file-mistakes.js';
import { sourceSettingsOf, statePathOf } from '../run/kernel-parts.js';
import { partOf, type Place } from '../run/place.js';
import { placesOf } from '../run/places.js';
import { checkRun, eventKind, neededCapabilities, sourceKindOf } from '../run-checks.js';
import { checkCapabilities } from './capabilities.js';
import { checkCertificates } from './certificates.js';
import { builtAt, checkClock, isSynchronised, watchClock } from './clock.js';
import { checkCollector } from './collector.js';
import { checkConntrack } from './conntrack.js';
import { checkEntries, checkOpenVswitch } from './entries.js';
import { error, ok, warning, type Finding } from './finding.js';
import { checkFlowtables, checkNotrack } from './rules/hidden-traffic.js';
import { hostOf, type Host } from './host.js';
import { checkKernel, checkModules } from './modules.js';
import { checkLogPrefixes } from './rules/log-prefixes.js';
import { checkNflogGroups, checkNflogRules } from './rules/nflog.js';
import { checkReceiveBuffer, type WantedBuffer } from './receive-buffer.js';
import { readRules, type Rules } from './rules/rules.js';
import { runningDaemon } from './running-daemon.js';
import { checkSetting } from './settings.js';
import { checkStateFile } from './state-file.js';
import { checkStatistics, checkTable } from './table.js';

/** What the checks look at. */
export interface Subject {
  readonly config: RunConfig;
  /** The network namespace that is looked at. */
  readonly place: Place;
  readonly backend: Backend;
  readonly host: Host;
  readonly kind: Source['kind'];
  /** As process.platform. */
  readonly platform: string;
  /** Read once, when the first check wants them. */
  readonly rules: () => Promise<Rules>;
  /** How far the clock has jumped, milliseconds. */
  readonly clockMoved: () => number;
}

/** One check: a name that stays, and what it is about. */
export interface Check {
  readonly name: string;
  /** For docs/doctor.md. */
  readonly about: string;
  /** Sources that it is about. */
  readonly of: 'all' | 'kernel' | 'ovs';
  run(subject: Subject): Finding | readonly Finding[] | Promise<Finding | readonly Finding[]>;
}

/** In the order in which they are printed. */
export const CHECKS: readonly Check[] = [
  {
    name: 'settings',
    about:
      'mistakes of the configuration file, flags, variables and the files that they name, and settings that contradict each other',
    of: 'all',
    run: async ({ config, backend }) => {
      const wrong = [...config.mistakes, ...checkRun(config, backend), ...(await fileMistakes(config))];
      const found = wrong.map(({ message, hint }) =>
        message === NO_DESTINATION
          ? warning('no destination: no collector was checked', 'ctflow doctor --collector udp://HOST:PORT')
          : error(`${message}. ${hint}`, 'ctflow config check'),
      );
      return found.length > 0 ? found : ok(config.file ? `${config.file.path}: no mistakes` : 'no mistakes; no file');
    },
  },
  {
    name: 'kernel',
    about: 'whether the system has conntrack at all',
    of: 'all',
    run: ({ platform }) => checkKernel(platform),
  },
  {
    name: 'modules',
    about: 'nf_conntrack, and nfnetlink_log where denied packets are wanted',
    of: 'kernel',
    run: ({ host, config }) => checkModules(host, config.settings.nflogGroup !== undefined),
  },
  {
    name: 'capabilities',
    about: 'the effective capabilities that these settings need',
    of: 'kernel',
    run: ({ host, config: { settings }, kind }) => {
      const welcome = new Set(settings.holdEnded === 'auto' ? ['CAP_BPF'] : []);
      return checkCapabilities(host, neededCapabilities(settings, { kind }), welcome, process.geteuid?.() === 0);
    },
  },
  {
    name: 'conntrack',
    about: 'whether conntrack is active in this network namespace, and why not',
    of: 'kernel',
    run: ({ host, rules }) => checkConntrack(host, rules),
  },
  setting('acct', 'packet and octet counters'),
  setting('timestamp', 'start times, which a state file needs'),
  setting('events', 'the last counters of ended connections'),
  {
    name: 'entries',
    about: 'entries without counters or start times (the first 50,000 are looked at)',
    of: 'kernel',
    run: async ({ config, place, backend, host }) => {
      const source = sourceOf(sourceSettingsOf(config.settings, place), backend, true);
      try {
        return await checkEntries(source, host);
      } finally {
        source.close();
      }
    },
  },
  {
    name: 'open-vswitch',
    about: 'with `--source ovs`: whether ovs-vswitchd answers, and what its connections lack',
    of: 'ovs',
    run: ({ config, place, backend }) => checkOpenVswitch(sourceOf(sourceSettingsOf(config.settings, place), backend)),
  },
  {
    name: 'table',
    about: 'how full the table is: a warning from 80 %, an error from 95 %',
    of: 'kernel',
    run: ({ host }) => checkTable(host),
  },
  {
    name: 'statistics',
    about: "the kernel's counts since the namespace was made: drop, early_drop, insert_failed, search_restart",
    of: 'kernel',
    run: ({ host }) => checkStatistics(host),
  },
  {
    name: 'receive-buffer',
    about: 'what the kernel really gives to a socket for events, or for denied packets',
    of: 'kernel',
    run: ({ host, ...subject }) => checkReceiveBuffer(host, wantedBuffer(subject)),
  },
  {
    name: 'flowtables',
    about: 'flowtables without counter: what they forward is in no record',
    of: 'kernel',
    run: async ({ rules }) => checkFlowtables(await rules()),
  },
  {
    name: 'notrack',
    about: 'rules that hide traffic from conntrack',
    of: 'kernel',
    run: async ({ rules }) => checkNotrack(await rules()),
  },
  {
    name: 'nflog-groups',
    about: 'whether an NFLOG group that is wanted has another reader than the running ctflow of these settings',
    of: 'kernel',
    run: ({ host, config }) => checkNflogGroups(host, config.settings.nflogGroup ?? [], () => runningDaemon(config)),
  },
  {
    name: 'nflog-rules',
    about: 'rules that log to NFLOG groups, groups that no rule logs to, and different rules with one log prefix',
    of: 'kernel',
    run: async ({ host, config, rules }) => {
      const { nflogGroup = [], nftComments } = config.settings;
      const found = await rules();
      const alike = nftComments ? await checkLogPrefixes(found.logRules, host, nflogGroup) : [];
      return [...checkNflogRules(found, host, nflogGroup), ...alike];
    },
  },
  {
    name: 'collector',
    about:
      'of each destination: its name, route, ICMP error, connection or handshake, and certificate; of files the directory',
    of: 'all',
    run: async ({ config, backend }) => {
      const tools = { backend, now: Date.now() };
      const meant = config.destinations.filter(({ endpoint }) => endpoint.protocol === 'file' || endpoint.host !== '');
      const found = await Promise.all(meant.map(destination => checkCollector(destination, tools)));
      return found.length > 0 ? found.flat() : ok('there is no destination');
    },
  },
  {
    name: 'certificates',
    about: "dates of this exporter's certificates and authorities: a warning from 30 days before the end",
    of: 'all',
    run: ({ config }) => checkCertificates(config.destinations, Date.now()),
  },
  {
    name: 'clock',
    about: 'whether the clock is synchronised, jumps, or is before the day on which ctflow was built',
    of: 'all',
    run: async ({ host, clockMoved }) => {
      const synchronised = await isSynchronised(host);
      return checkClock({ now: Date.now(), moved: clockMoved(), synchronised, built: builtAt() });
    },
  },
  {
    name: 'state-file',
    about:
      'whether it can be written, who owns it, its format and size, and whether another process has it than the running ctflow of these settings',
    of: 'kernel',
    run: ({ config, place, backend }) =>
      checkStateFile(
        statePathOf(config.settings, place),
        () => hostIdentity(place.netns),
        fd => backend.lockFile(fd),
        () => runningDaemon(config),
      ),
  },
];

/** @param name of the network namespace, where the settings have several */
export function subjectOf(config: RunConfig, backend: Backend, name = ''): Subject {
  const { settings } = config;
  const place = placesOf(settings).placeOf(name, undefined);
  const host = hostOf(place.netns);
  let rules: Promise<Rules> | undefined;
  const kind = sourceKindOf(settings, backend);
  const { platform } = process;
  const read = (): Promise<Rules> => (rules ??= readRules(host));
  return { config, place, backend, host, kind, platform, rules: read, clockMoved: watchClock() };
}

function setting(name: string, takes: string): Check {
  return {
    name,
    about: `net.netfilter.nf_conntrack_${name}: ${takes}`,
    of: 'kernel',
    run: ({ host, config: { settings }, kind }) =>
      checkSetting(host, `nf_conntrack_${name}`, {
        events: eventKind(settings, kind) !== 'off',
        state: settings.state !== undefined,
        setup: settings.setupSysctl,
      }),
  };
}

/** The larger one decides. */
function wantedBuffer({
  config,
  place,
  backend,
  kind,
}: Pick<Subject, 'config' | 'place' | 'backend' | 'kind'>): WantedBuffer | undefined {
  const { netns } = place;
  const { nflogGroup, ...all } = config.settings;
  const [eventBuffer, nflogBuffer] = [partOf(all.eventBuffer, place), partOf(all.nflogBuffer, place)];
  const events = eventKind(config.settings, kind) !== 'off';
  if (kind !== 'netlink' || (!events && !nflogGroup)) return undefined;
  const [key, bytes] =
    events && (!nflogGroup || eventBuffer >= nflogBuffer)
      ? (['eventBuffer', eventBuffer] as const)
      : (['nflogBuffer', nflogBuffer] as const);
  const grant = (): number => {
    const options = { filter: {}, kinds: [], receiveBuffer: bytes, broadcastError: false };
    const receiver = { onBatch: () => {}, onError: () => {} };
    const listener = backend.openEvents({ ...options, ...(netns !== undefined && { netns }) }, receiver);
    const granted = listener.receiveBuffer;
    listener.close();
    return granted;
  };
  return { setting: config.say([key]), bytes, grant };
}
