// What ELF files want of the system that loads them, by readelf.
import { execFileSync } from 'node:child_process';

const inOrder = (a, b) => a.localeCompare(b, 'en', { numeric: true });

const readelf = (...args) => execFileSync('readelf', ['--wide', ...args], { encoding: 'utf8' });

/** The oldest version of glibc that programs and libraries run with, by the symbols that they want; undefined for none. */
export function neededGlibc(...files) {
  const said = readelf('--version-info', ...files);
  return [...said.matchAll(/Name: GLIBC_(\d+\.\d+)/g)]
    .map(([, version]) => version)
    .sort(inOrder)
    .at(-1);
}

export function isNewer(version, than) {
  return inOrder(version, than) > 0;
}

/** The libraries that a file is to be loaded with. */
export function neededLibraries(file) {
  return [...readelf('--dynamic', file).matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name]) => name);
}
