import { release } from 'node:os';
import { error, ok, type Finding } from './finding.js';
import { sysctl, type Host } from './host.js';

/** @param platform as process.platform */
export function checkKernel(platform: string): Finding {
  if (platform === 'linux') return ok(`Linux ${release()}`);
  const found = `${platform} has no conntrack: here ctflow exports recordings only`;
  return error(found, 'ctflow run --source replay:FILE --collector udp://HOST:PORT');
}

/** @param nflog denied packets are wanted */
export function checkModules(host: Host, nflog: boolean): Finding[] {
  const found = [moduleFinding(host, 'nf_conntrack', sysctl(host, 'nf_conntrack_max') !== undefined)];
  // only root may read who reads the groups; everybody, which loggers there are
  const loggers = host.read('/proc/net/netfilter/nf_log') ?? '';
  if (nflog) found.push(moduleFinding(host, 'nfnetlink_log', loggers.includes('nfnetlink_log')));
  return found;
}

/** Loading it changes nothing by itself: conntrack begins with the first rule that uses it, NFLOG with its first reader. */
export function moduleFinding(host: Host, name: string, there: boolean): Finding {
  if (there) return ok(`${name} is in the kernel`, name);
  const command = `modprobe ${name}`;
  const apply = async (): Promise<void> => {
    const { failure } = await host.run('modprobe', [name]);
    if (failure !== undefined) throw new Error(failure);
  };
  return {
    ...error(`${name} is not in the kernel`, command, name),
    fix: { says: `loads the kernel module ${name} (${command})`, apply },
  };
}
