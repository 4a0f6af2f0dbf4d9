import { execFileSync } from 'node:child_process';

const inOrder = (a, b) => a.localeCompare(b, 'en', { numeric: true });

/** The oldest version of glibc that programs and libraries run with, by the symbols that they want. */
export function neededGlibc(...files) {
  const said = execFileSync('readelf', ['--version-info', '--wide', ...files], { encoding: 'utf8' });
  return [...said.matchAll(/Name: GLIBC_(\d+\.\d+)/g)]
    .map(([, version]) => version)
    .sort(inOrder)
    .at(-1);
}

export function isNewer(version, than) {
  return inOrder(version, than) > 0;
}
