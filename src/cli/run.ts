import { Command, Option } from 'commander';
import { DESTINATION_DEFAULTS, type DestinationOptions } from '../destination.js';
import { parseEndpoint, type Endpoint } from '../endpoint.js';
import { Exporter, EXPORTER_DEFAULTS } from '../exporter.js';
import { PROFILE_NAMES } from '../ipfix/profile.js';
import { checkKernel, setupKernel } from '../kernel-settings.js';
import { createLogger, LOG_LEVELS, type Logger, type LogLevel } from '../logger.js';
import { hostObservationDomain } from '../observation-domain.js';
import type { Source } from '../sources/source.js';
import { addSourceFlags, openSource, type SourceFlags } from './source-flags.js';
import { stopSignal } from './stop-signal.js';
import { duration, wholeNumber } from './values.js';

interface RunFlags extends SourceFlags, Omit<DestinationOptions, 'endpoint' | 'observationDomain'> {
  collector: Endpoint[];
  observationDomain?: number;
  flowPollInterval: number;
  staleConnectionTimeout: number;
  maxConnections: number;
  firstSight?: 'baseline' | 'total';
  setupSysctl?: true;
  logLevel: LogLevel;
}

/** `ctflow run` */
export function runCommand(): Command {
  const command = new Command('run').description('export connections to collectors until told to stop');
  addSourceFlags(
    command.addOption(
      new Option('--collector <address...>', 'udp://HOST:PORT or tcp://HOST:PORT; may be given several times')
        .argParser((text: string, before: Endpoint[] | undefined) => [
          ...(before ?? []),
          ...text.split(',').map(parseEndpoint),
        ])
        .env('CTFLOW_COLLECTOR')
        .makeOptionMandatory(),
    ),
  );
  addTimeoutFlags(command);
  addRecordFlags(command);
  addTransportFlags(command);
  return command
    .addOption(
      new Option('--max-connections <n>', 'hard limit; the oldest idle one goes, with end reason 5')
        .argParser(wholeNumber(1, 1 << 26))
        .default(EXPORTER_DEFAULTS.maxConnections)
        .env('CTFLOW_MAX_CONNECTIONS'),
    )
    .addOption(
      new Option(
        '--first-sight <policy>',
        'first delta of a connection that was there before: nothing of its past, or all',
      )
        .choices(['baseline', 'total'])
        .env('CTFLOW_FIRST_SIGHT'),
    )
    .addOption(
      new Option('--setup-sysctl', 'switch accounting and timestamps on in the kernel').env('CTFLOW_SETUP_SYSCTL'),
    )
    .addOption(new Option('--log-level <level>').choices(LOG_LEVELS).default('info').env('CTFLOW_LOG_LEVEL'))
    .addHelpText(
      'after',
      `
Every connection that is open at the end (SIGTERM, SIGINT) is exported with end reason 4.

Examples:
  # ctflow run --collector udp://192.0.2.10:4739 --setup-sysctl
  # ctflow run --collector tcp://collector.example:4739 --profile antrea
  # ctflow run --collector udp://[2001:db8::1]:4739 --mtu 1400 --protocol-filter tcp,udp
  $ ctflow run --collector udp://127.0.0.1:4739 --source replay:dump.ctflow`,
    )
    .action(run);
}

function addTimeoutFlags(command: Command): void {
  const flag = (name: string, env: string, text: string, fallback: number, least: string): Option =>
    new Option(`--${name} <time>`, text)
      .argParser(duration(least, '24h'))
      .default(fallback, `${fallback / 1000}s`)
      .env(env);
  command
    .addOption(
      flag(
        'flow-poll-interval',
        'CTFLOW_FLOW_POLL_INTERVAL',
        'between two polls',
        EXPORTER_DEFAULTS.flowPollInterval,
        '10ms',
      ),
    )
    .addOption(
      flag(
        'active-flow-export-timeout',
        'CTFLOW_ACTIVE_FLOW_EXPORT_TIMEOUT',
        'a connection with news is reported after',
        DESTINATION_DEFAULTS.activeFlowExportTimeout,
        '10ms',
      ),
    )
    .addOption(
      flag(
        'idle-flow-export-timeout',
        'CTFLOW_IDLE_FLOW_EXPORT_TIMEOUT',
        'a connection without news is reported as idle after',
        DESTINATION_DEFAULTS.idleFlowExportTimeout,
        '10ms',
      ),
    )
    .addOption(
      flag(
        'stale-connection-timeout',
        'CTFLOW_STALE_CONNECTION_TIMEOUT',
        'a gone connection that cannot be reported is forgotten after',
        EXPORTER_DEFAULTS.staleConnectionTimeout,
        '10ms',
      ),
    );
}

function addRecordFlags(command: Command): void {
  command
    .addOption(
      new Option('--profile <name>', 'what a record looks like')
        .choices(PROFILE_NAMES)
        .default(DESTINATION_DEFAULTS.profile)
        .env('CTFLOW_PROFILE'),
    )
    .addOption(
      new Option(
        '--biflow <how>',
        'the reply direction: as reverse elements, or as a record of its own (standard only)',
      )
        .choices(['reverse', 'two-uniflows'])
        .default(DESTINATION_DEFAULTS.biflow)
        .env('CTFLOW_BIFLOW'),
    )
    .addOption(
      new Option('--netfilter-elements', 'also mark and conntrack id (PEN 21373; standard only)')
        .default(DESTINATION_DEFAULTS.netfilterElements)
        .env('CTFLOW_NETFILTER_ELEMENTS'),
    )
    .addOption(
      new Option('--observation-domain <id>', 'observation domain; the default is made from /etc/machine-id')
        .argParser(wholeNumber(0, 0xffff_ffff))
        .env('CTFLOW_OBSERVATION_DOMAIN'),
    );
}

function addTransportFlags(command: Command): void {
  command
    .addOption(
      new Option('--mtu <bytes>', 'UDP: an IP packet at most; set it to the path MTU to send fewer packets')
        .argParser(wholeNumber(256, 65535))
        .default(DESTINATION_DEFAULTS.mtu)
        .env('CTFLOW_MTU'),
    )
    .addOption(
      new Option('--template-refresh-interval <time>', 'UDP: templates go out again after')
        .argParser(duration('1s', '24h'))
        .default(DESTINATION_DEFAULTS.templateRefreshInterval, '600s')
        .env('CTFLOW_TEMPLATE_REFRESH_INTERVAL'),
    )
    .addOption(
      new Option('--template-refresh-packets <n>', 'UDP: and after so many packets')
        .argParser(wholeNumber(1, 0xffff_ffff))
        .default(DESTINATION_DEFAULTS.templateRefreshPackets)
        .env('CTFLOW_TEMPLATE_REFRESH_PACKETS'),
    )
    .addOption(
      new Option('--reconnect-interval <time>', 'TCP: first wait before another attempt; doubles up to eight times it')
        .argParser(duration('10ms', '24h'))
        .default(DESTINATION_DEFAULTS.reconnectInterval, '60s')
        .env('CTFLOW_RECONNECT_INTERVAL'),
    )
    .addOption(
      new Option('--options-interval <time>', 'how often the export reports on itself, 0s for never')
        .argParser(duration('0s', '24h'))
        .default(DESTINATION_DEFAULTS.optionsInterval, '60s')
        .env('CTFLOW_OPTIONS_INTERVAL'),
    );
}

async function run(flags: RunFlags): Promise<void> {
  const log = createLogger(flags.logLevel);
  const stop = stopSignal();
  try {
    const { backend, source } = await openSource(flags, line => log.info(line));
    prepareKernel(source, flags, log);
    const { collector, observationDomain = hostObservationDomain(), ...rest } = flags;
    const replay = source.kind === 'replay';
    const exporter = new Exporter({
      ...rest,
      // a recording has no exporter before it that could have reported anything
      firstSight: flags.firstSight ?? (replay ? 'total' : EXPORTER_DEFAULTS.firstSight),
      backend,
      source,
      destinations: collector.map(endpoint => ({ ...rest, endpoint, observationDomain })),
      log,
    });
    log.info({ backend: backend.name, source: source.kind, profile: flags.profile, observationDomain }, 'ctflow runs');
    await exporter.start();
    await Promise.race([stop.stopped, exporter.ended]);
    log.info('stopping: the open connections are exported');
    await exporter.stop();
    log.info(exporter.stats(), 'stopped');
  } finally {
    stop.release();
  }
}

function prepareKernel(source: Source, flags: RunFlags, log: Logger): void {
  if (flags.setupSysctl && source.kind !== 'replay') {
    for (const name of setupKernel(source)) log.info(`net.netfilter.${name} set to 1`);
  }
  for (const { message, hint } of checkKernel(source)) log.warn({ hint }, message);
}
