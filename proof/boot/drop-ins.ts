/** How it is seen that a drop-in gives what it says. */
export interface DropIn {
  /** Settings that want it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Of the shell, before ctflow starts again. */
  readonly before?: string;
  /** Of bash; succeeds once it works. */
  readonly check: string;
}

const journal =
  'journalctl -o cat --output-fields=MESSAGE _SYSTEMD_INVOCATION_ID=$(systemctl show ctflow --value -p InvocationID)';
const said = (text: string): string => `${journal} | grep -qF -e '${text}'`;
const openssl = 'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ctflow';

/** What the unit promises as it is. */
export const EVERYTHING: DropIn = {
  environment: {
    CTFLOW_EVENTS: 'all',
    CTFLOW_TCP_STATE_HISTORY: 'on',
    CTFLOW_NFLOG_GROUP: '5',
    CTFLOW_EVENT_BUFFER: '64MiB',
    CTFLOW_LOG_LEVEL: 'debug',
  },
  before: `nft 'add chain inet t in { type filter hook input priority 0; };
    add rule inet t in udp dport 9999 log group 5 prefix "ctflow:drop:in:prod/web:r" drop'`,
  check: `echo x >/dev/udp/127.0.0.1/9999; grep -q '"firewallEvent":3' /run/collected`,
};

/** By the name of the file. */
export const DROP_INS: Readonly<Record<string, DropIn>> = {
  'hold-ended.conf': { environment: {}, check: said('guard=filter') },
  'netns.conf': {
    environment: { CTFLOW_NETNS: 'other' },
    before: `ip netns add other; for name in acct timestamp events; do
      ip netns exec other sysctl -qw net.netfilter.nf_conntrack_$name=1; done`,
    check: said('"netns":"other"'),
  },
  'procfs.conf': { environment: { CTFLOW_SOURCE: 'procfs' }, check: said('source=procfs') },
  'setup-sysctl.conf': {
    environment: { CTFLOW_SETUP_SYSCTL: 'on' },
    before: 'sysctl -qw net.netfilter.nf_conntrack_acct=0',
    check: 'test "$(sysctl -n net.netfilter.nf_conntrack_acct)" = 1',
  },
  'files.conf': {
    environment: { CTFLOW_COLLECTOR: 'file:///var/log/ctflow/flows.ipfix' },
    check: 'test -s /var/log/ctflow/flows.ipfix -o -n "$(ls /var/log/ctflow/)"',
  },
  'keys.conf': {
    environment: {
      CTFLOW_COLLECTOR: 'tls://127.0.0.1:4740',
      CTFLOW_TLS_CA: '/etc/ctflow/collector.crt',
      CTFLOW_TLS_CERTIFICATE: '/etc/ctflow/collector.crt',
      CTFLOW_TLS_KEY: '/run/credentials/ctflow.service/collector.key',
    },
    before: `${openssl} -keyout /etc/ctflow/collector.key -out /etc/ctflow/collector.crt 2>/dev/null; chmod 600 /etc/ctflow/collector.key`,
    check: `${said('ctflow runs')} && test "$(stat -c %a:%u /etc/ctflow/collector.key)" = 600:0`,
  },
  'low-port.conf': {
    environment: { CTFLOW_LOCAL_PORT: '514' },
    check: "grep -q ' 0100007F:0202 ' /proc/net/udp",
  },
};
