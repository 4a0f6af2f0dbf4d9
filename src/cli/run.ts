import { resolve } from 'node:path';
import { Command } from 'commander';
import { CtflowError, describeError } from '../common/errors.js';
import type { DeniedOptions } from '../denied/denied-packets.js';
import type { EventsOptions, EventTap } from '../ingest/conntrack-events.js';
import type { Backend } from '../backend/backend.js';
import { loadBackend } from '../backend/load.js';
import { DESTINATION_DEFAULTS, type DestinationOptions, nameWithDomain } from '../destination/destination-options.js';
import { Exporter, EXPORTER_DEFAULTS, type ExporterStats } from '../exporter.js';
import type { ControlServer } from '../daemon/control/server.js';
import type { Running } from '../daemon/control/status.js';
import { Reloader } from '../daemon/reload/reloader.js';
import { RecorderService, type RecorderServiceStats } from '../daemon/recorder/recorder-service.js';
import { Readiness } from '../daemon/readiness.js';
import { Service } from '../daemon/service.js';
import { serviceManager } from '../daemon/service-manager.js';
import { Top } from '../daemon/top/top.js';
import { Monitoring } from '../daemon/monitoring.js';
import { InventoryFile } from '../inventory/inventory-file.js';
import { ownersLack } from '../inventory/owners/host-owners.js';
import { lastingFilter } from '../row/filter.js';
import { checkKernel, setupKernel } from '../sources/kernel-settings.js';
import { limitRepeats } from '../common/log/repeats.js';
import { createLogger, type Logger } from '../common/logger.js';
import { defaultDomain, formerDomain } from '../common/observation-domain.js';
import { FollowedSource } from '../sources/followed-source.js';
import { NamespaceWatch } from '../sources/namespace-watch.js';
import { isOfKernel, type Source } from '../sources/source.js';
import { hostIdentity, isOwnNamespace } from '../common/host.js';
import { Journal } from '../state/journal.js';
import { isNat, timeBound } from '../record/nat-log.js';
import { inOrder } from '../config/config-file.js';
import { throwMistakes } from '../config/mistakes.js';
import { addRunSettings, type RunConfig } from '../config/run-config.js';
import type { RunSettings } from '../config/run-settings.js';
import { warnIfInactive } from './doctor/conntrack.js';
import { checkRun, eventKind, neededCapabilities } from './run-checks.js';
import { settingsWithoutEffect } from './settings-without-effect.js';
import { openControl } from './control/open.js';
import { filterOf, sourceOf } from './open-source.js';
import { runFacts } from './run-facts.js';
import { handleSignals } from './signals.js';
import { logState, logStatistics, stateFields, stateSentence, summarySentence } from './statistics.js';

type RunStats = ExporterStats & { readonly recorder?: RecorderServiceStats };

const NO_RECORDER = 'there is no flight recorder: SIGUSR2 has no effect without --record-last';

/** Room for ended connections of destinations that are added while ctflow runs; it takes address space alone until then. */
const SPARE_ENDED = 4 * DESTINATION_DEFAULTS.endedQueue;

/** `ctflow run` */
export function runCommand(): Command {
  const command = new Command('run').description('export connections to collectors until stopped');
  const config = addRunSettings(command);
  return command
    .addHelpText(
      'after',
      `
On SIGTERM or SIGINT every open connection is exported with end reason 4; a second one ends ctflow at once. SIGHUP reads
the settings and the inventory again, SIGUSR1 writes all statistics to the log, SIGUSR2 has the flight recorder write a recording.

Examples:
  # ctflow run --collector udp://192.0.2.10:4739 --setup-sysctl
  # ctflow run --collector tcp://collector.example:4739 --profile antrea
  # ctflow run --collector tcp://collector.example:4739 --profile antrea --inventory /etc/ctflow/inventory.yaml
  # ctflow run --collector udp://[2001:db8::1]:4739 --mtu 1400 --protocol-filter tcp,udp
  $ ctflow run --collector udp://127.0.0.1:4739 --source replay:dump.ctflow`,
    )
    .action(() => run(config()));
}

async function run(config: RunConfig): Promise<void> {
  const { settings: flags } = config;
  const began = performance.now();
  let loaded: Backend | undefined;
  const root = createLogger(flags.logLevel, () => loaded?.sendUnixDatagram);
  const log = limitRepeats(root);
  let inventory: InventoryFile | undefined;
  let exporter: Exporter | undefined;
  let monitoring: Monitoring | undefined;
  let control: ControlServer | undefined;
  let recorder: RecorderService | undefined;
  const running: Running = { state: 'starting', configFile: config.file && resolve(config.file.path) };
  const signals = handleSignals({
    // what is wrong is in the log
    record: () => (running.recorder ? void running.recorder.write('signal').catch(() => {}) : log.info(NO_RECORDER)),
    reload: () => {
      if (running.state === 'running') void running.reloader!.reload().catch(() => {});
      else log.info(`ctflow is ${running.state}: the settings are not read again`);
    },
    report: () =>
      exporter ? logStatistics(root, allStats(exporter.stats(), recorder), 'statistics') : log.info('ctflow starts'),
    cutShort: signal => log.warn(`${signal} again: ended at once, open connections are not exported`),
  });
  let stateTimer: NodeJS.Timeout | undefined;
  let service: Service | undefined;
  try {
    if (config.file) log.info({ file: config.file.path }, 'settings are read from a file');
    const backend = (loaded = await loadBackend(flags.backend, line => log.info(line)));
    service = serviceOf(backend, log);
    throwMistakes(inOrder([...config.mistakes, ...checkRun(config, backend)]));
    for (const sentence of settingsWithoutEffect(config, backend)) log.warn(sentence);
    if (flags.metrics) monitoring = await Monitoring.open(flags.metrics, log);
    control = await openControl(flags.control, running, log);
    if (flags.inventory !== undefined) {
      // a large one takes its time
      const stopping = new AbortController();
      void signals.stopped.then(() => stopping.abort());
      const opened = await InventoryFile.open(flags.inventory, log, undefined, stopping.signal).catch(
        (error: unknown) => {
          if (stopping.signal.aborted) return undefined;
          throw error;
        },
      );
      if (!opened) {
        log.info('stopped before anything was exported');
        return;
      }
      inventory = opened;
    }
    recorder = await RecorderService.open(flags, backend, log);
    const tap = recorder?.recorder;
    const open = (): Source => sourceOf(flags, backend, true, tap);
    const followed = flags.netns === undefined ? undefined : new FollowedSource(open);
    const source = followed ?? open();
    const instead = neededCapabilities(flags, source);
    if (process.geteuid?.() === 0 && instead.length > 0)
      log.info({ instead }, 'runs as root; these capabilities are enough');
    const events = eventsOf(flags, source, tap);
    const denied = deniedOf(flags);
    const left = new Set(prepareKernel(source, flags, events !== undefined, log));
    const timestamps = source.sysctl('nf_conntrack_timestamp')?.trim() === '1';
    const bound = config.destinations.some(isNat) ? timeBound(timestamps, events !== undefined) : undefined;
    if (bound !== undefined) log.warn(bound);
    const namespace = followed && {
      watch: new NamespaceWatch(flags.netns!),
      source: followed,
      enter: () => {
        followed.reopen();
        const events = eventsOf(flags, followed, tap);
        for (const name of prepareKernel(followed, flags, events !== undefined, log)) left.add(name);
        return { events, identity: hostIdentity(flags.netns), excludeSelf: excludesSelf(flags, followed) };
      },
    };
    let domain: number | undefined;
    const defaultOf = (settings: RunSettings): number => (domain ??= domainOf(settings, log));
    const destinations = destinationsOf(config, defaultOf);
    const state = await openState(flags, source, backend, destinations, log);
    const replay = source.kind === 'replay';
    const { events: _, inventory: __, state: ___, ...rest } = flags;
    const top = new Top();
    exporter = new Exporter({
      ...rest,
      // a recording has no exporter before it that could have reported anything
      firstSight: flags.firstSight ?? (replay ? 'total' : EXPORTER_DEFAULTS.firstSight),
      backend,
      filter: filterOf(flags),
      source,
      ...(events && { events }),
      ...(denied && { denied }),
      ...(inventory && { inventory }),
      excludeSelf: excludesSelf(flags, source),
      ...(state && { state }),
      ...(namespace && { namespace }),
      pollHooks: [recorder?.pollHook, top.pollHook, monitoring?.pollHook].filter(hook => hook !== undefined),
      destinations,
      spareEnded: SPARE_ENDED,
      log,
    });
    const stats = (): ExporterStats => exporter!.stats();
    const readiness = new Readiness(stats);
    service.follow({ readiness, stats, status: () => stateSentence(stateFields(stats())) });
    recorder?.watch(exporter, source);
    monitoring?.watch({ exporter, source, readiness, recorder, growth: top.growth });
    top.watch(exporter, source);
    const { maxConnections, netns } = flags;
    Object.assign(running, { exporter, source, top, recorder, maxConnections, netns });
    await exporter.open();
    running.state = 'running';
    recorder?.start();
    log.info(runFacts(config, backend, source, destinations), 'ctflow runs');
    const say = logState(root, exporter);
    const sayEvery = (interval: number): void => {
      clearInterval(stateTimer);
      // a reload may end after the run
      if (interval > 0) stateTimer = setInterval(say, interval).unref();
    };
    sayEvery(flags.statsInterval);
    running.reloader = new Reloader({
      config,
      check: next => checkRun(next, backend),
      began: () => service!.reloading(),
      ended: () => service!.reloaded(),
      change: next => {
        const { flowPollInterval, pollBudget, shutdownTimeout } = next.settings;
        const destinations = destinationsOf(next, defaultOf);
        return exporter!.reload({ destinations, flowPollInterval, pollBudget, shutdownTimeout });
      },
      apply: ({ logLevel, statsInterval }) => {
        root.level = logLevel;
        sayEvery(statsInterval);
      },
      readFiles: async () => {
        const errors = inventory?.stats().errors;
        await inventory?.reload();
        return inventory?.stats().errors === errors ? [] : ['the inventory cannot be used, and stays as it was'];
      },
      log,
    });
    await Promise.race([signals.stopped, exporter.ended]);
    clearInterval(stateTimer);
    running.state = 'stopping';
    log.info('stopping: exporting the open connections');
    service.stopping('exporting the open connections');
    monitoring?.stopping();
    recorder?.stopping();
    const unexported = await exporter.close();
    for (const name of left) log.info(`net.netfilter.${name} stays at 1`);
    log.flush();
    logStatistics(
      root,
      allStats(stats(), recorder),
      'stopped',
      summarySentence(stats(), (performance.now() - began) / 1000, unexported),
    );
    if (unexported > 0) throw leftUnexported(unexported, flags);
    const without = stats().destinations.filter(({ session }) => session.records === 0 && session.oversize > 0);
    if (without.length > 0) throw allTooLarge(without.map(({ name }) => name));
  } finally {
    clearInterval(stateTimer);
    service?.close();
    log.flush();
    inventory?.close();
    await recorder?.close().catch((error: unknown) => log.warn(`flight recorder: ${describeError(error)}`));
    await monitoring?.close();
    await control?.close();
  }
}

/** With those of the flight recorder, where one is on. */
function allStats(stats: ExporterStats, recorder: RecorderService | undefined): RunStats {
  return recorder ? { ...stats, recorder: recorder.stats() } : stats;
}

/** Notifies systemd of the state of the exporter, where systemd has started it. */
function serviceOf({ sendUnixDatagram: send }: Backend, log: Logger): Service {
  const hint = send ? 'See NotifyAccess= of the unit' : 'Install systemd-notify, or build the native module';
  const failed = (why: string): void => log.warn({ why, hint }, 'systemd cannot be notified');
  return new Service(serviceManager(process.env, { send, failed }), log);
}

function leftUnexported(records: number, { state }: RunSettings): CtflowError {
  return new CtflowError(
    'CTFLOW_UNEXPORTED',
    `${records} records were left unexported when ctflow stopped`,
    state === undefined
      ? 'Check that the collectors can be reached and keep up, or give a longer --shutdown-timeout'
      : 'Start ctflow with this state file again: it goes on with what is left',
  );
}

function allTooLarge(destinations: readonly string[]): CtflowError {
  return new CtflowError(
    'CTFLOW_UNEXPORTED',
    `no record was exported to ${destinations.join(', ')}: each was larger than a message may be`,
    'Give a larger --mtu, or fewer --fields',
  );
}

/** @param defaultOf the observation domain of destinations that have none of their own */
function destinationsOf(
  { settings, destinations }: RunConfig,
  defaultOf: (settings: RunSettings) => number,
): (DestinationOptions & { name: string })[] {
  return destinations.map(({ own: _, observationDomain = defaultOf(settings), ...options }) => ({
    ...options,
    observationDomain,
    // go-ipfix takes options for data of an unknown template, and closes the connection
    optionsInterval:
      options.optionsInterval ?? (options.profile === 'antrea' ? 0 : DESTINATION_DEFAULTS.optionsInterval),
  }));
}

function domainOf({ instance, netns }: RunSettings, log: Logger): number {
  const { id, from } = defaultDomain({ instance, netns });
  log.info({ observationDomain: id, from }, 'default observation domain');
  if (from.length === 0)
    log.warn(
      { hint: 'Give --observation-domain, or --instance with a name of its own' },
      'nothing distinguishes this host from others: its observation domain is that of every such host',
    );
  return id;
}

/** Only in the namespace where its sockets are. */
function excludesSelf({ excludeSelf, netns }: RunSettings, { kind }: Source): boolean {
  return excludeSelf && kind !== 'replay' && isOwnNamespace(netns);
}

function eventsOf(flags: RunSettings, source: Source, tap: EventTap | undefined): EventsOptions | undefined {
  const kind = eventKind(flags, source.kind);
  if (kind === 'off') return undefined;
  const { netns, eventBuffer, holdEnded, dyingLimit } = flags;
  const before = source.sysctl('nf_conntrack_events');
  return {
    kind,
    filter: lastingFilter(filterOf(flags)),
    ...(netns !== undefined && { netns }),
    receiveBuffer: eventBuffer,
    holdEnded,
    ...(dyingLimit !== undefined && { dyingLimit }),
    earlierHaveNone: before !== undefined && before !== '1',
    tap,
  };
}

/** @throws CtflowError where connections have no start by which they could be known again */
async function openState(
  { state, netns }: RunSettings,
  source: Source,
  backend: Backend,
  destinations: readonly DestinationOptions[],
  log: Logger,
): Promise<Journal | undefined> {
  if (state === undefined) return undefined;
  if (source.sysctl('nf_conntrack_timestamp')?.trim() !== '1') {
    throw new CtflowError(
      'CTFLOW_KERNEL_SETTING',
      '--state needs start times, but nf_conntrack_timestamp is off',
      'Run sysctl -w net.netfilter.nf_conntrack_timestamp=1, or add --setup-sysctl',
    );
  }
  // files of earlier versions have the default of those
  const former = formerDomain();
  const formerNames = new Map(
    destinations.map(destination => [
      nameWithDomain(destination),
      nameWithDomain({ ...destination, observationDomain: former }),
    ]),
  );
  const lock = (fd: number): boolean => backend.lockFile(fd);
  return Journal.open({ path: state, identity: hostIdentity(netns), log, lock, formerNames });
}

function deniedOf(flags: RunSettings): DeniedOptions | undefined {
  const { nflogGroup: groups, nflogBuffer: receiveBuffer, maxDenied, netns } = flags;
  if (!groups) return undefined;
  return {
    filter: filterOf(flags),
    groups: [...new Set(groups)],
    receiveBuffer,
    maxDenied,
    ...(netns !== undefined && { netns }),
  };
}

/** @returns the settings that were changed, and stay so */
function prepareKernel(source: Source, flags: RunSettings, events: boolean, log: Logger): string[] {
  const changed = flags.setupSysctl && isOfKernel(source) ? setupKernel(source, events) : [];
  for (const name of changed) log.info(`net.netfilter.${name} set to 1`);
  for (const { message, hint } of checkKernel(source, events)) log.warn({ hint }, message);
  const lacking = flags.owners ? ownersLack(source) : undefined;
  if (lacking !== undefined) log.warn(lacking);
  void warnIfInactive(source, flags.netns, ({ message, hint }) => log.warn({ hint }, message));
  // what fails here, the first poll reports
  source.lacks?.().then(
    sentence => sentence !== undefined && log.warn(sentence),
    () => {},
  );
  return changed;
}
