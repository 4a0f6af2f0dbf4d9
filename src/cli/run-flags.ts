import type { Command, Option } from 'commander';
import { DESTINATION_DEFAULTS, type DestinationOptions } from '../destination/destination.js';
import type { DestinationEndpoint } from '../common/destination-endpoint.js';
import { fileFlags } from './files/file-flags.js';
import { EXPORTER_DEFAULTS } from '../exporter.js';
import { PROFILE_NAMES } from '../ipfix/profile.js';
import { LOG_LEVELS, type LogLevel } from '../common/logger.js';
import { addSourceFlags, type SourceFlags } from './source-flags.js';
import { filterFlag, flag, numberFlag, timeFlag } from './flag.js';
import {
  canonicalAddress,
  collectorAddress,
  distinct,
  durationOr,
  interfaces,
  ipAddress,
  list,
  numberOr,
  onOff,
  text,
  wholeNumber,
} from './values.js';
import { U16_MAX, U32_MAX } from '../common/unsigned.js';

/** Their rows fill what Node takes as one array of bytes. */
const MOST_CONNECTIONS = 1 << 24;
const MOST_DENIED = 1 << 22;

/** The flags of `ctflow run`. */
export interface RunFlags
  extends SourceFlags, Omit<DestinationOptions, 'endpoint' | 'observationDomain' | 'optionsInterval'> {
  /** Milliseconds; undefined for what suits the profile. */
  optionsInterval?: number;
  collector: DestinationEndpoint[];
  observationDomain?: number;
  instance?: string;
  flowPollInterval: number | 'auto';
  pollBudget: number;
  staleConnectionTimeout: number;
  maxConnections: number;
  firstSight?: 'baseline' | 'total';
  shutdownTimeout: number;
  events?: 'destroy' | 'all' | 'off';
  tcpStateHistory?: true;
  eventBuffer: number;
  holdEnded: 'auto' | 'on' | 'off';
  dyingLimit?: number;
  nflogGroup?: number[];
  nflogBuffer: number;
  maxDenied: number;
  inventory?: string;
  state?: string;
  excludeSelf: 'on' | 'off';
  setupSysctl?: true;
  /** Milliseconds; 0 for never. */
  statsInterval: number;
  logLevel: LogLevel;
}

/** The flags of `ctflow run`; defaults are those of the exporter and of a destination. */
export function addRunFlags(command: Command): Command {
  command.addOption(
    flag(
      '--collector <address...>',
      'udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT, or HOST:PORT:PROTOCOL; file:///PATH for IPFIX files; may be given several times',
    )
      .argParser(distinct(collectorAddress, canonicalAddress))
      .makeOptionMandatory(),
  );
  addSourceFlags(command);
  for (const [heading, options] of Object.entries(GROUPS)) {
    for (const option of options()) command.addOption(option.helpGroup(`${heading}:`));
  }
  return command;
}

const GROUPS: Readonly<Record<string, () => Option[]>> = {
  Timeouts: timeoutFlags,
  Connections: connectionFlags,
  'Conntrack events': eventFlags,
  'Denied packets': deniedFlags,
  Records: recordFlags,
  Transport: transportFlags,
  TLS: tlsFlags,
  Files: fileFlags,
};

function timeoutFlags(): Option[] {
  const time = (flags: string, text: string, fallback: number): Option =>
    timeFlag(flags, text, '10ms', '24h', fallback);
  const { activeFlowExportTimeout, idleFlowExportTimeout } = DESTINATION_DEFAULTS;
  const { flowPollInterval, pollBudget, staleConnectionTimeout, shutdownTimeout } = EXPORTER_DEFAULTS;
  return [
    flag(
      '--flow-poll-interval <time>',
      'time between two polls; auto: 5s, and longer where polls would take more than --poll-budget',
    )
      .argParser(durationOr('10ms', '24h', ['auto']))
      .default(flowPollInterval),
    numberFlag(
      '--poll-budget <percent>',
      'share of one core that polls may take with --flow-poll-interval auto, in percent',
      1,
      100,
      pollBudget,
    ),
    time(
      '--active-flow-export-timeout <time>',
      'active timeout: a connection with new packets is exported after',
      activeFlowExportTimeout,
    ),
    time(
      '--idle-flow-export-timeout <time>',
      'idle timeout: a connection without new packets is exported after',
      idleFlowExportTimeout,
    ),
    time(
      '--stale-connection-timeout <time>',
      'an ended connection that cannot be exported is dropped after',
      staleConnectionTimeout,
    ),
    time(
      '--shutdown-timeout <time>',
      'at the end: time for the last poll and for exporting what is open; what is left then is counted',
      shutdownTimeout,
    ),
  ];
}

function connectionFlags(): Option[] {
  return [
    numberFlag(
      '--max-connections <n>',
      'hard limit; beyond it the longest idle connection is exported with end reason 5 and evicted',
      1,
      MOST_CONNECTIONS,
      EXPORTER_DEFAULTS.maxConnections,
    ),
    flag(
      '--first-sight <policy>',
      'first delta of a connection older than ctflow: without its past counts (baseline) or with them (total)',
    ).choices(['baseline', 'total']),
    flag('--inventory <file>', 'pods, nodes and services by address, in YAML or JSON; reloaded when the file changes'),
    flag('--state <file>', 'keep the export state across restarts, so that nothing is exported twice (native only)'),
    flag('--exclude-self <on|off>', "whether ctflow's own connections to its collectors are left out")
      .choices(['on', 'off'])
      .default('on'),
    flag('--setup-sysctl', 'turn on accounting, timestamps and events in the kernel, and leave them on'),
    timeFlag(
      '--stats-interval <time>',
      'time between lines of statistics in the log, 0s for never',
      '0s',
      '24h',
      60_000,
    ),
    flag('--log-level <level>', 'which log lines appear on standard error: JSON, or text on a terminal')
      .choices(LOG_LEVELS)
      .default('info'),
  ];
}

function eventFlags(): Option[] {
  return [
    flag(
      '--events <kind>',
      'destroy: last counters of ended connections; all: also new connections and TCP states; off: polls only (native only; default: destroy where the source has events)',
    ).choices(['destroy', 'all', 'off']),
    flag(
      '--tcp-state-history',
      "export the TCP states of a connection as Antrea's tcpState and tcpStatePrevList; needs --events all",
    ),
    bufferFlag(
      '--event-buffer <bytes>',
      'socket receive buffer; the size granted is logged',
      EXPORTER_DEFAULTS.eventBuffer,
    ),
    flag(
      '--hold-ended <when>',
      'the kernel holds ended connections whose event does not fit into the buffer: auto: where an eBPF filter bounds it (CAP_BPF); on: without one too, also while ctflow is stopped; off: never',
    )
      .choices(['auto', 'on', 'off'])
      .default(EXPORTER_DEFAULTS.holdEnded),
    numberFlag(
      '--dying-limit <n>',
      'ended connections that the kernel may hold, at most half of the free room in its table (default: an eighth of nf_conntrack_max, more in a burst)',
      1,
      1 << 26,
    ),
  ];
}

function deniedFlags(): Option[] {
  return [
    flag(
      '--nflog-group <n...>',
      'also export packets that rules deny and log to these NFLOG groups (native only)',
    ).argParser(list(wholeNumber(0, U16_MAX))),
    bufferFlag(
      '--nflog-buffer <bytes>',
      'socket receive buffer; the size granted is logged',
      EXPORTER_DEFAULTS.nflogBuffer,
    ),
    numberFlag(
      '--max-denied <n>',
      'hard limit; beyond it the longest idle denied flow is exported with end reason 5 and evicted',
      1,
      MOST_DENIED,
      EXPORTER_DEFAULTS.maxDenied,
    ),
  ];
}

function recordFlags(): Option[] {
  const { profile, biflow, netfilterElements, zeroDeltaRecords } = DESTINATION_DEFAULTS;
  return [
    flag('--profile <name>', 'the information elements of a record').choices(PROFILE_NAMES).default(profile),
    flag('--biflow <how>', 'reply direction: as reverse elements (RFC 5103), or in a record of its own (standard only)')
      .choices(['reverse', 'two-uniflows'])
      .default(biflow),
    flag('--netfilter-elements', 'also export mark and conntrack id (PEN 21373; standard only)').default(
      netfilterElements,
    ),
    flag(
      '--interfaces <how>',
      'ingressInterface and egressInterface of each record: none; or IN,OUT: the same two numbers in all (standard only)',
    )
      .argParser(interfaces)
      .default(DESTINATION_DEFAULTS.interfaces),
    flag(
      '--zero-delta-records',
      'also export records without a packet: at first sight, for idle and forced ends (profile antrea: ends are always exported)',
    ).default(zeroDeltaRecords),
    flag(
      '--fields <names...>',
      'only these information elements, by their names in the registries and in this order (standard only)',
    ).argParser(list(text)),
    filterFlag(
      'export only connections that match, e.g. "protocol == tcp && bytes > 1MB": from their first record on, to their end',
      'run',
    ),
    flag('--instance <name>', 'name of this exporter among those of a host; part of the default observation domain'),
    numberFlag(
      '--observation-domain <id>',
      'observation domain ID (default: made from --instance, network namespace and host)',
      0,
      U32_MAX,
    ),
  ];
}

function transportFlags(): Option[] {
  const defaults = DESTINATION_DEFAULTS;
  return [
    flag(
      '--mtu <bytes|path>',
      'UDP: largest IP packet; path for what the path carries, as far as the system knows (native only), so that there are fewer',
    )
      .argParser(numberOr(256, U16_MAX, ['path']))
      .default(defaults.mtu),
    flag(
      '--udp-segmentation [on|off]',
      'UDP: where a test at start shows that it can, the kernel segments bursts (GSO): less CPU, but a capture on this host shows them unsegmented (native only)',
    )
      .argParser(onOff)
      .preset('on')
      .default(defaults.udpSegmentation, 'on'),
    timeFlag(
      '--template-refresh-interval <time>',
      'UDP: templates are sent again after this time',
      '1s',
      '24h',
      defaults.templateRefreshInterval,
    ),
    numberFlag(
      '--template-refresh-packets <n>',
      'UDP: templates are sent again after this many packets',
      1,
      U32_MAX,
      defaults.templateRefreshPackets,
    ),
    flag('--local-address <address>', 'IP address of this host from which records are sent').argParser(ipAddress),
    numberFlag('--local-port <port>', 'port from which records are sent, with one collector', 1, U16_MAX),
    flag(
      '--max-rate <records>',
      'records a second to each collector at most, also at shutdown; auto: over UDP, what one poll makes due is spread over the poll interval; off: no limit',
    )
      .argParser(numberOr(1, U32_MAX, ['auto', 'off']))
      .default(defaults.maxRate),
    timeFlag(
      '--reconnect-interval <time>',
      'TCP, TLS: time until the first reconnect; doubles up to eight times this',
      '10ms',
      '24h',
      defaults.reconnectInterval,
    ),
    timeFlag(
      '--connection-lifetime <time>',
      'TCP, TLS: a connection is closed in order and opened anew after this time, more or less by up to a quarter; 0s: never',
      '0s',
      '24h',
      defaults.connectionLifetime,
    ),
    bufferFlag(
      '--collector-buffer <bytes>',
      "TCP, TLS: limit on bytes that the collector's kernel holds unread (its tcp_rmem)",
      defaults.collectorBuffer,
    ),
    numberFlag(
      '--ended-queue <n>',
      'limit on ended connections that wait for a collector; those beyond are dropped and counted',
      1,
      MOST_CONNECTIONS,
      defaults.endedQueue,
    ),
    timeFlag(
      '--options-interval <time>',
      "time between options records with the exporter's statistics, 0s for no options at all (default: 60s; none with profile antrea)",
      '0s',
      '24h',
    ),
    flag(
      '--deprecated-sampling',
      'options records that say that every packet is counted also have samplingInterval (34) and samplerRandomInterval (50), for collectors that know no other',
    ).default(defaults.deprecatedSampling),
  ];
}

export function tlsFlags(): Option[] {
  return [
    flag(
      '--tls-ca <file>',
      'PEM: authorities that the certificate of a collector may come from (default: those that Node brings)',
    ),
    flag('--tls-certificate <file>', "PEM: this exporter's certificate, with those between it and its authority"),
    flag('--tls-key <file>', 'PEM: the key of --tls-certificate, without a passphrase'),
    flag(
      '--tls-server-name <name>',
      "name or address that a collector's certificate is for (default: the host of --collector)",
    ),
    flag('--tls-peer-name <name...>', "a collector's certificate also has one of these names or addresses").argParser(
      list(text),
    ),
  ];
}

function bufferFlag(flags: string, text: string, fallback: number): Option {
  return numberFlag(flags, text, 4096, 1 << 30, fallback);
}
