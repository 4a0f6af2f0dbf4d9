import { Option, type Command } from 'commander';
import { DESTINATION_DEFAULTS, type DestinationOptions } from '../destination/destination.js';
import type { Endpoint } from '../common/endpoint.js';
import { EXPORTER_DEFAULTS } from '../exporter.js';
import { PROFILE_NAMES } from '../ipfix/profile.js';
import { LOG_LEVELS, type LogLevel } from '../common/logger.js';
import { addSourceFlags, type SourceFlags } from './source-flags.js';
import { collectorAddress, duration, wholeNumber } from './values.js';
import { U16_MAX, U32_MAX } from '../common/unsigned.js';

/** Their rows fill what Node takes as one array of bytes. */
const MOST_CONNECTIONS = 1 << 24;
const MOST_DENIED = 1 << 22;

/** The flags of `ctflow run`. */
export interface RunFlags
  extends SourceFlags, Omit<DestinationOptions, 'endpoint' | 'observationDomain' | 'optionsInterval'> {
  /** Milliseconds; undefined for what suits the profile. */
  optionsInterval?: number;
  collector: Endpoint[];
  observationDomain?: number;
  flowPollInterval: number;
  staleConnectionTimeout: number;
  maxConnections: number;
  firstSight?: 'baseline' | 'total';
  events?: 'destroy' | 'all' | 'off';
  tcpStateHistory?: true;
  eventBuffer: number;
  dyingLimit: number;
  nflogGroup?: number[];
  nflogBuffer: number;
  maxDenied: number;
  inventory?: string;
  state?: string;
  setupSysctl?: true;
  logLevel: LogLevel;
}

/** The flags of `ctflow run`; defaults are those of the exporter and of a destination. */
export function addRunFlags(command: Command): Command {
  addSourceFlags(
    command.addOption(
      new Option('--collector <address...>', 'udp://HOST:PORT or tcp://HOST:PORT; may be given several times')
        .argParser((text: string, before: Endpoint[] | undefined) => [
          ...(before ?? []),
          ...text.split(',').map(collectorAddress),
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
      new Option(
        '--max-connections <n>',
        'hard limit; beyond it the longest idle connection is exported with end reason 5 and evicted',
      )
        .argParser(wholeNumber(1, MOST_CONNECTIONS))
        .default(EXPORTER_DEFAULTS.maxConnections)
        .env('CTFLOW_MAX_CONNECTIONS'),
    )
    .addOption(
      new Option(
        '--first-sight <policy>',
        'first delta of a connection older than ctflow: without its past counts (baseline) or with them (total)',
      )
        .choices(['baseline', 'total'])
        .env('CTFLOW_FIRST_SIGHT'),
    )
    .addOption(
      new Option(
        '--events <kind>',
        'conntrack events (native only). destroy: last counters of ended connections; all: also new connections and TCP states; off: polls only (default: destroy where the source has events)',
      )
        .choices(['destroy', 'all', 'off'])
        .env('CTFLOW_EVENTS'),
    )
    .addOption(
      new Option(
        '--tcp-state-history',
        "export the TCP states of a connection as Antrea's tcpState and tcpStatePrevList; needs --events all",
      ).env('CTFLOW_TCP_STATE_HISTORY'),
    )
    .addOption(
      new Option('--event-buffer <bytes>', 'socket receive buffer for events; the size granted is logged')
        .argParser(wholeNumber(4096, 1 << 30))
        .default(EXPORTER_DEFAULTS.eventBuffer)
        .env('CTFLOW_EVENT_BUFFER'),
    )
    .addOption(
      new Option('--dying-limit <n>', 'ended connections that the kernel may hold until their event is read')
        .argParser(wholeNumber(1, 1 << 26))
        .default(EXPORTER_DEFAULTS.dyingLimit)
        .env('CTFLOW_DYING_LIMIT'),
    )
    .addOption(
      new Option(
        '--nflog-group <n...>',
        'also export packets that rules deny and log to these NFLOG groups (native only)',
      )
        .argParser((text: string, before: number[] | undefined) => [
          ...new Set([...(before ?? []), ...text.split(',').map(wholeNumber(0, U16_MAX))]),
        ])
        .env('CTFLOW_NFLOG_GROUP'),
    )
    .addOption(
      new Option('--nflog-buffer <bytes>', 'socket receive buffer for denied packets; the size granted is logged')
        .argParser(wholeNumber(4096, 1 << 30))
        .default(EXPORTER_DEFAULTS.nflogBuffer)
        .env('CTFLOW_NFLOG_BUFFER'),
    )
    .addOption(
      new Option(
        '--max-denied <n>',
        'hard limit; beyond it the longest idle denied flow is exported with end reason 5 and evicted',
      )
        .argParser(wholeNumber(1, MOST_DENIED))
        .default(EXPORTER_DEFAULTS.maxDenied)
        .env('CTFLOW_MAX_DENIED'),
    )
    .addOption(
      new Option(
        '--inventory <file>',
        'pods, nodes and services by address, in YAML or JSON; reloaded when the file changes',
      ).env('CTFLOW_INVENTORY'),
    )
    .addOption(
      new Option(
        '--state <file>',
        'keep the export state across restarts, so that nothing is exported twice (native only)',
      ).env('CTFLOW_STATE'),
    )
    .addOption(
      new Option('--setup-sysctl', 'turn on accounting, timestamps and events in the kernel, and leave them on').env(
        'CTFLOW_SETUP_SYSCTL',
      ),
    )
    .addOption(
      new Option('--log-level <level>', 'which log lines appear, as JSON on standard error')
        .choices(LOG_LEVELS)
        .default('info')
        .env('CTFLOW_LOG_LEVEL'),
    );
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
        'time between two polls',
        EXPORTER_DEFAULTS.flowPollInterval,
        '10ms',
      ),
    )
    .addOption(
      flag(
        'active-flow-export-timeout',
        'CTFLOW_ACTIVE_FLOW_EXPORT_TIMEOUT',
        'active timeout: a connection with new packets is exported after',
        DESTINATION_DEFAULTS.activeFlowExportTimeout,
        '10ms',
      ),
    )
    .addOption(
      flag(
        'idle-flow-export-timeout',
        'CTFLOW_IDLE_FLOW_EXPORT_TIMEOUT',
        'idle timeout: a connection without new packets is exported after',
        DESTINATION_DEFAULTS.idleFlowExportTimeout,
        '10ms',
      ),
    )
    .addOption(
      flag(
        'stale-connection-timeout',
        'CTFLOW_STALE_CONNECTION_TIMEOUT',
        'an ended connection that cannot be exported is dropped after',
        EXPORTER_DEFAULTS.staleConnectionTimeout,
        '10ms',
      ),
    );
}

function addRecordFlags(command: Command): void {
  command
    .addOption(
      new Option('--profile <name>', 'the information elements of a record')
        .choices(PROFILE_NAMES)
        .default(DESTINATION_DEFAULTS.profile)
        .env('CTFLOW_PROFILE'),
    )
    .addOption(
      new Option(
        '--biflow <how>',
        'reply direction: as reverse elements (RFC 5103), or in a record of its own (standard only)',
      )
        .choices(['reverse', 'two-uniflows'])
        .default(DESTINATION_DEFAULTS.biflow)
        .env('CTFLOW_BIFLOW'),
    )
    .addOption(
      new Option('--netfilter-elements', 'also export mark and conntrack id (PEN 21373; standard only)')
        .default(DESTINATION_DEFAULTS.netfilterElements)
        .env('CTFLOW_NETFILTER_ELEMENTS'),
    )
    .addOption(
      new Option('--observation-domain <id>', 'observation domain ID (default: derived from /etc/machine-id)')
        .argParser(wholeNumber(0, U32_MAX))
        .env('CTFLOW_OBSERVATION_DOMAIN'),
    );
}

function addTransportFlags(command: Command): void {
  command
    .addOption(
      new Option('--mtu <bytes>', 'UDP: largest IP packet; set it to the path MTU to send fewer packets')
        .argParser(wholeNumber(256, U16_MAX))
        .default(DESTINATION_DEFAULTS.mtu)
        .env('CTFLOW_MTU'),
    )
    .addOption(
      new Option(
        '--udp-segmentation',
        'UDP: the kernel segments bursts (GSO): less CPU, but a capture on this host may show them unsegmented (native only)',
      )
        .default(DESTINATION_DEFAULTS.udpSegmentation)
        .env('CTFLOW_UDP_SEGMENTATION'),
    )
    .addOption(
      new Option('--template-refresh-interval <time>', 'UDP: templates are sent again after this time')
        .argParser(duration('1s', '24h'))
        .default(DESTINATION_DEFAULTS.templateRefreshInterval, '600s')
        .env('CTFLOW_TEMPLATE_REFRESH_INTERVAL'),
    )
    .addOption(
      new Option('--template-refresh-packets <n>', 'UDP: templates are sent again after this many packets')
        .argParser(wholeNumber(1, U32_MAX))
        .default(DESTINATION_DEFAULTS.templateRefreshPackets)
        .env('CTFLOW_TEMPLATE_REFRESH_PACKETS'),
    )
    .addOption(
      new Option('--reconnect-interval <time>', 'TCP: time until the first reconnect; doubles up to eight times this')
        .argParser(duration('10ms', '24h'))
        .default(DESTINATION_DEFAULTS.reconnectInterval, '60s')
        .env('CTFLOW_RECONNECT_INTERVAL'),
    )
    .addOption(
      new Option(
        '--collector-buffer <bytes>',
        "TCP: most bytes that the collector's kernel may hold unread (its tcp_rmem)",
      )
        .argParser(wholeNumber(4096, 1 << 30))
        .default(DESTINATION_DEFAULTS.collectorBuffer)
        .env('CTFLOW_COLLECTOR_BUFFER'),
    )
    .addOption(
      new Option(
        '--ended-queue <n>',
        'most ended connections that wait for a collector; those beyond are dropped and counted',
      )
        .argParser(wholeNumber(1, MOST_CONNECTIONS))
        .default(DESTINATION_DEFAULTS.endedQueue)
        .env('CTFLOW_ENDED_QUEUE'),
    )
    .addOption(
      new Option(
        '--options-interval <time>',
        "time between options records with the exporter's statistics, 0s for never (default: 60s; never with profile antrea)",
      )
        .argParser(duration('0s', '24h'))
        .env('CTFLOW_OPTIONS_INTERVAL'),
    );
}
