import type { MalformedReason } from '../../collector/stats.js';
import type { Trouble } from '../../collector/trouble.js';

/** The same trouble of the same host is said once in this time, and then how often it came. */
const REPEAT_MS = 60_000;
/** Hosts that are distinguished at the same time; so many addresses are easily invented. */
const MAX_HOSTS = 20;

interface Repeats {
  last: Trouble;
  count: number;
}

/** Says troubles when they happen, each kind of each host once a minute. */
export class TroubleNotes {
  readonly #note: (line: string) => void;
  readonly #said = new Map<string, Repeats>();
  #timer: NodeJS.Timeout | undefined;

  constructor(note: (line: string) => void) {
    this.#note = note;
  }

  add(trouble: Trouble): void {
    const host = hostOf(trouble.exporter);
    // NetFlow 5 and 9 of one host are two things
    const what = detailOf(trouble);
    let key = `${trouble.kind} ${what} ${host}`;
    if (!this.#said.has(key) && this.#said.size >= MAX_HOSTS) key = trouble.kind;
    const said = this.#said.get(key);
    if (said !== undefined) {
      said.last = trouble;
      said.count++;
      return;
    }
    this.#said.set(key, { last: trouble, count: 0 });
    this.#timer ??= setTimeout(() => this.flush(), REPEAT_MS).unref();
    this.#note(describeTrouble(trouble));
  }

  /** Says what came again since it was said. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { last, count } of this.#said.values()) {
      if (count > 0) this.#note(`${describeTrouble(last)} (${count} more ${count === 1 ? 'time' : 'times'})`);
    }
    this.#said.clear();
  }
}

/** What makes two troubles of one kind different. */
function detailOf(trouble: Trouble): string {
  if (trouble.kind === 'malformed-message') return trouble.version ?? trouble.reason;
  if (trouble.kind === 'tls-files') return trouble.error;
  return 'reason' in trouble ? trouble.reason : '';
}

/** `udp://192.0.2.1` of `udp://192.0.2.1:40000`; a file is one by itself. */
function hostOf(exporter: string): string {
  return exporter.startsWith('file:') ? exporter : exporter.slice(0, exporter.lastIndexOf(':'));
}

export const MALFORMED: Readonly<Record<MalformedReason, string>> = {
  version: 'a message that is not IPFIX',
  length: 'a message of another length than its header says',
  set: 'a message with a set that does not fit',
  template: 'a message with a template that does not fit',
  record: 'a message with a record that does not fit',
  truncated: 'a message without its end, and the connection is closed',
};

const EVICTED = [
  ['udp', 'its templates are forgotten'],
  ['dtls', 'its session is forgotten'],
] as const;

/** A trouble in one sentence. */
export function describeTrouble(trouble: Trouble): string {
  const { exporter } = trouble;
  switch (trouble.kind) {
    case 'undecodable-set':
      return (
        `${exporter}: records of template ${trouble.template} ${trouble.kept ? 'wait' : 'cannot be read'} ` +
        `(observation domain ${trouble.observationDomain}): this template has not come yet; an exporter repeats its ` +
        'templates over UDP'
      );
    case 'expired-sets':
      return `${exporter}: ${trouble.count} sets of records are dropped: their template did not come in time`;
    case 'refused-template':
      return (
        `${exporter}: template ${trouble.template} is refused (observation domain ${trouble.observationDomain}): ` +
        (trouble.reason === 'empty'
          ? 'its records would have more fields than octets'
          : 'too many fields in the templates of this exporter')
      );
    case 'expired-templates':
      return `${exporter}: ${trouble.count} templates expired: they were not sent again within --template-lifetime`;
    case 'malformed-message':
      return trouble.version === undefined
        ? `${exporter}: ${MALFORMED[trouble.reason]}; it is discarded`
        : `${exporter} sends ${trouble.version}; ctflow reads IPFIX alone (version 10): set the exporter to IPFIX`;
    case 'dropped-datagram':
      return `${exporter}: a datagram is dropped: the output is read too slowly`;
    case 'stray-datagram':
      return `${exporter}: a DTLS datagram of an unknown session, answered with an alert`;
    case 'evicted-session':
      return `${exporter}: ${
        EVICTED.find(([protocol]) => exporter.startsWith(protocol))?.[1] ?? 'its connection is closed'
      } to make room for an exporter that is more useful`;
    case 'refused-connection':
      return `${exporter}: a connection is refused: too many are open`;
    case 'refused-handshake':
      return `${exporter}: a ${exporter.startsWith('dtls') ? 'DTLS session' : 'TLS connection'} is refused: ${describeHandshake(trouble.reason)} (${trouble.reason})`;
    case 'broken-tls':
      return `${exporter}: its connection is closed: what came over TLS cannot be read (${trouble.reason})`;
    case 'tls-files':
      return `${exporter}: ${trouble.error}; what was read before stays in use`;
    case 'timed-out-connection':
      return `${exporter}: its connection is closed: ${
        trouble.begun ? 'a message began and did not end' : 'no message came'
      } in time`;
  }
}

const HANDSHAKES: readonly (readonly [RegExp, string])[] = [
  [/DID_NOT_RETURN_A_CERTIFICATE/, 'the exporter has given no certificate'],
  [/^CERT_HAS_EXPIRED$/, "the exporter's certificate has expired"],
  [/^CERT_NOT_YET_VALID$/, "the exporter's certificate is not valid yet, or the clock of this host is wrong"],
  [/^UNABLE_TO_|SELF_SIGNED/, "the exporter's certificate is of an authority that is not in --tls-ca"],
  [/^peer not allowed$/, "the exporter's certificate has none of the names of --tls-peer-name"],
  [/ALERT/, "the exporter does not accept this collector's certificate"],
  [/^ERR_SSL_(HTTP_REQUEST|WRONG_VERSION_NUMBER)$/, 'what came is no TLS'],
  [/UNSUPPORTED_PROTOCOL/, 'it has neither TLS 1.2 nor TLS 1.3, nor DTLS 1.2'],
  [/TIMEOUT/, 'its handshake did not end in time'],
];

function describeHandshake(reason: string): string {
  return HANDSHAKES.find(([code]) => code.test(reason))?.[1] ?? 'its handshake failed';
}
