import { akvorado } from './akvorado.js';
import { ipfix2csv, ipfixDump, nfacctd, nfcapd, tshark } from './debian.js';
import { filebeat, goflow2, goIpfix } from './go.js';
import { netgauze } from './netgauze.js';
import { opensslDtls12, opensslTls12, opensslTls13 } from './openssl.js';
import { pythonNetflow } from './python.js';
import type { Taker } from './taker.js';

export const TAKERS: readonly Taker[] = [
  tshark,
  ipfixDump,
  ipfix2csv,
  nfcapd,
  nfacctd,
  goflow2,
  filebeat,
  goIpfix,
  pythonNetflow,
  netgauze,
  opensslTls12,
  opensslTls13,
  opensslDtls12,
  akvorado,
];
