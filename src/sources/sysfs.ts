import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InterfaceName } from '../ipfix/interfaces.js';

const NET = '/sys/class/net';

/** The interfaces of this process's network namespace, where sysfs shows it; none where it does not. @param folder for tests */
export function readInterfaces(folder: string = NET): InterfaceName[] {
  return list(folder).flatMap(name => {
    const index = Number(read(join(folder, name, 'ifindex')));
    return index > 0 ? [{ index, name, description: read(join(folder, name, 'ifalias')) || name }] : [];
  });
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Empty where it is gone meanwhile, or is no file. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
