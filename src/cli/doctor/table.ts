import { type CpuCounter, parseStatistics } from '../../sources/table-statistics.js';
import { error, ok, warning, type Finding } from './finding.js';
import { sysctl, type Host } from './host.js';

/** Shares of the table in use. */
const FILLING = 0.8;
const FULL = 0.95;

/** How full the table is. Its limit is one for all namespaces; each namespace counts its own entries against it. */
export function checkTable(host: Host): Finding {
  const entries = Number(sysctl(host, 'nf_conntrack_count'));
  const limit = Number(sysctl(host, 'nf_conntrack_max'));
  if (Number.isNaN(entries) || Number.isNaN(limit))
    return warning('the table cannot be seen: nf_conntrack is not loaded', 'modprobe nf_conntrack');
  if (limit === 0) return ok(`${entries} entries, no limit`);
  const share = entries / limit;
  const found = `${entries} of ${limit} entries (${Math.round(share * 100)} %)`;
  const command = `sysctl -w net.netfilter.nf_conntrack_max=${limit * 2}`;
  if (share >= FULL) return error(`${found}: new connections are dropped when it is full`, command);
  return share >= FILLING ? warning(`${found}: it is filling`, command) : ok(found);
}

/** What the kernel has counted since the namespace was made. */
export function checkStatistics(host: Host): Finding {
  const text = host.read('/proc/net/stat/nf_conntrack');
  if (text === undefined)
    return warning('the kernel shows no statistics: /proc/net/stat/nf_conntrack cannot be read', 'conntrack -S');
  const cpus = parseStatistics(text);
  const of = (counter: CpuCounter): number => cpus.reduce((sum, cpu) => sum + cpu[counter], 0);
  const [drop, earlyDrop, insertFailed] = [of('drop'), of('earlyDrop'), of('insertFailed')];
  const found = `drop ${drop}, early_drop ${earlyDrop}, insert_failed ${insertFailed}, search_restart ${of('searchRestart')}`;
  const limit = Number(sysctl(host, 'nf_conntrack_max'));
  if (drop + earlyDrop > 0)
    return warning(
      `${found}: the table was full since the namespace was made; connections were refused or thrown out`,
      `sysctl -w net.netfilter.nf_conntrack_max=${limit * 2}`,
    );
  if (insertFailed > 0)
    return warning(
      `${found}: packets of clashing new connections were dropped (two with one tuple at once)`,
      host.line('conntrack -S'),
    );
  return ok(found);
}
