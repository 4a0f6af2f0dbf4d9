import { resolve } from 'node:path';
import { Command } from 'commander';
import { CtflowError, describeError } from '../common/errors.js';
import { limitRepeats } from '../common/log/repeats.js';
import { createLogger, type Logger } from '../common/logger.js';
import type { Backend } from '../backend/backend.js';
import { loadBackend } from '../backend/load.js';
import { inOrder } from '../config/config-file.js';
import { throwMistakes } from '../config/mistakes.js';
import { addRunSettings, type RunConfig } from '../config/run-config.js';
import type { RunSettings } from '../config/run-settings.js';
import type { ControlServer } from '../daemon/control/server.js';
import type { Running } from '../daemon/control/status.js';
import { Monitoring } from '../daemon/monitoring.js';
import { NamespaceSet } from '../daemon/namespaces/namespace-set.js';
import type { PipelineConfig } from '../daemon/namespaces/pipeline.js';
import { RecorderService, type RecorderServiceStats } from '../daemon/recorder/recorder-service.js';
import { Reloader } from '../daemon/reload/reloader.js';
import { serviceManager } from '../daemon/service-manager.js';
import { Service } from '../daemon/service.js';
import type { ExporterStats } from '../exporter.js';
import { openControl } from './control/open.js';
import { closeNames, type Names, openNames, readNamesAgain } from './open-names.js';
import { checkRun, neededCapabilities, sourceKindOf } from './run-checks.js';
import { runFacts } from './run-facts.js';
import { openPipeline } from './run/open-pipeline.js';
import { placesOf, withInFlight } from './run/places.js';
import { settingsWithoutEffect } from './settings-without-effect.js';
import { handleSignals } from './signals.js';
import { logState, logStatistics, stateFields, stateSentence, summarySentence } from './statistics.js';

type RunStats = ExporterStats & { readonly recorder?: RecorderServiceStats };

const NO_RECORDER = 'there is no flight recorder: SIGUSR2 has no effect without --record-last';

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
  let names: Names | undefined;
  let namespaces: NamespaceSet | undefined;
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
      namespaces
        ? logStatistics(root, allStats(namespaces.stats(), recorder), 'statistics')
        : log.info('ctflow starts'),
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
    names = await openNames(flags, log, signals.stopped);
    if (!names) {
      log.info('stopped before anything was exported');
      return;
    }
    const known = names;
    recorder = await RecorderService.open(flags, backend, log);
    const kind = sourceKindOf(flags, backend);
    const instead = process.geteuid?.() === 0 ? neededCapabilities(flags, { kind }) : [];
    if (instead.length > 0) log.info({ instead }, 'runs as root; these capabilities are enough');
    let inForce: PipelineConfig = config;
    const parts = { backend, log, ...names, recorder, monitoring, domains: new Set<number>() };
    const { placeOf, ...several } = placesOf(flags);
    namespaces = new NamespaceSet({
      ...several,
      backend: backend.name,
      made: () => follow(),
      make: ({ name }, left) => openPipeline(inForce, placeOf(name, left), parts),
      log,
    });
    const all = namespaces;
    const stats = (): ExporterStats => all.stats();
    let followed = false;
    const follow = (): void => {
      if (!followed) service!.follow({ readiness: all, stats, status: () => stateSentence(stateFields(stats())) });
      followed = true;
    };
    if (several.wanted) monitoring?.watchSet(all);
    const { maxConnections } = flags;
    Object.assign(running, {
      namespaces,
      recorder,
      maxConnections,
      source: kind,
      several: several.wanted !== undefined,
      netns: flags.netns?.join(),
    });
    await all.open();
    follow();
    running.state = 'running';
    recorder?.start();
    log.info(runFacts(config, backend, kind, all.all[0]?.destinations ?? []), 'ctflow runs');
    const say = logState(root, all);
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
      change: async next => {
        const after = withInFlight(config, next);
        const changed = await all.reload(after, inForce);
        inForce = after;
        return changed;
      },
      apply: ({ logLevel, statsInterval }) => {
        root.level = logLevel;
        sayEvery(statsInterval);
      },
      readFiles: () => readNamesAgain(known),
      log,
    });
    await Promise.race([signals.stopped, all.ended]);
    clearInterval(stateTimer);
    running.state = 'stopping';
    log.info('stopping: exporting the open connections');
    service.stopping('exporting the open connections');
    monitoring?.stopping();
    recorder?.stopping();
    const unexported = await all.close();
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
    await closeNames(names);
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
