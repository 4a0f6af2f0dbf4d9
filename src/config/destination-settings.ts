import { DESTINATION_DEFAULTS } from '../destination/destination-options.js';
import { PROFILE_NAMES } from '../ipfix/profile.js';
import { U16_MAX, U32_MAX } from '../common/unsigned.js';
import { Filter } from '../filter/filter.js';
import { filterExpression } from './source-settings.js';
import type { Interfaces } from '../ipfix/interfaces.js';
import { AGGREGATE_KEYS, type AggregateKey } from '../ipfix/profile-aggregate.js';
import { MOST_SUMS } from '../record/sum-table.js';
import * as values from './values.js';
import {
  choice,
  duration,
  durationOr,
  durationOrNone,
  list,
  type Kind,
  numberOr,
  parsed,
  text,
  onOff,
  size,
  sizeOr,
  wholeNumber,
} from './kind.js';
import { defaulted, setting } from './setting.js';

/** Their rows fill what Node takes as one array of bytes. */
export const MOST_CONNECTIONS = 1 << 24;
const LEAST_FILE = 65_536;

const defaults = DESTINATION_DEFAULTS;
const time = duration('10ms', '24h');

const interfaces: Kind<Interfaces> = {
  form: '<how>',
  parse: values.interfaces,
  write: how => (typeof how === 'string' ? how : `${how.ingress},${how.egress}`),
  json: { type: 'string', pattern: '^(none|route|\\d+,\\d+)$' },
  allowed: 'none, route, or the numbers of two interfaces, IN,OUT',
};

const aggregateKey: Kind<AggregateKey> = {
  ...parsed('<field>', AGGREGATE_KEYS.join(', '), values.aggregateKey),
  json: { enum: AGGREGATE_KEYS },
};

/** Toward a collector. */
export const tlsSettings = {
  tlsCa: setting(
    'TLS',
    text('<file>'),
    'PEM: authorities that the certificate of a collector may come from (default: those that Node brings)',
  ),
  tlsCertificate: setting(
    'TLS',
    text('<file>'),
    "PEM: this exporter's certificate, with those between it and its authority",
  ),
  tlsKey: setting('TLS', text('<file>'), 'PEM: the key of --tls-certificate, without a passphrase'),
  tlsServerName: setting(
    'TLS',
    text('<name>'),
    "name or address that a collector's certificate is for (default: the host of --collector)",
  ),
  tlsPeerName: setting(
    'TLS',
    list('<name...>', text('<name>')),
    "a collector's certificate also has one of these names or addresses",
  ),
};

/** What each destination may have of its own. */
export const destinationSettings = {
  activeFlowExportTimeout: defaulted(
    'Timeouts',
    time,
    defaults.activeFlowExportTimeout,
    'active timeout: a connection with new packets is exported after',
  ),
  idleFlowExportTimeout: defaulted(
    'Timeouts',
    time,
    defaults.idleFlowExportTimeout,
    'idle timeout: a connection without new packets is exported after',
  ),
  profile: defaulted(
    'Records',
    choice('<name>', PROFILE_NAMES),
    defaults.profile,
    'the information elements of a record; nat: events of translated connections (RFC 8158), and a record at their end',
  ),
  biflow: defaulted(
    'Records',
    choice('<how>', ['reverse', 'two-uniflows']),
    defaults.biflow,
    'reply direction: as reverse elements (RFC 5103), or in a record of its own (not with profile antrea)',
  ),
  netfilterElements: defaulted(
    'Records',
    onOff(),
    defaults.netfilterElements,
    'also export mark and conntrack id (PEN 21373; standard only)',
  ),
  interfaces: defaulted(
    'Records',
    interfaces,
    defaults.interfaces,
    'ingressInterface and egressInterface of each record: none; route: inferred from the routes of this host (native only); or IN,OUT: the same two numbers in all (standard only)',
  ),
  natInstance: defaulted(
    'Records',
    wholeNumber('<n>', 1, U32_MAX),
    defaults.natInstance,
    'natInstanceID of NAT events, where a collector has to tell several NATs apart (profile nat only)',
  ),
  natTime: defaulted(
    'Records',
    choice('<unit>', ['milliseconds', 'nanoseconds']),
    defaults.natTime,
    'time of NAT events: observationTimeMilliseconds or observationTimeNanoseconds (profile nat only)',
  ),
  zeroDeltaRecords: defaulted(
    'Records',
    onOff(),
    defaults.zeroDeltaRecords,
    'also export records without a packet: at first sight, for idle and forced ends (profile antrea: ends are always exported)',
  ),
  fields: setting(
    'Records',
    list('<names...>', text('<name>')),
    'only these information elements, by their names in the registries and in this order; tcpState=PEN/ID, status=PEN/ID, offloaded=PEN/ID, tcpHandshakeMicroseconds=PEN/ID and owners (sourceSocketCgroup=PEN/ID) as elements of your own (standard only)',
  ),
  aggregateKeys: setting(
    'Records',
    list('<fields...>', aggregateKey, key => key),
    'sum connections up by these fields, e.g. "src,dst,dst.port,protocol", instead of a record for each: deltas of both directions, earliest start, latest end and deltaFlowCount (standard only)',
  ),
  aggregateInterval: defaulted(
    'Records',
    duration('1s', '24h'),
    defaults.aggregateInterval,
    'with --aggregate-keys: the sums are exported this often',
  ),
  aggregateLimit: defaulted(
    'Records',
    wholeNumber('<n>', 1, MOST_SUMS),
    defaults.aggregateLimit,
    'with --aggregate-keys: limit on sums of one interval; what finds no room for its key goes into one record without keys',
  ),
  filter: setting(
    'Records',
    filterExpression(text => new Filter(text, 'run')),
    'export only connections that match, e.g. "protocol == tcp && bytes > 1MB": from their first record on, to their end',
  ),
  observationDomain: setting(
    'Records',
    wholeNumber('<id>', 0, U32_MAX),
    'observation domain ID (default: made from --instance, network namespace and host)',
  ),
  mtu: defaulted(
    'Transport',
    numberOr('<bytes|path>', 256, U16_MAX, ['path']),
    defaults.mtu,
    'UDP, DTLS: largest IP packet; path for what the path carries, as far as the system knows (native only), so that there are fewer',
  ),
  udpSegmentation: defaulted(
    'Transport',
    onOff(),
    defaults.udpSegmentation,
    'UDP: where a test at start shows that it can, the kernel segments bursts (GSO): less CPU, but a capture on this host shows them unsegmented (native only)',
  ),
  templateRefreshInterval: defaulted(
    'Transport',
    duration('1s', '24h'),
    defaults.templateRefreshInterval,
    'UDP, DTLS: templates are sent again after this time',
  ),
  templateRefreshPackets: defaulted(
    'Transport',
    wholeNumber('<n>', 1, U32_MAX),
    defaults.templateRefreshPackets,
    'UDP, DTLS: templates are sent again after this many packets',
  ),
  localAddress: setting(
    'Transport',
    parsed('<address>', 'an IPv4 or IPv6 address of this host', values.ipAddress),
    'IP address of this host from which records are sent',
  ),
  localPort: setting(
    'Transport',
    wholeNumber('<port>', 1, U16_MAX),
    'port from which records are sent, with one collector',
  ),
  maxRate: defaulted(
    'Transport',
    numberOr('<records>', 1, U32_MAX, ['auto', 'off']),
    defaults.maxRate,
    'records a second to each collector at most, also at shutdown; auto: over UDP and DTLS, what one poll makes due is spread over the poll interval; off: no limit',
  ),
  reconnectInterval: defaulted(
    'Transport',
    time,
    defaults.reconnectInterval,
    'TCP, TLS, DTLS: time until the first reconnect; doubles up to eight times this',
  ),
  connectionLifetime: defaulted(
    'Transport',
    durationOrNone('1s', '24h'),
    defaults.connectionLifetime,
    'TCP, TLS: a connection is closed in order and opened anew after this time, more or less by up to a quarter; 0s: never',
  ),
  handshakeInterval: defaulted(
    'Transport',
    duration('1s', '24h'),
    defaults.handshakeInterval,
    'DTLS: a session is ended and another one begun after this time, more or less by up to a quarter: a collector that does not answer has lost what was sent since',
  ),
  collectorBuffer: defaulted(
    'Transport',
    size(4096, 1 << 30),
    defaults.collectorBuffer,
    "TCP, TLS: limit on bytes that the collector's kernel holds unread (its tcp_rmem)",
  ),
  endedQueue: defaulted(
    'Transport',
    wholeNumber('<n>', 1, MOST_CONNECTIONS),
    defaults.endedQueue,
    'limit on ended connections that wait for a collector; those beyond are dropped and counted',
  ),
  optionsInterval: setting(
    'Transport',
    duration('0s', '24h'),
    "time between options records with the exporter's statistics, 0s for no options at all (default: 60s; none with profile antrea)",
  ),
  deprecatedSampling: defaulted(
    'Transport',
    onOff(),
    defaults.deprecatedSampling,
    'options records that say that every packet is counted also have samplingInterval (34) and samplerRandomInterval (50), for collectors that know no other',
  ),
  fileMaxSize: defaulted(
    'Files',
    size(LEAST_FILE, Number.MAX_SAFE_INTEGER),
    defaults.fileMaxSize,
    'another is begun when it has this size',
  ),
  fileMaxAge: defaulted(
    'Files',
    durationOr('1s', '24d', ['off']),
    defaults.fileMaxAge,
    'another is begun when its first record is this old; off: by size alone',
  ),
  fileKeep: defaulted(
    'Files',
    numberOr('<n>', 1, 1_000_000, ['all']),
    defaults.fileKeep,
    'closed files that are kept; the oldest is removed; all: see --file-keep-size',
  ),
  fileKeepSize: defaulted(
    'Files',
    sizeOr(LEAST_FILE, Number.MAX_SAFE_INTEGER, ['off']),
    defaults.fileKeepSize,
    'size of all closed files that are kept; the oldest is removed; off: no limit',
  ),
  ...tlsSettings,
};
