import { EXPORTER_DEFAULTS } from '../exporter.js';
import { formatHostPort } from '../common/endpoint.js';
import { LOG_LEVELS } from '../common/logger.js';
import { ROUTE_MARKS } from '../ipfix/interfaces.js';
import { U16_MAX } from '../common/unsigned.js';
import type { NatEventPair } from '../record/nat-log.js';
import { MOST_CONNECTIONS } from './destination-settings.js';
import {
  choice,
  duration,
  durationOr,
  durationOrNone,
  type Kind,
  list,
  onOff,
  size,
  text,
  wholeNumber,
} from './kind.js';
import { dnsSettings, geoipSettings } from './address-settings.js';
import { kubernetesSettings } from './kubernetes-settings.js';
import { labelPolicies, markPolicies } from './policies.js';
import { defaulted, setting } from './setting.js';
import * as values from './values.js';

const MOST_DENIED = 1 << 22;
/** The kernel's most connections. */
const MOST_DYING = 1 << 26;

const defaults = EXPORTER_DEFAULTS;
const time = duration('10ms', '24h');
const buffer = size(4096, 1 << 30);

const natEvents: Kind<NatEventPair> = {
  form: '<create,delete>',
  parse: values.natEvents,
  write: pair => pair.join(','),
  json: { type: 'string', pattern: '^\\d+,\\d+$' },
  allowed: 'two numbers, CREATE,DELETE',
};

const httpAddress: Kind<{ host: string; port: number }> = {
  form: '<address>',
  parse: values.listenAddress,
  write: ({ host, port }) => formatHostPort(host, port),
  json: { type: 'string', pattern: ':\\d+$' },
  allowed: 'ADDRESS:PORT, an IPv6 address in brackets; port 0 for any that is free',
};

/** What holds for the exporter as a whole. */
export const exporterSettings = {
  flowPollInterval: defaulted(
    'Timeouts',
    durationOr('10ms', '24h', ['auto']),
    defaults.flowPollInterval,
    'time between two polls; auto: 5s, and longer where polls would take more than --poll-budget',
  ),
  pollBudget: defaulted(
    'Timeouts',
    wholeNumber('<percent>', 1, 100),
    defaults.pollBudget,
    'share of one core that polls may take with --flow-poll-interval auto, in percent',
  ),
  staleConnectionTimeout: defaulted(
    'Timeouts',
    time,
    defaults.staleConnectionTimeout,
    'an ended connection that cannot be exported is dropped after',
  ),
  shutdownTimeout: defaulted(
    'Timeouts',
    time,
    defaults.shutdownTimeout,
    'at the end: time for the last poll and for exporting what is open; what is left then is counted',
  ),
  maxConnections: defaulted(
    'Connections',
    wholeNumber('<n>', 1, MOST_CONNECTIONS),
    defaults.maxConnections,
    'hard limit; beyond it the longest idle connection is exported with end reason 5 and evicted',
  ),
  firstSight: setting(
    'Connections',
    choice('<policy>', ['baseline', 'total']),
    'first delta of a connection older than ctflow: without its past counts (baseline) or with them (total)',
  ),
  inventory: setting(
    'Connections',
    text('<file>'),
    'pods, nodes and services by address, in YAML or JSON; reloaded when the file changes',
  ),
  ...kubernetesSettings,
  ...geoipSettings,
  ...dnsSettings,
  state: setting(
    'Connections',
    text('<file>'),
    'keep the export state across restarts, so that nothing is exported twice (native only)',
  ),
  control: setting(
    'Connections',
    text('<path|off>'),
    'Unix socket for ctflow status, flush, templates and reload; off: none (default: control.sock in the runtime directory)',
  ),
  excludeSelf: defaulted(
    'Connections',
    onOff('<on|off>'),
    true,
    "whether ctflow's own connections to its collectors are left out",
  ),
  setupSysctl: defaulted(
    'Connections',
    onOff(),
    false,
    'turn on accounting, timestamps and events in the kernel, and leave them on',
  ),
  statsInterval: defaulted(
    'Connections',
    durationOrNone('1s', '24h'),
    60_000,
    'time between lines of statistics in the log, 0s for never',
  ),
  logLevel: defaulted(
    'Connections',
    choice('<level>', LOG_LEVELS),
    'info',
    'which log lines appear on standard error: JSON, or text on a terminal',
  ),
  events: setting(
    'Conntrack events',
    choice('<kind>', ['destroy', 'all', 'off']),
    'destroy: last counters of ended connections; all: also new connections and TCP states; off: polls only (native only; default: destroy where the source has events)',
  ),
  tcpStateHistory: defaulted(
    'Conntrack events',
    onOff(),
    false,
    "export the TCP states of a connection as Antrea's tcpState and tcpStatePrevList; needs --events all",
  ),
  eventBuffer: defaulted(
    'Conntrack events',
    buffer,
    defaults.eventBuffer,
    'socket receive buffer; the size granted is logged',
  ),
  holdEnded: defaulted(
    'Conntrack events',
    choice('<when>', ['auto', 'on', 'off']),
    defaults.holdEnded,
    'the kernel holds ended connections whose event does not fit into the buffer: auto: where an eBPF filter bounds it (CAP_BPF); on: without one too, also while ctflow is stopped; off: never',
  ),
  dyingLimit: setting(
    'Conntrack events',
    wholeNumber('<n>', 1, MOST_DYING),
    'ended connections that the kernel may hold, at most half of the free room in its table (default: an eighth of nf_conntrack_max, more in a burst)',
  ),
  nflogGroup: setting(
    'Denied packets',
    list('<n...>', wholeNumber('<n>', 0, U16_MAX)),
    'also export packets that rules deny and log to these NFLOG groups (native only)',
  ),
  nflogBuffer: defaulted(
    'Denied packets',
    buffer,
    defaults.nflogBuffer,
    'socket receive buffer; the size granted is logged',
  ),
  maxDenied: defaulted(
    'Denied packets',
    wholeNumber('<n>', 1, MOST_DENIED),
    defaults.maxDenied,
    'hard limit; beyond it the longest idle denied flow is exported with end reason 5 and evicted',
  ),
  nftComments: defaulted(
    'Denied packets',
    onOff('<on|off>'),
    true,
    'whether a denied flow has the comment of the nft rule that logs its packets as the name of the rule',
  ),
  marks: setting(
    'Denied packets',
    markPolicies,
    'policies that connections have passed, by their marks: 0x10/0xf0=allow:in:prod/web; the first that matches',
  ),
  labels: setting(
    'Denied packets',
    labelPolicies,
    'the same by their labels, by the number of a bit; before those of marks (native only)',
  ),
  metrics: setting(
    'Metrics',
    httpAddress,
    'serve metrics to Prometheus and health checks at http://ADDRESS:PORT; then no destination is needed (default: off)',
  ),
  routeMark: defaulted(
    'Records',
    choice('<mark>', ROUTE_MARKS),
    defaults.routeMark,
    'with --interfaces route: whether routing rules by mark (fwmark) see no mark, or that of the connection (ctmark)',
  ),
  owners: defaulted(
    'Records',
    onOff(),
    defaults.owners,
    'look up the users, cgroups and programs of the sockets that connections have on this host, for --fields (native only)',
  ),
  nat66Events: setting(
    'Records',
    natEvents,
    'natEvent of a created and of a deleted session where IPv6 is translated, as none is registered (default: no such events; profile nat only)',
  ),
  instance: setting(
    'Records',
    text('<name>'),
    'name of this exporter among those of a host; part of the default observation domain',
  ),
};
